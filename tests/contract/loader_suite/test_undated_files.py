"""Files whose rows do not say which day they are of."""

from datetime import date
from pathlib import Path

import pytest
from loader_samples import Sample, query, samples

from loaders.landing import land
from loaders.landing.checking import check
from loaders.landing.reading_back import read_lines
from warehouse.errors import TickmartError

pytestmark = pytest.mark.usefixtures("database")

UNDATED = [sample for sample in samples() if sample.source.undated]
DATED = [sample for sample in samples() if not sample.source.undated]
MONDAY, TUESDAY = date(2025, 10, 6), date(2025, 10, 7)


def test_the_day_has_to_be_said() -> None:
    with pytest.raises(TickmartError, match="do not say of which day they are: say --as-of YYYY-MM-DD"):
        land(UNDATED[0].source.name, [UNDATED[0].folder])
    with pytest.raises(TickmartError, match="do not say of which day they are: say --as-of YYYY-MM-DD"):
        check(UNDATED[0].source.name, [UNDATED[0].folder])


def test_rows_that_carry_their_dates_are_not_told_another() -> None:
    with pytest.raises(TickmartError, match="carry their dates themselves: leave --as-of out"):
        land(DATED[0].source.name, [DATED[0].folder], as_of=MONDAY)
    with pytest.raises(TickmartError, match="carry their dates themselves: leave --as-of out"):
        check(DATED[0].source.name, [DATED[0].folder], as_of=MONDAY)


def test_one_path_on_two_days_is_two_loads_that_both_stand(tmp_path: Path) -> None:
    sample = UNDATED[0]
    path = tmp_path / "instruments.csv"
    path.write_text(sample.text(sample.lines[0]))
    (monday,) = land(sample.source.name, [path], as_of=MONDAY).outcomes
    path.write_text(sample.text(sample.lines[1]))
    (tuesday,) = land(sample.source.name, [path], as_of=TUESDAY).outcomes
    (again,) = land(sample.source.name, [path], as_of=TUESDAY).outcomes
    assert (again.status, again.load_id) == ("already loaded", tuesday.load_id)
    assert tuesday.restates is None
    assert query(
        "select options ->> 'as_of' from audit.current_loads where load_id in (%s, %s) order by load_id",
        monday.load_id,
        tuesday.load_id,
    ) == [("2025-10-06",), ("2025-10-07",)]


def test_its_lines_are_read_back_while_the_file_holds_them(tmp_path: Path) -> None:
    sample: Sample = UNDATED[0]
    path = tmp_path / "what?as_of=it is.csv"
    path.write_text(sample.clean)
    (outcome,) = land(sample.source.name, [path], as_of=MONDAY).outcomes
    ((sha256, size),) = query("select sha256, bytes from audit.loads where load_id = %s", outcome.load_id)
    read = read_lines(outcome.uri, sha256, size, [2], sample.source.suffixes)
    assert read.texts == {2: sample.lines[0]}
