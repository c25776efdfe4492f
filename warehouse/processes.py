"""Child processes that do not outlive what started them."""

import ctypes
import os
import signal
import sys
import threading
import time

_LOOK_EVERY = 0.5
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


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


def end_with_the_parent() -> None:
    """Make a program that is about to be started end with the thread that starts it, however that ends.

    Run in the child (`preexec_fn`), for programs that are not ours. Outside Linux it does nothing.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)
