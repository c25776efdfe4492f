"""Buy when the fast average crosses above the slow one, sell out when it crosses back."""

from nautilus_trader.config import StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.trading.strategy import Strategy


class SmaCrossoverConfig(StrategyConfig, frozen=True):
    """Parameters of `SmaCrossover`.

    Attributes
    ----------
    instrument_id : InstrumentId
        What to trade.
    bar_type : BarType
        The bars to watch.
    fast, slow : int
        Bars in the two averages; `fast` is the smaller.
    lots : int
        Lots per order.
    """

    instrument_id: InstrumentId
    bar_type: BarType
    fast: int = 10
    slow: int = 30
    lots: int = 1


class SmaCrossover(Strategy):  # type: ignore[misc]
    """Long while the fast average is above the slow one, flat otherwise.

    An example to copy, not advice: it trades one instrument, long only, with market orders.
    """

    def __init__(self, config: SmaCrossoverConfig) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(config.fast)
        self.slow = SimpleMovingAverage(config.slow)
        self.instrument: Instrument | None = None
        self.bars_received = 0
        self.was_above: bool | None = None

    def on_start(self) -> None:
        """Subscribe to the bars and have both averages fed with them."""
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Trade on a crossing, once both averages have seen enough bars."""
        self.bars_received += 1
        if not self.slow.initialized:
            return
        is_above = self.fast.value > self.slow.value
        crossed = self.was_above is not None and is_above != self.was_above
        self.was_above = is_above
        if not crossed:
            return
        if is_above and self.portfolio.is_flat(self.config.instrument_id):
            self._buy()
        elif not is_above:
            self.close_all_positions(self.config.instrument_id)

    def on_stop(self) -> None:
        """Close what is still open at the last price."""
        self.close_all_positions(self.config.instrument_id)

    def _buy(self) -> None:
        assert self.instrument is not None
        lot = self.instrument.lot_size  # coins and currencies have none: they go by the unit
        quantity = self.instrument.make_qty((lot.as_double() if lot else 1.0) * self.config.lots)
        self.submit_order(self.order_factory.market(self.instrument.id, OrderSide.BUY, quantity))
