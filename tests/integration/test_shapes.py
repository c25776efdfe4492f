"""A source added with a staging view and one line of the list of shapes, through whole builds."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from built_warehouse import change, copied_project, dbt, named_by_the_environment, query, tickmart, utc
from sqlalchemy import URL

from warehouse.database import connect
from warehouse.exchange_sessions import write_needed_sessions

pytestmark = pytest.mark.slow

# A third of the known source's bars; every second one has another close, one tick higher.
LANDED_BY_THE_NEW_SOURCE = """
create table raw.made_up_bars (like raw.gfdl_minute_bars including all);
insert into raw.made_up_bars
select (bars).*
from (
    select jsonb_populate_record(
        landed, jsonb_build_object(
            '_load_id', 1000, '_line', numbered.number,
            'close', (landed.close::numeric + 0.05 * (numbered.number % 2))::text,
            'high', (landed.high::numeric + 0.05 * (numbered.number % 2))::text
        )
    ) as bars
    from raw.gfdl_minute_bars as landed
    inner join (
        select _load_id, _line, row_number() over (order by _load_id, _line) as number
        from raw.gfdl_minute_bars
        where _line % 3 = 0
    ) as numbered using (_load_id, _line)
) as changed;
insert into audit.loads (
    load_id, source, dataset, uri, sha256, rows, layout, raw_table, first_line, header_lines,
    started_at, finished_at, status
)
overriding system value
select
    1000, 'made-up', 'minute_bars', 'file:///made-up.csv', 'none', count(*), 'made-up', 'raw.made_up_bars',
    1, 1, now(), now(), 'loaded'
from raw.made_up_bars;
"""
# Minutes of two indices: at NASDAQ on either side of the change to summer time, in Sydney over midnight in
# UTC. Each minute opens at its number in the session and closes one above; one before the open is of no hour
# and of no day.
BARS_OF_OTHER_EXCHANGES = """
insert into audit.loads (
    load_id, source, dataset, uri, sha256, rows, layout, raw_table, first_line, header_lines,
    started_at, finished_at, status, options
)
overriding system value
select
    load_id, 'made-up', 'minute_bars', 'file:///' || exchange, 'none', 1, 'made-up', 'raw.made_up_bars',
    1, 1, now(), now(), 'loaded', jsonb_build_object('exchange', exchange)
from (values (1001, 'NASDAQ'), (1002, 'ASX')) as loads (load_id, exchange);
create table raw.made_up_bars (like raw.gfdl_minute_bars including all);
insert into raw.made_up_bars (
    _load_id, _line, ticker, date, time, open, high, low, close, volume, open_interest
)
select
    load_id, row_number() over (partition by load_id order by session, number),
    ticker, to_char(session, 'DD/MM/YYYY'),
    to_char(session + opens_at + number * interval '1 minute' + interval '59 seconds', 'HH24:MI:SS'),
    1000 + number, 1002 + number, 999 + number, 1001 + number, 0, 0
