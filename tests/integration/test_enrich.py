"""The Greeks step against a real server: statuses, slices, restatement, kill, two at once, bounded memory."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg2.extensions
import pytest
from distributed import Client, LocalCluster
from sqlalchemy import URL
from warm_python.interpreter import COLD

from greeks.black_scholes import greeks, price
from greeks.enrich import Progress, compute_due, compute_slice
from greeks.second_order import second_order_greeks
from greeks.slices import Outcome
from warehouse.database import connect
from warehouse.errors import TickmartError
from warehouse.settings import settings

# What dbt builds, as tables: the step reads no more than these columns.
INTERMEDIATE = """
create schema intermediate;
create table intermediate.option_pricing_inputs (
    contract_id bigint, bar_interval text, bar_start timestamptz, bar_end timestamptz, session_date date,
    exchange text default 'NSE', underlying text, strike numeric, option_type text, premium numeric,
    premium_source text,
    underlying_price numeric, underlying_end timestamptz, underlying_is_stale boolean,
    interest_rate double precision, years_to_expiry double precision, is_expired boolean,
    -- where these two are not given, the forward is of spot and rate and all time is calendar time
    forward_of_chain double precision, years_of_calendar double precision,
    calendar_years_to_expiry double precision
        generated always as (coalesce(years_of_calendar, years_to_expiry)) stored,
    forward_price double precision generated always as (coalesce(
        forward_of_chain,
        case
            when not underlying_is_stale
                then underlying_price::float8 * exp(interest_rate * years_to_expiry)
        end
    )) stored,
    forward_method text generated always as (
        case when forward_of_chain is null then 'spot and rate' else 'parity' end
    ) stored,
    forward_bar_start timestamptz generated always as (bar_start) stored
);
create table intermediate.greeks_rules as select 365 as days_of_theta;
create table intermediate.smile_quotes (
    exchange text, underlying text, bar_interval text, session_date date, bar_start timestamptz,
    bar_end timestamptz, contract_id bigint, expiry date, strike double precision, option_type text,
    is_traded boolean, forward_price double precision, years_to_expiry double precision,
    implied_volatility double precision, vega double precision, greeks_status text
);
create table intermediate.versions (
    exchange text, underlying text, session_date date, bar_interval text, inputs_version text,
    primary key (exchange, underlying, session_date, bar_interval)
);
create view intermediate.greeks_slices_due as
select exchange, underlying, session_date, bar_interval, versions.inputs_version, true as is_ready
from intermediate.versions
full join enrichment.greeks_slices using (exchange, underlying, session_date, bar_interval)
where versions.inputs_version is distinct from greeks_slices.inputs_version;
"""

# The columns of the table above that every row is inserted with.
GIVEN = """
    contract_id, bar_interval, bar_start, bar_end, session_date, exchange, underlying, strike, option_type,
    premium, premium_source, underlying_price, underlying_end, underlying_is_stale, interest_rate,
    years_to_expiry, is_expired
