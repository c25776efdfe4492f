"""Progress bars on a real pseudo-terminal: nothing is glued to them, and they are gone in the end."""

import sys
import textwrap
from pathlib import Path

from terminal import Seen, on_a_terminal

HEADER = "Ticker,Date,Time,Open,High,Low,Close,Volume,Open Interest\n"
ROW = "NIFTY13MAR2522500CE.NFO,12/03/2025,09:15:59,100,101,99,100.5,75,1000\n"


def test_what_is_written_beside_a_bar_stands_on_lines_of_its_own() -> None:
    seen = _with_a_bar("""
        print("to stdout")
        bar.update(task, completed=1)
        print("to stderr", file=sys.stderr)
        structlog.get_logger().warning("a line of the log")
        bar.update(task, total=3, completed=2)
    """)

    assert seen.status == 0
    assert seen.screen[:2] == ["to stdout", "to stderr"]
    assert seen.screen[2].endswith("a line of the log")
    assert seen.screen[3:] == ["behind the bar"]


def test_a_bar_spins_until_it_knows_its_length() -> None:
    seen = _with_a_bar("""
        bar.refresh()
        bar.update(task, total=3, completed=2, refresh=True)
    """)

    before, _, after = seen.written.partition("2/3")
    assert "/?" not in before
    assert "work" in before
    assert after
    assert seen.screen == ["behind the bar"]


def test_a_bar_that_an_error_ends_is_gone_before_the_error_is_told() -> None:
    seen = _with_a_bar('raise SystemExit("error: as it must")')

    assert (seen.status, seen.screen) == (1, ["error: as it must"])


def test_output_that_goes_elsewhere_is_not_drawn_to_the_terminal() -> None:
    seen = _with_a_bar('print("to stdout")', pipe_stdout=True)

    assert seen.piped == "to stdout\nbehind the bar\n"
    assert seen.screen == []


def test_a_load_shows_its_files_and_no_bar_in_the_end(tmp_path: Path) -> None:
    strange = tmp_path / "[" / "bold].csv"  # rich would take it for markup
    strange.parent.mkdir()
    strange.write_text(HEADER + ROW)

    seen = on_a_terminal([sys.executable, "-m", "tickmart", "load", "nse-minute", "--check", str(strange)])

    assert seen.status == 0
    assert seen.screen == [
        "bold].csv: 1 row (layout gfdl)",
        "1 file would land: 1 row, 0 rejected; 0 would fail. Nothing was landed.",
    ]


def _with_a_bar(work: str, pipe_stdout: bool = False) -> Seen:
    script = f"""
import sys
import structlog
from rich.progress import BarColumn
from tickmart.progress import DoneOfAll, PlainText, progress_bar
from warehouse.logs import log_to_stderr

log_to_stderr()
bar = progress_bar(PlainText("{{task.description}}"), BarColumn(), DoneOfAll())
task = bar.add_task("work [/of a name]", total=None)
with bar:
    bar.refresh()
{textwrap.indent(textwrap.dedent(work), "    ")}
print("behind the bar")
"""
    return on_a_terminal([sys.executable, "-c", script], pipe_stdout)
