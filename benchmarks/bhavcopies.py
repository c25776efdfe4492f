"""Every column of every row of F&O bhavcopies beside the marts: `python -m benchmarks.bhavcopies FOLDER…`.

Files are parsed here with pandas, by the exchange's own columns and without any code of tickmart; only the
database is the one that the settings name. Name all the bhavcopies that it has of an underlying: a change
in open interest is one from the session on file before.
"""

import argparse
import io
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from warehouse.database import connect
from warehouse.errors import TickmartError

_SERIES = ["instrument_type", "underlying", "expiry"]
KEY = [*_SERIES, "strike", "option_type"]
_SHOWN = 10  # differences that are printed in full
_NO_STRIKE = -1.0  # of a future: NaN would not join
_LAKH = 100_000
_ROUNDING = 1_000  # rupees: the older layout has turnover in lakh with two decimals

_MARTS = """
    select
        'option' as instrument_type, underlying, expiry::text, strike::float8, option_type,
        is_traded, open::float8, high::float8, low::float8, close::float8, last_price::float8,
        settlement_price::float8, null::float8 as underlying_price, lot_size::float8, volume::float8,
        open_interest::float8, change_in_open_interest::float8, open_interest_compared_with::text,
        trades::float8, turnover::float8
    from marts.options_daily where source = 'official' and session_date = %(session)s
    union all
    select
        'future', underlying, expiry::text, %(no_strike)s, '',
        is_traded, open::float8, high::float8, low::float8, close::float8, last_price::float8,
        settlement_price::float8, underlying_price::float8, lot_size::float8, volume::float8,
        open_interest::float8, change_in_open_interest::float8, open_interest_compared_with::text,
        trades::float8, turnover::float8
    from marts.futures_daily where source = 'official' and session_date = %(session)s
"""


@dataclass
class Report:
    """What was compared and what differs.

    Attributes
    ----------
    sessions, rows : int
        Sessions and rows of files that were compared.
    compared : dict
        Values compared, by column.
    differing : dict
        Differences, by column.
    unknown_changes : int
        Changes that are NULL in the marts although the contract has a row on both sessions.
    examples : list of str
        The first differences in words.
    """

    sessions: int = 0
    rows: int = 0
    compared: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    differing: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unknown_changes: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def differences(self) -> int:
        """How many differences there are."""
        return sum(self.differing.values())

    def add(self, column: str, session: str, rows: pd.DataFrame, differs: pd.Series, what: pd.Series) -> None:
        """Count a column's values of a session, and say the first of those that differ."""
        self.compared[column] += len(rows)
        self.differing[column] += int(differs.sum())
        for at in rows.index[differs][: max(0, _SHOWN - len(self.examples))]:
            contract = " ".join(str(value) for value in rows.loc[at, KEY] if value not in ("", _NO_STRIKE))
            self.examples.append(f"{session} {contract}: {column} {what[at]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the files that are named with the marts, print the report and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bhavcopies", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER", help="files (CSV or zip) or folders")
    paths = parser.parse_args(arguments).paths
    try:
        report = compare(paths)
    except TickmartError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for example in report.examples:
        sys.stdout.write(f"{example}\n")
    for column, count in report.compared.items():
        sys.stdout.write(f"{column:26} {count:>10,} compared {report.differing[column]:>8,} different\n")
    sys.stdout.write(
        f"{report.sessions:,} sessions, {report.rows:,} rows, {len(report.compared)} columns,"
        f" {sum(report.compared.values()):,} values compared;"
        f" {report.unknown_changes:,} changes not known, for the exchange says another interest before;"
        f" {report.differences:,} differences\n"
    )
    return 1 if report.differences else 0


def compare(paths: Sequence[Path]) -> Report:
    """Compare bhavcopies with the marts, session by session.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders. Other files of a folder are passed over.

    Returns
    -------
    Report

    Raises
    ------
    TickmartError
        No file is a bhavcopy, or the database cannot be reached.
    """
    files_of: dict[str, list[Path]] = defaultdict(list)
    for file in _files(paths):
        rows = read(file)
        for session in [] if rows is None else rows["session"].unique():
            files_of[session].append(file)
    if not files_of:
        raise TickmartError(
            f"no F&O bhavcopy in {', '.join(map(str, paths))}: name a folder with CSV or zip files"
        )
    report, before = Report(), pd.DataFrame()
    with connect() as connection, connection.cursor() as cursor:
        for session in sorted(files_of):
            expected = _session(session, files_of[session])
            cursor.execute(_MARTS, {"session": session, "no_strike": _NO_STRIKE})
            assert cursor.description is not None
            stored = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])
            _compare_session(report, session, expected, stored, before)
            before = _latest(before, expected)
    return report


def read(file: Path) -> pd.DataFrame | None:
    """Read a bhavcopy of either layout, one row per row of the file; None if it is none.

    Prices and quantities are float64 and NaN where the file has none; quantities are in units but for `lots`.
    """
    frames = [frame for text in _texts(file) if (frame := _typed(text)) is not None]
    return pd.concat(frames, ignore_index=True).assign(is_revised="_revised" in file.name) if frames else None


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.suffix.lower() in (".csv", ".zip") and file.is_file())