"""

DAY = date(2025, 3, 12)


@pytest.fixture
def connection(fresh_database: URL) -> Iterator[psycopg2.extensions.connection]:
    with connect() as opened:
        opened.autocommit = False
        with opened.cursor() as cursor:
            cursor.execute(INTERMEDIATE)
        opened.commit()
        yield opened
        opened.rollback()


def query(
    connection: psycopg2.extensions.connection, statement: str, *parameters: Any
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        rows = cursor.fetchall() if cursor.description else []
    connection.commit()
    return rows


def add_slices(
    connection: psycopg2.extensions.connection,
    *,
    dates: int = 1,
    contracts: int = 20,
    minutes: int = 375,
    exchange: str = "NSE",
    underlying: str = "NIFTY",
    bar_interval: str = "minute",
) -> int:
    """Insert whole sessions of options at a volatility between 10 and 40 %, premiums on the 0.05 grid."""
    generator = np.random.default_rng(contracts)
    with connection.cursor() as cursor:
        for day in range(dates):
            strikes = 22_500.0 + 50.0 * generator.integers(-20, 20, contracts)
            is_call = np.arange(contracts) % 2 == 0
            premiums = price(
                22_500.0 * np.exp(0.065 * 0.05),
                strikes,
                0.05,
                generator.uniform(0.1, 0.4, contracts),
                np.exp(-0.065 * 0.05),
                is_call,
            )
            cursor.execute(
                f"""
                insert into intermediate.option_pricing_inputs ({GIVEN})
                select
                    c.id, %(interval)s, t.at, t.at + interval '1 minute', %(day)s::date + %(offset)s,
                    %(exchange)s, %(underlying)s, c.strike, c.type,
                    round(c.premium::numeric * 20 + t.n %% 3) / 20, 'close',
                    22500.00, t.at + interval '1 minute', false, 0.065, 0.05, false
                from unnest(%(ids)s::bigint[], %(strikes)s::numeric[], %(types)s::text[],
                %(premiums)s::float8[])
                    as c (id, strike, type, premium),
                generate_series(0, %(minutes)s - 1) as t0 (n),
                lateral (
                    select t0.n, (%(day)s::date + %(offset)s)::timestamp at time zone 'Asia/Kolkata'
                        + interval '9 hours 15 minutes' + t0.n * interval '1 minute' as at
                ) as t
                """,
                {
                    "interval": bar_interval,
                    "day": DAY,
                    "offset": day,
                    "exchange": exchange,
                    "underlying": underlying,
                    "ids": [sum(map(ord, exchange + underlying)) * 10_000 + i for i in range(contracts)],
                    "strikes": strikes.tolist(),
                    "types": ["CE" if call else "PE" for call in is_call],
                    "premiums": premiums.tolist(),
                    "minutes": minutes,
                },
            )
        cursor.execute(
            "insert into intermediate.versions"
            " select distinct exchange, underlying, session_date, bar_interval, 'v1'"
            " from intermediate.option_pricing_inputs"
            " on conflict do nothing"
        )
    connection.commit()
    return dates * contracts * minutes


def add_row(connection: psycopg2.extensions.connection, contract_id: int, **columns: Any) -> None:
    row = {
        "contract_id": contract_id,
        "bar_interval": "minute",
        "bar_start": "2025-03-12 12:29+05:30",
        "bar_end": "2025-03-12 12:30+05:30",
        "session_date": DAY,
        "exchange": "NSE",
        "underlying": "NIFTY",
        "strike": Decimal(22500),
        "option_type": "CE",
        "premium": Decimal("120.05"),
        "premium_source": "close",
        "underlying_price": Decimal("22513.35"),
        "underlying_end": "2025-03-12 12:30+05:30",
        "underlying_is_stale": False,
        "interest_rate": 0.065,
        "years_to_expiry": 0.003,
        "is_expired": False,
    } | columns
    with connection.cursor() as cursor:
        cursor.execute(
            f"insert into intermediate.option_pricing_inputs ({', '.join(row)})"
            f" values ({', '.join(['%s'] * len(row))})",
            tuple(row.values()),
        )
        cursor.execute(
            "insert into intermediate.versions values (%s, %s, %s, %s, 'v1') on conflict do nothing",
            (row["exchange"], row["underlying"], row["session_date"], row["bar_interval"]),
        )
    connection.commit()


def list_as_due(connection: psycopg2.extensions.connection) -> None:
    query(
        connection,
        "insert into enrichment.greeks_due (exchange, underlying, session_date, bar_interval)"
        " select exchange, underlying, session_date, bar_interval from intermediate.greeks_slices_due",
    )


def checksum(connection: psycopg2.extensions.connection) -> list[tuple[Any, ...]]:
    return query(
        connection,
        "select count(*), sum(hashtextextended(g::text, 0)::numeric) from enrichment.option_greeks as g",
    )


def writes(connection: psycopg2.extensions.connection) -> list[tuple[Any, ...]]:
    # Sessions report their counters when they end; those of this one are held back for up to a minute.
    query(connection, "select pg_stat_force_next_flush()")
    time.sleep(0.2)
    return query(
        connection,
        "select schemaname, sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) from pg_stat_user_tables"
        " where schemaname in ('enrichment', 'intermediate', '_timescaledb_internal') group by 1 order by 1",
    )


def test_a_priced_row_gets_its_volatility_and_greeks_and_keeps_its_inputs(
    connection: psycopg2.extensions.connection,
) -> None:
    add_row(connection, 1, premium=Decimal("120.050"))

    outcome = compute_due(processes=1)

    [row] = query(
        connection,
        "select premium::text, underlying_price::text, interest_rate, years_to_expiry, greeks_status,"
        " exchange, underlying,"
        " bar_start, bar_end, session_date, implied_volatility, delta, gamma, theta, vega, rho"
        " from enrichment.option_greeks",
    )
    assert (outcome.slices, outcome.removed, outcome.rows, outcome.statuses) == (1, 0, 1, {"ok": 1})
    assert row[:7] == ("120.050", "22513.35", 0.065, 0.003, "ok", "NSE", "NIFTY")
    assert [str(moment) for moment in row[7:10]] == [
        str(value)
        for value in query(
            connection,
            "select bar_start, bar_end, session_date from intermediate.option_pricing_inputs",
        )[0]
    ]
    growth = np.exp(0.065 * 0.003)
    again = price(22513.35 * growth, 22500.0, 0.003, row[10], 1 / growth, True)
    assert float(again) == pytest.approx(120.05, abs=1e-9)
    expected = greeks(22513.35 * growth, 22500.0, 0.003, row[10], 1 / growth, True)
    assert row[11:] == pytest.approx([float(value) for value in expected], rel=1e-12)


STATUSES: list[tuple[str, dict[str, Any]]] = [
    ("ok", {}),
    ("ok", {"interest_rate": 0.0}),
    ("ok", {"option_type": "PE"}),
    ("ok", {"years_to_expiry": 1 / 365 / 86_400, "premium": Decimal("14.05")}),
    ("no_price", {"premium": None}),
    ("no_price", {"premium": None, "is_expired": True, "underlying_price": None}),
    ("expired", {"years_to_expiry": 0.0}),
    ("expired", {"years_to_expiry": -0.001, "underlying_price": None}),
    ("expired", {"is_expired": True}),
    ("no_underlying", {"underlying_price": None, "underlying_is_stale": True}),
    ("stale_underlying", {"underlying_is_stale": True, "interest_rate": None}),
    ("no_rate", {"interest_rate": None}),
    ("no_rate", {"interest_rate": float("nan")}),
    ("below_intrinsic", {"strike": Decimal(22000), "premium": Decimal(500)}),
    ("below_intrinsic", {"strike": Decimal(23000), "option_type": "PE", "premium": Decimal(400)}),
    ("below_intrinsic", {"premium": Decimal("-0.05")}),
    ("at_intrinsic", {"premium": Decimal(0), "strike": Decimal(23000)}),
    (
        "at_intrinsic",
        {"interest_rate": 0.0, "strike": Decimal("22000.15"), "premium": Decimal("513.20")},
    ),
    (
        "at_intrinsic",
        {
            "interest_rate": 0.0,
            "strike": Decimal("22600.15"),
            "option_type": "PE",
            "premium": Decimal("86.80"),
        },
    ),
    ("ok", {"interest_rate": 0.0, "strike": Decimal("22000.15"), "premium": Decimal("513.25")}),
    ("above_bound", {"premium": Decimal("22513.35")}),
    ("above_bound", {"premium": Decimal(30000)}),
    ("above_bound", {"interest_rate": 0.0, "option_type": "PE", "premium": Decimal(22500)}),
]


def test_each_row_has_the_first_status_that_applies_and_only_ok_rows_have_numbers(
    connection: psycopg2.extensions.connection,
) -> None:
    for contract_id, (_, columns) in enumerate(STATUSES):
        add_row(connection, contract_id, **columns)

    compute_due(processes=1)

    stored = query(
        connection,
        "select greeks_status, implied_volatility, delta, gamma, theta, vega, rho"
        " from enrichment.option_greeks order by contract_id",
    )
    assert [row[0] for row in stored] == [status for status, _ in STATUSES]
    for status, *numbers in stored:
        assert [number is None for number in numbers] == [status != "ok"] * 6


def test_a_forward_of_the_chain_prices_what_has_no_spot_and_is_recorded(
    connection: psycopg2.extensions.connection,
) -> None:
    add_row(connection, 1, forward_of_chain=22530.25, underlying_price=None)
    add_row(connection, 2, forward_of_chain=22530.25, underlying_is_stale=True)
    add_row(connection, 3, forward_of_chain=22530.25, interest_rate=None)

    compute_due(processes=1)

    stored = query(
        connection,
        "select greeks_status, forward_price, forward_method, premium_source, discount_factor,"
        " implied_volatility, delta from enrichment.option_greeks order by contract_id",
    )
    discount = np.exp(-0.065 * 0.003)
    assert [row[0] for row in stored] == ["ok", "ok", "no_rate"]
    assert [row[1:4] for row in stored] == [(22530.25, "parity", "close")] * 3
    assert [row[4] for row in stored] == [pytest.approx(discount, rel=1e-15)] * 2 + [None]
    volatility, delta = stored[0][5:]
    assert stored[1][5:] == (volatility, delta)
    again = price(22530.25, 22500.0, 0.003, volatility, discount, True)
    assert float(again) == pytest.approx(120.05, abs=1e-9)


def test_volatility_may_run_over_trading_time_and_theta_over_trading_days(
    connection: psycopg2.extensions.connection,
) -> None:
    add_row(connection, 1, forward_of_chain=22530.25, years_to_expiry=2 / 252, years_of_calendar=2 / 365)
    query(connection, "update intermediate.greeks_rules set days_of_theta = 252")

    compute_due(processes=1)

    [(volatility, delta, theta, vega, rho, charm, color, veta)] = query(
        connection,
        "select implied_volatility, delta, theta, vega, rho, charm, color, veta"
        " from enrichment.option_greeks",
    )
    rate, years, calendar_years = 0.065, 2 / 252, 2 / 365

    def premium(time: float, rate: float = rate, volatility: float = volatility) -> float:
        # Interest accrues with the calendar, which goes on while volatility's time does.
        interest = np.exp(-rate * calendar_years * time / years)
        spot = 22530.25 * np.exp(-0.065 * calendar_years)
        return float(price(spot / interest, 22500.0, time, volatility, interest, True))

    day, step = 1 / 252, 1e-5
    assert premium(years) == pytest.approx(120.05, abs=1e-9)
    by_time = (premium(years + step * day) - premium(years - step * day)) / (2 * step)
    assert theta == pytest.approx(-by_time, rel=1e-6)
    by_rate = (premium(years, rate + 1e-6) - premium(years, rate - 1e-6)) / 2e-6
    assert rho == pytest.approx(by_rate * 0.01, rel=1e-6)
    by_volatility = (
        premium(years, volatility=volatility + 1e-6) - premium(years, volatility=volatility - 1e-6)
    ) / 2e-6
    assert vega == pytest.approx(by_volatility * 0.01, rel=1e-6)
    growth = np.exp(rate * calendar_years)
    of_calendar_days = second_order_greeks(22530.25, 22500.0, years, volatility, 1 / growth, True)
    assert [charm, color, veta] == pytest.approx(
        [
            float(value) * 365 / 252
            for value in (of_calendar_days.charm, of_calendar_days.color, of_calendar_days.veta)
        ]
    )
    assert 0 < delta < 1


def test_every_stored_input_equals_the_view_and_every_volatility_gives_the_premium_back(
    connection: psycopg2.extensions.connection,
) -> None:
    rows = add_slices(connection)

    compute_due(processes=1)

    stored = query(
        connection,
        """
        select strike::float8, option_type = 'CE', o.premium::float8, implied_volatility
        from enrichment.option_greeks as o
        inner join intermediate.option_pricing_inputs as i using (contract_id, bar_interval, bar_start)
        where (o.premium, o.underlying_price, o.interest_rate, o.years_to_expiry, o.bar_end, o.session_date)
            = (i.premium, i.underlying_price, i.interest_rate, i.years_to_expiry, i.bar_end, i.session_date)
            and greeks_status = 'ok'
        """,
    )
    assert len(stored) == rows
    strikes, calls, premiums, volatilities = map(np.array, zip(*stored, strict=True))
    growth = np.exp(0.065 * 0.05)
    again = price(22_500.0 * growth, strikes, 0.05, volatilities, 1 / growth, calls)
    np.testing.assert_allclose(again, premiums, rtol=0, atol=1e-9)


def test_a_second_run_writes_nothing(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, dates=3)
    compute_due(processes=1)
    before = writes(connection)

    outcome = compute_due(processes=1)

    assert outcome == Outcome()
    assert writes(connection) == before


def test_a_restated_slice_is_replaced_whole_and_its_neighbours_stay(
    connection: psycopg2.extensions.connection,
) -> None:
    add_slices(connection, dates=3, contracts=4)
    compute_due(processes=1)
    untouched = (
        "select xmin::text, * from enrichment.option_greeks where session_date <> '2025-03-13' order by 2, 4"
    )
    before = query(connection, untouched)
    query(
        connection,
        "with gone as (delete from intermediate.option_pricing_inputs where session_date = '2025-03-13'"
        "   and bar_start < '2025-03-13 10:15+05:30')"
        " update intermediate.option_pricing_inputs set premium = premium + 1"
        "   where session_date = '2025-03-13'"
        "   and bar_start >= '2025-03-13 10:15+05:30'",
    )
    query(
        connection, "update intermediate.versions set inputs_version = 'v2' where session_date = '2025-03-13'"
    )

    outcome = compute_due(processes=1)

    assert (outcome.slices, outcome.rows) == (1, 4 * 315)
    assert query(connection, untouched) == before
    assert query(
        connection,
        "select count(*), count(*) filter (where o.premium = i.premium) from enrichment.option_greeks as o"
        " left join intermediate.option_pricing_inputs as i using (contract_id, bar_interval, bar_start)"
        " where o.session_date = '2025-03-13'",
    ) == [(4 * 315, 4 * 315)]
    assert query(
        connection,
        "select inputs_version, rows from enrichment.greeks_slices where session_date = '2025-03-13'",
    ) == [("v2", 4 * 315)]


def test_second_order_greeks_come_and_go_with_the_setting(
    connection: psycopg2.extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_slices(connection, dates=2, contracts=4)
    stored = (
        "select count(*), count(*) filter (where greeks_status = 'ok'), count(vanna), count(volga),"
        " count(charm), count(speed), count(color), count(veta) from enrichment.option_greeks"
    )
    compute_due(processes=1)
    [(rows, priced, *second_order)] = query(connection, stored)
    [row] = query(
        connection,
        "select o.underlying_price::float8, strike::float8, o.interest_rate, o.years_to_expiry,"
        " implied_volatility, option_type = 'CE', vanna, volga, charm, speed, color, veta"
        " from enrichment.option_greeks as o"
        " inner join intermediate.option_pricing_inputs as i using (contract_id, bar_interval, bar_start)"
        " where greeks_status = 'ok' order by contract_id, bar_start limit 1",
    )
    spot, strike, rate, years, volatility, is_call = row[:6]
    expected = second_order_greeks(
        spot * np.exp(rate * years), strike, years, volatility, np.exp(-rate * years), is_call
    )
    assert second_order == [priced] * 6
    assert row[6:] == pytest.approx([float(column) for column in expected], rel=1e-14)
    first_order = (
        "select contract_id, bar_start, implied_volatility, delta, rho"
        " from enrichment.option_greeks order by 1, 2"
    )
    before = query(connection, first_order)

    monkeypatch.setenv("TICKMART_SECOND_ORDER_GREEKS", "false")
    settings.cache_clear()
    off = compute_due(processes=1)

    assert (off.slices, off.rows) == (2, rows)
    assert query(connection, stored) == [(rows, priced, 0, 0, 0, 0, 0, 0)]
    assert query(connection, first_order) == before
    assert compute_due(processes=1) == Outcome()

    # an empty variable counts as not set: the default
    monkeypatch.setenv("TICKMART_SECOND_ORDER_GREEKS", "")
    settings.cache_clear()
    query(connection, "update intermediate.versions set inputs_version = 'v2' where session_date = %s", DAY)
    on = compute_due(processes=1)

    assert (on.slices, on.rows) == (2, rows)
    assert query(connection, stored) == [(rows, priced, *second_order)]


def test_a_slice_whose_inputs_are_gone_is_removed(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, dates=2, contracts=4)
    compute_due(processes=1)
    query(connection, "delete from intermediate.option_pricing_inputs where session_date = %s", DAY)
    query(connection, "delete from intermediate.versions where session_date = %s", DAY)

    outcome = compute_due(processes=1)

    assert (outcome.slices, outcome.removed, outcome.rows) == (0, 1, 0)
    assert query(
        connection,
        "select session_date, count(*), (select count(*) from enrichment.greeks_slices)"
        " from enrichment.option_greeks group by 1",
    ) == [(date(2025, 3, 13), 4 * 375, 1)]


def test_a_slice_without_rows_is_done_once(connection: psycopg2.extensions.connection) -> None:
    query(connection, "insert into intermediate.versions values ('NSE', 'NIFTY', %s, 'day', 'v1')", DAY)

    first, second = compute_due(processes=1), compute_due(processes=1)

    assert (first.slices, first.rows) == (1, 0)
    assert second == Outcome()


def test_minute_and_daily_slices_of_one_date_are_apart(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, contracts=4)
    add_slices(connection, contracts=4, minutes=1, bar_interval="day")
    compute_due(processes=1)
    query(connection, "update intermediate.versions set inputs_version = 'v2' where bar_interval = 'day'")

    outcome = compute_due(processes=1)

    assert (outcome.slices, outcome.rows) == (1, 4)
    assert query(
        connection,
        "select 'moments', bar_interval, count(*) from enrichment.option_greeks group by 2 union all"
        " select 'days', bar_interval, count(*) from enrichment.option_greeks_coarse group by 2",
    ) == [("moments", "minute", 4 * 375), ("days", "day", 4)]


def test_a_computed_slice_leaves_the_list_of_those_that_are_due(
    connection: psycopg2.extensions.connection,
) -> None:
    add_slices(connection, dates=2, contracts=4)
    list_as_due(connection)
    query(connection, "delete from intermediate.option_pricing_inputs where session_date = %s", DAY)
    query(connection, "delete from intermediate.versions where session_date = %s", DAY)

    compute_due(processes=1)

    assert query(connection, "select session_date from enrichment.greeks_due") == [(DAY,)]


def test_a_slice_that_a_build_lists_while_it_is_computed_stays_listed(
    connection: psycopg2.extensions.connection,
) -> None:
    add_slices(connection, contracts=4)
    list_as_due(connection)
    with connect() as build, build.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("update enrichment.greeks_due set listed_by = pg_current_xact_id()")
        computing = pool.submit(compute_due, processes=1)
        waiting = (
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%greeks_due%'"
        )
        while not query(connection, waiting):
            assert not computing.done()
            time.sleep(0.01)

        build.commit()

        assert computing.result().slices == 1
    assert query(connection, "select count(*) from enrichment.greeks_due") == [(1,)]


def test_a_slice_that_is_gone_at_one_exchange_stays_at_another(
    connection: psycopg2.extensions.connection,
) -> None:
    for exchange in ("BSE", "NSE"):
        add_slices(connection, contracts=4, exchange=exchange)
    list_as_due(connection)
    compute_due(processes=1)
    query(connection, "delete from intermediate.option_pricing_inputs where exchange = 'BSE'")
    query(connection, "delete from intermediate.versions where exchange = 'BSE'")

    gone = compute_due(processes=1)

    assert (gone.slices, gone.removed, gone.rows) == (0, 1, 0)
    assert query(connection, "select exchange, rows from enrichment.greeks_slices") == [("NSE", 4 * 375)]
    assert query(connection, "select exchange, count(*) from enrichment.option_greeks group by 1") == [
        ("NSE", 4 * 375)
    ]


def test_small_slices_share_transactions(connection: psycopg2.extensions.connection) -> None:
    for underlying in ("NIFTY", "BANKNIFTY"):
        add_slices(connection, dates=122, contracts=100, minutes=1, bar_interval="day", underlying=underlying)
    commits: list[Progress] = []

    outcome = compute_due(processes=2, on_progress=commits.append)

    assert (outcome.slices, outcome.rows) == (244, 24_400)
    assert len(commits) <= 8
    assert commits[-1].slices_done == commits[-1].slices_due == 244


def test_a_pool_of_processes_gives_the_same_rows(
    connection: psycopg2.extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_slices(connection, dates=4, contracts=10)
    compute_due(processes=1)
    alone = checksum(connection)
    query(connection, "truncate enrichment.option_greeks, enrichment.greeks_slices")
    monkeypatch.setattr("greeks.enrich._ROWS_WORTH_A_POOL", 1)

    outcome = compute_due(processes=2)

    assert (outcome.slices, outcome.rows) == (4, 4 * 3_750)
    assert checksum(connection) == alone


def test_a_pool_of_processes_leaves_stdout_to_the_command(
    connection: psycopg2.extensions.connection,
) -> None:
    rows = add_slices(connection, dates=4, contracts=10, minutes=1, bar_interval="day")
    program = (
        "import sys, greeks.enrich as e; from tickmart.main import main\n"
        "e._ROWS_WORTH_A_POOL = 1; sys.argv = ['tickmart', 'greeks', '--json', '--processes', '2']; main()"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(answer.stdout)["rows"] == rows


@pytest.fixture
def cluster(connection: psycopg2.extensions.connection) -> Iterator[LocalCluster]:
    """Two workers of Dask, of one thread each, in processes of their own, on the database of the test."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as running:
        yield running


