"""Which field of a bar, a trade or a quote a column holds, by the names that people give their columns.

The names were collected from files and documentation of some forty projects and vendors. A name that fits no
field is no fault: the column is kept as it is and nothing is made of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# What a file may say of a row. Each is a column of the raw tables under the same name.
_NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # field: its own names; names that give way to these where a file has both
    "time": (
        ("datetime", "timestamp", "date time", "timestamp utc", "timestamps", "ts event", "ts"),
        (
            "date", "time", "open time", "window start", "time seconds", "unix", "unix timestamp", "epoch",
            "t", "quotedate", "quote date", "quote datetime", "date1", "trade date", "trading date",
            "session date", "transact time", "microsoft date", "bar start", "begin", "start", "datetime utc",
            "date utc", "utc", "time utc", "readable timestamp", "utc timestamp",
        ),
    ),
    "close_time": (("close time", "bar end"), ()),
    "arrival_time": (("local timestamp", "receive time", "ts recv", "ts init"), ()),
    "open": (("open",), ("o", "open price", "oprice", "first")),
    "high": (("high",), ("h", "high price", "hprice", "max")),
    "low": (("low",), ("l", "low price", "lprice", "min")),
    "close": (("close",), ("c", "close price", "cprice", "last", "last price", "ltp", "closing price")),
    "adjusted_close": (("adj close", "adjclose", "adjusted close", "adjusted"), ()),
    "settlement_price": (("settle", "settlement price", "settlement", "settle price"), ()),
    "volume": (
        ("volume", "real volume"),
        (
            "vol", "v", "volume from", "total volume", "ttl trd qnty", "tottrdqty", "cum vol", "volume btc",
            "traded volume", "vol.",
        ),
    ),
    "quote_volume": (
        ("quote volume", "volume to", "volume usd", "volume usdt", "quote asset volume"),
        ("turnover", "cum dollar", "traded value"),
    ),
    "trade_count": (
        ("trade count", "number of trades", "no of trades", "transactions", "trades", "count", "cum ticks"),
        (),
    ),
    "open_interest": (("open interest", "oi", "open int"), ()),
    "bid": (("bid", "bid price", "best bid price", "best bid"), ("b",)),
    "ask": (("ask", "ask price", "best ask price", "best ask"), ("offer", "a")),
    "bid_size": (("bid size", "bid qty", "bid amount", "bid quantity", "vol bid", "bid volume"), ()),
    "ask_size": (
        ("ask size", "ask qty", "ask amount", "ask quantity", "vol offer", "ask volume", "offer size"), (),
    ),
    "vendor_implied_volatility": (
        ("implied volatility", "iv", "implied vol", "imp vol", "mark iv", "vendor iv"), (),
    ),
    "price": (("price", "spot price", "trade price"), ()),
    "size": (("size", "qty", "trade size", "last trade qty", "ltq"), ("quantity", "amount")),
    "side": (("side", "aggressor side", "taker side"), ()),
    "is_buyer_maker": (("is buyer maker", "buyer maker", "m"), ()),
    "trade_id": (("trade id", "id", "tid", "agg trade id"), ()),
    "symbol": (
        ("symbol", "ticker", "trading symbol", "instrument name"),
        (
            "code", "stock", "instrument", "product id", "contract", "security", "pair", "sym", "stock code",
            "name",
        ),
    ),
    "underlying": (("underlying", "underlying symbol"), ("root", "option root")),
    "strike": (("strike", "strike price", "strk"), ()),
    "option_type": (("option type", "opt type", "right", "cp", "call put", "put call", "cp flag"), ("type",)),
    "expiry": (
        ("expiry", "expiration", "expiry date", "expiration date", "xpry dt", "maturity", "expire date"), (),
    ),
}  # fmt: skip

FIELDS = (*_NAMES, "clock")
# Names of columns that only changes of an order book have.
OF_AN_ORDER_BOOK = frozenset(("updatetype", "firstupdateid", "lastupdateid", "updateid", "booklevel"))
PRICES_OF_A_BAR = ("open", "high", "low", "close")
PARTS_OF_AN_OPTION = ("strike", "option_type", "expiry")
_VARIED = re.compile(r"[\s_.\-()\[\]/#*<>]+")
_PREFIXED = re.compile(
    r"^(.+?)[\s._:\-|](open|high|low|close|volume|adjusted|adj[.\s_]*close)$", re.IGNORECASE
)


def plain(name: str) -> str:
    """Return a column's name without what people vary: case, blanks and signs."""
    return _VARIED.sub("", name).casefold()


