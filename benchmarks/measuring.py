"""How a benchmark measures: alternatives in turns, peak memory by process, one table of results."""

import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from warehouse import server

MEGABYTE = 1 << 20
_LOOK_EVERY = 0.05  # seconds; only what a process does in its last such moment is missed


@dataclass(frozen=True)
class Scale:
    """How much a benchmark measures.

    Attributes
    ----------
    rows : int or None
        Rows of generated data; None: the benchmark's own default.
    repeats : int or None
        Turns that each alternative gets; None: the benchmark's own default.
    template : str
        What the benchmark's databases are copied from. By default they are made from nothing.
    """

    rows: int | None = None
    repeats: int | None = None
    template: str = "template0"


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    benchmark, what : str
    figure : str
        Ours, with its unit; medians come with their range.
    beside : str
        The alternative's, measured in the same run.
    ratio : float or None
        Ours in units of the alternative's; above 1 is better for speeds, below 1 for times.
    wanted : str
        What DESIGN asks for, such as `≥ 0.8`; empty where nothing is asked.
    """

    benchmark: str
    what: str
    figure: str
    beside: str = ""
    ratio: float | None = None
    wanted: str = ""


def table(lines: Iterable[Line]) -> str:
    """Return the lines as a markdown table."""
    rows = [
        (
            line.benchmark,
            line.what,
            line.figure,
            line.beside,
            "" if line.ratio is None else f"{line.ratio:.3g} ×",
            line.wanted,
        )
        for line in lines
    ]
    header = ("benchmark", "what", "tickmart", "beside", "ratio", "wanted")
    return "\n".join(
        f"| {' | '.join(cells)} |"
        for cells in (header, ("---", "---", "---:", "---:", "---:", "---:"), *rows)
    )


def in_turns(repeats: int, **alternatives: Callable[[], object]) -> dict[str, list[float]]:
    """Time alternatives in turns, so that what else the machine does hits all of them alike.

    Parameters
    ----------
    repeats : int
        Turns that each gets; who goes first changes from one turn to the next.
    **alternatives : callable

    Returns
    -------
    dict of str to list of float
        Seconds, in the order of the turns.
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    order = list(alternatives)
    for _ in range(repeats):
        for name in order:
            started = time.perf_counter()
            alternatives[name]()
            seconds[name].append(time.perf_counter() - started)
        order.reverse()
    return seconds


def from_empty(
    repeats: int, forget: Callable[[], object], **alternatives: Callable[[], object]
) -> dict[str, list[float]]:
    """Time alternatives in turns as `in_turns` does, after one that finds cold caches and does not count.

    Parameters
    ----------
    repeats : int
    forget : callable
        Called before each turn: what the alternatives wrote goes, so that each writes into what is empty.
    **alternatives : callable
    """
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(repeats + 1):
        forget()
        ways = dict(reversed(alternatives.items())) if turn % 2 else alternatives
        for name, times in in_turns(1, **ways).items():
            if turn:
                seconds[name] += times
    return seconds


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how many times faster we were: the median over turns, each turn compared with itself."""
    return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))


def rate(rows: int, seconds: Sequence[float]) -> str:
    """Return rows per second as text: the median and, of several turns, the range."""
    middle = _short(rows / statistics.median(seconds))
    if len(seconds) == 1:
        return f"{middle}/s"
    return f"{middle}/s ({_short(rows / max(seconds))}–{_short(rows / min(seconds))})"


def duration(seconds: Sequence[float], unit: str = "s") -> str:
    """Return a time as text: the median and, of several turns, the range."""
    scale = {"s": 1.0, "ms": 1000.0}[unit]
    middle = f"{statistics.median(seconds) * scale:.3g} {unit}"
    if len(seconds) == 1:
        return middle
    return f"{middle} ({min(seconds) * scale:.3g}–{max(seconds) * scale:.3g})"


def _short(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


@dataclass
class Measured:
    """A finished command.

    Attributes
    ----------
    seconds : float
        Wall time.
    peaks : dict of str to int
        Highest resident bytes of any process of a role (`command`, `dbt`, `worker`). Empty where the system
        has no /proc.
    server_peak : int
        Highest sum of private bytes over the database server's processes, its shared buffers left out; 0
        where it runs on another machine.
    output : str
        What the command wrote to standard output.
    """

    seconds: float
    peaks: dict[str, int]
    server_peak: int
    output: str


def run_measured(command: Sequence[str]) -> Measured:
    """Run a command and watch the memory of every process that it starts, and of the server.

    Raises
    ------
    RuntimeError
        The command failed; the message ends with what it wrote to standard error.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with _watching(process.pid) as watch:
        output, complaints = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{complaints[-2000:]}")
    return Measured(seconds, dict(watch.peaks), watch.server_peak, output)


def memory_of_imports(modules: Sequence[str]) -> int:
    """Return the highest resident bytes of a process that imports modules and does nothing else."""
    imports = "".join(f"import {module}\n" for module in modules)
    report = "print('VmHWM: 0', open('/proc/self/status').read())"
    done = subprocess.run(
        [sys.executable, "-c", imports + report], capture_output=True, text=True, check=True
    )
    return int(done.stdout.rpartition("VmHWM:")[2].split()[0]) * 1024


@dataclass
class _Watch:
    peaks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    server_peak: int = 0


@contextmanager
def _watching(pid: int) -> Iterator[_Watch]:
    watch = _Watch()
    over = threading.Event()
    thread = threading.Thread(target=_look, args=(pid, watch, over), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def _look(pid: int, watch: _Watch, over: threading.Event) -> None:
    root = psutil.Process(pid)
    server_pid = server.state().pid
    looks = 0
    while True:
        try:
            for process in (root, *root.children(recursive=True)):
                role = "command" if process.pid == pid else _role(process)
                watch.peaks[role] = max(watch.peaks[role], _status(process.pid).get("VmHWM", 0))
        except psutil.NoSuchProcess:
            pass
        if server_pid is not None and looks % 4 == 0:
            watch.server_peak = max(watch.server_peak, _private_bytes(server_pid))
        looks += 1
        if over.wait(_LOOK_EVERY):
            return


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    if "dbt.cli" in command:
        return "dbt"
    return "worker" if "spawn_main" in command else "other"


def _private_bytes(server_pid: int) -> int:
    try:
        processes = psutil.Process(server_pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return 0
    return sum(_status(process.pid).get("RssAnon", 0) for process in processes)


def _status(pid: int) -> Mapping[str, int]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended, or there is no /proc here
        return {}
    found = (line.split() for line in text.splitlines() if line.startswith(("VmHWM:", "RssAnon:")))
    return {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, *_ in found}
