"""What bhavcopies leave out, in whole builds: lots, cut lines, contracts that are adjusted or re-dated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import build, named_by_the_environment, query, tickmart
from sqlalchemy import URL

from benchmarks.bhavcopies import compare, main
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures/nse-bhavcopy"
EXCERPTS = PROJECT_FOLDER / "sampledata/bhavcopy_excerpt"
LEGACY = (FIXTURES / "legacy_20230125.csv").read_text().splitlines()[0]
UDIFF = (FIXTURES / "udiff_20240708.csv").read_text().splitlines()[0]

# Invented rows. The turnover of NIFTY allows lots of 49 to 51, and one open interest is 25 times 49.
FILES = {
    "fo09NOV2022bhav.csv": (
        LEGACY,
        "OPTIDX,NIFTY,27-Jun-2024,18500,CE,1200,1750,1200,1750,2480,2,19.92,1225,100,09-NOV-2022,",
        "OPTIDX,NIFTY,27-Jun-2024,19000,CE,0,0,0,2100,2240,0,0,3200,0,09-NOV-2022,",
        "FUTIDX,NIFTY,24-Nov-2022,0,XX,16700,16720,16200,16250,16250,300000,2479500.00,3442450,-10000,09-NOV-2022,",
    ),
    "fo27JUN2023bhav.csv": (
        LEGACY,
        "OPTSTK,SBIN,29-Jun-2023,560,CE,8,9,7,8.5,8.5,100,852.75,150000,1500,27-JUN-2023,",
    ),
    # the same contract, re-dated
    "fo28JUN2023bhav.csv": (
        LEGACY,
        "OPTSTK,SBIN,28-Jun-2023,560,CE,8,9,7,8.5,568.2,100,852.75,148500,148500,28-JUN-2023,",
    ),
    "20251111.csv": (
        UDIFF,
        "2025-11-11,2025-11-11,FO,NSE,IDO,70001,,BANKNIFTY,,2025-11-25,2025-11-25,57000.00,CE,BANKNIFTY25NOV57000CE,"
        "880,880,880,880,880,880,57100,880,340000,0,100,202580000.00,10,F1,35,,,,,",
        "2025-11-11,2025-11-11,FO,NSE,IDO,70002,,BANKNIFTY,,2025-11-25,2025-11-25,57100.00,CE,BANKNIFTY25NOV57100CE,"
        "830,830,830,830,830,830,57100,830,700000,0,100,202755000.00,10,F1,35,,,,,",
    ),
    "20251112.csv": (
        UDIFF,
        "2025-11-12,2025-11-12,FO,NSE,IDO,70001,,BANKNIFTY,,2025-11-25,2025-11-25,57000.00,CE,BANKNIFTY25NOV57000CE,"
        "900,900,900,900,900,900,57200,900,350000,10000,100,202650000.00,10,F1,35,,,,,",
        "2025-11-12,2025-11-12,FO,NSE,IDO,70002,,BANKNIFTY,,2025-11-25,2025-11-25,57100.00,CE,BANKNIFTY25NOV57100CE,"
        "850,850,850,850,850,850,57200,850,700035,35,100,202825000.00,10,F1,35,,,,,",
    ),
    "20251113.csv": (
        UDIFF,
        "2025-11-13,2025-11-13,FO,NSE,IDO,70001,,BANKNIFTY,,2025-11-25,2025-11-25,57000.00,CE,BANKNIFTY25NOV57000CE,"
        "910,910,910,910,910,910,57300,910,352000,2000,100,202685000.00,10,F1,35,,,,,",
        "2025-11-13,2025-11-13,FO,NSE,IDO,70002,,BANKNIFTY,,2025-11-25,2025-11-25,57100.00,CE,BANKNIFTY25NOV57100CE,"
        "860,860,860,860,860,860,57300,860,703535,3500,100,202860000.00,10,F1,35,,,,,",
    ),
    # a corporate action: token 91001 keeps on with another strike, and 300 units become 309
    "20251114.csv": (
        UDIFF,
        "2025-11-14,2025-11-14,FO,NSE,STO,91001,,ADANIENT,,2025-12-30,2025-12-30,2400.00,CE,ADANIENT25DEC2400CE,"
        "120,120,120,120,120,120,2390,120,30000,300,10,7560000.00,10,F1,300,,,,,",
        "2025-11-14,2025-11-14,FO,NSE,STF,91002,,ADANIENT,,2025-12-30,2025-12-30,,,ADANIENT25DECFUT,"
        "2405,2405,2405,2405,2405,2405,2390,2405,60000,300,10,7215000.00,10,F1,300,,,,,",
    ),
    "20251117.csv": (
        UDIFF,
        "2025-11-17,2025-11-17,FO,NSE,STO,91001,,ADANIENT,,2025-12-30,2025-12-30,2326.75,CE,ADANIENT25DEC2326.75CE,"
        "118,118,118,118,118,118,2320,118,31209,309,10,7554277.50,10,F1,309,,,,,",
        "2025-11-17,2025-11-17,FO,NSE,STF,91002,,ADANIENT,,2025-12-30,2025-12-30,,,ADANIENT25DECFUT,"
        "2334,2334,2334,2334,2334,2334,2320,2334,61800,0,10,7212060.00,10,F1,309,,,,,",
        # traded in the spread book alone
        "2025-11-17,2025-11-17,FO,NSE,STF,60001,,INFY,,2026-01-27,2026-01-27,,,INFY26JANFUT,"
        "0,0,0,1540,0,1540,1500,1512,1200,1200,3,1814400.00,1,F1,400,,,,,",
        "2025-11-17,2025-11-17,FO,NSE,STF,60002,,INFY,,2025-11-25,2025-11-25,,,INFY25NOVFUT,"
        "1504,1504,1504,1504,1504,1504,1500,1504,400000,0,50,30080000.00,10,F1,400,,,,,",
    ),
}  # fmt: skip
CUT = "20251112.csv"


@pytest.fixture(scope="module")
def folder(built_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files, loaded and built: one of them was cut in its last line."""
    folder = tmp_path_factory.mktemp("bhavcopies")
    for name, lines in FILES.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    (folder / CUT).write_text("\n".join(FILES[CUT])[:-110])
    with named_by_the_environment(built_database):
        tickmart("load", "nse-bhavcopy", folder, EXCERPTS)
        build()
        yield folder


