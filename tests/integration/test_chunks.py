"""Which chunks a query of a mart opens: those of its session, however the query names it, and no others."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import build, change, dbt, query, tickmart
from sqlalchemy import URL

from sampledata.generate import write_sample

pytestmark = pytest.mark.slow

SESSIONS = (date(2025, 8, 11), date(2025, 9, 1), date(2026, 3, 2))
MINUTES = {"intermediate.int_options__quotes_deduped": 1, "enrichment.option_greeks": 1}


@pytest.fixture(scope="module")
def warehouse(database: URL, tmp_path_factory: pytest.TempPathFactory) -> URL:
    """Three sessions, of which two lie in one chunk of days and all in chunks of minutes of their own."""
    for session in SESSIONS:
        folder = tmp_path_factory.mktemp("sample")
        write_sample(folder, days=1, strikes=3, expiries=2, start=session)
        tickmart("load", "nse-minute", folder / "nse-minute")
        tickmart("load", "nse-bhavcopy", folder / "nse-bhavcopy")
    build()
    return database


def planned(statement: str) -> dict[str, int]:
    """How many chunks of each hypertable are opened to plan a query."""
    ((plan,),) = query(f"explain (format json) {statement}")
    return _of_hypertables(_chunks(plan[0]["Plan"]))


def read(statement: str) -> dict[str, int]:
    """How many chunks of each hypertable a query looks into."""
    ((plan,),) = query(f"explain (analyze, format json) {statement}")
    return _of_hypertables(_chunks(plan[0]["Plan"], least_loops=1))


def _chunks(node: dict[str, Any], least_loops: int = 0) -> set[str]:
    if node.get("Actual Loops", 0) < least_loops:
        return set()
    below = [_chunks(inner, least_loops) for inner in node.get("Plans", [])]
    return {node["Relation Name"]}.union(*below) if "Relation Name" in node else set().union(*below)


def _of_hypertables(relations: set[str]) -> dict[str, int]:
    return dict(
        query(
            "select hypertable_schema || '.' || hypertable_name, count(*) from timescaledb_information.chunks"
            " where chunk_name = any(%s) group by 1",
            list(relations),
        )
    )


@pytest.mark.parametrize("mart", ["options_ticks", "option_chain"])
@pytest.mark.parametrize(
    "condition",
    [
        "session_date = date '2025-09-01'",
        "bar_start = timestamptz '2025-09-01 12:29 Asia/Kolkata'",
        "bar_end = timestamptz '2025-09-01 12:30 Asia/Kolkata'",
    ],
)
def test_minutes_are_found_by_session_start_and_end(warehouse: URL, mart: str, condition: str) -> None:
    statement = f"select * from marts.{mart} where underlying = 'NIFTY' and {condition}"

    found = planned(statement)

    assert {name: found[name] for name in MINUTES} == MINUTES
    assert len(query(statement)) > 0


@pytest.mark.parametrize(
    "condition",
    [
        "session_date between date '2025-09-01' and date '2025-09-02'",
        "session_date in (date '2025-09-01', date '2025-09-02') and session_date >= date '2025-09-01'"
        " and session_date <= date '2025-09-02'",
        "bar_end between timestamptz '2025-09-01 12:30+05:30' and timestamptz '2025-09-01 12:35+05:30'",
    ],
)
def test_a_range_reads_the_chunks_in_it(warehouse: URL, condition: str) -> None:
    found = read(f"select * from marts.options_ticks where underlying = 'NIFTY' and {condition}")

    assert {name: found[name] for name in MINUTES} == MINUTES


@pytest.mark.parametrize("mart", ["options_daily", "options_hourly", "option_chain_daily", "futures_daily"])
def test_hours_and_days_are_found_by_session(warehouse: URL, mart: str) -> None:
    of_futures = mart.startswith("futures")
    table = "intermediate.int_futures__bars_daily" if of_futures else "enrichment.option_greeks_coarse"

    of_a_session = planned(f"select * from marts.{mart} where session_date = date '2025-09-01'")
    of_all = planned(f"select * from marts.{mart}")

    assert (of_a_session[table], of_all[table]) == (1, 2)


def test_a_chunk_of_minutes_is_one_of_all_its_dimensions(warehouse: URL) -> None:
    assert dict(
        query(
            "select hypertable_name, count(*) from timescaledb_information.chunks"
            " where hypertable_name in ('int_options__quotes_deduped', 'option_greeks') group by 1"
        )
    ) == {"int_options__quotes_deduped": 3, "option_greeks": 3}


def test_rows_of_a_session_lie_together(warehouse: URL) -> None:
    """Whole sessions are written one after the other, whichever way the files were loaded."""
    assert query(
        """
        select count(*) from (
            select session_date, lag(session_date) over (order by tableoid, ctid) as session_before
            from intermediate.int_options__quotes_deduped
        ) as stored
        where session_date is distinct from session_before
        """
    ) == [(len(SESSIONS),)]


@pytest.mark.parametrize(
    ("new_loads", "condition"),
    [
        ("", "(session_date between '{0}' and '{2}')"),
        ("{of_1}", "(session_date between '{1}' and '{1}')"),
        ("{of_1},{of_2}", "(session_date between '{1}' and '{2}')"),
        # a load that brought no session
        ("0", "(session_date between '{0}' and '{2}')"),
    ],
)
def test_tests_look_at_the_sessions_of_new_loads(warehouse: URL, new_loads: str, condition: str) -> None:
    loads = {
        f"of_{number}": query(
            "select min(load_id) from intermediate.int_loads__slices where session_date = %s", session
        )[0][0]
        for number, session in enumerate(SESSIONS)
    }

    done = dbt(
        *("compile", "--quiet", "--inline", "{{ newest_sessions() }}"),
        TICKMART_NEW_LOADS=new_loads.format(**loads),
    )

    assert done.stdout.strip() == condition.format(*SESSIONS)


def test_a_build_tests_the_session_that_is_new_and_plain_dbt_the_newest(
    warehouse: URL, tmp_path: Path
) -> None:
    tickmart("build")  # what was built without tests would be tested now
    write_sample(tmp_path, days=1, strikes=3, expiries=2, start=date(2026, 3, 4))
    change(
        "update intermediate.int_futures__bars_daily set close = close + 1"
        f" where session_date = '{SESSIONS[-1]}'"
    )
    tickmart("load", "nse-minute", tmp_path / "nse-minute")

    tickmart("build")

    done = dbt("test", "--select", "bars_reconcile_with_their_minutes", status=1)
    assert "Got 6 results" in done.stdout
