"""What a load makes a build do again: a symbol's file its symbol, a whole market's file its session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import change, copied_project, dbt, named_by_the_environment, query, tickmart
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

MARKET = PROJECT_FOLDER / "tests/fixtures/nse-cash/full.csv"
# A vendor that gives a share's days by the symbol.
SHARES = "create table raw.made_up_shares (_load_id bigint, _line bigint, symbol text, day text, close text)"
VIEW = """
{{ config(contract={'enforced': false}) }}
select
    'NSE' as exchange, symbol, 'EQ' as series, null::text as isin, day::date as session_date,
    true as is_traded,
    close::numeric as open, close::numeric as high, close::numeric as low, close::numeric as close,
    close::numeric as last_price, null::numeric as previous_close, null::numeric as average_price,
    100::bigint as volume, null::numeric as turnover, null::bigint as trades,
    null::bigint as delivered_volume,
    1 as file_rank, null::text as quarantine_reason, _load_id as load_id, _line as line
from {{ source('raw_made_up', 'made_up_shares') }}
"""
SOURCES = """
version: 2
sources:
  - name: raw_made_up
    schema: raw
    tables:
      - name: made_up_shares
"""
LINE = (
    "{'raw_table': ['raw_made_up', 'made_up_shares'], 'view': 'stg_made_up__shares', 'shape': 'share_days'},"
)
OF_SYMBOL = (
    "select source, close::text, is_preferred from intermediate.int_equities__official_deduped"
    " where symbol = 'STOCKAA' order by source"
)
OTHERS = (
    "select symbol, source, close, xmin::text, ctid::text from intermediate.int_equities__official_deduped"
    " where symbol <> 'STOCKAA' order by symbol, source"
)
WAY = (
    "int_loads__keys", "int_symbols__parsed", "int_contracts__registered", "int_loads__slices",
    "int_equities__official_deduped", "int_quotes__set_aside",
)  # fmt: skip
REBUILT = "int_equities__official_deduped rebuilds {} slice(s): {} equity 2025-08-01"


@pytest.fixture
def project(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    project = copied_project(tmp_path)
    folder = project / "models/staging/made_up"
    folder.mkdir()
    (folder / "stg_made_up__shares.sql").write_text(VIEW)
    (folder / "_made_up__sources.yml").write_text(SOURCES)
    shapes = project / "macros/domain/shapes.sql"
    shapes.write_text(shapes.read_text().replace("{{ return([\n", "{{ return([\n" + LINE + "\n", 1))
    with named_by_the_environment(fresh_built_database):
        change(SHARES)
        yield project


def test_a_symbol_beside_a_whole_market_rebuilds_itself_alone_and_the_market_all_of_its_session(
    project: Path, tmp_path: Path
) -> None:
    market = shutil.copy(MARKET, tmp_path / "market.csv")
    tickmart("load", "nse-cash", market)
    assert REBUILT.format(1, "NSE") in built(project, "+int_quotes__set_aside")
    assert query(OF_SYMBOL) == [("nse-cash", "662.35", True)]
    others = query(OTHERS)
    assert len(others) == 39

    land_symbol(1000, "663.00")
    assert REBUILT.format(1, "STOCKAA") in built(project)
    assert query(OF_SYMBOL) == [("made-up", "663.00", False), ("nse-cash", "662.35", True)]

    land_symbol(1001, "664.00")  # the same file, restated
    assert REBUILT.format(1, "STOCKAA") in built(project)
    assert query(OF_SYMBOL) == [("made-up", "664.00", False), ("nse-cash", "662.35", True)]

    change("update audit.loads set unloaded_at = now() where load_id = 1001")
    assert REBUILT.format(1, "STOCKAA") in built(project)
    assert query(OF_SYMBOL) == [("made-up", "663.00", False), ("nse-cash", "662.35", True)]

    # not a row of another symbol was written in all of that
    assert query(OTHERS) == others

    Path(market).write_text(MARKET.read_text().replace("662.25, 662.35", "662.25, 661.35"))
    tickmart("load", "nse-cash", market)
    assert REBUILT.format(1, "NSE") in built(project)
    assert query(OF_SYMBOL) == [("made-up", "663.00", False), ("nse-cash", "661.35", True)]
    assert [row[:3] for row in query(OTHERS)] == [row[:3] for row in others]
    assert query(
        "select underlying, outcome, winner_load_id <> 1000 from intermediate.int_quotes__set_aside"
    ) == [("STOCKAA", "superseded", True)]

    change("update audit.loads set unloaded_at = now() where source = 'nse-cash'")
    built(project)
    assert query(OF_SYMBOL) == [("made-up", "663.00", True)]
    assert query(OTHERS) == []


def test_a_symbol_and_its_market_that_come_together_are_planned_once(project: Path) -> None:
    tickmart("load", "nse-cash", MARKET)
    land_symbol(1000, "663.00")

    assert REBUILT.format(1, "NSE") in built(project, "+int_quotes__set_aside")

    assert query(OF_SYMBOL) == [("made-up", "663.00", False), ("nse-cash", "662.35", True)]
    assert query(
        "select slice_group, count(*) from intermediate.int_loads__slices group by slice_group order by 1"
    ) == [("*", 1), ("STOCKAA", 1)]


def built(project: Path, *selected: str) -> str:
    """Build the models of shares; after the first time, only those on the way to them that hold rows."""
    return dbt(
        "build", "--select", *(selected or WAY), "--exclude-resource-type", "test",
        "--exclude-resource-type", "unit_test", "--project-dir", project,
    ).stdout  # fmt: skip


def land_symbol(load_id: int, close: str) -> None:
    change(
        f"insert into raw.made_up_shares values ({load_id}, 1, 'STOCKAA', '2025-08-01', '{close}');"
        "insert into audit.loads (load_id, source, dataset, uri, sha256, rows, layout, raw_table, first_line,"
        " header_lines, started_at, finished_at, status) overriding system value"
        f" values ({load_id}, 'made-up', 'shares', 'file:///STOCKAA.csv', '{close}', 1, 'made-up',"
        " 'raw.made_up_shares', 1, 0, now(), now(), 'loaded')"
    )