_OWN = {plain(name): field for field, (own, _) in _NAMES.items() for name in own}
_OTHER = {plain(name): field for field, (_, other) in _NAMES.items() for name in other}


@dataclass(frozen=True)
class Named:
    """What the names of a file's columns say.

    Attributes
    ----------
    fields : tuple of str
        The field of each column in the file's order; the empty text where its name fits none. Several columns
        may be of time: their contents decide.
    prefix : str
        What stands before the names of all prices, as in `AAPL.Open`; empty where nothing does.
    """

    fields: tuple[str, ...]
    prefix: str = ""

    def has(self, *fields: str) -> bool:
        """Whether there is a column for each of these fields."""
        return set(fields) <= set(self.fields)

    def places(self, field: str) -> list[int]:
        """Return the places of the columns of a field, from 0."""
        return [place for place, found in enumerate(self.fields) if found == field]


class TwoNamesError(Exception):
    """Two columns claim one field.

    Attributes
    ----------
    field : str
    names : tuple of str
    """

    def __init__(self, field: str, names: Sequence[str]) -> None:
        super().__init__(f"{' and '.join(names)} may each be the {field}")
        self.field = field
        self.names = tuple(names)


class SideBySideError(Exception):
    """Bars of several symbols stand side by side in one line.

    Attributes
    ----------
    prefixes : tuple of str
        What stands before the names of each one's prices.
    """

    def __init__(self, prefixes: Sequence[str]) -> None:
        super().__init__(f"bars of {', '.join(prefixes)} stand side by side")
        self.prefixes = tuple(prefixes)


def guessed(names: Sequence[str]) -> list[str]:
    """Return the field that each column's name alone speaks for, also where another claims the same."""
    return [_OWN.get(plain(name)) or _OTHER.get(plain(name), "") for name in names]


def named(names: Sequence[str]) -> Named:
    """Return the field of each column by its name.

    A field's own names go before the others: `Close` is the close of a file that has `LTP` too. What a name
    means may depend on the others: an amount is the size of a trade, but money or pieces of a bar, and a type
    is call or put beside strike and expiry, but the side of a trade.

    Parameters
    ----------
    names : sequence of str
        As the file has them.

    Raises
    ------
    TwoNamesError, SideBySideError
    """
    prefix, names_of_fields = _without_prefix(names)
    own = [_OWN.get(name, "") for name in names_of_fields]
    other = [_OTHER.get(name, "") for name in names_of_fields]
    fields = [
        first or (second if second == "time" or second not in own else "")
        for first, second in zip(own, other, strict=True)
    ]
    if not names_of_fields[0] and "time" not in fields:
        fields[0] = "time"  # as pandas writes an index
    _settle_what_depends(fields, names_of_fields)
    for field in dict.fromkeys(filter(None, fields)):
        claiming = [name for name, claimed in zip(names, fields, strict=True) if claimed == field]
        if field != "time" and len(claiming) > 1:
            raise TwoNamesError(field, claiming)
    return Named(tuple(fields), prefix)


def _without_prefix(names: Sequence[str]) -> tuple[str, list[str]]:
    """Return what stands before the names of all prices, and every name without it, in its plain form."""
    found = [_PREFIXED.match(name.strip()) for name in names]
    prefixes = list(
        dict.fromkeys(match[1] for match in found if match and match[2].lower() in PRICES_OF_A_BAR)
    )
    whole = [
        prefix
        for prefix in prefixes
        if set(PRICES_OF_A_BAR) <= {match[2].lower() for match in found if match and match[1] == prefix}
    ]
    if len(whole) > 1:
        raise SideBySideError(whole)
    if len(whole) != 1 or len(prefixes) != 1:
        return "", [plain(name) for name in names]
    return whole[0], [plain(match[2] if match else name) for name, match in zip(names, found, strict=True)]


def _settle_what_depends(fields: list[str], names: Sequence[str]) -> None:
    is_option = {"strike", "expiry"} <= set(fields)
    is_bar = set(PRICES_OF_A_BAR) <= set(fields)
    if "price" in fields and not is_bar and {"side", "trade_id", "is_buyer_maker"} & set(fields):
        fields[:] = ["size" if field == "volume" and "size" not in fields else field for field in fields]
    for place, name in enumerate(names):
        if name == "type" and not is_option:
            fields[place] = "" if is_bar or "side" in fields else "side"
        elif fields[place] in ("size", "side", "trade_id", "price", "is_buyer_maker") and is_bar:
            fields[place] = ""
        elif name in ("quantity", "qty") and "price" not in fields and "volume" not in fields:
            fields[place] = "volume"
