"""A terminal for tests: runs a command on a pseudo-terminal, and tells what a person then sees."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 160, 50
_LONGEST = 120.0  # seconds
_PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


@dataclass(frozen=True)
class Seen:
    """What came of a command.

    Attributes
    ----------
    status : int
    written : str
        All that it wrote to the terminal, control sequences included.
    screen : list of str
        The lines that stand on the terminal in the end.
    piped : str
        What it wrote to stdout, where that was a pipe.
    """

    status: int
    written: str
    screen: list[str]
    piped: str


def on_a_terminal(command: Sequence[str], pipe_stdout: bool = False) -> Seen:
    """Run a command whose input, output and errors are a terminal; `pipe_stdout` takes stdout out of it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _HEIGHT, _WIDTH, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE if pipe_stdout else theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    written, deadline = b"", time.monotonic() + _LONGEST
    while True:
        if not select.select([ours], [], [], max(deadline - time.monotonic(), 0))[0]:
            process.kill()
            raise AssertionError(f"{command} did not end in {_LONGEST:.0f} seconds; it wrote {written!r}")
        try:
            read = os.read(ours, 1 << 16)
        except OSError:  # the last that wrote to it has ended
            break
        if not read:
            break
        written += read
    os.close(ours)
    piped = process.stdout.read().decode() if process.stdout else ""
    text = written.decode()
    return Seen(process.wait(), text, _screen(text), piped)


def _screen(written: str) -> list[str]:
    lines, row, column = [""], 0, 0
    for parameters, command, carriage_return, line_feed, text in _PIECE.findall(written):
        if text:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + text + line[column + len(text) :]
            column += len(text)
        elif carriage_return:
            column = 0
        elif line_feed:
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif command == "A":
            row = max(row - int(parameters or 1), 0)
        elif command == "K":
            assert parameters == "2", parameters
            lines[row] = ""
        else:
            assert command in "mhl", (
                parameters,
                command,
            )  # colours; the cursor hides and shows
    return [line.rstrip() for line in lines if line.strip()]
