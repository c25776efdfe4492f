"""Where the log of a command or a flow goes."""

import logging
import sys
from typing import TextIO, cast

import structlog


def log_to_stderr() -> None:
    """Send structured logs (warnings and worse) to stderr, away from what a command writes.

    Whoever has set up logging before keeps it.
    """
    if not structlog.is_configured():
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        )


class _Stderr:
    """Whatever stderr is at the moment of writing: a progress bar takes its place while it is shown."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
