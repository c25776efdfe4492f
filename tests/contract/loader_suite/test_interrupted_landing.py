"""What every source leaves behind when landing is cut off."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from loader_samples import Sample, kill_while_copying, on_insert, query, quiet

from warehouse.errors import TickmartError

pytestmark = [pytest.mark.transport, pytest.mark.usefixtures("fresh_database")]


def make_tables(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "first.csv"
    path.write_text(sample.clean)
    assert sample.land_one(path).status == "loaded"


def nothing_half_landed(sample: Sample) -> bool:
    return query(
        f"select (select count(*) from {sample.table}) = sum(rows), count(*),"
        " (select count(*) from audit.rejects) from audit.loads where status <> 'failed'"
    ) == [(True, 1, 0)]


@pytest.mark.parametrize("first_line", [[], ["bad"]], ids=["clean file", "file with a reject"])
def test_a_load_killed_midway_leaves_nothing_and_can_be_repeated(
    sample: Sample, tmp_path: Path, first_line: list[str]
) -> None:
    make_tables(sample, tmp_path)
    path = tmp_path / "large.csv"
    lines = sample.lines * (80_000 // len(sample.lines))
    path.write_text(sample.text(*first_line, *lines))
    on_insert(sample, "if new._line % 20000 = 0 then perform pg_sleep(0.3); end if;")
    kill_while_copying(sample, path, after_rows=30_000)
    assert nothing_half_landed(sample)
    quiet(sample)
    outcome = sample.land_one(path)
    assert (outcome.status, outcome.rows, outcome.rejected) == ("loaded", len(lines), len(first_line))
    first = 2 + len(first_line)
    assert list(sample.landed(outcome.load_id)) == list(range(first, first + len(lines)))


def test_a_full_disk_fails_one_file_in_plain_words_and_the_others_land(
    sample: Sample, tmp_path: Path
) -> None:
    make_tables(sample, tmp_path)
    column = next(iter(sample.expected["files"][sample.clean_name]["first"]))
    on_insert(
        sample,
        f"if new.{column} = 'FULL' then raise exception 'could not extend file \"base/1/2\"'"
        " using errcode = '53100'; end if;",
    )
    full, small = tmp_path / "a full.csv", tmp_path / "b small.csv"
    full.write_text(sample.text(*sample.lines, "FULL" + sample.lines[0][sample.lines[0].index(",") :]))
    small.write_text(sample.text(sample.lines[0]))
    report = sample.land([full, small])
    assert [outcome.status for outcome in report.outcomes] == ["failed", "loaded"]
    assert report.outcomes[0].error == (
        "a full.csv: the database's disk is full: free some space, then run the same command again"
        ' (could not extend file "base/1/2")'
    )
    assert sample.landed(report.outcomes[0].load_id) == {}
    with pytest.raises(TickmartError, match="disk is full"):
        report.raise_if_failed()


def test_a_database_that_goes_away_ends_the_command_with_one_error(sample: Sample, tmp_path: Path) -> None:
    make_tables(sample, tmp_path)
    on_insert(sample, "perform pg_terminate_backend(pg_backend_pid());")
    path = tmp_path / "day.csv"
    path.write_text(sample.text(*sample.lines * 2))
    with pytest.raises(TickmartError, match=r"the database went away while day\.csv was landing"):
        sample.land([path])
    assert nothing_half_landed(sample)
    quiet(sample)
    assert sample.land_one(path).status == "loaded"


def test_an_interrupted_command_leaves_nothing(sample: Sample, tmp_path: Path) -> None:
    make_tables(sample, tmp_path)
    path = tmp_path / "large.csv"
    path.write_text(sample.text(*sample.lines * (50_000 // len(sample.lines))))
    on_insert(sample, "if new._line % 10000 = 0 then perform pg_sleep(0.3); end if;")
    command = subprocess.Popen(
        sample.command(path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # a shell's background job ignores interrupts, and so would what it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not query("select 1 from pg_stat_progress_copy where tuples_processed > 10000"):
        assert command.poll() is None, "the load ended before it could be interrupted"
        time.sleep(0.01)
    command.send_signal(signal.SIGINT)
    assert command.wait(timeout=30) != 0
    assert nothing_half_landed(sample)
