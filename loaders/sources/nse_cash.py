"""How NSE lays out the end-of-day files of its cash market."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source
from loaders.sources._nse_udiff import udiff_layout, udiff_table

# sec_bhavdata_full: the bhavcopy with deliveries, a blank behind every comma.
_FULL_NAMES = (
    "SYMBOL",
    "SERIES",
    "DATE1",
    "PREV_CLOSE",
    "OPEN_PRICE",
    "HIGH_PRICE",
    "LOW_PRICE",
    "LAST_PRICE",
    "CLOSE_PRICE",
    "AVG_PRICE",
    "TTL_TRD_QNTY",
    "TURNOVER_LACS",
    "NO_OF_TRADES",
    "DELIV_QTY",
    "DELIV_PER",
)
# cmDDMMMYYYYbhav, until 5 July 2024. Trades and ISIN came in 2011.
_LEGACY_NAMES = (
    "SYMBOL",
    "SERIES",
    "OPEN",
    "HIGH",
    "LOW",
    "CLOSE",
    "LAST",
    "PREVCLOSE",
    "TOTTRDQTY",
    "TOTTRDVAL",
    "TIMESTAMP",
    "TOTALTRADES",
    "ISIN",
)
_ADDED_IN_2011 = ("TOTALTRADES", "ISIN")

_LAYOUTS = (
    udiff_layout(
        udiff_table("nse_cash_bhavcopy_udiff"),
        "CM",
        "2025-08-01,2025-08-01,CM,NSE,STK,2885,INE002A01018,RELIANCE,EQ,,,,,RELIANCE INDUSTRIES LTD,"
        "1386.90,1405.90,1384.30,1393.70,1394.10,1390.20,,1393.70,,,10321171,14423489000.00,208431,F1,1,,,,,",
    ),
    Layout(
        "full",
        RawTable("nse_cash_bhavcopy_full", tuple(name.lower() for name in _FULL_NAMES)),
        tuple(Column(name.lower(), (name,)) for name in _FULL_NAMES),
        example="RELIANCE, EQ, 01-Aug-2025, 1390.20, 1386.90, 1405.90, 1384.30, 1394.10, 1393.70, 1397.47, "
        "10321171, 144234.89, 208431, 7159472, 69.37",
        date="date1",
    ),
    Layout(
        "legacy",
        RawTable("nse_cash_bhavcopy_legacy", tuple(name.lower() for name in _LEGACY_NAMES)),
        tuple(Column(name.lower(), (name,), optional=name in _ADDED_IN_2011) for name in _LEGACY_NAMES),
        example="RELIANCE,EQ,2900,2950.5,2890,2940.1,2941,2895.6,5000000,14650000000.5,03-JUN-2024,250000,"
        "INE002A01018,",
        date="timestamp",
    ),
)

SOURCE = Source(
    name="nse-cash",
    dataset="cash_bhavcopy",
    layouts=_LAYOUTS,
    description="The exchange's daily cash bhavcopy: UDiFF, with deliveries, or before July 2024.",
)
