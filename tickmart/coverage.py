"""`tickmart coverage`: what is there and what is missing, against the exchange's calendar."""

from typing import Annotated, Any

import typer
from psycopg2.extras import RealDictCursor

from tickmart.marts import hint_of_loads_not_built, open_marts
from tickmart.output import show_json, show_rows
from warehouse.calendar_advice import calendar_advice
from warehouse.errors import TickmartError
from warehouse.options import End, Start, check_range

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_KEY = ("underlying", "exchange", "instrument_type", "interval")
_SUMMARY = (
    *_KEY, "first_session", "last_session", "sessions", "complete", "gaps", "missing", "provisional",
)  # fmt: skip
_SESSIONS = (
    "session_date", "underlying", "exchange", "instrument_type", "interval", "coverage", "session_kind",
    "calendar", "contracts", "bars", "missing_bars",
)  # fmt: skip
_FRESHNESS = (
    "source", "newest_session", "newest_closed_session", "sessions_behind",
)  # fmt: skip
_INSTRUMENT_TYPES = ("index", "future", "option", "equity")
_SHOWN = 20

_COVERAGE = """
select
    underlying, exchange, instrument_type,
    case bar_interval when 'minute' then '1-MINUTE' when 'day' then '1-DAY' else bar_interval end as interval,
    session_date, session_kind, case when is_provisional then 'provisional' else 'published' end as calendar,
    coverage, contracts, bars, session_bars, missing_bars
from marts.data_coverage
where (%(underlyings)s::text[] is null or lower(underlying) = any(%(underlyings)s))
    and (%(instrument_type)s::text is null or instrument_type = %(instrument_type)s)
    and (%(start)s::date is null or session_date >= %(start)s)
    and (%(end)s::date is null or session_date <= %(end)s)
order by
    session_date desc, underlying, exchange,
    array_position(array['index', 'future', 'option', 'equity'], instrument_type), interval desc
"""

# Lists of instruments have no underlying: they are of all.
_HOW_OLD = """
select
    source, underlying, exchange, instrument_type, newest_session, newest_closed_session, sessions_behind,
    behind_since
from marts.data_freshness
where (%(underlyings)s::text[] is null or coalesce(lower(underlying) = any(%(underlyings)s), true))
    and (%(instrument_type)s::text is null or coalesce(instrument_type = %(instrument_type)s, true))
order by source, newest_session desc nulls last, underlying, exchange, instrument_type
"""


@app.command()
def _coverage(
    underlying: Annotated[
        list[str] | None, typer.Option(help="Such as NIFTY; may be repeated. Without it: all there are.")
    ] = None,
    instrument_type: Annotated[
        str | None, typer.Option(help=f"Only one of {', '.join(_INSTRUMENT_TYPES)}.", show_default=False)
    ] = None,
    start: Start = None,
    end: End = None,
    gaps: Annotated[
        bool,
        typer.Option("--gaps", help=f"List every missing or incomplete session, not the newest {_SHOWN}."),
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="List every session, complete ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show what is there and what is missing between the first and the last session of each kind of data.

    A session is complete when one contract at least has a bar in each of its minutes, has gaps when none has,
    and is missing when there is no bar at all. How old a source is goes by the newest session that its files
    have delivered, not by when they were loaded: how many of the exchange's sessions have closed since.
    Where the exchange's calendar is not published sessions are provisional: a missing one may be a holiday.
    """
    check_range(start, end)
    if instrument_type is not None and instrument_type not in _INSTRUMENT_TYPES:
        raise TickmartError(
            f"unknown instrument type {instrument_type!r}; known: {', '.join(_INSTRUMENT_TYPES)}"
        )
    with open_marts() as connection:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            asked = {
                "underlyings": [name.lower() for name in underlying] if underlying else None,
                "instrument_type": instrument_type,
                "start": start,
                "end": end,
            }
            cursor.execute(_COVERAGE, asked)
            sessions = [dict(row) for row in cursor.fetchall()]
            cursor.execute(_HOW_OLD, asked)
            freshness = [dict(row) for row in cursor.fetchall()]
        advice = calendar_advice(connection)
        hint = hint_of_loads_not_built(connection)
    if not sessions:
        raise TickmartError(hint or "no data there; what there is: tickmart list")
    summary = _summary_of(sessions)
    listed = sessions if every else [session for session in sessions if session["coverage"] != "complete"]
    shown = listed if every or gaps else listed[:_SHOWN]
    if as_json:
        show_json(
            {
                "summary": summary,
                "sessions": shown,
                "freshness": freshness,
                "calendar_ends": advice.last_session,
                "warning": next(iter(advice.of_ends), None),
                "provisional": list(advice.of_provisional_sessions),
            }
        )
    else:
        show_rows(_SUMMARY, summary)
        typer.echo("")
        show_rows(_FRESHNESS, _newest_of_each(freshness))
        if shown:
            typer.echo("")
            show_rows(_SESSIONS, shown)
        if len(shown) < len(listed):
            typer.echo(
                f"{len(listed) - len(shown):,} older ones are not shown; all of them: --gaps", err=True
            )
    for note in (hint, *advice.sentences()):
        if note:
            typer.echo(f"note: {note}", err=True)


def _newest_of_each(freshness: list[dict[str, Any]]) -> list[dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for row in freshness:  # of a source the newest comes first
        newest.setdefault(row["source"], row)
    return list(newest.values())


def _summary_of(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    summary: dict[tuple[str, ...], dict[str, Any]] = {}
    for session in sorted(
        sessions,
        key=lambda s: (
            s["underlying"],
            s["exchange"],
            _INSTRUMENT_TYPES.index(s["instrument_type"]),
            s["interval"] == "1-DAY",
        ),
    ):
        key = tuple(session[name] for name in _KEY)
        line = summary.setdefault(
            key,
            {
                **dict(zip(_KEY, key, strict=True)),
                "first_session": session["session_date"], "last_session": session["session_date"],
                "sessions": 0, "complete": 0, "gaps": 0, "missing": 0, "provisional": 0,
            },
        )  # fmt: skip
        line["first_session"] = min(line["first_session"], session["session_date"])
        line["last_session"] = max(line["last_session"], session["session_date"])
        line["sessions"] += 1
        line[session["coverage"]] += 1
        line["provisional"] += session["calendar"] == "provisional"
    return list(summary.values())
