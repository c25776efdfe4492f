"""What is known of a file, as a mapping that somebody reviews, completes and uses."""

from collections.abc import Mapping
from typing import Any

import yaml

from loaders.landing.files import DataFile
from loaders.recognising.names import guessed
from loaders.recognising.of_file import Beginning, beginning_of
from loaders.recognising.reading import Reading
from loaders.source import Source
from warehouse.errors import TickmartError

_HEAD = """\
# How {file} is read. Check it, then: tickmart load {source} --mapping THIS {path}
# Columns: the field that each one is; empty where nothing is made of it.
"""


def guess(source: Source, file: DataFile, said: Mapping[str, str]) -> str:
    """Return a mapping in YAML: all that is known of a file, and the question that is still open.

    Parameters
    ----------
    source : Source
        One that finds out how each file is read.
    file : DataFile
    said : mapping of str to str
        What the user has said of it.

    Raises
    ------
    TickmartError
        The file cannot be read, or has no names for its columns.
    """
    assert source.recognise is not None
    question = None
    try:
        known = _of_reading(source.recognise(file, said, None))
    except TickmartError as error:
        question = str(error)
        known = _of_names(beginning_of(file), said, question)
    lines = [_HEAD.format(file=file.name, source=source.name, path=file.name)]
    if question is not None:
        lines.append(f"# Still open: {question}\n")
    lines.append(yaml.safe_dump(known, sort_keys=False, allow_unicode=True))
    return "".join(lines)


def _of_reading(reading: Any) -> dict[str, Any]:
    assert isinstance(reading, Reading)
    known: dict[str, Any] = {
        "columns": {
            name: "" if column.startswith("extra_") else column
            for name, column in zip(reading.names, reading.columns, strict=True)
        }
    }
    order = {"day first": "dayfirst", "month first": "monthfirst"}.get(reading.time.name.partition(",")[0])
    answers = {
        "symbol": reading.symbol,
        "exchange": reading.exchange or None,
        "timezone": None if reading.exchange else reading.zone,
        "interval": reading.interval,
        "label": reading.label,
        order: "true" if order else None,
        "type": reading.instrument_type,
        "decimal": "comma" if reading.decimal == "," else None,
        "volatility": "percent" if reading.percent else None,
        "adjusted": reading.adjusted_for if reading.adjusted_for != "none" else None,
    }
    return known | {key: value for key, value in answers.items() if key and value}


def _of_names(beginning: Beginning, said: Mapping[str, str], question: str) -> dict[str, Any]:
    names = beginning.structure.names
    if names is None or len(set(names)) < len(names):
        raise TickmartError(question)
    answers = {key: value for key, value in said.items() if key not in ("mapping", "columns")}
    return {"columns": dict(zip(names, guessed(names), strict=True))} | answers
