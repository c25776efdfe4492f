"""What dbt prepares and nobody reads: left out in the warm process, where it is a third of a run's time.

dbt turns each of its debugging events into a record and then into a line, and only then finds that no log
wants it. For the rows of every query it compiles a grammar of dates in words anew, which it never uses: its
dates have a format.
"""

import functools
import logging
from typing import Any

import parsedatetime
from dbt.tracking import track_behavior_change_warn
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

_UNREAD = (EventLevel.DEBUG, EventLevel.TEST)


def spare_what_nobody_reads() -> None:
    """Let dbt make no line that no log takes, and one grammar of dates for all tables."""
    fire = EventManager.fire_event

    def fire_what_is_read(
        self: EventManager, e: BaseEvent, level: EventLevel | None = None, *rest: Any, **named: Any
    ) -> None:
        if (level or e.level_tag()) not in _UNREAD or _somebody_reads(self):
            fire(self, e, level, *rest, **named)

    EventManager.fire_event = fire_what_is_read  # type: ignore[method-assign]
    parsedatetime.Constants = functools.cache(parsedatetime.Constants)


def _somebody_reads(manager: EventManager) -> bool:
    return any(callback is not track_behavior_change_warn for callback in manager.callbacks) or any(
        logger._python_logger is None or logger._python_logger.isEnabledFor(logging.DEBUG)
        for logger in manager.loggers
    )