def test_workers_of_dask_give_the_same_rows(
    connection: psycopg2.extensions.connection, cluster: LocalCluster
) -> None:
    add_slices(connection, dates=4, contracts=10)
    compute_due(processes=1)
    alone = checksum(connection)
    query(connection, "truncate enrichment.option_greeks, enrichment.greeks_slices")

    outcome = compute_due(cluster=cluster.scheduler_address)
    again = compute_due(cluster=cluster.scheduler_address)

    assert (outcome.slices, outcome.rows) == (4, 4 * 3_750)
    assert again == Outcome()
    assert checksum(connection) == alone


def test_a_worker_of_dask_may_die(connection: psycopg2.extensions.connection, cluster: LocalCluster) -> None:
    add_slices(connection, dates=10, contracts=60)
    compute_due(processes=1)
    alone = checksum(connection)
    query(connection, "truncate enrichment.option_greeks, enrichment.greeks_slices")
    with Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if not killed:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    outcome = compute_due(cluster=cluster.scheduler_address, on_progress=kill_one)

    assert killed
    assert query(connection, "select count(*) from enrichment.greeks_slices") == [(10,)]
    # What the dead worker had committed and could not report is found done.
    assert outcome.rows <= 10 * 60 * 375
    assert checksum(connection) == alone


def test_a_cluster_that_is_not_there_or_has_no_workers_is_named(
    connection: psycopg2.extensions.connection,
) -> None:
    add_slices(connection, contracts=2)

    with pytest.raises(TickmartError, match="no Dask scheduler answers at nowhere"):
        compute_due(cluster="nowhere")
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(TickmartError, match="has no workers: start some"),
    ):
        compute_due(cluster=empty.scheduler_address)


