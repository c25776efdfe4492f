"""Options of one underlying at two exchanges, through whole builds: each is what it is without the other."""

import re
import zipfile
from pathlib import Path

import pytest
import yaml
from built_warehouse import TABLES, change, checksum, copied_project, dbt, query, tickmart
from sqlalchemy import URL

from sampledata.generate import write_sample
from warehouse.database import connect
from warehouse.exchange_sessions import write_needed_sessions

pytestmark = pytest.mark.slow

# What stands in the marts of an exchange, by mart: number of rows and checksum.
Marts = dict[str, tuple[int, str]]

# Raw tables of NSE's files, the folder and the staging view of each, and how the rows of a vendor of BSE
# differ: calls are dearer, so that forwards are higher; more is traded, and there is more interest in puts.
COPIED = {
    "gfdl_minute_bars": (
        "gfdl",
        "stg_gfdl__minute_bars",
        """
        jsonb_build_object('volume', landed.volume::integer * 3) || case
            when landed.ticker ~ 'CE[.]' then jsonb_build_object(
                'high', landed.high::numeric + 10, 'close', landed.close::numeric + 10
            )
            else '{}'
        end
        """,
    ),
    "nse_fo_bhavcopy_udiff": (
        "nse",
        "stg_nse__fo_bhavcopy_udiff",
        """
        case landed.optn_tp
            when 'CE' then jsonb_build_object(
                'hgh_pric', landed.hgh_pric::numeric + 10,
                'cls_pric', landed.cls_pric::numeric + 10,
                'sttlm_pric', landed.sttlm_pric::numeric + 10
            )
            when 'PE' then jsonb_build_object('opn_intrst', landed.opn_intrst::integer * 3)
            else '{}'
        end
        """,
    ),
}


