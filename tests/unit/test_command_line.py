"""The command line itself: help, version, completion, suggestions, dates and ranges."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version

import pytest
import typer
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from tickmart.main import COMMANDS, app
from warehouse.errors import TickmartError

TAKES_A_RANGE = ["coverage", "export nautilus", "export backtrader"]
BACKWARDS = ("--start", "2025-09-01", "--end", "2025-08-01")
REFUSED = (
    "the last session, 2025-08-01, lies before the first, 2025-09-01: --start is the earlier of the two."
)


def test_every_command_with_a_range_is_known_to_this_test() -> None:
    found = [name for name, options in _commands() if {"--start", "--end"} <= options]

    assert sorted(found) == sorted(TAKES_A_RANGE)


@pytest.mark.parametrize("command", TAKES_A_RANGE)
def test_a_range_that_ends_before_it_starts_is_refused(command: str) -> None:
    to = ["--to", "anywhere"] if command.startswith("export") else []

    answer = CliRunner().invoke(app, [*command.split(), *to, *BACKWARDS])

    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1] == f"Error: Invalid value for '--end': {REFUSED}"


def test_the_nightly_flow_refuses_such_a_range_before_it_lands_anything() -> None:
    # takes seconds, so not in every process that collects tests
    from flows.nightly import app as nightly
    from flows.nightly import nightly as nightly_flow

    typed = CliRunner().invoke(nightly, BACKWARDS)
    with pytest.raises(TickmartError) as deployed:
        nightly_flow.fn(start=date(2025, 9, 1), end=date(2025, 8, 1), inbox={"nse-minute": ["x.csv"]})

    assert typed.exit_code == 2
    assert typed.stderr.splitlines()[-1] == f"Error: Invalid value for '--end': {REFUSED}"
    assert str(deployed.value) == REFUSED


@pytest.mark.parametrize("written", ["11/08/2025", "2025-13-01", "yesterday", ""])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("coverage", "--start"),
        ("coverage", "--end"),
        ("export nautilus --to x", "--end"),
        ("sample --to x", "--start"),
        ("load kite-instruments x", "--as-of"),
    ],
)
def test_a_date_that_cannot_be_read_is_answered_with_how_to_write_one(
    command: str, option: str, written: str
) -> None:
    answer = CliRunner().invoke(app, [*command.split(), option, written])

    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1] == (
        f"Error: Invalid value for '{option}': {written!r} is no date; write a date as 2025-08-11"
        " (year, month, day)."
    )


def test_help_says_in_words_how_dates_are_written() -> None:
    for command in ("coverage", "export nautilus", "sample", "load kite-instruments"):
        shown = CliRunner().invoke(app, [*command.split(), "--help"]).stdout

        assert "a date as 2025-08-11" in " ".join(shown.split()), command
        assert "%Y" not in shown, command


@pytest.mark.parametrize("command", ["", "coverage", "load", "load nse-minute", "db", "db start"])
def test_h_is_help(command: str) -> None:
    short = CliRunner().invoke(app, [*command.split(), "-h"])

    assert short.exit_code == 0
    assert short.stdout == CliRunner().invoke(app, [*command.split(), "--help"]).stdout
    assert short.stdout.startswith("Usage: ")


def test_the_version_is_that_of_the_installed_package() -> None:
    answer = CliRunner().invoke(app, ["--version"])

    assert (answer.exit_code, answer.stdout) == (0, f"tickmart {version('tickmart')}\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("coverge", "No such command 'coverge'. Did you mean 'coverage'?"),
        ("lod", "No such command 'lod'. Did you mean 'load', 'loads', 'unload'?"),
        ("load nse-bhavcop x", "No such command 'nse-bhavcop'. Did you mean 'nse-bhavcopy'?"),
        ("export nautlius", "No such command 'nautlius'. Did you mean 'nautilus'?"),
        ("db pslq", "No such command 'pslq'. Did you mean 'psql'?"),
        ("coverage --undrlying NIFTY", "No such option: --undrlying (Possible options: --underlying)"),
    ],
)
def test_what_is_mistyped_is_answered_with_what_was_meant(typed: str, said: str) -> None:
    answer = CliRunner().invoke(app, typed.split())

    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1] == f"Error: {said}"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tickmart lo", ["load", "loads"]),
        ("tickmart load nse-b", ["nse-bhavcopy"]),
        ("tickmart coverage --und", ["--underlying"]),
    ],
)
def test_a_shell_completes_commands_sources_and_options(typed: str, completed: list[str]) -> None:
    assert _completed(typed).stdout.splitlines() == completed


def test_commands_are_completed_without_importing_what_they_run() -> None:
    imported = _completed("tickmart b", "-X", "importtime")

    assert imported.stdout.splitlines() == ["build", "backtest"]
    assert "tickmart.main" in imported.stderr
    assert "tickmart.build" not in imported.stderr
    assert "tickmart.backtest" not in imported.stderr


def test_the_script_for_completion_is_shown() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tickmart", "--show-completion", "bash"],
        capture_output=True,
        text=True,
        # Typer's own: the shell is named, because there may be none around a test
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )

    assert shown.returncode == 0
    assert "complete -o default -F _tickmart_completion tickmart" in shown.stdout
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).stdout


def _completed(typed: str, *python: str) -> subprocess.CompletedProcess[str]:
    words = typed.split()
    return subprocess.run(
        [sys.executable, *python, "-m", "tickmart"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "_TICKMART_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
    )


def _commands() -> Iterator[tuple[str, set[str]]]:
    root = typer.main.get_command(app)
    for name in COMMANDS:
        yield from _below(
            name, root.get_command(None, name).make_context(name, [], resilient_parsing=True).command
        )  # type: ignore[attr-defined]


def _below(name: str, command: object) -> Iterator[tuple[str, set[str]]]:
    if isinstance(command, TyperGroup):
        for part, below in command.commands.items():
            yield from _below(f"{name} {part}", below)
    else:
        yield name, {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