def rows_of(mart: str, columns: str, underlying: str) -> list[tuple[Any, ...]]:
    return query(
        f"select symbol, session_date::text, {columns} from marts.{mart}"
        " where underlying = %s and source = 'official' order by session_date, symbol", underlying
    )  # fmt: skip


def test_a_lot_that_a_file_does_not_say_is_the_rules(folder: Path) -> None:
    assert rows_of("options_daily", "lot_size, volume", "NIFTY")[:2] == [
        ("NIFTY_240627_18500_CE", "2022-11-09", 50, 100),
        ("NIFTY_240627_19000_CE", "2022-11-09", 50, 0),
    ]
    assert rows_of("futures_daily", "lot_size, volume", "NIFTY")[0] == (
        ("NIFTY_221124_FUT", "2022-11-09", 50, 15_000_000)
    )
    assert query(
        "select lot_size, lot_size_decided_by from marts.contract_terms where symbol = 'NIFTY_221124_FUT'"
    ) == [(50, "rule")]


def test_the_lot_of_a_share_stays_unknown_where_nothing_tells_it(folder: Path) -> None:
    assert rows_of("options_daily", "close::float, lot_size, volume", "SBIN") == [
        ("SBIN_230629_560_CE", "2023-06-27", 8.5, None, None),
        ("SBIN_230628_560_CE", "2023-06-28", 8.5, None, None),
    ]


def test_a_contract_that_may_have_been_re_dated_is_not_called_new(folder: Path) -> None:
    columns = "open_interest, change_in_open_interest, open_interest_compared_with"

    assert rows_of("options_daily", columns, "SBIN")[1] == (
        ("SBIN_230628_560_CE", "2023-06-28", 148_500, None, None)
    )


