"""What can be exported: the series of a warehouse, each by a name that a user says."""

from enum import StrEnum


class Series(StrEnum):
    """One kind of rows; the value is what `tickmart export … --series` calls it."""

    MINUTE_BARS = "1-minute-bars"
    HOUR_BARS = "1-hour-bars"
    DAY_BARS = "1-day-bars"
    OTHER_BARS = "other-bars"
    GREEKS = "greeks"
    TRADES = "trades"
    QUOTES = "quotes"
    MARK_PRICES = "mark-prices"
    FUNDING_RATES = "funding-rates"
    INSTRUMENTS = "instruments"
