"""What dbt prepares and nobody reads, left out.

dbt turns each of its debugging events into a record and then into a line, and only then finds that no log
wants it. For the rows of every query it compiles a grammar of dates in words anew, which it never uses: its
dates have a format. See docs/decisions/0162-dbt-makes-no-line-that-no-log-takes.md.
"""

import functools
import logging
from contextlib import suppress
from typing import Any


def spare_what_nobody_reads() -> None:
    """Let dbt make no line that no log takes, and one grammar of dates for all tables.

    A dbt that is built otherwise makes all of them, as it would without this.
    """
    with suppress(ImportError, AttributeError):
        _spare_events()
    with suppress(ImportError, AttributeError):
        _share_the_grammar_of_dates()


def _spare_events() -> None:
    from dbt import tracking
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    unread = (EventLevel.DEBUG, EventLevel.TEST)
    of_warnings = tracking.track_behavior_change_warn  # dbt's own listener, which wants warnings alone
    fire = EventManager.fire_event

    def somebody_reads(manager: EventManager) -> bool:
        return any(callback is not of_warnings for callback in manager.callbacks) or any(
            _takes_debugging(logger) for logger in manager.loggers
        )

    def fire_what_is_read(
        self: EventManager, e: BaseEvent, level: EventLevel | None = None, *rest: Any, **named: Any
    ) -> None:
        if (level or e.level_tag()) not in unread or somebody_reads(self):
            fire(self, e, level, *rest, **named)

    EventManager.fire_event = fire_what_is_read  # type: ignore[method-assign]


def _takes_debugging(logger: Any) -> bool:
    python_logger = getattr(logger, "_python_logger", None)
    return python_logger is None or bool(python_logger.isEnabledFor(logging.DEBUG))


def _share_the_grammar_of_dates() -> None:
    import parsedatetime

    parsedatetime.Constants = functools.cache(parsedatetime.Constants)
