"""Files whose name holds another date than their rows, on every layout that dates its rows."""

import re
from pathlib import Path

import pytest
from loader_samples import Sample, identify, query, samples

from loaders.landing.checking import check

pytestmark = pytest.mark.usefixtures("database")

DATED = [sample for sample in samples() if sample.layout.date and not sample.source.undated]


def of_the_fifth_of_april(sample: Sample, rows: int) -> str:
    """A file of rows of 5 April 2023, written as the layout writes dates."""
    place = sample.expected["files"][sample.clean_name]["first"]
    column = list(place).index(str(sample.layout.date))
    lines = []
    for line in sample.lines[:rows]:
        cells = line.split(",")
        cells[column] = _rewritten(cells[column])
        lines.append(",".join(cells))
    return sample.text(*lines)


def _rewritten(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d", "2023-04-05", text)
    text = re.sub(r"\d\d([-/])\d\d\1\d{4}", r"05\g<1>04\g<1>2023", text)
    return re.sub(r"\d\d-[A-Za-z]{3}-\d{4}", "05-APR-2023", text)


@pytest.mark.parametrize("sample", DATED, ids=identify)
def test_a_file_whose_days_are_swapped_lands_only_by_force(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "rows_04052023.csv"
    path.write_text(of_the_fifth_of_april(sample, rows=2))
    refused = sample.land_one(path)
    (checked,) = check(sample.source.name, [path])
    assert refused.status == checked.status == "failed"
    assert refused.error == checked.error
    assert "is named for 2023-05-04, its rows are of 2023-04-05" in str(refused.error)
    assert query(f"select count(*) from {sample.table} where _load_id = %s", refused.load_id) == [(0,)]

    forced = sample.land_one(path, force=True)
    (checked,) = check(sample.source.name, [path], force=True)
    assert (forced.status, forced.rows, forced.notes) == ("loaded", 2, checked.notes)
    assert len(forced.notes) == 1


@pytest.mark.parametrize("sample", DATED, ids=identify)
def test_a_name_of_another_day_is_said_and_the_rows_land(sample: Sample, tmp_path: Path) -> None:
    (path := tmp_path / "rows_20230406.csv").write_text(of_the_fifth_of_april(sample, rows=1))
    (right := tmp_path / "rows_05042023.csv").write_text(of_the_fifth_of_april(sample, rows=3))
    outcome = sample.land_one(path)
    (checked,) = check(sample.source.name, [path])
    assert outcome.status == "loaded"
    assert outcome.notes == checked.notes == ("the name says 2023-04-06, but the rows are of 2023-04-05",)
    assert sample.land_one(right).notes == ()
