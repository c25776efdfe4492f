"""A CSV of minutes to a NautilusTrader catalog in one call, and its bars as Nautilus reads them."""

import tempfile
from pathlib import Path

from nautilus_trader.persistence.catalog import ParquetDataCatalog

import tickmart
from sampledata.equity import write_equity_sample


def main() -> None:
    """Write a sample, run it to a catalog, and print what Nautilus finds there."""
    with tempfile.TemporaryDirectory() as scratch:
        minutes, _ = write_equity_sample(scratch, symbol="AAPL", exchange="NASDAQ", days=3)
        catalog = Path(scratch) / "catalog"

        report = tickmart.run(
            minutes.path, to=catalog, source="csv", symbol="AAPL", exchange="NASDAQ", tests=False
        )
        bars = ParquetDataCatalog(str(catalog)).bars(["AAPL.NASDAQ-1-MINUTE-LAST-EXTERNAL"])

        print(f"{report.rows:,} bars of {', '.join(report.underlyings)}, read back and compared")
        print(f"Nautilus reads {len(bars):,} minutes; the first is {bars[0]}")


if __name__ == "__main__":
    main()
