"""Headers find their layouts."""

import pytest

from loaders.layouts import Column, Layout, RawTable, choose, split_header, unknown_layout
from loaders.sources import SOURCES

TABLE = RawTable("small", ("a", "b", "c", "d"))
SMALL = Layout("small", TABLE, (Column("a", ("A", "Alpha")), Column("b", ("B",))))
LARGE = Layout("large", TABLE, (*SMALL.columns, Column("c", ("C",)), Column("d", ("D",), optional=True)))
TAILED = Layout("tailed", TABLE, (Column("x", ("X",)), Column("y", ("Y",))), tail=("t1", "t2"))


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (("A", "B"), ("a", "b")),
        (("b", "ALPHA"), ("b", "a")),
        (("A ", "_b"), ("a", "b")),
        (("A",), None),
        (("A", "B", "C"), None),
        (("A", "Alpha", "B"), None),
    ],
)
def test_names_match_in_any_order_case_and_spacing(
    names: tuple[str, ...], columns: tuple[str, ...] | None
) -> None:
    assert SMALL.match(names) == columns


def test_optional_columns_may_be_missing() -> None:
    assert LARGE.match(("A", "B", "C")) == ("a", "b", "c")
    assert LARGE.match(("D", "A", "B", "C")) == ("d", "a", "b", "c")


def test_the_tail_is_matched_by_place_whatever_its_names() -> None:
    assert TAILED.match(("X", "Y", "Rsvd01", "Rsvd02")) == ("x", "y", "t1", "t2")
    assert TAILED.match(("Y", "X", "anything", "")) == ("y", "x", "t1", "t2")
    assert TAILED.match(("X", "Y", "Rsvd01")) is None


def test_no_header_fits_two_layouts_of_one_source_alike() -> None:
    for source in (source for source in SOURCES.values() if source.recognise is None):
        for layout in source.layouts:
            names = [column.spellings[0] for column in layout.columns] + [*layout.tail]
            chosen = choose(names, source.layouts)
            assert chosen is not None
            assert chosen[0] is layout


def test_every_layout_fills_columns_of_the_raw_table() -> None:
    for source in SOURCES.values():
        for layout in source.layouts:
            assert {column.name for column in layout.columns} | {*layout.tail} <= {*layout.table.columns}


def test_a_comma_behind_the_last_name_names_nothing() -> None:
    assert split_header("A,B,").names == ("A", "B")
    assert split_header("A,B,").trailing_comma
    assert not split_header("A,B").trailing_comma
    assert split_header(' "A" ,"B, b"').names[1] == "B, b"


def test_the_error_stays_readable_for_a_header_of_garbage() -> None:
    error = str(unknown_layout("x.csv", ["\x1b[31m" * 200, "b"], {"small": [SMALL]}))
    assert len(error) < 400
    assert "\x1b" not in error
