"""Paths become files."""

import os
from pathlib import Path

from loaders.files import Unreadable, expand, natural_order, why_no_data

SUFFIXES = (".csv", ".zip")


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["day10.csv", "day9.csv", "Day1.csv", "day.csv", "2.csv", "10.csv"]
    assert sorted(names, key=natural_order) == [
        "2.csv",
        "10.csv",
        "Day1.csv",
        "day9.csv",
        "day10.csv",
        "day.csv",
    ]


def test_names_that_are_no_data_say_why() -> None:
    assert why_no_data("a.CSV", SUFFIXES) is None
    assert why_no_data("a/b.csv.zip", SUFFIXES) is None
    assert why_no_data("a.pdf", SUFFIXES) == "no data file (.pdf)"
    assert why_no_data("README", SUFFIXES) == "no data file (no suffix)"
    assert why_no_data("readme.csv", SUFFIXES) == "about the data"
    assert why_no_data("__MACOSX/._a.csv", SUFFIXES) == "hidden"


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    odd, plain = tmp_path / "day[1].csv", tmp_path / "day1.csv"
    odd.touch()
    plain.touch()
    assert expand([odd], SUFFIXES) == [odd]
    assert expand([tmp_path / "day[12].csv"], SUFFIXES) == [plain]


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (found,) = expand([tmp_path / "pipe.csv"], SUFFIXES)
    assert isinstance(found, Unreadable)
    assert str(found.error).endswith("neither a file nor a folder")
