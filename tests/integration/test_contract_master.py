"""What the exchange changes while a contract lives, through whole builds: expiry, lot, open interest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from built_warehouse import build, named_by_the_environment, query, tickmart
from sqlalchemy import URL

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

FIXTURES = PROJECT_FOLDER / "tests/fixtures"
EXCERPTS = PROJECT_FOLDER / "sampledata/bhavcopy_excerpt"
UDIFF = (FIXTURES / "nse-bhavcopy/udiff_20240425.csv").read_text()
LEGACY_HEADER = (FIXTURES / "nse-bhavcopy/legacy_20230125.csv").read_text().splitlines()[0]


@pytest.fixture
def folder(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    with named_by_the_environment(fresh_built_database):
        yield tmp_path


def test_contracts_that_the_exchange_re_dates_stay_themselves(folder: Path) -> None:
    for path in sorted(EXCERPTS.glob("*.csv")):
        landed("nse-bhavcopy", path)
    build()

    # Matched by the symbol, which the exchange kept; each day's file says the expiry of that day.
    re_dated = """
        select before.contract_id, before.expiry as old_expiry, after.expiry as new_expiry
        from intermediate.int_symbols__identified as before
        inner join intermediate.int_symbols__identified as after
            on before.vendor_symbol = after.vendor_symbol and before.expiry <> after.expiry
        where before.first_session = '2025-07-31' and after.first_session = '2025-08-01'
    """
    [(contracts, ids)] = query(f"select count(*), count(distinct contract_id) from ({re_dated}) as r")
    assert contracts == ids > 10
    assert query(
        f"""
        select count(*)
        from ({re_dated}) as r
        inner join marts.contract_terms as first on r.contract_id = first.contract_id
            and (first.valid_from, first.valid_to, first.expiry) = ('2025-07-31', '2025-07-31', r.old_expiry)
        inner join marts.contract_terms as second on r.contract_id = second.contract_id
            and second.valid_from = '2025-08-01' and second.valid_to is null and second.expiry = r.new_expiry
        where first.decided_by = 'bhavcopy' and second.decided_by = 'bhavcopy'
        """
    ) == [(contracts,)]
    # The file calls the whole interest new; it is what was there the day before, and some more.
    [(whole, computed, expected)] = query(
        f"""
        select
            sum(today.open_interest),
            sum(today.change_in_open_interest),
            sum(today.open_interest - yesterday.open_interest)
        from ({re_dated}) as r
        inner join (
            select contract_id, session_date, open_interest, change_in_open_interest from marts.options_daily
            union all
            select contract_id, session_date, open_interest, change_in_open_interest from marts.futures_daily
        ) as today on r.contract_id = today.contract_id and today.session_date = '2025-08-01'
        inner join intermediate.int_fo_bhavcopy__deduped as yesterday
            on r.contract_id = yesterday.contract_id and yesterday.session_date = '2025-07-31'
        """
    )
    assert computed == expected
    assert abs(computed) < whole / 5


def test_the_lot_of_live_contracts_changes_on_its_day(folder: Path) -> None:
    first, second = folder / "25.csv", folder / "26.csv"
    first.write_text(UDIFF)
    second.write_text(
        UDIFF.replace("2024-04-25,2024-04-25,FO", "2024-04-26,2024-04-26,FO").replace(",F1,50,", ",F1,25,")
    )
    landed("nse-bhavcopy", first)
    landed("nse-bhavcopy", second)
    build()

    terms = """
        select valid_from::text, valid_to::text, lot_size, lot_size_decided_by from marts.contract_terms
        where symbol = 'NIFTY_240509_21200_CE' order by 1
    """
    assert query(terms) == [
        ("2024-04-25", "2024-04-25", 50, "bhavcopy"),
        ("2024-04-26", None, 25, "bhavcopy"),
    ]
    # 11 lots on both days
    assert query(
        "select session_date::text, lot_size, volume from marts.options_daily"
        " where symbol = 'NIFTY_240509_21200_CE' order by 1"
    ) == [("2024-04-25", 50, 550), ("2024-04-26", 25, 275)]


def test_a_row_that_names_no_underlying_stops_no_build(folder: Path) -> None:
    header, row, *_ = UDIFF.splitlines()
    nameless = folder / "nameless.csv"
    nameless.write_text(
        f"{header}\n{row}\n{row.replace(',NIFTY,,', ',,,').replace('NIFTY2450921200CE', 'X21200CE')}\n"
    )
    listed = folder / "listed.csv"
    listed.write_text(
        "symbol,token,strike,expiry,option_type,lot_size\n"
        "360ONE25OCT1000CE,1,1000.0,2025-10-28,CE,500\n"
        "OCT1000CE,2,1000.0,2025-10-28,CE,500\n"
    )
    load = landed("nse-bhavcopy", nameless)
    tickmart("load", "kite-instruments", listed, "--as-of", "2025-10-08")
    build()

    assert query("select symbol, line, reason from marts.quarantine order by source, line") == [
        ("OCT1000CE", 3, "underlying is missing"),
        ("X21200CE", 3, "underlying is missing"),
    ]
    assert query(
        "select symbol, valid_from::text, lot_size, decided_by from marts.contract_terms"
        " where underlying = '360ONE'"
    ) == [("360ONE_251028_1000_CE", "2025-10-08", 500, "instrument dump")]

    tickmart("unload", str(load))
    build()

    assert query("select count(*) from marts.options_daily") == [(0,)]


def test_what_a_wrong_file_said_of_an_expiry_goes_with_that_file(folder: Path) -> None:
    header, row, *_ = UDIFF.splitlines()
    # with a symbol that names only the month, so that it agrees with both
    row = row.replace("NIFTY2450921200CE", "NIFTY24MAY21200CE").replace("2024-05-09", "2024-05-30")
    wrong, right = folder / "wrong.csv", folder / "right.csv"
    # from a later day, so that its word is the newer one
    wrong.write_text(
        f"{header}\n{row.replace('2024-05-30', '2024-05-31').replace('2024-04-25', '2024-04-26')}\n"
    )
    right.write_text(f"{header}\n{row}\n")
    load = landed("nse-bhavcopy", wrong)
    build()
    assert query("select expiry::text from marts.options_metadata") == [("2024-05-31",)]

    tickmart("unload", str(load))
    landed("nse-bhavcopy", right)
    build()

    assert query(
        "select symbol, expiry::text, to_char(expires_at, 'YYYY-MM-DD') from marts.options_metadata"
    ) == [("NIFTY_240530_21200_CE", "2024-05-30", "2024-05-30")]
    assert query("select distinct symbol, expiry::text from marts.contract_terms") == [
        ("NIFTY_240530_21200_CE", "2024-05-30")
    ]


def test_a_lot_that_nothing_tells_leaves_the_rest_of_the_row(folder: Path) -> None:
    # traded far from its close, with open interest of many lots: no lot of a share follows
    rows = [
        f"OPTSTK,ZETA,27-Jul-2023,100,CE,10,10,10,10,10,1,{value},{interest},{change},{day}-JUL-2023,"
        for day, value, interest, change in (("03", 0.28, 25_000, 0), ("04", 0.275, 25_250, 250))
    ]
    (folder / "legacy.csv").write_text("\n".join([LEGACY_HEADER, *rows]) + "\n")
    landed("nse-bhavcopy", folder / "legacy.csv")
    build()

    assert query("select count(*) from marts.quarantine") == [(0,)]
    assert query(
        "select session_date::text, close, lot_size, volume, open_interest, change_in_open_interest"
        " from marts.options_daily order by 1"
    ) == [("2023-07-03", 10, None, None, 25_000, None), ("2023-07-04", 10, None, None, 25_250, 250)]


def landed(source: str, path: Path) -> int:
    tickmart("load", source, path)
    [(load_id,)] = query("select max(load_id) from audit.loads")
    return int(load_id)