@pytest.fixture(scope="module")
def built(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Marts]:
    """What the marts have of each exchange alone and beside the other; all data tests hold where both are."""
    folder = tmp_path_factory.mktemp("exchanges")
    for file in files_of_a_share(folder):
        tickmart("load", file.parent.name, file)
    for table in COPIED:
        change(f"create table raw.{of_bse(table)} (like raw.{table} including all)")
    project = copied_project(folder)
    add_vendor_of_bse(project)
    build(project, "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    found = {"NSE": marts_of("NSE")}

    land_files_of_bse()
    build(project, "run", "--select", TABLES)
    found |= {"NSE beside BSE": marts_of("NSE"), "BSE beside NSE": marts_of("BSE")}
    of_marts = ("path:models/marts", "path:tests/data")
    dbt("test", "--exclude-resource-type", "unit_test", "--select", *of_marts, "--project-dir", project)
    found["ratios"] = dict(query(RATIOS))  # type: ignore[arg-type]
    found["forwards"] = dict(query(FORWARDS))  # type: ignore[arg-type]

    tickmart(
        "unload",
        *(str(load) for (load,) in query("select load_id from audit.loads where load_id < 1000")),
    )
    build(project, "run", "--select", TABLES, "--full-refresh")
    found |= {"BSE": marts_of("BSE"), "NSE when it has gone": marts_of("NSE")}
    return found


RATIOS = """
    select exchange, round(open_interest_ratio::numeric, 6)
    from marts.put_call_ratio where scope = 'all expiries'
"""
FORWARDS = """
    select exchange, array_agg(round(forward_price::numeric, 2) order by expiry)
    from marts.forwards_daily where premium_kind = 'trade' and forward_method = 'parity' group by exchange
"""


@pytest.mark.parametrize("exchange", ["NSE", "BSE"])
def test_an_exchange_has_the_same_rows_beside_another_as_alone(
    built: dict[str, Marts], exchange: str
) -> None:
    other = {"NSE": "BSE", "BSE": "NSE"}[exchange]

    assert built[f"{exchange} beside {other}"] == built[exchange]


def test_every_mart_of_chains_has_rows_of_both(built: dict[str, Marts]) -> None:
    of_chains = {
        "option_chain", "option_chain_daily", "straddles", "put_call_ratio", "max_pain", "gamma_exposure",
        "gamma_exposure_by_strike", "open_interest_profile", "volatility_smile", "atm_volatility",
        "volatility_fits", "forwards_daily", "forwards_ticks", "options_ticks", "options_hourly",
        "options_daily", "futures_ticks", "futures_hourly", "futures_daily", "spot_prices", "data_coverage",
    }  # fmt: skip
    for exchange in ("NSE", "BSE"):
        assert of_chains - set(built[exchange]) == set()
    assert {name: rows for name, (rows, _) in built["BSE"].items() if name in of_chains} == {
        name: rows for name, (rows, _) in built["NSE"].items() if name in of_chains
    }


def test_each_has_its_own_ratio_of_puts_and_its_own_forwards(built: dict[str, Marts]) -> None:
    assert built["ratios"]["BSE"] == pytest.approx(3 * built["ratios"]["NSE"])
    for dearer, forward in zip(built["forwards"]["BSE"], built["forwards"]["NSE"], strict=True):
        assert float(dearer - forward) == pytest.approx(10, abs=0.1)


def test_what_has_gone_leaves_no_row(built: dict[str, Marts]) -> None:
    assert built["NSE when it has gone"] == {}


def files_of_a_share(folder: Path) -> list[Path]:
    """A sample day, of an underlying that no list says the exchange of."""
    write_sample(folder / "vendor", strikes=9, expiries=2)
    files = []
    for file in sorted((folder / "vendor").rglob("*.*")):
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as packed:
                text = packed.read(packed.namelist()[0]).decode()
            file = file.with_suffix("")
        else:
            text = file.read_text()
        file.write_text(re.sub("NIFTY(?: 50)?", "ACME", text))
        files.append(file)
    return files


def of_bse(name: str) -> str:
    """What the copy of a raw table or of a staging view is called."""
    return re.sub("^(stg_)?(gfdl|nse)(_+)", r"\1bse\3", name)


def add_vendor_of_bse(project: Path) -> None:
    """A source with views as NSE's sources have, whose rows are of BSE and whose symbols are its own."""
    staging = project / "models/staging"
    added = staging / "bse"
    added.mkdir()
    models, lines = [], ""
    for table, (vendor, view, _) in COPIED.items():
        sql = (staging / vendor / f"{view}.sql").read_text()
        sql = re.sub(
            r"'\w+' as dialect", "'bse' as dialect", sql.replace("'NSE' as exchange", "'BSE' as exchange")
        )
        sql = re.sub(r"source\('raw_\w+', '\w+'\)", f"source('raw_bse', '{of_bse(table)}')", sql)
        (added / f"{of_bse(view)}.sql").write_text(sql)
        [described] = [
            model
            for model in yaml.safe_load((staging / vendor / f"_{vendor}__models.yml").read_text())["models"]
            if model["name"] == view
        ]
        models.append({**described, "name": of_bse(view)})
        [line] = re.findall(
            rf"\{{[^{{}}]*'{table}'\], 'view': '{view}'[^{{}}]*\}},", (project / SHAPES).read_text()
        )
        lines += line.replace(view, of_bse(view)).replace(
            f"'raw_{vendor}', '{table}'", f"'raw_bse', '{of_bse(table)}'"
        )
    tables = [{"name": of_bse(table)} for table in COPIED]
    about = {
        "version": 2,
        "models": models,
        "sources": [{"name": "raw_bse", "schema": "raw", "tables": tables}],
    }
    (added / "_bse__models.yml").write_text(yaml.safe_dump(about))
    shapes = (project / SHAPES).read_text()
    (project / SHAPES).write_text(shapes.replace("{{ return([\n", "{{ return([\n" + lines + "\n", 1))
    names = project / "seeds/underlying_names.csv"
    names.write_text(names.read_text() + "ACME,ACME,NSE,index,made for this test\n")
    grammars = project / "seeds/symbol_grammars.csv"
    of_gfdl = re.findall("(?m)^gfdl,.*\n", text := grammars.read_text())
    grammars.write_text(text + "".join(line.replace("gfdl", "bse", 1) for line in of_gfdl))


SHAPES = "macros/domain/shapes.sql"


def land_files_of_bse() -> None:
    """Land what NSE's files hold with the differences that BSE has, as loads that name the exchange."""
    for load_id, (table, (_, _, differences)) in enumerate(COPIED.items(), 1000):
        change(
            f"""
            insert into raw.{of_bse(table)}
            select (jsonb_populate_record(
                landed, {differences} || jsonb_build_object(
                    '_load_id', {load_id}, '_line', row_number() over (order by _load_id, _line)
                )
            )).*
            from raw.{table} as landed;
            insert into audit.loads (
                load_id, source, dataset, uri, sha256, rows, layout, raw_table, first_line, header_lines,
                options, started_at, finished_at, status
            )
            overriding system value
            select
                {load_id}, 'bse', '{table}', 'file:///{table}.csv', 'none', count(*), 'bse',
                'raw.{of_bse(table)}', 1, 1, '{{"exchange": "BSE"}}', now(), now(), 'loaded'
            from raw.{of_bse(table)}
            """
        )
    with connect() as connection:
        assert set(write_needed_sessions(connection)) == {"BSE"}


def build(project: Path, *command: str) -> None:
    """Let dbt build what its command says, then the Greeks."""
    dbt(*command, "--project-dir", project)
    tickmart("greeks")


def marts_of(exchange: str) -> Marts:
    """Rows and checksum of every mart of things at an exchange, where it has rows of this one."""
    names = query(
        "select table_name from information_schema.columns where table_schema = 'marts'"
        " and column_name in ('exchange', 'underlying', 'symbol') group by table_name"
        " having count(*) > 1 and bool_or(column_name = 'exchange') order by 1"
    )
    found = {name: checksum(f"select * from marts.{name} where exchange = '{exchange}'") for (name,) in names}
    return {name: (rows, total) for name, (rows, total) in found.items() if rows}
