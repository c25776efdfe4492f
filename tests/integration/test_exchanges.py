"""Sessions of other exchanges on a real server: written when a load names one, read by the models."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from built_warehouse import query, utc
from sqlalchemy import URL

from warehouse.database import connect
from warehouse.dbt import run_dbt
from warehouse.exchange_sessions import write_needed_sessions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(built_database: URL) -> dict[str, int]:
    """What was written for loads that name exchanges with a library's calendar, the seeds' or nobody's."""
    with connect() as connection:
        with connection.cursor() as cursor:
            for exchange in ("NYSE", "CME", "BINANCE", "NSE", "NOWHERE"):
                cursor.execute(
                    "insert into audit.loads (source, dataset, uri, started_at, finished_at, status, options)"
                    " values ('nse-minute', 'minute_bars', %s, now(), now(), 'loaded',"
                    " jsonb_build_object('exchange', %s))",
                    (f"file:///{exchange}.csv", exchange),
                )
        connection.commit()
        changed = write_needed_sessions(connection)
    run_dbt("run", ["--select", "int_sessions__dated"])
    return changed


def test_exchanges_that_loads_name_get_their_sessions(written: dict[str, int]) -> None:
    assert set(written) == {"NYSE", "CME", "BINANCE"}
    assert query("select exchange, count(*) from enrichment.exchange_sessions group by 1 order by 1") == [
        (exchange, count) for exchange, count in sorted(written.items())
    ]
    # round the clock from 2000 to the end of the year after this one, 2027
    assert written["BINANCE"] == 28 * 365 + 7


def test_hours_are_those_of_the_exchange_s_calendar(written: dict[str, int]) -> None:
    assert query(
        "select exchange, segment, session_date::text, opens_at, closes_at, kind, is_provisional"
        " from marts.sessions where exchange in ('NYSE', 'CME', 'BINANCE')"
        " and session_date between '2025-11-28' and '2025-12-01' order by 1, 2, 3"
    ) == [
        # a Friday that ends early, a weekend for some, and the Sunday evening with which a Monday opens
        *(
            ("BINANCE", segment, f"2025-{day}", utc(day, 0), utc(next_day, 0), "regular", False)
            for segment in ("cash", "fo", "index")
            for day, next_day in (
                ("11-28", "11-29"),
                ("11-29", "11-30"),
                ("11-30", "12-01"),
                ("12-01", "12-02"),
            )
        ),
        ("CME", "fo", "2025-11-28", utc("11-27", 23), utc("11-28", 18), "regular", False),
        ("CME", "fo", "2025-12-01", utc("11-30", 23), utc("12-01", 23), "regular", False),
        *(
            ("NYSE", segment, *session, "regular", False)
            for segment in ("cash", "fo")
            for session in (
                ("2025-11-28", utc("11-28", 14, 30), utc("11-28", 18)),
                ("2025-12-01", utc("12-01", 14, 30), utc("12-01", 21)),
            )
        ),
    ]


def test_beyond_the_library_weekdays_are_provisional_and_without_hours(written: dict[str, int]) -> None:
    assert query(
        "select session_date::text, opens_at, is_provisional from marts.sessions"
        " where exchange = 'NYSE' and segment = 'cash'"
        " and session_date between '2027-12-30' and '2028-01-04' order by 1"
    ) == [
        ("2027-12-30", datetime(2027, 12, 30, 14, 30, tzinfo=UTC), False),
        ("2027-12-31", datetime(2027, 12, 31, 14, 30, tzinfo=UTC), False),
        ("2028-01-03", None, True),
        ("2028-01-04", None, True),
    ]


def test_what_is_written_is_not_written_again(written: dict[str, int]) -> None:
    with connect() as connection:
        assert write_needed_sessions(connection) == {}


@pytest.mark.usefixtures("written")
def test_a_new_year_adds_the_sessions_of_the_next(as_of: Callable[[str], None]) -> None:
    as_of("2027-01-04")

    with connect() as connection:
        assert write_needed_sessions(connection)["BINANCE"] == 366
    assert query("select max(session_date)::text from enrichment.exchange_sessions") == [("2028-12-31",)]
