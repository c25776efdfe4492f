"""The process that has everything imported: forks one child for every command that it is asked to run."""

import array
import atexit
import contextlib
import gc
import importlib
import io
import json
import logging
import os
import random
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
import types
import warnings
from pathlib import Path
from typing import Any, NoReturn

from exporters import formats
from loaders import sources
from tickmart.main import COMMANDS, module_of
from warehouse.unread_events import spare_what_nobody_reads
from warm_python.parsed import keep_parsed_project

_IMPORTED = (
    "dbt.cli.main",
    "dbt.adapters.postgres",
    *map(module_of, COMMANDS),
    *(f"loaders.sources.{source.stem}" for source in Path(sources.__path__[0]).glob("*.py")),
    *(f"exporters.formats.{exporter.stem}" for exporter in Path(formats.__path__[0]).glob("*.py")),
    "alembic.command",
    "greeks.enrich",
    "loaders.landing.raw_tables",
    "pandas",
    "warehouse.last_build",
    "warehouse.logs",
)


def main() -> None:
    """Import, parse, then run commands until the run of the tests has ended."""
    told = json.loads(sys.argv[1])
    folder = Path(told["folder"])
    for name in _IMPORTED:
        importlib.import_module(name)
    keep_parsed_project(Path(told["project"]), folder)
    spare_what_nobody_reads()
    # no command has what a library sets up for itself until it imports that library
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    # a thread of the memory allocator of Arrow, which forks well
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "binding"))
    listener.listen(64)
    (folder / "binding").rename(folder / "socket")
    try:
        _serve(listener, os.pidfd_open(told["until"]))
    finally:
        shutil.rmtree(folder)


def _serve(listener: socket.socket, tests: int) -> None:
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    poll = select.poll()
    for number in (listener.fileno(), tests, woken):
        poll.register(number, select.POLLIN)
    clients: dict[int, socket.socket] = {}  # process -> who waits for its end
    processes: dict[int, int] = {}  # number of a connection -> process
    while True:
        for number, _ in poll.poll():
            if number == tests:
                for process in clients:
                    os.kill(process, signal.SIGKILL)
                return
            if number == woken:
                os.read(woken, 4096)
                _report_ends(clients, processes, poll)
            elif number == listener.fileno():
                connection, _ = listener.accept()
                ours = [listener.fileno(), tests, woken, waker, *processes]
                process = _started(connection, ours)
                if process:
                    with contextlib.suppress(OSError):  # it has gone meanwhile, and is seen to have
                        connection.sendall(process.to_bytes(8))
                    clients[process] = connection
                    processes[connection.fileno()] = process
                    poll.register(connection, select.POLLIN)
            elif number in processes:  # a waiting client says nothing more, so it has ended
                os.kill(processes.pop(number), signal.SIGKILL)
                poll.unregister(number)


def _report_ends(clients: dict[int, socket.socket], processes: dict[int, int], poll: "select.poll") -> None:
    while clients:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        connection = clients.pop(process, None)
        if connection is None:  # a helper of a library, and no command
            continue
        if processes.pop(connection.fileno(), None):
            poll.unregister(connection)
        with contextlib.suppress(OSError):  # it may have been killed
            connection.sendall(status.to_bytes(8))
        connection.close()


def _started(connection: socket.socket, ours: list[int]) -> int:
    """Fork a process that runs what a client asks for; return 0 where the client has gone."""
    streams = array.array("i")
    length, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(3 * streams.itemsize))
    if len(length) < 8:  # somebody who only checks whether this is here
        connection.close()
        return 0
    streams.frombytes(ancillary[0][2])
    request = b""
    while len(request) < int.from_bytes(length):
        piece = connection.recv(1 << 16)
        if not piece:
            for number in (connection.detach(), *streams):
                os.close(number)
            return 0
        request += piece
    process = os.fork()
    if process == 0:
        try:
            signal.set_wakeup_fd(-1)
            for number in (*ours, connection.fileno()):
                os.close(number)
            _become(json.loads(request), list(streams))
        finally:
            os._exit(121)
    for number in streams:
        os.close(number)
    return process


def _become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    for target, number in enumerate(streams):
        os.dup2(number, target)
        os.close(number)
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    random.seed()
    os.getppid = lambda: _parent_of(request["process"])  # who started the command, not who forked it
    sys.executable = request["python"]
    _open_streams()
    _end(_run(request["arguments"]))


def _parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 1


def _open_streams() -> None:
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(number, "rb", closefd=False))
            if number == 0
            else io.BufferedWriter(io.FileIO(number, "wb", closefd=False)),
            encoding="utf-8",
            errors="backslashreplace" if name == "stderr" else "surrogateescape" if _plain() else "strict",
            line_buffering=os.isatty(number) or name == "stderr",
            write_through=unbuffered and number > 0,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _plain() -> bool:
    return os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG", "C") in (
        "C", "POSIX", "C.UTF-8",
    )  # fmt: skip


def _run(arguments: list[str]) -> int:
    kind, what, *rest = arguments
    try:
        if kind == "-m":
            sys.argv = [what, *rest]
            sys.path[0] = os.getcwd()
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv = ["-c", *rest]
            sys.path[0] = ""
            module = types.ModuleType("__main__")
            sys.modules["__main__"] = module
            exec(compile(what, "<string>", "exec"), module.__dict__)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        return -signal.SIGINT
    except BaseException:  # noqa: BLE001 - as Python itself does at its top
        traceback.print_exc()
        return 1
    return 0


def _end(status: int) -> NoReturn:
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = status or 120
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    main()