from (
    values
    (1001, 'NASDAQ COMPOSITE.NSE_IDX', timestamp '2025-03-07', interval '9:30', 389),
    (1001, 'NASDAQ COMPOSITE.NSE_IDX', timestamp '2025-03-10', interval '9:30', 389),
    (1002, 'ASX 200.NSE_IDX', timestamp '2025-12-01', interval '10:00', 359)
) as sessions (load_id, ticker, session, opens_at, last_number)
cross join generate_series(-1, last_number) as minutes (number);
"""
OF_BARS = "select source, count(*) from {} group by source order by source"
CONFLICTS = (
    "select reason, count(*) from marts.superseded_rows where source = '{}' and winner_load_id is not null"
    " group by reason order by reason"
)


@pytest.fixture
def project(fresh_database: URL, tmp_path: Path) -> Iterator[Path]:
    with named_by_the_environment(fresh_database):
        tickmart("sample", "--to", tmp_path / "vendor", "--strikes", "3", "--expiries", "1")
        tickmart("load", "nse-minute", tmp_path / "vendor/nse-minute")
        change(LANDED_BY_THE_NEW_SOURCE)
        yield copied_project(tmp_path)


def test_a_source_is_added_with_a_view_and_a_line_and_stops_the_build_without_the_line(project: Path) -> None:
    refused = tickmart("build", "--no-tests", status=1)
    assert "load 1000 of made-up landed" in refused.stderr
    assert "in raw.made_up_bars, and the list of shapes has no line for that table" in refused.stderr
    assert query("select count(*) from audit.built_loads") == [(0,)]

    added_with_view_and_line(project)
    build_without_tests(project)

    [(known, bars), (added, added_bars)] = query(OF_BARS.format("intermediate.int_options__quotes_deduped"))[
        ::-1
    ]
    assert (known, added) == ("nse-minute", "made-up")
    assert 0 < added_bars < bars
    # the known source has the better rank: the mart holds its bars, once each
    assert query(OF_BARS.format("marts.options_ticks")) == [("nse-minute", bars)]
    assert query("select count(distinct (symbol, bar_start)) from marts.options_ticks") == [(bars,)]
    [(worse, other_values), (same, equal)] = query(CONFLICTS.format("made-up"))
    assert worse == "conflict: a source of better rank has other values"
    assert same == "same row delivered by another file"
    assert other_values + equal == query("select rows from audit.loads where load_id = 1000")[0][0]
    in_a_place = "select outcome, count(*) from intermediate.int_quotes__set_aside group by outcome"
    assert query(in_a_place) == [("superseded", other_values + equal)]
    dbt("test", "--select", "bars_reconcile_with_their_minutes", "--project-dir", project)

    tickmart("greeks")
    ranks = project / "seeds/source_ranks.csv"
    ranks.write_text(ranks.read_text() + "made-up,minute_bars,9,made for this test\n")
    build_without_tests(project)

    # the loads are the same, the rows are not: no bar shows what was computed of another source's
    of_other_rows = """
        select count(*) from marts.options_ticks as shown
        inner join enrichment.option_greeks as greeks using (contract_id, session_date, bar_start, bar_end)
        where shown.greeks_status <> 'pending' and greeks.premium <> shown.close
    """
    assert query(of_other_rows) == [(0,)]
    assert query("select count(*) from marts.options_ticks where greeks_status = 'pending'") != [(0,)]
    tickmart("greeks")
    assert query(of_other_rows) == [(0,)]
    assert query("select count(*) from marts.options_ticks where greeks_status = 'pending'") == [(0,)]
    assert query("select count(*) from enrichment.greeks_due") == [(0,)]
    assert query(OF_BARS.format("marts.options_ticks")) == [
        ("made-up", added_bars),
        ("nse-minute", bars - added_bars),
    ]
    assert query("select count(distinct (symbol, bar_start)) from marts.options_ticks") == [(bars,)]
    assert query(CONFLICTS.format("made-up")) == []
    assert {reason for reason, _ in query(CONFLICTS.format("nse-minute"))} == {worse, same}
    # nothing is computed from two rows of one minute
    assert query(
        "select sum(bars)::integer from intermediate.int_options__bars_daily"
        " union all select count(*) from intermediate.option_pricing_inputs where bar_interval = 'minute'"
    ) == [(bars,), (bars,)]


def test_hours_and_days_are_of_the_sessions_of_their_exchange(fresh_database: URL, tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    added_with_view_and_line(project)
    view = project / "models/staging/made_up/stg_made_up__bars.sql"
    abroad = "case when raw_rows.ticker like 'ASX%' then {} else {} end"
    view.write_text(
        view.read_text()
        .replace("'NSE' as exchange", abroad.format("'ASX'", "'NASDAQ'") + " as exchange")
        .replace("'Asia/Kolkata'", abroad.format("'Australia/Sydney'", "'America/New_York'"))
    )
    names = project / "seeds/underlying_names.csv"
    names.write_text(
        names.read_text()
        + "NASDAQ COMPOSITE,NASDAQ COMPOSITE,NASDAQ,index,made for this test\n"
        + "ASX 200,ASX 200,ASX,index,made for this test\n"
    )
    with named_by_the_environment(fresh_database):
        tickmart("db", "migrate")
        change(BARS_OF_OTHER_EXCHANGES)
        with connect() as connection:
            write_needed_sessions(connection)
        build_without_tests(project, "--select", "+spot_hourly", "+spot_daily")

        days = query(
            "select exchange, session_date::text, bar_start, bar_end, open, high, low, close"
            " from marts.spot_daily order by 1, 2"
        )
        hours = query(
            "select exchange, session_date::text, bar_start, bar_end, open, close from marts.spot_hourly"
            " where extract(minute from bar_end) = 0 order by bar_start"
        )
        starts = query(
            "select session_date::text, count(*), min(bar_start), max(bar_start) from marts.spot_hourly"
            " group by 1 order by 1"
        )

    assert days == [
        ("ASX", "2025-12-01", utc("11-30", 23), utc("12-01", 5), 1000, 1361, 999, 1360),
        ("NASDAQ", "2025-03-07", utc("03-07", 14, 30), utc("03-07", 21), 1000, 1391, 999, 1390),
        ("NASDAQ", "2025-03-10", utc("03-10", 13, 30), utc("03-10", 20), 1000, 1391, 999, 1390),
    ]
    assert starts == [
        ("2025-03-07", 7, utc("03-07", 14, 30), utc("03-07", 20, 30)),
        ("2025-03-10", 7, utc("03-10", 13, 30), utc("03-10", 19, 30)),
        ("2025-12-01", 6, utc("11-30", 23), utc("12-01", 4)),
    ]
    # at NASDAQ only the last hour ends on the full hour, with the session
    assert hours == [
        ("NASDAQ", "2025-03-07", utc("03-07", 20, 30), utc("03-07", 21), 1360, 1390),
        ("NASDAQ", "2025-03-10", utc("03-10", 19, 30), utc("03-10", 20), 1360, 1390),
        *(
            (
                "ASX", "2025-12-01", utc("11-30", 23) + hour * timedelta(hours=1),
                utc("12-01", 0) + hour * timedelta(hours=1), 1000 + 60 * hour, 1060 + 60 * hour,
            )
            for hour in range(6)
        ),
    ]  # fmt: skip


def build_without_tests(project: Path, *selected: str) -> None:
    dbt(
        "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
        "--project-dir", project, *selected,
    )  # fmt: skip


def added_with_view_and_line(project: Path) -> None:
    staging = project / "models/staging"
    shutil.copytree(
        staging / "gfdl", staging / "made_up", ignore=shutil.ignore_patterns("*unit_tests*", "*docs*")
    )
    for file in (staging / "made_up").iterdir():
        text = file.read_text().replace("stg_gfdl__minute_bars", "stg_made_up__bars")
        text = text.replace("gfdl_minute_bars", "made_up_bars").replace("raw_gfdl", "raw_made_up")
        text = text.replace('{{ doc("made_up_bars") }}', "Bars of a source made for this test.")
        file.write_text(text)
        file.rename(file.with_name(file.name.replace("gfdl", "made_up").replace("minute_bars", "bars")))
    shapes = project / "macros/domain/shapes.sql"
    line = "{'raw_table': ['raw_made_up', 'made_up_bars'], 'view': 'stg_made_up__bars', 'shape': 'bars'},"
    shapes.write_text(shapes.read_text().replace("{{ return([\n", "{{ return([\n" + line + "\n", 1))
