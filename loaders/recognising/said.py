"""What a user may say of a file whose layout nobody knows: the answers to what the file leaves open."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from loaders.recognising.lengths import CALENDAR_LENGTHS, DAY, MONTH, WEEK, clock_text
from loaders.recognising.names import FIELDS
from loaders.source import LoadOption
from warehouse.exchanges import known_exchanges

# In seconds; days, weeks and months are of the calendar.
_LENGTHS = {"s": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600}
_CALENDAR = {
    "d": DAY, "day": DAY, "daily": DAY, "w": WEEK, "week": WEEK, "weekly": WEEK,
    "mo": MONTH, "month": MONTH, "monthly": MONTH,
}  # fmt: skip
TYPES = ("equity", "index", "future", "option", "currency", "crypto")


def exchange_code(said: str) -> str:
    """Return our code of an exchange that somebody names by its code, its MIC or its name.

    Raises
    ------
    ValueError
    """
    wanted = said.strip().casefold()
    for exchange in known_exchanges().values():
        if wanted in (name.casefold() for name in (exchange.code, exchange.mic, exchange.name) if name):
            return exchange.code
    raise ValueError(f"no exchange is called that; known are {', '.join(known_exchanges())}")


def zone_name(said: str) -> str:
    """Return the name of a time zone.

    Raises
    ------
    ValueError
    """
    try:
        return ZoneInfo(said.strip()).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("write a time zone as Asia/Kolkata, America/New_York or UTC") from error


def interval_text(said: str) -> str:
    """Return the length of a bar in PostgreSQL's words.

    Raises
    ------
    ValueError
    """
    if said.strip() in CALENDAR_LENGTHS or re.fullmatch(r"[012]\d:[0-5]\d:[0-5]\d", said.strip()):
        return said.strip()
    match = re.fullmatch(r"\s*(\d*)[\s-]*([A-Za-z]+)\s*", said)
    number, unit = (int(match[1] or 1), match[2].casefold()) if match else (0, "")
    if number == 1 and unit in _CALENDAR:
        return _CALENDAR[unit]
    if number > 0 and unit in _LENGTHS and number * _LENGTHS[unit] < 86_400:
        return clock_text(number * _LENGTHS[unit])
    raise ValueError("write a length as 1m, 5m, 1h, 1d, 1w or 1mo")


def rank_text(said: str) -> str:
    """Return the rank of a source among those that deliver the same.

    Raises
    ------
    ValueError
    """
    if not re.fullmatch(r"[1-9]\d{0,3}", said.strip()):
        raise ValueError("write a number from 1 to 9999")
    return said.strip()


def columns_text(said: str) -> str:
    """Return the fields of a file's columns, by their places.

    Raises
    ------
    ValueError
    """
    fields = [field.strip().casefold().replace(" ", "_") for field in said.split(",")]
    fields = ["" if field in ("-", "_", "ignore", "extra") else field for field in fields]
    for field in fields:
        if field and field not in FIELDS:
            raise ValueError(
                f"{field!r} is no field; fields are {', '.join(FIELDS)}, and - for a column to pass over"
            )
    return ",".join(fields)


def mapping_text(said: str) -> str:
    """Return the contents of a mapping, the YAML file that --guess writes, in the form that the ledger keeps.

    Raises
    ------
    ValueError
    """
    try:
        document = yaml.safe_load(Path(said).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"it cannot be read as YAML ({' '.join(str(error).split())})") from error
    return json.dumps(checked_mapping(document), sort_keys=True)


def checked_mapping(document: Any) -> dict[str, Any]:
    """Return a mapping whose every answer makes sense.

    Raises
    ------
    ValueError
    """
    if not isinstance(document, dict) or not document:
        raise ValueError("a mapping has keys and values, as `tickmart load csv --guess FILE` writes them")
    checked: dict[str, Any] = {}
    by_name = {option.name: option for option in OPTIONS if option.name != "mapping"}
    for key, value in document.items():
        if key == "columns" and isinstance(value, dict):
            for name, field in value.items():
                if field and field not in FIELDS:
                    raise ValueError(f"column {name!r} cannot be {field!r}; fields are {', '.join(FIELDS)}")
            checked[key] = {str(name): str(field or "") for name, field in value.items()}
        elif key in by_name and value is not None:
            checked[key] = by_name[key].check(str(value))
        elif key not in by_name:
            raise ValueError(f"it has no key {key!r}; keys are columns, {', '.join(by_name)}")
    return checked


def one_of(*values: str) -> Any:
    """Return a check that lets these values through, in any case.

    Raises
    ------
    ValueError
        From the check, for any other.
    """

    def check(said: str) -> str:
        if said.strip().casefold() not in values:
            raise ValueError(f"it is one of {', '.join(values)}")
        return said.strip().casefold()

    return check


OPTIONS = (
    LoadOption("symbol", "What all rows are of, where no column says it, such as AAPL."),
    LoadOption(
        "exchange", "Where it trades: NSE, XNAS or Nasdaq; gives time zone and sessions.", exchange_code
    ),
    LoadOption("timezone", "Time zone of times that name none, such as America/New_York.", zone_name),
    LoadOption("interval", "Length of a bar, such as 1m, 5m, 1h, 1d.", interval_text),
    LoadOption("label", "Which end of a bar its time is: start or end.", one_of("start", "end")),
    LoadOption("dayfirst", "03/11/2025 is the third of November.", is_flag=True),
    LoadOption("monthfirst", "03/11/2025 is the eleventh of March.", is_flag=True),
    LoadOption(
        "columns", "The fields of the columns by place: time,open,high,low,close,-,volume.", columns_text
    ),
    LoadOption("type", f"What the symbols name: {', '.join(TYPES)}.", one_of(*TYPES)),
    LoadOption("decimal", "The decimal sign: point or comma.", one_of("point", "comma")),
    LoadOption(
        "adjusted",
        "What prices were adjusted for: none, splits or dividends.",
        one_of("none", "splits", "dividends"),
    ),
    LoadOption(
        "volatility",
        "Whether 0.5 is half of all or half a percent: fraction or percent.",
        one_of("fraction", "percent"),
    ),
    LoadOption(
        "rank", "Which source goes first where two have a bar: 1 before 2; 100 unless said.", rank_text
    ),
    LoadOption("mapping", "A YAML file that says all this, as --guess writes it.", mapping_text),
)


def answers(said: Mapping[str, str]) -> dict[str, Any]:
    """Return all that a user has said: what an option says goes before what the mapping says."""
    given = dict(said)
    mapping: dict[str, Any] = json.loads(given.pop("mapping", "{}"))
    return mapping | given


def names_of_columns(said: Mapping[str, Any], names: Sequence[str] | None, width: int) -> list[str] | None:
    """Return the fields that a user has given the columns; None where nothing was said of them.

    Raises
    ------
    ValueError
        The file has other columns.
    """
    columns = said.get("columns")
    if columns is None:
        return None
    if isinstance(columns, str):
        fields = columns.split(",")
        if len(fields) != width:
            raise ValueError(f"--columns names {len(fields)} columns, and the rows have {width}")
        return fields
    if names is None:
        raise ValueError("the mapping goes by names, and the file has none; say --columns by place")
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"the mapping speaks of {', '.join(missing)}, which the file does not have")
    return [columns.get(name, "") for name in names]
