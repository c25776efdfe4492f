"""A file that has grown stands in the marts whole, from all the loads that make it up."""

import json
from pathlib import Path

import pytest
from built_warehouse import build, query, tickmart
from sqlalchemy import URL

pytestmark = pytest.mark.slow

HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"
BARS = [
    f"NIFTY13MAR2522500CE.NFO,12/03/2025,09:{minute}:59,100,{minute}1,99,{minute}0.5,75,1000"
    for minute in range(15, 25)
]


def load(path: Path, *bars: str) -> dict[str, object]:
    path.write_text("\n".join([HEADER, *bars]) + "\n")
    (outcome,) = json.loads(tickmart("load", "nse-minute", "--json", path).stdout)
    return dict(outcome)


def closes() -> list[str]:
    return [str(close) for (close,) in query("select close from marts.options_ticks order by bar_start")]


def standings() -> list[tuple[int, str, int | None, int | None]]:
    return query("select load_id, standing, restated_by, rows_in_marts from marts.load_history order by 1")


def test_what_a_file_gains_and_loses_comes_into_the_marts_and_goes(
    fresh_built_database: URL, tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    first = load(path, *BARS[:4])["load_id"]
    build("--no-greeks")
    second = load(path, *BARS[:7])
    third = load(path, *BARS)
    assert (second["continues"], third["continues"]) == (first, first)
    build("--no-greeks")

    assert closes() == [f"{minute}0.5" for minute in range(15, 25)]
    assert standings() == [
        (first, "in the marts", None, 4),
        (second["load_id"], "in the marts", None, 3),
        (third["load_id"], "in the marts", None, 3),
    ]

    tickmart("unload", str(third["load_id"]))
    build("--no-greeks")
    assert closes() == [f"{minute}0.5" for minute in range(15, 22)]

    # other bytes replace all parts together, and what the file now lacks is gone
    fourth = load(path, *BARS[1:3])["load_id"]
    assert standings()[0] == (first, "restated", fourth, 4)
    build("--no-greeks")
    assert closes() == ["160.5", "170.5"]
    assert standings() == [
        (first, "restated", fourth, None),
        (second["load_id"], "restated", fourth, None),
        (third["load_id"], "unloaded", fourth, None),
        (fourth, "in the marts", None, 2),
    ]
    assert query("select count(*) from marts.superseded_rows") == [(0,)]

    tickmart("unload", str(fourth))
    build("--no-greeks")
    assert closes() == [f"{minute}0.5" for minute in range(15, 22)]