def _texts(file: Path) -> Iterator[bytes]:
    if file.suffix.lower() != ".zip":
        yield file.read_bytes()
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.lower().endswith(".csv"):
                yield archive.read(name)


def _typed(text: bytes) -> pd.DataFrame | None:
    try:
        raw = pd.read_csv(io.BytesIO(text), dtype=str, index_col=False, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError):
        return None
    if {"FinInstrmTp", "NewBrdLotQty"} <= set(raw.columns):
        return _of_udiff(raw)
    if {"INSTRUMENT", "CONTRACTS"} <= set(raw.columns):
        return _of_legacy(raw)
    return None


def _of_udiff(raw: pd.DataFrame) -> pd.DataFrame:
    def number(name: str) -> pd.Series:
        return pd.to_numeric(raw[name], errors="coerce")

    is_future = raw["FinInstrmTp"].isin(["IDF", "STF"])
    lots = number("TtlTradgVol")
    return _without_prices_of_untraded(
        pd.DataFrame(
            {
                "layout": "udiff",
                "session": raw["TradDt"],
                "symbol": raw["FinInstrmNm"],
                "instrument_type": is_future.map({True: "future", False: "option"}),
                "underlying": raw["TckrSymb"],
                "expiry": raw["XpryDt"],
                "strike": number("StrkPric").fillna(_NO_STRIKE),
                "option_type": raw["OptnTp"],
                "open": number("OpnPric"),
                "high": number("HghPric"),
                "low": number("LwPric"),
                "close": number("ClsPric"),
                "last_price": number("LastPric").replace(0, float("nan")),
                "settlement_price": number("SttlmPric"),
                "underlying_price": number("UndrlygPric").replace(0, float("nan")),
                "lot_size": number("NewBrdLotQty"),
                "lots": lots,
                "volume": lots * number("NewBrdLotQty"),
                "open_interest": number("OpnIntrst"),
                "stated_change": number("ChngInOpnIntrst"),
                "trades": number("TtlNbOfTxsExctd"),
                "turnover": number("TtlTrfVal"),
            }
        )
    )


def _of_legacy(raw: pd.DataFrame) -> pd.DataFrame:
    def number(name: str) -> pd.Series:
        return pd.to_numeric(raw[name], errors="coerce")

    def date(name: str) -> pd.Series:
        dates = pd.to_datetime(raw[name], format="%d-%b-%Y", errors="coerce")
        return dates.dt.strftime("%Y-%m-%d").fillna("")

    is_future = raw["INSTRUMENT"].str.startswith("FUT")
    # only on the day of expiry does the layout name the underlying's value
    expires = date("EXPIRY_DT") == date("TIMESTAMP")
    return _without_prices_of_untraded(
        pd.DataFrame(
            {
                "layout": "legacy",
                "session": date("TIMESTAMP"),
                "symbol": "",
                "instrument_type": is_future.map({True: "future", False: "option"}),
                "underlying": raw["SYMBOL"],
                "expiry": date("EXPIRY_DT"),
                "strike": number("STRIKE_PR").mask(is_future, _NO_STRIKE),
                "option_type": raw["OPTION_TYP"].mask(is_future, ""),
                "open": number("OPEN"),
                "high": number("HIGH"),
                "low": number("LOW"),
                "close": number("CLOSE"),
                "last_price": float("nan"),
                "settlement_price": number("SETTLE_PR"),
                "underlying_price": number("SETTLE_PR").where(expires).replace(0, float("nan")),
                "lot_size": float("nan"),
                "lots": number("CONTRACTS"),
                "volume": float("nan"),
                "open_interest": number("OPEN_INT"),
                "stated_change": number("CHG_IN_OI"),
                "trades": float("nan"),
                "turnover": (number("VAL_INLAKH") * _LAKH).round(2),
            }
        )
    )


def _without_prices_of_untraded(rows: pd.DataFrame) -> pd.DataFrame:
    # a future traded only in the spread book has lots and no price of its own
    has_no_price = (rows[["open", "high", "low"]] == 0).all(axis="columns")
    spread_only = (rows["instrument_type"] == "future") & has_no_price
    rows["is_traded"] = (rows["lots"] > 0) & ~spread_only
    prices = ["open", "high", "low", "close"]
    rows[prices] = rows[prices].where(rows["is_traded"])
    return rows


def _session(session: str, files: Sequence[Path]) -> pd.DataFrame:
    # for one contract in several files: prefer the layout with the lot, then a revised file
    rows = pd.concat([frame for file in files if (frame := read(file)) is not None], ignore_index=True)
    rows = rows[rows["session"] == session]
    ranked = rows.sort_values(["layout", "is_revised"], ascending=False, kind="stable")
    return ranked.drop_duplicates(KEY).reset_index(drop=True)


