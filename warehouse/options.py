"""Options that several commands, and flows, have."""

from datetime import date, datetime
from typing import Annotated, Any

import typer


def date_option(help: str, **settings: Any) -> Any:
    """Return an option whose value is a day, written 2025-08-11.

    Parameters
    ----------
    help : str
        What the day is; how it is written is added.
    **settings
        Further settings of the option.
    """
    return typer.Option(parser=_day, metavar="DATE", help=f"{help}; a date as 2025-08-11.", **settings)


def range_fault(start: date | None, end: date | None) -> str | None:
    """Say what is wrong with a range of sessions that ends before it starts; None where nothing is."""
    if start is None or end is None or start <= end:
        return None
    return f"the last session, {end}, lies before the first, {start}: --start is the earlier of the two."


def check_range(start: date | None, end: date | None) -> None:
    """Refuse the options of a range that ends before it starts.

    Raises
    ------
    typer.BadParameter
    """
    fault = range_fault(start, end)
    if fault:
        raise typer.BadParameter(fault, param_hint="'--end'")


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no date; write a date as 2025-08-11 (year, month, day)."
        ) from None


Start = Annotated[date | None, date_option("First session, included")]
End = Annotated[date | None, date_option("Last session, included")]
