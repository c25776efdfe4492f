"""`tickmart list`, `coverage` and `trace` on a database that was loaded and built once."""

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import TABLES, dbt
from click.testing import Result
from sqlalchemy import URL
from typer.testing import CliRunner

from tickmart.main import app, main
from warehouse.database import connect
from warehouse.dbt import run_dbt
from warehouse.errors import TickmartError
from warehouse.settings import PROJECT_FOLDER

HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"
CALL = "NIFTY13MAR2522500CE.NFO"
OPTIONS = (
    f"{CALL},12/03/2025,09:15:59,100,101,99,100.5,75,1000",  # line 2: delivered again by the archive
    f"{CALL},12/03/2025,09:16:59,101,103,100,102,150,1075",
    f"{CALL},12/03/2025,09:17:59,102,102,101,101.5,75,1150",  # line 4: the next line says otherwise
    f"{CALL},12/03/2025,09:17:59,102,104,101,103.5,225,1150",
    f"{CALL},12/03/2025,09:18:59,-5,104,-5,103.5,225,1150",  # line 6: no price is negative
    f"{CALL},12/03/2025,09:19",  # line 7: cut
    f"{CALL},12/03/2025,09:20:59,103,105,103,105,300,1200",
    f"{CALL},12/03/2025,10:15:59,110,112,109,111,75,1275",
)
FIRST_DELIVERY = [row.replace("100,102,150,1075", "100,101,75,1075") for row in OPTIONS]
ARCHIVED = (
    OPTIONS[0],
    "NIFTY13MAR2522500PE.NFO,12/03/2025,09:15:59,90,91,89,90.5,75,2000",
)
FUTURES = (
    "NIFTY27MAR25FUT.NFO,12/03/2025,09:15:59,22600,22610,22590,22605,150,5000",
    "NIFTY27MAR25FUT.NFO,13/03/2025,09:15:59,22620,22630,22610,22625,75,5075",
)
MINUTES = [f"{minute // 60:02}:{minute % 60:02}:59" for minute in range(9 * 60 + 15, 15 * 60 + 30)]
INDEX = (
    *(f"NIFTY 50.NSE_IDX,12/03/2025,{minute},22500,22501,22499,22500,0,0" for minute in MINUTES),
    "NIFTY 50.NSE_IDX,17/03/2025,09:15:59,22550,22551,22549,22550,0,0",
)
BHAVCOPY = PROJECT_FOLDER / "sampledata/bhavcopy_excerpt/BhavCopy_NSE_FO_0_0_0_20250801_F_0000.csv"


def test_before_the_first_build_the_commands_say_what_comes_next(fresh_database: URL, tmp_path: Path) -> None:
    for command in (["list"], ["coverage"], ["trace", "NIFTY", "2025-03-12"]):
        with pytest.raises(TickmartError, match=r"there is no data yet.*tickmart load nse-minute"):
            tickmart(*command)
    tickmart("load", "nse-minute", str(written(tmp_path / "options.csv", OPTIONS)))
    for command in (["list"], ["coverage"], ["trace", "NIFTY", "2025-03-12"]):
        with pytest.raises(TickmartError, match="1 load is there, but nothing was built yet"):
            tickmart(*command)


