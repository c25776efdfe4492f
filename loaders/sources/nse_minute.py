"""How GlobalDataFeeds (GFDL) lays out 1-minute bars of NSE options, futures and indices."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source

_TABLE = RawTable(
    "gfdl_minute_bars",
    (
        "ticker",
        "date",
        "time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "open_interest",
        "option_type",
        "strike",
        "expiry",
        "contract_monthly",
        "contract_weekly",
        "contract",
        "padding_flag",
    ),
)

_BAR = (
    Column("ticker", ("Ticker",)),
    Column("date", ("Date",)),
    Column("time", ("Time",)),
    Column("open", ("Open",)),
    Column("high", ("High",)),
    Column("low", ("Low",)),
    Column("close", ("Close",)),
    Column("volume", ("Volume",)),
    Column("open_interest", ("Open Interest", "OI")),
)
_EXPIRY = ("Expiry", "Expiry Date")

_LAYOUTS = (
    Layout(
        "gfdl",
        _TABLE,
        _BAR,
        example="NIFTY05JUN2522600PE.NFO,07/05/2025,10:00:59,91.1,91.1,91.1,91.1,75,3000",
        date="date",
    ),
    Layout(
        "gfdl-options",
        _TABLE,
        (
            *_BAR,
            Column("option_type", ("Type",)),
            Column("strike", ("Strike",)),
            Column("expiry", _EXPIRY),
            Column("contract_monthly", ("Contract_Monthly",), optional=True),
            Column("contract_weekly", ("Contract_Weekly",), optional=True),
        ),
        example="BANKNIFTY25JAN1718300CE.NFO,02/01/2017,09:15:59,311.45,325,293.75,293.75,400,20040,"
        "CE,18300,25/01/2017,I,IV",
        date="date",
    ),
    Layout(
        "gfdl-futures",
        _TABLE,
        (*_BAR, Column("contract", ("Contract",)), Column("expiry", _EXPIRY)),
        example="BANKNIFTY-I.NFO,02/01/2017,09:15:59,18210.05,18261.2,18210,18213.85,47680,2035880,I,25/01/2017",
        date="date",
    ),
    Layout(
        "gfdl-padded",
        _TABLE,
        (
            *_BAR,
            Column("expiry", _EXPIRY, optional=True),
            Column("padding_flag", ("Padding Flag",)),
            Column("option_type", ("Type",), optional=True),
            Column("strike", ("Strike",), optional=True),
            Column("contract", ("Contract",), optional=True),
            Column("contract_monthly", ("Contract_Monthly",), optional=True),
            Column("contract_weekly", ("Contract_Weekly",), optional=True),
        ),
        example="NIFTY05JUN2522600PE.NFO,07/05/2025,10:00:59,91.1,91.1,91.1,91.1,0,3000,05/06/2025,1",
        date="date",
    ),
)

SOURCE = Source(
    name="nse-minute",
    dataset="minute_bars",
    layouts=_LAYOUTS,
    description="1-minute bars of NSE options, futures and indices, GlobalDataFeeds (GFDL) layouts.",
)
