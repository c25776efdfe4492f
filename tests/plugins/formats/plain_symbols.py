"""CSV files for the tests, one per symbol with all of its days."""

from datetime import date

from exporters.formats import EXPORTERS
from exporters.series import Series


class PlainSymbols(type(EXPORTERS["plain-days"])):  # type: ignore[misc]
    name = "plain-symbols"
    series = (Series.MINUTE_BARS,)

    def partition(self, series: Series, instrument: str, day: date) -> str:
        return "all"


EXPORTER = PlainSymbols()
