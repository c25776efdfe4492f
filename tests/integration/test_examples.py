"""What lies in examples/ runs as it stands."""

import os
import subprocess
from pathlib import Path

import pytest
from built_warehouse import tickmart
from sqlalchemy import URL
from warm_python.interpreter import COLD

from warehouse.settings import PROJECT_FOLDER

pytestmark = pytest.mark.slow

EXAMPLES = PROJECT_FOLDER / "examples"


def test_a_share_from_csv_is_read_by_nautilus(built_database: URL) -> None:
    ended = subprocess.run(
        [COLD, EXAMPLES / "share_from_csv.py"],
        capture_output=True, text=True, cwd=PROJECT_FOLDER,
        env={**os.environ, "PYTHONPATH": str(PROJECT_FOLDER)},
    )  # fmt: skip

    assert ended.returncode == 0, ended.stdout + ended.stderr
    first, second = ended.stdout.splitlines()
    # three sessions, and their days as they were built; Wednesday is followed by Thanksgiving
    assert first == "1,173 bars of AAPL, read back and compared"
    assert second.startswith("Nautilus reads 1,170 minutes; the first is AAPL.NASDAQ-1-MINUTE-LAST-EXTERNAL,")


def test_the_mapping_reads_a_file_whose_names_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bars.txt"
    path.write_text("when|first|top|bottom|final|pieces\n2025-11-24 09:30:00|10|12|9|11|100\n")

    shown = tickmart("load", "csv", "--check", "--mapping", EXAMPLES / "mapping.yml", path).stdout

    assert (
        "AAPL  2025-11-24 09:30:00-0500 (2025-11-24 14:30:00 UTC)  open 10  high 12  low 9  close 11" in shown
    )
