"""Child processes that do not outlive what started them."""

import os
import threading
import time

_LOOK_EVERY = 0.5


def end_with(parent: int) -> None:
    """Make this process end soon after its parent has, however the parent ended.

    Parameters
    ----------
    parent : int
        Process id of the parent, as the parent knew it: a child that starts slowly may have another by now.

    Notes
    -----
    A killed command would otherwise leave a build running that nobody watches, and whose locks the same
    command meets when it is called again.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)
