"""A wrong file, a calendar that ends, a name that is missing: mending the cause mends what it kept out."""

import json
import shutil
from pathlib import Path

import pytest
from built_warehouse import TABLES, build, copied_project, dbt, tickmart

from warehouse.database import connect
from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

BHAVCOPY = PROJECT_FOLDER / "sampledata/bhavcopy_excerpt/BhavCopy_NSE_FO_0_0_0_20250801_F_0000.csv"
STRIKE = 11
HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest\n"


LEGACY_HEADER = (
    "INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,CONTRACTS,VAL_INLAKH,"
    "OPEN_INT,CHG_IN_OI,TIMESTAMP,"
)


def _future(day: str, expiry: str, close: int) -> str:
    value = close * 200 * 10 / 100_000
    prices = f"{close},{close + 5},{close - 5},{close},{close}"
    return f"FUTIDX,NIFTY,{expiry},0,XX,{prices},10,{value},20000,100,{day},"


def _bhavcopy_of(day: str, folder: Path) -> Path:
    """A real bhavcopy's monthly contracts as if they were of January 2027."""
    header, *lines = BHAVCOPY.read_text().splitlines()
    monthly = [line for line in lines if ",2025-08-28,2025-08-28," in line]
    redated = [
        line.replace("2025-08-01", day).replace("2025-08-28", "2027-01-25").replace("25AUG", "27JAN")
        for line in monthly
    ]
    file = folder / f"BhavCopy_NSE_FO_0_0_0_{day.replace('-', '')}_F_0000.csv"
    file.write_text("\n".join([header, *redated]) + "\n")
    return file


