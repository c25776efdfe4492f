"""What day it is: the clock's, or the day that `TICKMART_TODAY` names."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from warehouse.settings import settings


def today(zone: str) -> date:
    """Return the day that it is in a time zone.

    Parameters
    ----------
    zone : str
        Such as `America/New_York`.

    Returns
    -------
    date
        The setting `today` where it is set, whatever the zone; else the clock's.
    """
    return settings().today or datetime.now(ZoneInfo(zone)).date()
