"""The progress bars of long commands."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text


def progress_bar(*columns: ProgressColumn, quiet: bool = False) -> Progress:
    """Return a bar on stderr that is gone before anything else is written, and that nothing is glued to.

    It spins while the length is unknown (`total=None`), and goes from left to right from then on. What is
    written to stdout or stderr meanwhile stands above it; stdout that goes to a file or a pipe is left alone.

    Parameters
    ----------
    *columns : ProgressColumn
        Of the bar, from left to right.
    quiet : bool
        Show nothing, as happens where stderr is not a terminal.
    """
    return Progress(
        *columns,
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        disable=quiet or not sys.stderr.isatty(),
    )


class PlainText(TextColumn):
    """Text as it is: the name of a file may look like rich's markup."""

    def __init__(self, text: str) -> None:
        super().__init__(text, markup=False)


class DoneOfAll(MofNCompleteColumn):
    """How many of how many; nothing while that is unknown."""

    def render(self, task: Task) -> Any:
        """Return the column's text."""
        return Text() if task.total is None else super().render(task)
