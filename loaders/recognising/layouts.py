"""The raw tables that files of anybody's layout land in: a column for each field, and some for all else."""

from collections.abc import Sequence

from loaders.layouts import Column, Layout, RawTable
from warehouse.errors import TickmartError

# A file may have so many columns that nothing is made of.
_EXTRA = tuple(f"extra_{number:02}" for number in range(1, 61))
_SHARED = ("symbol", "time", "clock", "close_time", "arrival_time")
_OF_BARS = (
    *("open", "high", "low", "close", "adjusted_close", "settlement_price", "price"),
    *("volume", "quote_volume", "trade_count", "open_interest"),
    *("bid", "ask", "bid_size", "ask_size", "vendor_implied_volatility"),
    *("underlying", "expiry", "strike", "option_type"),
)
_OF_TRADES = ("price", "size", "side", "is_buyer_maker", "trade_id", "close", "volume", "quote_volume")
_OF_QUOTES = ("bid", "ask", "bid_size", "ask_size")


def _layout(name: str, fields: Sequence[str], example: str) -> Layout:
    columns = (*_SHARED, *fields, *_EXTRA)
    return Layout(
        name,
        RawTable(f"any_{name}", columns),
        tuple(Column(column, (column,), optional=True) for column in (*_SHARED, *fields)),
        example=example,
    )


BARS = _layout("bars", _OF_BARS, "2012-01-03,58.49,58.93,58.43,58.75,75555200")
TRADES = _layout("trades", _OF_TRADES, "1672531436,90.54,1.1044842")
QUOTES = _layout("quotes", _OF_QUOTES, "2025-03-12 09:15:00.120,22430.1,22430.6,75,150")
LAYOUTS = (BARS, TRADES, QUOTES)


def raw_columns(layout: Layout, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the raw column of each column of a file, given its field or the empty text.

    Raises
    ------
    TickmartError
        It has more columns of which nothing is made than the raw table.
    """
    known = {column.name for column in layout.columns}
    spare = iter(_EXTRA)
    try:
        return tuple(field if field in known else next(spare) for field in fields)
    except StopIteration:
        raise TickmartError(
            f"it has more than {len(_EXTRA)} columns that are no part of {layout.name}; leave some out"
        ) from None
