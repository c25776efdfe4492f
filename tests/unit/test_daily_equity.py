"""What the account is worth day by day: the first day counts, days off do not, open positions do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.model.currencies import INR
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import FuturesContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from backtests.equity import DailyEquity, DailyEquityConfig

INSTRUMENT = InstrumentId.from_str("NIFTY_250327_FUT.NSE")
BARS = BarType.from_str(f"{INSTRUMENT}-1-MINUTE-LAST-EXTERNAL")
# Friday, and after the weekend Monday and Tuesday: the last close of a day counts
CLOSES = [
    ("2025-03-07 15:29", "100.00"),
    ("2025-03-07 15:30", "101.00"),
    ("2025-03-10 15:30", "111.00"),
    ("2025-03-11 15:30", "91.00"),
]


class BuysAtOnce(Strategy):  # type: ignore[misc]
    """Buy ten on the first bar and hold."""

    def on_start(self) -> None:
        """Subscribe."""
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Buy once."""
        if not self.cache.orders():
            self.submit_order(self.order_factory.market(INSTRUMENT, OrderSide.BUY, Quantity.from_int(10)))


def test_the_worth_of_a_day_is_that_at_its_last_close_with_what_is_open() -> None:
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("NSE"), OmsType.NETTING, AccountType.MARGIN, [Money(10_000, INR)], base_currency=INR
    )
    engine.add_instrument(_future())
    engine.add_data([_bar(when, close) for when, close in CLOSES])
    equity = DailyEquity(DailyEquityConfig(instrument_id=INSTRUMENT, bar_type=BARS, time_zone="Asia/Kolkata"))
    engine.add_actor(equity)
    engine.add_strategy(BuysAtOnce())

    engine.run()

    bought = float(engine.trader.generate_fills_report()["last_px"].iloc[0])
    engine.dispose()
    assert equity.by_day == {
        date(2025, 3, 7): pytest.approx(10_000 + 10 * (101 - bought)),
        date(2025, 3, 10): pytest.approx(10_000 + 10 * (111 - bought)),
        date(2025, 3, 11): pytest.approx(10_000 + 10 * (91 - bought)),
    }


def _bar(when: str, close: str) -> Bar:
    stamp = int(datetime.fromisoformat(when).replace(tzinfo=ZoneInfo("Asia/Kolkata")).timestamp()) * 10**9
    price = Price.from_str(close)
    return Bar(BARS, price, price, price, price, Quantity.from_int(1_000), stamp, stamp)


def _future() -> FuturesContract:
    return FuturesContract(
        instrument_id=INSTRUMENT,
        raw_symbol=Symbol("NIFTY25MARFUT"),
        asset_class=AssetClass.INDEX,
        currency=INR,
        price_precision=2,
        price_increment=Price.from_str("0.05"),
        multiplier=Quantity.from_int(1),
        lot_size=Quantity.from_int(1),
        underlying="NIFTY",
        activation_ns=0,
        expiration_ns=int(datetime(2025, 3, 27, 10, tzinfo=UTC).timestamp()) * 10**9,
        ts_event=0,
        ts_init=0,
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
    )
