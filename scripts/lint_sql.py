"""Run sqlfluff, with the layout of a file worked out once instead of once for each rule of layout.

In sqlfluff four rules begin with the same sequence of a file's words, spaces and lines, none of them changes
it, and together they take most of the time. The module has no `main` guard before its changes because the
processes that lint side by side import it, too.
"""

import gc

from sqlfluff.cli.commands import cli
from sqlfluff.core import FluffConfig
from sqlfluff.core.parser import BaseSegment
from sqlfluff.utils.reflow.sequence import ReflowSequence

_work_out = ReflowSequence.from_root.__func__
_last: tuple[BaseSegment | None, ReflowSequence | None] = (None, None)


def _work_out_once(
    cls: type[ReflowSequence], root_segment: BaseSegment, config: FluffConfig
) -> ReflowSequence:
    global _last
    if _last[0] is not root_segment:  # all rules run on one file before the next is begun
        _last = (root_segment, _work_out(cls, root_segment, config))
    return _last[1]


ReflowSequence.from_root = classmethod(_work_out_once)
# A parsed file is hundreds of thousands of objects that live until its end: looking for garbage among them
# takes a fifth of the time.
gc.set_threshold(200_000)

if __name__ == "__main__":
    cli()