@pytest.fixture(scope="module")
def files(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files that were loaded, one of them restated, and then built."""
    folder = tmp_path_factory.mktemp("vendor")
    options = written(folder / "options.csv", FIRST_DELIVERY)
    tickmart("load", "nse-minute", str(options))
    written(options, OPTIONS)
    tickmart("load", "nse-minute", str(options))
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("more.csv", text_of(ARCHIVED))
        archive.writestr("readme.txt", "about the data")
    (folder / "futures.csv.gz").write_bytes(gzip.compress(text_of(FUTURES).encode()))
    written(folder / "index.csv", INDEX)
    for name in ("more.zip", "futures.csv.gz", "index.csv"):
        tickmart("load", "nse-minute", str(folder / name))
    header, *rows = BHAVCOPY.read_text().splitlines()
    bhavcopy = folder / "bhavcopy.csv"
    bhavcopy.write_text("\n".join([header, *(row for row in rows if ",BANKNIFTY," in row)]) + "\n")
    tickmart("load", "nse-bhavcopy", str(bhavcopy))
    tickmart("build", "--no-tests", "--select", TABLES)
    return folder


def test_list_shows_every_kind_of_data_with_its_span_and_rows(files: Path) -> None:
    shown = tickmart("list").stdout.splitlines()

    assert shown == [
        "underlying\texchange\tinstrument_type\tinterval\tfirst_session\tlast_session\tcontracts\trows\tsource\tmart",
        "BANKNIFTY\tNSE\tindex\t1-DAY\t2025-08-01\t2025-08-01\t1\t1\tnse-bhavcopy\tspot_daily",
        "BANKNIFTY\tNSE\tfuture\t1-DAY\t2025-08-01\t2025-08-01\t3\t3\tnse-bhavcopy\tfutures_daily",
        "BANKNIFTY\tNSE\toption\t1-DAY\t2025-08-01\t2025-08-01\t10\t10\tnse-bhavcopy\toptions_daily",
        "NIFTY\tNSE\tindex\t1-MINUTE\t2025-03-12\t2025-03-17\t1\t376\tnse-minute\tspot_prices",
        "NIFTY\tNSE\tindex\t1-HOUR\t2025-03-12\t2025-03-17\t1\t8\tnse-minute\tspot_hourly",
        "NIFTY\tNSE\tindex\t1-DAY\t2025-03-12\t2025-03-17\t1\t2\tnse-minute\tspot_daily",
        "NIFTY\tNSE\tfuture\t1-MINUTE\t2025-03-12\t2025-03-13\t1\t2\tnse-minute\tfutures_ticks",
        "NIFTY\tNSE\tfuture\t1-HOUR\t2025-03-12\t2025-03-13\t1\t2\tnse-minute\tfutures_hourly",
        "NIFTY\tNSE\tfuture\t1-DAY\t2025-03-12\t2025-03-13\t1\t2\tnse-minute\tfutures_daily",
        "NIFTY\tNSE\toption\t1-MINUTE\t2025-03-12\t2025-03-12\t2\t6\tnse-minute\toptions_ticks",
        "NIFTY\tNSE\toption\t1-HOUR\t2025-03-12\t2025-03-12\t2\t3\tnse-minute\toptions_hourly",
        "NIFTY\tNSE\toption\t1-DAY\t2025-03-12\t2025-03-12\t2\t2\tnse-minute\toptions_daily",
    ]


def test_list_counts_what_the_marts_hold(files: Path, built_database: URL) -> None:
    with connect() as connection, connection.cursor() as cursor:
        for row in as_json("list"):
            column = "symbol" if row["instrument_type"] == "index" else "underlying"
            cursor.execute(
                f"select count(*) from marts.{row['mart']} where {column} = %s", (row["underlying"],)
            )
            assert cursor.fetchone() == (row["rows"],), row["mart"]


def test_list_names_what_there_is_when_asked_for_something_else(files: Path) -> None:
    assert {row["underlying"] for row in as_json("list", "--underlying", "banknifty")} == {"BANKNIFTY"}
    with pytest.raises(TickmartError, match="no data of RELIANCE; the marts hold BANKNIFTY, NIFTY"):
        tickmart("list", "--underlying", "RELIANCE")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--underlying", "nfty"), "no data of nfty (did you mean NIFTY?)"),
        (("list", "--underlying", ""), "no data of ''; the marts hold BANKNIFTY, NIFTY"),
        (("list", "--underlying", "\udcff"), r"no data of \xff; the marts hold"),
        (("coverage", "--underlying", "%s'\"\\"), "no data there; what there is: tickmart list"),
        (("coverage", "--underlying", "\udcff"), r"\xff holds bytes that are no UTF-8 text"),
        (("trace", "\udcff", "2025-03-12"), r"\xff holds bytes that are no UTF-8 text"),
        (("trace", "%s'\"\\", "2025-03-12"), "there is no symbol %S'\"\\"),
        (("trace", "NIFTY", "0001-01-01T00:00"), "no market has data of 0001-01-01T00:00"),
        (("trace", "NIFTY", "9999-12-31"), "no market has data of 9999-12-31"),
        (("trace", "NIFTY", "2025-03-12T00:00+23:59"), "spot_prices has no row of NIFTY"),
        (("unload", "99999999999999999999"), "there is no load 99999999999999999999"),
        (("rejects", "99999999999999999999"), "there is no load 99999999999999999999"),
        (("loads", "--limit", "99999999999999999999"), "cannot read the ledger: bigint out of range"),
        (
            ("export", "backtrader", "--to", "TMP", "--underlying", "nfty"),
            "no data of nfty (did you mean NIFTY?)",
        ),
        (
            ("export", "backtrader", "--to", "TMP", "--underlying", "nifty", "--end", "0001-01-01"),
            "nothing to export for nifty from the first to 0001-01-01 session",
        ),
        (
            ("export", "backtrader", "--to", "TMP", "--underlying", "nifty", "--start", "9999-12-31"),
            "nothing to export for nifty from 9999-12-31 to the last session",
        ),
    ],
)
def test_what_nobody_means_is_one_clear_error(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr("sys.argv", ["tickmart", *(a.replace("TMP", str(tmp_path)) for a in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert words in str(ended.value.code)
    assert "\n" not in str(ended.value.code)


def test_an_underlying_may_be_written_in_small_letters_and_the_range_be_wide(
    files: Path, tmp_path: Path
) -> None:
    wide = ("--start", "0001-01-01", "--end", "9999-12-31")
    assert as_json("coverage", "--underlying", "nifty", *wide) == as_json("coverage", "--underlying", "NIFTY")
    report = as_json("export", "backtrader", "--to", str(tmp_path), "--underlying", "nifty", *wide)
    assert (report["underlyings"], report["first_session"], report["last_session"]) == (
        ["NIFTY"],
        "2025-03-01",
        "2025-03-31",
    )


def test_coverage_counts_sessions_and_names_those_with_gaps(files: Path) -> None:
    coverage = as_json("coverage", "--underlying", "NIFTY", "--instrument-type", "index")

    # 14 March 2025 was a holiday, 13 March a session of which no file came, 15 and 16 March a weekend
    assert coverage["summary"] == [
        {
            "underlying": "NIFTY",
            "exchange": "NSE",
            "instrument_type": "index",
            "interval": "1-MINUTE",
            "first_session": "2025-03-12",
            "last_session": "2025-03-17",
            "sessions": 3,
            "complete": 1,
            "gaps": 1,
            "missing": 1,
            "provisional": 0,
        }
    ]
    assert [
        (s["session_date"], s["coverage"], s["bars"], s["missing_bars"]) for s in coverage["sessions"]
    ] == [
        ("2025-03-17", "gaps", 1, 374),
        ("2025-03-13", "missing", 0, 375),
    ]


def test_coverage_lists_complete_sessions_only_on_demand(files: Path) -> None:
    asked = ("coverage", "--underlying", "NIFTY", "--instrument-type", "index")

    every = as_json(*asked, "--all")["sessions"]
    incomplete = as_json(*asked, "--gaps")["sessions"]
    narrow = as_json(*asked, "--all", "--start", "2025-03-13", "--end", "2025-03-14")["sessions"]

    assert [s["session_date"] for s in every] == ["2025-03-17", "2025-03-13", "2025-03-12"]
    assert [s["session_date"] for s in incomplete] == ["2025-03-17", "2025-03-13"]
    assert [s["session_date"] for s in narrow] == ["2025-03-13"]


def test_coverage_refuses_what_it_does_not_know(files: Path) -> None:
    with pytest.raises(
        TickmartError, match="unknown instrument type 'options'; known: index, future, option, equity"
    ):
        tickmart("coverage", "--instrument-type", "options")
    with pytest.raises(TickmartError, match="no data there; what there is: tickmart list"):
        tickmart("coverage", "--underlying", "RELIANCE")


def test_coverage_says_how_old_a_source_is_by_its_sessions_not_by_its_loads(
    files: Path, as_of: Callable[[str], None]
) -> None:
    as_of("2025-08-05")
    run_dbt("run", ["--select", "data_freshness"])

    told = as_json("coverage")["freshness"]
    shown = tickmart("coverage", "--underlying", "NIFTY").stdout.splitlines()

    # all were loaded just now; 13 March is the last of NIFTY's futures, 1 August that of BANKNIFTY
    assert {
        (row["source"], row["underlying"], row["instrument_type"]): (
            row["newest_session"],
            row["sessions_behind"],
        )
        for row in told
    } == {
        ("nse-minute", "NIFTY", "index"): ("2025-03-17", 96),
        ("nse-minute", "NIFTY", "future"): ("2025-03-13", 97),
        ("nse-minute", "NIFTY", "option"): ("2025-03-12", 98),
        ("nse-bhavcopy", "BANKNIFTY", "future"): ("2025-08-01", 2),
        ("nse-bhavcopy", "BANKNIFTY", "option"): ("2025-08-01", 2),
    }
    assert {row["newest_closed_session"] for row in told} == {"2025-08-05"}
    at = shown.index("source\tnewest_session\tnewest_closed_session\tsessions_behind")
    assert shown[at + 1] == "nse-minute\t2025-03-17\t2025-08-05\t96"


def test_a_stale_source_warns_and_one_of_the_last_session_does_not(
    files: Path, as_of: Callable[[str], None], tmp_path: Path
) -> None:
    as_of("2025-08-01")
    run_dbt("run", ["--select", "data_freshness"])

    dbt(
        "source",
        "freshness",
        "--output",
        tmp_path / "sources.json",
        "--target-path",
        tmp_path,
        DBT_WRITE_JSON="true",
    )

    found = json.loads((tmp_path / "sources.json").read_text())["results"]
    assert {result["unique_id"].split(".", 2)[2]: result["status"] for result in found} == {
        "raw_gfdl.gfdl_minute_bars": "warn",
        "raw_nse.nse_fo_bhavcopy_legacy": "pass",
        "raw_nse.nse_fo_bhavcopy_udiff": "pass",
        # nothing was ever loaded for these
        "raw_nse.nse_cash_bhavcopy_udiff": "pass",
        "raw_nse.nse_cash_bhavcopy_full": "pass",
        "raw_nse.nse_cash_bhavcopy_legacy": "pass",
        "raw_nse.nse_index_closes": "pass",
        "raw_nse.nse_option_chain": "pass",
        "raw_kite.kite_instruments": "pass",
    }


def test_coverage_announces_the_end_of_the_calendar(files: Path, as_of: Callable[[str], None]) -> None:
    as_of("2026-11-25")
    run_dbt("run", ["--select", "int_sessions__remaining"])

    told = tickmart("coverage", "--json")

    answer = json.loads(told.stdout)
    assert answer["calendar_ends"] == "2026-12-31"
    assert answer["warning"].startswith(
        "the calendar of NSE sessions ends in 36 days, on 2026-12-31: after that"
    )
    assert f"note: {answer['warning']}\n" in told.stderr


def test_a_minute_is_traced_to_its_line_and_to_what_lost_against_it(files: Path) -> None:
    traced = as_json("trace", "NIFTY_250313_22500_CE", "2025-03-12T09:17")

    (found,) = traced["rows"]
    (origin,) = found["origins"]
    assert traced["mart"] == "options_ticks"
    assert found["row"]["bar_start"] == "2025-03-12T03:47:00+00:00"
    assert found["row"]["close"] == "103.5"
    assert origin["load"]["uri"] == (files / "options.csv").as_uri()
    assert origin["load"]["sha256"] == hashlib.sha256(text_of(OPTIONS).encode()).hexdigest()
    assert origin["lines"] == [{"line": 5, "text": OPTIONS[3], "text_from": "the file"}]
    assert [(o["outcome"], o["line"], o["text"]) for o in traced["set_aside"]] == [
        ("superseded", 4, OPTIONS[2]),
        ("restated", 4, OPTIONS[2]),
        ("restated", 5, OPTIONS[3]),
    ]
    assert traced["set_aside"][0]["reason"] == "conflict: a later line of the same file has other values"
    assert [(reject["line"], reject["text"]) for reject in traced["rejects"]] == [(7, OPTIONS[5])]


def test_a_restated_bar_shows_what_the_earlier_load_had(files: Path) -> None:
    traced = as_json("trace", "NIFTY_250313_22500_CE", "2025-03-12T09:16")

    load = traced["rows"][0]["origins"][0]["load"]
    (earlier,) = traced["set_aside"]
    assert load["replaces"] == [load["load_id"] - 1]
    assert earlier["outcome"] == "restated"
    assert earlier["reason"] == f"load {load['load_id']} of the same file replaced it"
    assert earlier["text"] == f"{CALL},12/03/2025,09:16:59,101,103,100,101,75,1075"


@pytest.mark.parametrize(
    "when", ["2025-03-12T09:15", "2025-03-12T09:15:59", "2025-03-12 09:15+05:30", "2025-03-12T03:45Z"]
)
@pytest.mark.parametrize("symbol", ["NIFTY_250313_22500_CE", "nifty_250313_22500_ce.nse", CALL])
def test_any_name_and_any_moment_of_the_bar_find_it_in_the_archive(
    files: Path, symbol: str, when: str
) -> None:
    traced = as_json("trace", symbol, when)

    (origin,) = traced["rows"][0]["origins"]
    assert origin["load"]["uri"] == (files / "more.zip").as_uri() + "!more.csv"
    assert origin["lines"] == [{"line": 2, "text": OPTIONS[0], "text_from": "the file"}]
    assert traced["set_aside"][0]["reason"] == "same row delivered by another file"


def test_a_future_is_read_back_from_a_gzip_file(files: Path) -> None:
    traced = as_json("trace", "NIFTY_250327_FUT", "2025-03-13T09:15")

    assert traced["mart"] == "futures_ticks"
    assert traced["rows"][0]["origins"][0]["lines"] == [
        {"line": 3, "text": FUTURES[1], "text_from": "the file"}
    ]


def test_hours_and_days_are_traced_to_the_minutes_that_made_them(files: Path) -> None:
    hour = as_json("trace", "NIFTY_250313_22500_CE", "2025-03-12T09:40", "--mart", "options_hourly")
    day = as_json("trace", "NIFTY", "2025-03-12")

    assert {
        origin["load"]["uri"].rsplit("/")[-1]: origin["rows"] for origin in hour["rows"][0]["origins"]
    } == {
        "more.zip!more.csv": 1,
        "options.csv": 3,
    }
    (origin,) = day["rows"][0]["origins"]
    assert day["mart"] == "spot_daily"
    assert origin["rows"] == 375
    assert [(line["line"], line["text"]) for line in origin["lines"]] == [(2, INDEX[0]), (376, INDEX[374])]


def test_a_date_traces_the_exchange_s_own_daily_row(files: Path) -> None:
    traced = as_json("trace", "BANKNIFTY_250930_FUT", "2025-08-01")

    (found,) = traced["rows"]
    lines = (files / "bhavcopy.csv").read_text().splitlines()
    number, text = next((n, line) for n, line in enumerate(lines, 1) if "BANKNIFTY25SEPFUT" in line)
    assert found["row"]["source"] == "official"
    assert found["row"]["settlement_price"] == "56084.60"
    assert found["origins"][0]["lines"] == [{"line": number, "text": text, "text_from": "the file"}]
    assert as_json("trace", "BANKNIFTY25SEPFUT", "2025-08-01") == traced


def test_the_exchange_s_word_on_an_index_is_traced_to_the_rows_that_carry_it(files: Path) -> None:
    traced = as_json("trace", "BANKNIFTY", "2025-08-01")

    assert traced["rows"][0]["row"]["close"] == "55617.60"
    assert traced["rows"][0]["origins"][0]["rows"] == 13


def test_the_plain_text_names_file_line_and_loser(files: Path) -> None:
    shown = tickmart("trace", "NIFTY_250313_22500_CE", "2025-03-12T09:17").stdout

    assert f"file                        {files}/options.csv\n" in shown
    assert f"line 5                      {OPTIONS[3]}\n" in shown
    assert "superseded: conflict: a later line of the same file has other values\n" in shown


def test_a_bar_that_was_quarantined_says_so(files: Path) -> None:
    with pytest.raises(TickmartError) as error:
        tickmart("trace", "NIFTY_250313_22500_CE", "2025-03-12T09:18")

    assert "options_ticks has no row of NIFTY_250313_22500_CE at 2025-03-12 09:18." in str(error.value)
    assert f"Line 6 of {(files / 'options.csv').as_uri()} was quarantined: " in str(error.value)
    assert "Nearest: 2025-03-12 09:17 and 2025-03-12 09:20 (NSE time)." in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("NIFTY_250313_22500_CE", "2025-03-12T15:00"), "Nearest: 2025-03-12 10:15 (NSE time)."),
        (("NIFTY_250313_22500_CE", "2025-03-13"), "Nearest: 2025-03-12."),
        (("NIFTY_250313_22550_CE", "2025-03-12"), "near it: NIFTY_250313_22500_CE, NIFTY_250313_22500_PE,"),
        (("RELIANCE", "2025-03-12"), "there is no symbol RELIANCE; the marts hold BANKNIFTY, NIFTY."),
        (
            ("NIFTY", "yesterday"),
            "cannot read the time 'yesterday'. Write 2025-03-12T12:30 (the exchange's time)",
        ),
        (("NIFTY", "2025-03-12", "--mart", "spot_prices"), "give a time too, such as 2025-03-12T09:15"),
        (("NIFTY", "2025-03-12", "--mart", "options_daily"), "its marts are spot_prices, spot_hourly,"),
    ],
)
def test_what_matches_nothing_is_answered_with_what_is_near(
    files: Path, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(TickmartError) as error:
        tickmart("trace", *arguments)

    assert says in str(error.value)


def test_a_file_that_changed_or_went_is_answered_from_the_raw_row(files: Path) -> None:
    index, futures = files / "index.csv", files / "futures.csv.gz"
    index_bytes, futures_bytes = index.read_bytes(), futures.read_bytes()
    try:
        index.write_bytes(index_bytes.replace(b"22550", b"22551"))
        futures.unlink()

        changed = as_json("trace", "NIFTY", "2025-03-17T09:15")["rows"][0]["origins"][0]["lines"]
        gone = as_json("trace", "NIFTY_250327_FUT", "2025-03-13T09:15")["rows"][0]["origins"][0]["lines"]
    finally:
        index.write_bytes(index_bytes)
        futures.write_bytes(futures_bytes)

    assert changed == [
        {"line": 377, "text": INDEX[375], "text_from": "the raw table: the file holds other bytes now"}
    ]
    assert gone == [
        {"line": 3, "text": FUTURES[1], "text_from": "the raw table: the file is no longer there"}
    ]


def test_loads_that_are_not_built_yet_are_mentioned(files: Path) -> None:
    late = written(files / "late.csv", FUTURES[:1])
    tickmart("load", "nse-minute", str(late))

    for command in (["list"], ["coverage"], ["trace", "NIFTY", "2025-03-12"]):
        assert "1 load is not in the marts yet. Run: tickmart build" in tickmart(*command).stderr


def tickmart(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def as_json(*arguments: str) -> Any:
    return json.loads(tickmart(*arguments, "--json").stdout)


def text_of(rows: tuple[str, ...] | list[str]) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def written(path: Path, rows: tuple[str, ...] | list[str]) -> Path:
    path.write_text(text_of(rows))
    return path
