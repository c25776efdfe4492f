"""Which folders of an inbox belong to which day."""

from datetime import date
from pathlib import Path

import pytest


def folders_by_day(paths: list[str]) -> tuple[list[tuple[date, Path]], list[Path]]:
    # Prefect takes seconds, so not in every process that collects tests
    from flows import ingest

    return ingest.folders_by_day(paths)


def test_a_list_without_a_date_is_of_the_day_that_its_folder_is_named_for(tmp_path: Path) -> None:
    for day in ("2025-10-08", "2025-10-07", ".cache"):
        (tmp_path / day).mkdir()

    found, misplaced = folders_by_day([str(tmp_path)])

    assert found == [
        (date(2025, 10, 7), tmp_path / "2025-10-07"),
        (date(2025, 10, 8), tmp_path / "2025-10-08"),
    ]
    assert misplaced == []
    assert folders_by_day([str(tmp_path / "2025-10-08")]) == (found[1:], [])


@pytest.mark.parametrize("name", ["instruments.csv", "2025-10-08.csv", "2025-13-01", "2025-10-09"])
def test_what_lies_outside_such_a_folder_is_misplaced_and_the_rest_is_found(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "2025-10-08").mkdir()
    (tmp_path / name).touch()

    assert folders_by_day([str(tmp_path)]) == (
        [(date(2025, 10, 8), tmp_path / "2025-10-08")],
        [tmp_path / name],
    )
