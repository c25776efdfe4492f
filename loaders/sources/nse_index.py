"""How NSE Indices lays out the daily closes of its indices (ind_close_all)."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source

_COLUMNS = (
    Column("index_name", ("Index Name",)),
    Column("index_date", ("Index Date",)),
    Column("open", ("Open Index Value",)),
    Column("high", ("High Index Value",)),
    Column("low", ("Low Index Value",)),
    Column("close", ("Closing Index Value",)),
    Column("points_change", ("Points Change",)),
    Column("percent_change", ("Change(%)",)),
    Column("volume", ("Volume",)),
    Column("turnover_crores", ("Turnover (Rs. Cr.)",)),
    Column("price_to_earnings", ("P/E",)),
    Column("price_to_book", ("P/B",)),
    Column("dividend_yield", ("Div Yield",)),
)

_LAYOUTS = (
    Layout(
        "index-closes",
        RawTable("nse_index_closes", tuple(column.name for column in _COLUMNS)),
        _COLUMNS,
        example="Nifty 50,26-03-2025,23700.95,23736.50,23451.70,23486.85,-181.80,-.77,250000000,25000.00,"
        "21.0,3.5,1.3",
        date="index_date",
    ),
)

SOURCE = Source(
    name="nse-index",
    dataset="index_closes",
    layouts=_LAYOUTS,
    description="The daily closes of the exchange's indices (ind_close_all).",
)