def _latest(before: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    if before.empty:
        return rows
    seen = set(zip(rows["underlying"], rows["instrument_type"], strict=True))
    kept = [pair not in seen for pair in zip(before["underlying"], before["instrument_type"], strict=True)]
    return pd.concat([before[kept], rows], ignore_index=True)


def _compare_session(
    report: Report, session: str, expected: pd.DataFrame, stored: pd.DataFrame, before: pd.DataFrame
) -> None:
    report.sessions += 1
    report.rows += len(expected)
    both = expected.merge(stored, on=KEY, how="outer", suffixes=("", "_stored"), indicator="side")
    where = {"left_only": "is not in the marts", "right_only": "is in no file"}
    sides = both["side"].map(where).astype(object)
    report.add("row", session, both, both["side"] != "both", sides)
    both = both[both["side"] == "both"].reset_index(drop=True)
    for column in (
        "is_traded", "open", "high", "low", "close", "last_price", "settlement_price", "open_interest",
        "trades", "turnover",
    ):  # fmt: skip
        _compare_column(report, session, column, both)
    # an option's underlying price in the marts is what its Greeks use
    _compare_column(report, session, "underlying_price", both[both["instrument_type"] == "future"])
    says_lot = both["layout"] == "udiff"
    _compare_column(report, session, "lot_size", both[says_lot])
    _compare_column(report, session, "volume", both[says_lot])
    _compare_lots_of_legacy(report, session, both[~says_lot])
    _compare_changes(report, session, both, before)


def _compare_column(report: Report, session: str, column: str, both: pd.DataFrame) -> None:
    file, mart = both[column], both[f"{column}_stored"]
    differs = (file != mart) & ~(file.isna() & mart.isna())
    report.add(column, session, both, differs, _said(file, mart))


def _compare_lots_of_legacy(report: Report, session: str, both: pd.DataFrame) -> None:
    # The file does not say the lot: it must be a lot that the traded value allows, and that gives the volume.
    units, strike = both["lot_size_stored"] * both["lots"], both["strike"].clip(lower=0)
    outside = both["is_traded"] & (
        (both["turnover"] + _ROUNDING < units * (strike + both["low"]))
        | (both["turnover"] - _ROUNDING > units * (strike + both["high"]))
    )
    known = both["lot_size_stored"].notna()
    report.add("lot_size (by turnover)", session, both[known], outside[known], _said(outside, units)[known])
    volume = units.mask(both["lots"] == 0, 0)
    differs = (volume != both["volume_stored"]) & ~(volume.isna() & both["volume_stored"].isna())
    report.add("volume (by lot)", session, both, differs, _said(volume, both["volume_stored"]))


def _compare_changes(report: Report, session: str, both: pd.DataFrame, before: pd.DataFrame) -> None:
    if before.empty:
        before = both.head(0)
    mart, stated_before = both["change_in_open_interest"], both["open_interest"] - both["stated_change"]
    # the symbol is the contract, whatever its expiry; files of the older layout have none
    was = _found(both, before[before["symbol"] != ""], ["symbol"])
    was = was.where(was["session"].notna(), _found(both, before, KEY))
    known, change = was["session"].notna(), both["open_interest"] - was["open_interest"]
    unknown = known & mart.isna() & (stated_before != 0) & (stated_before != was["open_interest"])
    report.unknown_changes += int(unknown.sum())
    differs = known & ~unknown & ((change != mart) | (was["session"] != both["open_interest_compared_with"]))
    report.add("change_in_open_interest", session, both[known], differs[known], _said(change, mart)[known])
    # Without an earlier row on file, the change is unknown, or the whole interest where the exchange calls it
    # new, or the change since the contract of another expiry of the month that is gone before its time: the
    # exchange re-dates contracts.
    is_gone = ~pd.MultiIndex.from_frame(before[_SERIES]).isin(pd.MultiIndex.from_frame(both[_SERIES]))
    gone = before[is_gone & (before["expiry"] >= session)]
    was = _found(both.assign(expiry=both["expiry"].str[:7]), gone.assign(expiry=gone["expiry"].str[:7]), KEY)
    is_new = (mart == both["open_interest"]) & (stated_before == 0)
    is_redated = mart == both["open_interest"] - was["open_interest"]
    invented, new = mart.notna() & ~is_new & ~is_redated, ~known
    said = _said(stated_before, mart)
    report.add("change of a new contract", session, both[new], invented[new], said[new])


def _found(rows: pd.DataFrame, earlier: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    # the open interest and session of the one earlier row with the same names, for each row
    of = earlier[[*names, "open_interest", "session"]].drop_duplicates(names, keep=False)
    return rows[names].merge(of, on=names, how="left").set_index(rows.index)[["open_interest", "session"]]


def _said(file: pd.Series, mart: pd.Series) -> pd.Series:
    return "file " + file.astype(str) + ", mart " + mart.astype(str)


if __name__ == "__main__":
    sys.exit(main())
