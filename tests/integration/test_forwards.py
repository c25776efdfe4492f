"""Which forward a premium is solved with, through a whole build: that of its own kind, and of its own leg."""

import json
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
from built_warehouse import build, named_by_the_environment, query, tickmart
from sqlalchemy import URL

pytestmark = pytest.mark.slow

HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,FininstrmActlXpryDt,StrkPric,"
    "OptnTp,FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,"
    "ChngInOpnIntrst,TtlTradgVol,TtlTrfVal,TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)
DAY = "2025-11-12,2025-11-12,FO,NSE"
OF_EXPIRY = "TCS,,2025-12-30,2025-12-30"
FUTURE = (
    f"{DAY},STF,61000,,{OF_EXPIRY},,,TCS25DECFUT,2710.00,2720.00,2600.00,2610.00,2610.00,2900.00,3000.00,2610.00,"
    "17500,0,20,9187500.00,10,F1,175,,,,,"
)
YEARS = 48 / 365
RATE = log(1.055)  # the repo rate of that day, compounded continuously


def option(token: int, strike: int, leg: str, *, close: float, settlement: float, traded: bool) -> str:
    price = f"{close:.2f}" if traded else "0.00"
    traded_lots, turnover, trades = (20, f"{(strike + close) * 3500:.2f}", 10) if traded else (0, "0.00", 0)
    return (
        f"{DAY},STO,{token},,{OF_EXPIRY},{strike}.00,{leg},TCS25DEC{strike}{leg},{price},{price},{price},"
        f"{close:.2f},{price},{close:.2f},3000.00,{settlement:.2f},1750,0,{traded_lots},{turnover},{trades},F1,175,,,,,"
    )


def leg(strike: int, side: str, *, underlying: float | None, bid: float, ask: float) -> dict[str, Any]:
    return {
        "strikePrice": strike,
        "expiryDate": "15-Jan-2026",
        "underlying": "NIFTY",
        "identifier": f"OPTIDXNIFTY15-01-2026{side}{strike}.00",
        "openInterest": 10,
        "changeinOpenInterest": 0,
        "pchangeinOpenInterest": 0,
        "totalTradedVolume": 1,
        "impliedVolatility": 11,
        "lastPrice": bid,
        "change": 0,
        "pChange": 0,
        "totalBuyQuantity": 65,
        "totalSellQuantity": 65,
        "bidQty": 65,
        "bidprice": bid,
        "askQty": 65,
        "askPrice": ask,
        "underlyingValue": underlying,
    }


@pytest.fixture
def folder(fresh_built_database: URL, tmp_path: Path) -> Iterator[Path]:
    with named_by_the_environment(fresh_built_database):
        yield tmp_path


def test_each_premium_has_the_forward_of_its_kind_and_each_leg_its_own_underlying(folder: Path) -> None:
    bhavcopy, answer = folder / "bc_20251112.csv", folder / "answer.json"
    bhavcopy.write_text(
        "\n".join(
            [
                HEADER,
                FUTURE,
                # what traded says 2,612; the settlement prices of the strike that did not trade say about
                # 3,022
                option(61001, 2600, "CE", close=100, settlement=100, traded=True),
                option(61002, 2600, "PE", close=88.09, settlement=88.09, traded=True),
                option(61003, 2620, "CE", close=90, settlement=90, traded=True),
                option(61004, 2620, "PE", close=97.94, settlement=97.94, traded=True),
                option(61005, 3000, "CE", close=150, settlement=120, traded=False),
                option(61006, 3000, "PE", close=150, settlement=98, traded=False),
                "",
            ]
        )
    )
    strikes = [
        {"strikePrice": 24900, "CE": leg(24900, "CE", underlying=25010.4, bid=182.1, ask=182.9)},
        {"strikePrice": 25900, "PE": leg(25900, "PE", underlying=25020.4, bid=890.0, ask=891.0)},
        {"strikePrice": 26000, "PE": leg(26000, "PE", underlying=None, bid=990.0, ask=991.0)},
    ]
    answer.write_text(json.dumps({"records": {"timestamp": "12-Jan-2026 11:04:37", "data": strikes}}))
    tickmart("load", "nse-bhavcopy", bhavcopy)
    tickmart("load", "nse-option-chain", answer)
    build()

    by_settlement = 3000 + 22 * exp(RATE * YEARS)
    rows = query(
        "select strike::integer, option_type, premium_source, forward_method, forward_price, greeks_status,"
        " implied_volatility from marts.options_daily where underlying = 'TCS' order by strike, option_type"
    )
    assert [row[:4] for row in rows] == [
        *[(strike, side, "close", "parity") for strike in (2600, 2620) for side in ("CE", "PE")],
        *[(3000, side, "settlement", "settlement parity") for side in ("CE", "PE")],
    ]
    assert [row[4] for row in rows] == pytest.approx([2612] * 4 + [by_settlement] * 2, abs=0.02)
    assert [row[5] for row in rows] == ["ok"] * 6
    call, put = (row[6] for row in rows[4:])
    assert call == pytest.approx(put, abs=1e-9)
    assert call == pytest.approx(0.251256, abs=1e-6)
    # one forward for the chain, that of what traded; each option's own beside it
    assert query(
        "select strike::integer, round(forward_price), round(call_forward_price), round(put_forward_price)"
        " from marts.option_chain_daily where underlying = 'TCS' order by strike"
    ) == [(2600, 2612, 2612, 2612), (2620, 2612, 2612, 2612), (3000, 2612, 3022, 3022)]
    assert query(
        "select premium_kind, forward_method, round(forward_price), parity_strikes from marts.forwards_daily"
        " where underlying = 'TCS' order by premium_kind"
    ) == [("settlement", "settlement parity", 3022, 1), ("trade", "parity", 2612, 2)]

    assert query(
        "select strike::integer, underlying_price::text, forward_method, greeks_status"
        " from marts.option_snapshots order by strike"
    ) == [
        (24900, "25010.4", "spot and rate", "ok"),
        (25900, "25020.4", "spot and rate", "ok"),
        (26000, None, None, "no_underlying"),
    ]
