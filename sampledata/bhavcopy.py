"""The exchange's end-of-day file (F&O bhavcopy, UDiFF layout) of an invented session, made from its bars."""

import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from sampledata.contracts import UNDERLYINGS, Expiry
from sampledata.market import Chain, IndexDay, closing_prices

HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,FininstrmActlXpryDt,StrkPric,OptnTp,"
    "FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,"
    "ChngInOpnIntrst,TtlTradgVol,TtlTrfVal,TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)


def file_name(session: date) -> str:
    """Return the exchange's file name, without `.zip`."""
    return f"BhavCopy_NSE_FO_0_0_0_{session:%Y%m%d}_F_0000.csv"


def contract_rows(day: IndexDay, chain: Chain) -> Iterator[str]:
    """Yield one line per contract, untraded ones too, in the order of the chain.

    An untraded contract has no open, high and low; its close is the one of the session before and its
    settlement price a theoretical one. On the expiry day the settlement price is the index's closing value.
    """
    lots = chain.lots.sum(axis=1)
    trades = chain.trades.sum(axis=1)
    traded = chain.traded.any(axis=1)
    never = np.iinfo(np.int64).max
    first = np.argmax(chain.traded, axis=1)
    last = chain.traded.shape[1] - 1 - np.argmax(chain.traded[:, ::-1], axis=1)
    every = np.arange(len(chain.names))
    opens = np.where(traded, chain.paise["open"][every, first], 0)
    highs = np.where(traded, np.where(chain.traded, chain.paise["high"], 0).max(axis=1), 0)
    lows = np.where(traded, np.where(chain.traded, chain.paise["low"], never).min(axis=1), 0)
    closes = closing_prices(chain)
    lasts = np.where(traded, chain.paise["close"][every, last], chain.previous_close)
    settlements = np.where(traded, closes, chain.theoretical)
    if chain.expiry.day == day.session:
        settlements = np.full(len(every), day.settlement)
    # Turnover counts an option with its strike; a bar's mean price stands for those of its trades.
    four_means = sum(chain.paise[price] for price in ("open", "high", "low", "close"))
    four_values = ((four_means + 400 * chain.strikes[:, None]) * chain.lots).sum(axis=1) * chain.lot

    for i in range(len(every)):
        paise = (opens[i], highs[i], lows[i], closes[i], lasts[i], chain.previous_close[i])
        fields = [
            *(day.session.isoformat(),) * 2,
            "FO",
            "NSE",
            "IDO" if chain.is_option else "IDF",
            str(token(day.underlying.name, chain.expiry, int(chain.strikes[i]), bool(chain.is_call[i]))),
            "",
            day.underlying.name,
            "",
            *(chain.expiry.day.isoformat(),) * 2,
            f"{chain.strikes[i]}.00" if chain.is_option else "",
            ("CE" if chain.is_call[i] else "PE") if chain.is_option else "",
            chain.names[i],
            *(_rupees(int(price)) for price in paise),
            _rupees(day.settlement),
            _rupees(int(settlements[i])),
            str(chain.open_interest[i, -1]),
            str(chain.open_interest[i, -1] - chain.previous_open_interest[i]),
            str(lots[i]),
            _rupees((int(four_values[i]) + 2) // 4),
            str(trades[i]),
            "F1",
            str(chain.lot),
        ]
        yield ",".join(fields) + ",,,,,"


def token(underlying: str, expiry: Expiry, strike: int, is_call: bool) -> int:
    """Return the instrument number of a contract: the same in every run, and kept when it is re-dated."""
    day_of_month = 0 if expiry.is_monthly else expiry.day.day
    term = ((expiry.day.year - 2000) * 12 + expiry.day.month) * 32 + day_of_month
    kind = 0 if strike == 0 else 1 if is_call else 2
    return ((term * 2400 + strike // 50) * 3 + kind) * len(UNDERLYINGS) + list(UNDERLYINGS).index(underlying)


def write_zip(path: Path, session: date, lines: list[str]) -> None:
    """Write the lines below the header into a zip of one CSV, in place only when complete.

    The member is stored, not deflated: what a deflate library makes of the same text differs from version to
    version, and these files are the same everywhere.
    """
    member = zipfile.ZipInfo(file_name(session), (session.year, session.month, session.day, 18, 0, 0))
    member.create_system = 3
    member.external_attr = 0o644 << 16
    unfinished = path.with_name(path.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(member, "\n".join([HEADER, *lines]) + "\n")
    unfinished.replace(path)


def _rupees(paise: int) -> str:
    return f"{paise // 100}.{paise % 100:02d}"
