"""Example strategies for `tickmart backtest run`."""
