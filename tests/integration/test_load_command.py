"""The commands `load`, `loads`, `rejects` and `unload`, as a shell runs them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL

from loaders.sources import SOURCES
from warehouse import database as databases

HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest"
BAR = "NIFTY13MAR2522400PE.NFO,12/03/2025,09:15:59,100,102.5,98.95,100.4,75,150000"


def tickmart(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tickmart", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return str(path)


@pytest.mark.usefixtures("database")
def test_load_ends_with_a_summary_and_exit_code_0(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", BAR, BAR)
    write(tmp_path / "b.csv", BAR, "bad")
    run = tickmart("load", "nse-minute", str(tmp_path))
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("a.csv: 2 rows (load ")
    assert lines[1].startswith("b.csv: 1 row, 1 rejected (load ")
    assert lines[2] == "2 files landed: 3 rows, 1 rejected, 0 failed"
    again = tickmart("load", "nse-minute", str(tmp_path))
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "0 files landed: 0 rows, 0 rejected, 2 already loaded, 0 failed"


@pytest.mark.usefixtures("database")
def test_one_bad_file_fails_the_command_and_not_the_others(tmp_path: Path) -> None:
    write(tmp_path / "good.csv", BAR)
    (tmp_path / "page.csv").write_text("<html>no</html>")
    (tmp_path / "empty.csv").write_text("")
    run = tickmart("load", "nse-minute", str(tmp_path))
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == "1 file landed: 1 row, 0 rejected, 2 failed"
    errors = run.stderr.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith("error: empty.csv is empty (0 bytes)")
    assert errors[1].startswith("error: page.csv is an HTML or XML page")


@pytest.mark.usefixtures("database")
def test_json_tells_the_outcome_of_each_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", BAR)
    (tmp_path / "empty.csv").write_text("")
    run = tickmart("load", "nse-minute", "--json", str(tmp_path))
    assert run.returncode == 1
    outcomes = json.loads(run.stdout)
    assert [(o["name"], o["status"], o["rows"]) for o in outcomes] == [
        ("a.csv", "loaded", 1),
        ("empty.csv", "failed", 0),
    ]


@pytest.mark.usefixtures("database")
def test_loads_and_rejects_are_shown_and_a_load_is_taken_back(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BAR, "bad,line")
    (outcome,) = json.loads(tickmart("load", "nse-minute", "--json", path).stdout)
    (tmp_path / "empty.csv").write_text("")
    tickmart("load", "nse-minute", str(tmp_path / "empty.csv"))
    load_id = str(outcome["load_id"])

    newest = tickmart("loads", "--limit", "2").stdout.splitlines()
    assert newest[0].split("\t")[:2] == ["load_id", "finished_at"]
    assert [line.split("\t")[3] for line in newest[1:]] == ["failed", "loaded"]
    failed = json.loads(
        tickmart("loads", "--failed", "--source", "nse-minute", "--limit", "1", "--json").stdout
    )
    assert failed[0]["error"] == "empty.csv is empty (0 bytes); fetch it again"
    (by_file,) = json.loads(tickmart("loads", path, "--json").stdout)
    assert (by_file["load_id"], by_file["is_current"]) == (int(load_id), True)

    for what in (load_id, path):
        (reject,) = json.loads(tickmart("rejects", what, "--json").stdout)
        assert (reject["line"], reject["text"]) == (3, "bad,line")
        assert reject["reason"] == "2 fields where the header has 9"
    assert "2 fields where the header has 9" in tickmart("rejects").stdout

    taken_back = tickmart("unload", load_id)
    assert taken_back.returncode == 0
    assert taken_back.stdout.startswith(f"load {load_id} unloaded: 1 row and 1 reject deleted (file://")
    assert tickmart("unload", load_id).stdout.startswith(f"load {load_id} was unloaded before")
    assert tickmart("loads", path).stdout.splitlines()[1].split("\t")[-1].startswith("unloaded 20")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("unload", "987654"), "there is no load 987654; see: tickmart loads"),
        (("rejects", "987654"), "there is no load 987654; see: tickmart loads"),
        (("rejects", "/never.csv"), "/never.csv was never loaded; see: tickmart loads"),
        (("loads", "--source", "nix"), "unknown source 'nix'; known sources: " + ", ".join(SOURCES)),
    ],
)
def test_what_is_not_there_is_one_clear_error(arguments: tuple[str, ...], error: str) -> None:
    run = tickmart(*arguments)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", f"error: {error}\n")


def test_check_judges_without_a_database(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BAR, "bad", BAR)
    nowhere = {"TICKMART_DATABASE_URL": "postgresql://u:secret-word@127.0.0.1:1/none"}
    run = tickmart("load", "nse-minute", "--check", path, **nowhere)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "a.csv: 2 rows, 1 rejected (layout gfdl)",
        "  line 3: 1 field where the header has 9",
        "1 file would land: 2 rows, 1 rejected; 0 would fail. Nothing was landed.",
    ]
    (tmp_path / "b.csv").write_text("<html>")
    run = tickmart("load", "nse-minute", "--check", "--json", str(tmp_path), **nowhere)
    assert run.returncode == 1
    assert [verdict["status"] for verdict in json.loads(run.stdout)] == ["has rejects", "failed"]


def test_a_check_fails_where_the_load_would(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "bad", "worse")
    run = tickmart("load", "nse-minute", "--check", path)
    assert (run.returncode, run.stderr) == (1, "error: none of the 2 lines of a.csv fits its header\n")
    run = tickmart("load", "kite-instruments", "--check", path)
    assert run.returncode == 1
    assert run.stderr.startswith(
        "error: files of kite-instruments do not say of which day they are: say --as-of"
    )


@pytest.mark.usefixtures("database")
def test_skipped_files_are_named_up_to_twenty_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", BAR)
    for number in range(25):
        (tmp_path / f"{number}.tmp").touch()
    run = tickmart("load", "nse-minute", str(tmp_path))
    lines = run.stdout.splitlines()
    assert lines[:20] == [f"{tmp_path}/{number}.tmp: skipped, no data file (.tmp)" for number in range(20)]
    assert lines[20] == "more files are skipped than are named here; --json names all"
    assert lines[21].startswith("a.csv: 1 row (load ")
    assert lines[22] == "1 file landed: 1 row, 0 rejected, 25 skipped, 0 failed"
    checked = tickmart("load", "nse-minute", "--check", str(tmp_path)).stdout.splitlines()
    assert checked[:21] == [line.replace(": skipped,", ": would be skipped,") for line in lines[:21]]
    assert checked[22] == (
        "1 file would land: 1 row, 0 rejected, 25 skipped; 0 would fail. Nothing was landed."
    )
    named = tickmart("load", "nse-minute", "--json", str(tmp_path))
    assert len(json.loads(named.stdout)) == 26


def test_a_database_that_is_down_is_one_clear_error_without_the_password(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BAR)
    run = tickmart(
        "load", "nse-minute", path, TICKMART_DATABASE_URL="postgresql://u:secret-word@127.0.0.1:1/none"
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("error: cannot connect to database none at 127.0.0.1:1")
    assert len(run.stderr.splitlines()) == 1
    assert "secret-word" not in run.stderr


def test_wrong_usage_ends_with_exit_code_2() -> None:
    assert tickmart("load", "nse-minute").returncode == 2
    assert tickmart("load", "no-such-source", "x").returncode == 2
    assert tickmart("unload", "x").returncode == 2


def test_the_layouts_of_every_source_are_listed() -> None:
    run = tickmart("load", "--list-layouts")
    assert run.returncode == 0
    for source in SOURCES.values():
        assert f"{source.name}: {source.description}" in run.stdout
        for layout in source.layouts:
            assert ",".join(layout.header()) in run.stdout
            assert layout.example in run.stdout


@pytest.mark.usefixtures("database")
def test_a_terminal_sees_a_bar_and_the_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", *[BAR] * 50_000)
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "tickmart", "load", "nse-minute", path],
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # a terminal whose other side is closed ends like this
        pass
    assert command.wait() == 0
    text = shown.decode()
    assert "50,000 rows (load" in text
    assert "1 file landed: 50,000 rows, 0 rejected, 0 failed" in text
    assert "3.8" in text
    assert "MB" in text


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("command", ["loads", "rejects"])
def test_a_list_that_is_cut_says_so(tmp_path: Path, command: str) -> None:
    path = write(tmp_path / "a.csv", BAR, "bad", "worse")
    tickmart("load", "nse-minute", path)
    tickmart("load", "nse-minute", "--force", path)
    arguments = [command, path] if command == "loads" else [command, path, "--json"]

    cut = tickmart(*arguments, "--limit", "1")
    whole = tickmart(*arguments, "--limit", "2")

    assert cut.stderr == "older ones are not shown; see --limit\n"
    assert whole.stderr == ""
    assert cut.stdout != whole.stdout


@pytest.mark.usefixtures("database")
def test_a_build_of_nothing_says_so() -> None:
    done = tickmart("build", "--select", "no_such_model")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: nothing matches --select no_such_model. ")


def test_the_loader_role_can_load_and_unload_and_no_more(database: URL, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BAR, "bad")
    tickmart("load", "nse-minute", path)  # makes the raw tables, as their owner
    user = f"loader_of_{database.database}"
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create user {user} password 'a-word' in role tickmart_loader")
    try:
        address = database.set(drivername="postgresql", username=user, password="a-word")
        as_loader = {"TICKMART_DATABASE_URL": address.render_as_string(hide_password=False)}
        loaded = tickmart("load", "nse-minute", "--force", "--json", path, **as_loader)
        assert loaded.returncode == 0, loaded.stderr
        (outcome,) = json.loads(loaded.stdout)
        assert (outcome["rows"], outcome["rejected"]) == (1, 1)
        unloaded = tickmart("unload", str(outcome["load_id"]), **as_loader)
        assert unloaded.returncode == 0, unloaded.stderr
        with databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute("revoke delete on audit.rejects from tickmart_loader")
            cursor.execute("revoke usage on sequence audit.loads_load_id_seq from tickmart_loader")
        refused = tickmart("load", "nse-minute", "--force", path, **as_loader)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: cannot load: the database user lacks a right")
        assert len(refused.stderr.splitlines()) == 1
    finally:
        with databases.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"drop user {user}")