def test_an_adjusted_contract_does_not_compare_with_itself_before(folder: Path) -> None:
    columns = "open_interest, change_in_open_interest"

    assert rows_of("options_daily", columns, "ADANIENT") == [
        ("ADANIENT_251230_2400_CE", "2025-11-14", 30_000, None),
        ("ADANIENT_251230_2326.75_CE", "2025-11-17", 31_209, None),
    ]
    assert rows_of("futures_daily", columns, "ADANIENT")[1] == (
        ("ADANIENT_251230_FUT", "2025-11-17", 61_800, None)
    )


def test_a_future_of_the_spread_book_alone_keeps_what_is_known_of_it(folder: Path) -> None:
    columns = "is_traded, open, high, low, close, settlement_price::float, open_interest, volume, lot_size"

    assert rows_of("futures_daily", columns, "INFY")[1] == (
        ("INFY_260127_FUT", "2025-11-17", False, None, None, None, None, 1512.0, 1200, 1200, 400)
    )
    assert query("select * from marts.quarantine") == []


def test_every_column_of_every_row_is_as_pandas_reads_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # all but those of the underlying with the cut file, which lacks a row
    files = [folder / name for name in FILES if "2025111" not in name or name > "20251114"]

    report = compare([*files, EXCERPTS])

    assert report.examples == []
    assert (report.differences, report.sessions) == (0, 7)
    assert report.compared["row"] == query(
        "select count(*) from intermediate.int_fo_bhavcopy__deduped"
        " where session_date not in ('2025-11-11', '2025-11-12', '2025-11-13')"
    )[0][0]  # fmt: skip

    altered = tmp_path / "20251117.csv"
    text = (folder / "20251117.csv").read_text().replace(",118,118,118,118,", ",118,119,118,118,")
    altered.write_text(text.replace(",31209,309,", ",31210,309,").replace("INFY25NOVFUT", "INFY25NOVFUX"))
    lines = altered.read_text().splitlines()
    altered.write_text("\n".join(lines[:-1]) + "\n")

    assert main([str(path) for path in (*files[:-1], altered, EXCERPTS)]) == 1
    printed = capsys.readouterr().out
    assert "high file 119.0, mart 118.0" in printed
    assert "open_interest file 31210.0, mart 31209.0" in printed
    assert "2025-11-17 future INFY 2025-11-25: row is in no file" in printed
    assert printed.splitlines()[-1].endswith("3 differences")


def test_nothing_to_compare_is_an_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.csv").write_text("<html>\n")

    assert main([str(tmp_path)]) == 1
    assert "no F&O bhavcopy in" in capsys.readouterr().err


def test_a_change_since_a_cut_session_is_not_known_until_the_session_is_whole(folder: Path) -> None:
    columns = "change_in_open_interest, open_interest_compared_with::text"
    coverage = (
        "select session_date::text, contracts, coverage from marts.data_coverage"
        " where underlying = 'BANKNIFTY' and instrument_type = 'option'"
        " and session_date >= '2025-11-11' order by 1"
    )
    after = [row for row in rows_of("options_daily", columns, "BANKNIFTY") if row[1] == "2025-11-13"]
    assert after == [
        ("BANKNIFTY_251125_57000_CE", "2025-11-13", 2000, "2025-11-12"),
        ("BANKNIFTY_251125_57100_CE", "2025-11-13", None, None),
    ]
    assert query(coverage) == [
        ("2025-11-11", 2, "complete"),
        ("2025-11-12", 1, "gaps"),
        ("2025-11-13", 2, "complete"),
    ]

    (folder / CUT).write_text("\n".join(FILES[CUT]) + "\n")
    tickmart("load", "nse-bhavcopy", folder / CUT)
    build()

    after = [row for row in rows_of("options_daily", columns, "BANKNIFTY") if row[1] == "2025-11-13"]
    assert after == [
        ("BANKNIFTY_251125_57000_CE", "2025-11-13", 2000, "2025-11-12"),
        ("BANKNIFTY_251125_57100_CE", "2025-11-13", 3500, "2025-11-12"),
    ]
    assert query(coverage)[1] == ("2025-11-12", 2, "complete")