def test_a_worker_on_another_database_is_told(
    connection: psycopg2.extensions.connection, cluster: LocalCluster, server_url: URL
) -> None:
    add_slices(connection, contracts=2)
    elsewhere = server_url.set(database="postgres").render_as_string(hide_password=False)

    def go_elsewhere() -> None:
        os.environ["TICKMART_DATABASE_URL"] = elsewhere
        settings.cache_clear()

    with Client(cluster) as client:
        client.run(go_elsewhere)

    with pytest.raises(TickmartError, match="a worker uses the database postgres, in which this run is not"):
        compute_due(cluster=cluster.scheduler_address)

    assert query(connection, "select count(*) from enrichment.greeks_slices") == [(0,)]


def test_one_slice_can_be_computed_alone(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, dates=2, contracts=4)

    first = compute_slice("NSE", "NIFTY", DAY, "minute")
    again = compute_slice("NSE", "NIFTY", DAY, "minute")

    assert (first.slices, first.rows, first.statuses) == (1, 1_500, {"ok": 1_500})
    assert (again.slices, again.rows) == (0, 0)
    assert query(connection, "select session_date, rows from enrichment.greeks_slices") == [(DAY, 1_500)]


def test_killed_midway_it_leaves_whole_slices_and_the_next_run_ends_as_an_undisturbed_one(
    connection: psycopg2.extensions.connection,
) -> None:
    rows = add_slices(connection, dates=8, contracts=60)
    compute_due(processes=1)
    undisturbed = checksum(connection)
    query(connection, "truncate enrichment.option_greeks, enrichment.greeks_slices")
    run = subprocess.Popen([sys.executable, "-m", "tickmart", "greeks", "--processes", "1"])
    while not query(connection, "select 1 from enrichment.greeks_slices limit 1"):
        assert run.poll() is None
        time.sleep(0.005)
    # In the middle of a later slice: its rows are being written, not yet committed.
    run.send_signal(signal.SIGKILL)
    run.wait()
    _wait_for_the_server_to_notice(connection)

    done = query(
        connection,
        "select session_date, s.rows, (select count(*) from enrichment.option_greeks as g"
        " where g.session_date = s.session_date) from enrichment.greeks_slices as s",
    )
    [(stored,)] = query(connection, "select count(*) from enrichment.option_greeks")
    outcome = compute_due(processes=1)

    assert 1 <= len(done) < 8
    assert all(recorded == found == rows // 8 for _, recorded, found in done)
    assert stored == len(done) * rows // 8
    assert outcome.slices == 8 - len(done)
    assert checksum(connection) == undisturbed


def test_workers_end_with_a_killed_run(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, dates=6, contracts=60)
    program = (
        "import greeks.enrich as e; e._ROWS_WORTH_A_POOL = 1\n"
        "if __name__ == '__main__': e.compute_due(processes=2)"
    )
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    while len(query(connection, "select 1 from enrichment.greeks_slices limit 2")) < 2:
        assert run.poll() is None
        time.sleep(0.005)

    run.send_signal(signal.SIGKILL)
    run.wait()

    _wait_for_the_server_to_notice(connection)
    outcome = compute_due(processes=1)
    assert query(connection, "select count(*) from enrichment.greeks_slices") == [(6,)]
    assert query(connection, "select count(*) from enrichment.option_greeks") == [(6 * 60 * 375,)]
    assert outcome.slices < 6


def _wait_for_the_server_to_notice(connection: psycopg2.extensions.connection) -> None:
    others = (
        "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    deadline = time.monotonic() + 30
    while query(connection, others):
        assert time.monotonic() < deadline, "a session of the killed run is still there"
        time.sleep(0.05)


def test_of_two_runs_at_once_the_second_says_who_is_at_work(
    connection: psycopg2.extensions.connection,
) -> None:
    rows = add_slices(connection, dates=8, contracts=60)
    run = subprocess.Popen([COLD, "-m", "tickmart", "greeks", "--json"], stdout=subprocess.PIPE, text=True)
    while not query(connection, "select 1 from enrichment.greeks_slices limit 1"):
        assert run.poll() is None
        time.sleep(0.005)

    with pytest.raises(TickmartError) as refused:
        compute_due(processes=1)

    output, _ = run.communicate()
    host = re.escape(os.uname().nodename[:20])
    assert re.fullmatch(
        r"another run of the Greeks is at work: process (\d+)"
        rf" \(tickmart greeks, pid {run.pid} on {host}.*\) of user \w+ from 127.0.0.1, since 20\d\d-.*\. "
        r"Wait for it, or end it: tickmart db psql -c 'select pg_terminate_backend\(\1\)'",
        str(refused.value),
    )
    assert run.returncode == 0
    assert json.loads(output)["rows"] == rows
    assert compute_due(processes=1) == Outcome()


def test_the_same_slice_twice_at_once_is_written_once(connection: psycopg2.extensions.connection) -> None:
    add_slices(connection, contracts=60)
    program = (
        "from datetime import date; from greeks.enrich import compute_slice;"
        "print(compute_slice('NSE', 'NIFTY', date(2025, 3, 12), 'minute').rows)"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    written = sorted(int(run.communicate()[0]) for run in runs)

    assert written == [0, 22_500]
    assert checksum(connection)[0][0] == 22_500


def test_a_large_slice_stays_within_bounded_memory(connection: psycopg2.extensions.connection) -> None:
    # 600,000 rows in one slice: 150 MB as Arrow in and out.
    add_slices(connection, contracts=1_600)
    program = (
        "import resource; import greeks.enrich as e\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak(); outcome = e.compute_due(processes=1); print(outcome.rows, peak() - before)"
    )

    ended = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)

    rows, megabytes = ended.stdout.splitlines()[-1].split()
    assert int(rows) == 600_000
    assert float(megabytes) < 250


def test_an_error_midway_leaves_the_slice_as_it_was(connection: psycopg2.extensions.connection) -> None:
    # Large enough that the error comes while inputs are still streaming in.
    add_slices(connection, contracts=400)
    compute_due(processes=1)
    before = checksum(connection)
    query(connection, "update intermediate.versions set inputs_version = 'v2'")
    query(
        connection, "create index by_contract on intermediate.option_pricing_inputs (contract_id, bar_start)"
    )
    query(
        connection,
        f"insert into intermediate.option_pricing_inputs ({GIVEN})"
        f" select {GIVEN} from intermediate.option_pricing_inputs limit 1",
    )
    query(connection, "cluster intermediate.option_pricing_inputs using by_contract")

    with pytest.raises(psycopg2.errors.UniqueViolation):
        compute_due(processes=1)

    assert checksum(connection) == before
    assert query(connection, "select inputs_version from enrichment.greeks_slices") == [("v1",)]


def test_without_a_build_the_error_says_what_to_do(fresh_database: URL) -> None:
    with pytest.raises(TickmartError, match=r"there are no pricing inputs yet .*: run tickmart build"):
        compute_due()


def test_the_command_shows_rows_by_status_and_then_nothing_due(
    connection: psycopg2.extensions.connection,
) -> None:
    add_row(connection, 1)
    add_row(connection, 2)
    add_row(connection, 3, premium=None)
    command = [sys.executable, "-m", "tickmart", "greeks"]

    first = subprocess.run(command, capture_output=True, text=True, check=True)
    second = subprocess.run(command, capture_output=True, text=True, check=True)

    assert re.match(r"Greeks: 3 rows in 1 slices, \d+\.\d s \([\d,]+ rows/s\)\n", first.stdout)
    assert first.stdout.splitlines()[1:] == ["status\trows\tpercent", "ok\t2\t66.7", "no_price\t1\t33.3"]
    assert second.stdout == "Greeks: nothing due\n"


def test_the_planner_knows_the_new_rows_at_once(connection: psycopg2.extensions.connection) -> None:
    rows = add_slices(connection)

    compute_due(processes=1)

    assert query(
        connection,
        "select sum(reltuples)::bigint from pg_class as c"
        " inner join timescaledb_information.chunks as k"
        "   on c.relname = k.chunk_name and c.relnamespace::regnamespace::text = k.chunk_schema"
        " where k.hypertable_name = 'option_greeks'",
    ) == [(rows,)]
