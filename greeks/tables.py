"""Where the Greeks of each bar interval are stored."""

_OF_MOMENTS = "enrichment.option_greeks"
_OF_HOURS_AND_DAYS = "enrichment.option_greeks_coarse"

TABLES = (_OF_MOMENTS, _OF_HOURS_AND_DAYS)


def table_of(bar_interval: str) -> str:
    """Return the table of an interval's Greeks, with its schema.

    Minutes and snapshots lie apart from hours and days, because a chunk of a week would hold next to nothing
    of the latter (docs/decisions/0151-greeks-of-days-have-a-table-of-their-own.md). The models say the same
    in `greeks_of`.
    """
    return _OF_MOMENTS if bar_interval in ("minute", "snapshot") else _OF_HOURS_AND_DAYS
