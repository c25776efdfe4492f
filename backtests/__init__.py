"""Backtests of NautilusTrader on exported catalogs, and the strategies shipped as examples."""
