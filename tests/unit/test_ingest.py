"""Which folders of an inbox are of which day."""

from datetime import date
from pathlib import Path

import pytest

from flows.ingest import _folders_by_day
from warehouse.errors import TickmartError


def test_a_list_without_a_date_is_of_the_day_that_its_folder_is_named_for(tmp_path: Path) -> None:
    for day in ("2025-10-08", "2025-10-07", ".cache"):
        (tmp_path / day).mkdir()

    found = _folders_by_day("kite-instruments", [str(tmp_path)])

    assert found == [
        (date(2025, 10, 7), tmp_path / "2025-10-07"),
        (date(2025, 10, 8), tmp_path / "2025-10-08"),
    ]
    assert _folders_by_day("kite-instruments", [str(tmp_path / "2025-10-08")]) == found[1:]


@pytest.mark.parametrize("name", ["instruments.csv", "2025-10-08.csv", "2025-13-01", "2025-10-09"])
def test_a_list_outside_such_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "2025-10-08").mkdir()
    (tmp_path / name).touch()

    with pytest.raises(TickmartError, match=r"in a folder named YYYY-MM-DD, such as .*2025-10-08; found"):
        _folders_by_day("kite-instruments", [str(tmp_path)])
