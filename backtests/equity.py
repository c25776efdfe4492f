"""Watches what the account is worth at the end of each day with bars."""

from datetime import date

import pandas as pd
from nautilus_trader.common.actor import Actor
from nautilus_trader.common.config import ActorConfig
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.identifiers import InstrumentId


class DailyEquityConfig(ActorConfig, frozen=True):
    """Settings of `DailyEquity`.

    Parameters
    ----------
    instrument_id : InstrumentId
        The one instrument that is traded.
    bar_type : BarType
        Its bars.
    time_zone : str
        In which the days of its exchange are counted.
    """

    instrument_id: InstrumentId
    bar_type: BarType
    time_zone: str


class DailyEquity(Actor):  # type: ignore[misc]
    """Keep the account's worth, open positions at the bar's close included, as of the last bar of each day.

    Attributes
    ----------
    by_day : dict of date to float
        In the account's currency; days are the exchange's own. Nautilus' own daily returns skip the first day
        and count weekends and holidays as days without a return.
    """

    def __init__(self, config: DailyEquityConfig) -> None:
        super().__init__(config)
        self.by_day: dict[date, float] = {}
        self._day_ends, self._day = 0, date.min

    def on_start(self) -> None:
        """Subscribe to the bars."""
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Value the account at a bar's close; the last bar of a day stands."""
        if (
            bar.ts_event > self._day_ends
        ):  # a bar is stamped with its end: one that ends at midnight is of the day
            moment = pd.Timestamp(bar.ts_event - 1, unit="ns", tz="UTC")
            stamp = moment.tz_convert(self.config.time_zone).normalize()
            self._day, self._day_ends = stamp.date(), (stamp + pd.Timedelta(days=1)).value
        account = self.portfolio.account(self.config.instrument_id.venue)
        worth = account.balance_total(account.base_currency).as_double()
        for position in self.cache.positions_open(instrument_id=self.config.instrument_id):
            worth += position.unrealized_pnl(bar.close).as_double()
        self.by_day[self._day] = worth