def _rows(query: str) -> list[tuple[object, ...]]:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _build(project: Path) -> None:
    tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    dbt("build", "--select", f"{TABLES} resource_type:seed", *tests, "--project-dir", project)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project whose seeds a test may change."""
    return copied_project(tmp_path)


def test_a_wrong_strike_goes_when_its_file_is_restated(fresh_built_database: str, tmp_path: Path) -> None:
    file = tmp_path / BHAVCOPY.name
    lines = BHAVCOPY.read_text().splitlines()
    options = [number for number, line in enumerate(lines) if ",IDO," in line][:2]
    for number, strike in zip(options, ("", "1.00"), strict=True):
        cells = lines[number].split(",")
        cells[STRIKE] = strike
        lines[number] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")
    tickmart("load", "nse-bhavcopy", file)
    build("--no-greeks")
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (options[0] + 1, "option without a strike"),
        (options[1] + 1, "symbol differs from the terms in the row"),
    ]
    assert _rows("select count(*) from marts.options_metadata where strike = 1") == [(0,)]

    shutil.copyfile(BHAVCOPY, file)
    tickmart("load", "nse-bhavcopy", file)
    build("--no-greeks")

    assert _rows("select * from marts.quarantine") == []
    for number in options:
        right = BHAVCOPY.read_text().splitlines()[number].split(",")
        assert _rows(
            f"select strike::text from marts.options_metadata where exchange_symbol = '{right[13]}'"
        ) == [(right[STRIKE].removesuffix(".00"),)]


def test_a_row_that_contradicts_its_symbol_is_quarantined(fresh_built_database: str, tmp_path: Path) -> None:
    lines = BHAVCOPY.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if ",IDO," in line)
    cells = lines[number].split(",")
    cells[STRIKE] = "1.00"
    wrong = tmp_path / "later.csv"
    wrong.write_text(lines[0] + "\n" + ",".join(cells) + "\n")
    tickmart("load", "nse-bhavcopy", BHAVCOPY)
    build("--no-greeks")

    tickmart("load", "nse-bhavcopy", wrong)
    build("--no-greeks")

    assert _rows("select line, reason from marts.quarantine") == [
        (2, "symbol differs from the terms in the row")
    ]
    assert _rows("select count(*) from marts.options_metadata where strike = 1") == [(0,)]


def test_an_expiry_that_nobody_knew_is_let_in_when_its_redating_is_known(
    fresh_built_database: str, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text(HEADER + "NIFTY12MAR2522500CE.NFO,11/03/2025,09:15:59,1,1,1,1,75,75\n")
    tickmart("load", "nse-minute", file)
    _build(project)
    assert _rows("select line, reason from marts.quarantine") == [
        (2, "no such expiry was ever listed: 2025-03-12")
    ]

    with (project / "seeds/nse_redated_expiries.csv").open("a") as seed:
        seed.write("NSE,NIFTY,2025-03-13,2025-03-12,2025-03-11,made up for this test\n")
    _build(project)

    assert _rows("select * from marts.quarantine") == []
    assert _rows("select symbol, valid_from::text, expiry::text, decided_by from marts.contract_terms") == [
        ("NIFTY_250312_22500_CE", "2025-03-11", "2025-03-12", "symbol")
    ]


def test_a_session_and_a_name_that_come_to_be_known_let_rows_in(
    fresh_built_database: str, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text(
        HEADER
        + "FOO INDEX.NSE_IDX,12/03/2025,09:15:59,1,1,1,1,0,0\n"
        + "NIFTY 50.NSE_IDX,16/03/2025,09:15:59,2,2,2,2,0,0\n"  # a Sunday
        + "NIFTY 50.NSE_IDX,31/12/9999,09:15:59,3,3,3,3,0,0\n"
        + "NIFTY 50.NSE_IDX,12/03/2025,09:15:59,4,4,4,4,0,0\n"
    )
    tickmart("load", "nse-minute", str(file))
    _build(project)
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (2, "unknown symbol grammar"),
        (3, "no session on this date"),
        (4, "impossible date or time"),
    ]

    with (project / "seeds/underlying_names.csv").open("a") as names:
        names.write("FOO INDEX,FOO,NSE,index,made for this test\n")
    with (project / "seeds/nse_special_sessions.csv").open("a") as sessions:
        sessions.write("NSE,index,2025-03-16,09:15,15:30,sunday,made for this test\n")
    _build(project)

    assert _rows("select line, reason from marts.quarantine order by line") == [
        (4, "impossible date or time")
    ]
    assert _rows("select symbol, close::int from marts.spot_prices order by close") == [
        ("FOO", 1),
        ("NIFTY", 2),
        ("NIFTY", 4),
    ]


def test_files_of_a_year_that_is_not_published_build_and_are_evaluated_again_when_it_is(
    fresh_built_database: str, project: Path, tmp_path: Path
) -> None:
    friday, saturday, republic_day = "2027-01-01", "2027-01-02", "2027-01-26"
    minutes = tmp_path / "minutes.csv"
    minutes.write_text(
        HEADER
        + "NIFTY 50.NSE_IDX,01/01/2027,09:15:59,1,1,1,1,0,0\n"
        + "NIFTY 50.NSE_IDX,02/01/2027,10:15:59,2,2,2,2,0,0\n"
        + "NIFTY 50.NSE_IDX,26/01/2027,09:15:59,3,3,3,3,0,0\n"
        + "NIFTY 50.NSE_IDX,27/01/2027,18:15:59,4,4,4,4,0,0\n"  # an evening that nobody has announced
        + "NIFTY 50.NSE_IDX,05/01/2037,09:15:59,5,5,5,5,0,0\n"  # further than contracts are listed
    )
    tickmart("load", "nse-minute", str(minutes))
    tickmart("load", "nse-bhavcopy", str(_bhavcopy_of(friday, tmp_path)))

    said = tickmart("build", "--no-greeks", TICKMART_TODAY="2027-01-04")

    assert (
        "warning: the calendar of NSE sessions has ended, on 2026-12-31: after that every weekday counts as a"
        " session, provisionally. Append the exchange's holidays of 2027 to seeds/nse_holidays.csv, then run:"
        " tickmart build"
    ) in said.stderr.splitlines()
    assert (
        "warning: the calendar of NSE is provisional for 3 sessions on file (2027-01-01 to 2027-01-27): no"
        " list of its holidays is published for them in seeds/nse_holidays.csv"
    ) in said.stderr.splitlines()
    assert _rows("select count(*) from marts.options_daily where session_date = '2027-01-01'") == [(35,)]
    assert _rows("select close::int from marts.spot_prices order by close") == [(1,), (3,)]
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (3, "no session on this date"),
        (5, "outside the session"),
        (6, "no session on this date"),
    ]
    coverage = json.loads(tickmart("coverage", "--json", "--underlying", "BANKNIFTY").stdout)
    assert {line["provisional"] for line in coverage["summary"]} == {1}
    assert coverage["provisional"][0].startswith("the calendar of NSE is provisional for 3 sessions on file")

    # the exchange's own file of a Saturday shows that it traded: another source's earlier file is due again
    tickmart("load", "nse-bhavcopy", str(_bhavcopy_of(saturday, tmp_path)))
    tickmart("build", "--no-tests", "--no-greeks", TICKMART_TODAY="2027-01-04")

    assert _rows("select close::int from marts.spot_prices order by close") == [(1,), (2,), (3,)]
    assert (
        _rows("select kind, opens_at from marts.sessions where session_date = '2027-01-02'")
        == [("unscheduled", None)] * 3
    )

    # the list of the year has a holiday, and does not mention that Saturday
    with (project / "seeds/nse_holidays.csv").open("a") as holidays:
        holidays.write(f"{republic_day},Republic Day,made for this test\n")
    _build(project)

    assert _rows("select close::int from marts.spot_prices order by close") == [(1,)]
    assert _rows("select line, reason from marts.quarantine where uri like '%minutes.csv' order by line") == [
        (3, "no session on this date"),
        (4, "no session on this date"),
        (5, "outside the session"),
        (6, "no session on this date"),
    ]
    assert _rows(
        "select bool_or(is_provisional) from marts.sessions"
        " where session_date between '2017-01-01' and '2027-12-31'"
    ) == [(False,)]


def test_files_of_the_years_before_the_calendar_build(fresh_built_database: str, tmp_path: Path) -> None:
    bhavcopies = {
        # a Monday, the hour of Diwali on the Saturday before, and a Wednesday that was a holiday
        "fo24OCT2005bhav.csv": [_future("24-OCT-2005", "27-Oct-2005", 2394)],
        "fo29OCT2005bhav.csv": [_future("29-OCT-2005", "24-Nov-2005", 2316)],
        "fo11JUN2001bhav.csv": [_future("11-JUN-2001", "28-Jun-2001", 1100)],
    }
    for name, lines in bhavcopies.items():
        (tmp_path / name).write_text("\n".join([LEGACY_HEADER, *lines]) + "\n")
    minutes = tmp_path / "minutes.csv"
    minutes.write_text(
        HEADER
        + "NIFTY 50.NSE_IDX,24/10/2005,09:55:59,1,1,1,1,0,0\n"  # the first minute of these years
        + "NIFTY 50.NSE_IDX,24/10/2005,09:54:59,2,2,2,2,0,0\n"
        + "NIFTY 50.NSE_IDX,05/01/2010,09:00:59,3,3,3,3,0,0\n"
        + "NIFTY 50.NSE_IDX,12/10/2005,10:00:59,4,4,4,4,0,0\n"
        + "NIFTY 50.NSE_IDX,05/01/1999,10:00:59,5,5,5,5,0,0\n"
    )
    tickmart("load", "nse-bhavcopy", *(str(tmp_path / name) for name in bhavcopies))
    tickmart("load", "nse-minute", str(minutes))

    said = tickmart("build", "--no-tests", "--no-greeks")

    assert (
        "warning: the calendar of NSE is provisional for 4 sessions on file (2001-06-11 to 2010-01-05): no"
        " list of its holidays is published for them in seeds/nse_holidays.csv"
    ) in said.stderr.splitlines()
    assert _rows("select session_date::text, close::int from marts.futures_daily order by session_date") == [
        ("2001-06-11", 1100),
        ("2005-10-24", 2394),
        ("2005-10-29", 2316),
    ]
    assert _rows("select close::int from marts.spot_prices order by close") == [(1,), (3,)]
    assert _rows("select line, reason from marts.quarantine order by line") == [
        (3, "outside the session"),
        (5, "no session on this date"),
        (6, "no session on this date"),
    ]
