"""What dbt prepares and nobody reads, left out.

dbt turns each of its debugging events into a record and then into a line, and only then finds that no log
wants it. For the rows of every query it compiles a grammar of dates in words anew, which it never uses: its
dates have a format. For a summary of its graph it describes every node in full, twice, and takes the kind of
it. See docs/decisions/0162-dbt-makes-no-line-that-no-log-takes.md.
"""

import functools
import logging
from contextlib import suppress
from typing import Any


@functools.cache  # the second time would put itself before the first
def spare_what_nobody_reads() -> None:
    """Let dbt make no line that no log takes, one grammar of dates for all tables, and short summaries.

    A dbt that is built otherwise makes all of them, as it would without this.
    """
    with suppress(ImportError, AttributeError):
        _spare_events()
    with suppress(ImportError, AttributeError):
        _fill_events_when_they_are_read()
    with suppress(ImportError, AttributeError):
        _summarize_without_describing()
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


def _fill_events_when_they_are_read() -> None:
    from dbt_common.events.base_types import BaseEvent

    fill, read = BaseEvent.__init__, BaseEvent.__getattr__

    def keep(self: BaseEvent, *values: Any, **named: Any) -> None:
        self.__dict__["given"] = (values, named)

    def fill_and_read(self: BaseEvent, name: str) -> Any:
        if "given" in self.__dict__:
            values, named = self.__dict__.pop("given")
            fill(self, *values, **named)
        return read(self, name)  # type: ignore[no-untyped-call]

    BaseEvent.__init__ = keep  # type: ignore[method-assign]
    BaseEvent.__getattr__ = fill_and_read  # type: ignore[method-assign]


def _summarize_without_describing() -> None:
    from dbt.compilation import Linker
    from dbt.contracts.graph.manifest import Manifest

    def summary(self: Linker, manifest: Manifest) -> dict[int, dict[str, Any]]:
        numbers = {name: number for number, name in enumerate(self.graph)}
        nodes: dict[int, dict[str, Any]] = {}
        for name, number in numbers.items():
            nodes[number] = {"name": name, "type": manifest.expect(name).resource_type}
            if after := [numbers[successor] for successor in self.graph.successors(name)]:
                nodes[number]["succ"] = after
        return nodes

    Linker.get_graph_summary = summary  # type: ignore[method-assign]


def _share_the_grammar_of_dates() -> None:
    import parsedatetime

    parsedatetime.Constants = functools.cache(parsedatetime.Constants)
