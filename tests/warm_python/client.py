"""What stands in for the interpreter: passes everything on, and ends as the command ended."""

import array
import fcntl
import json
import os
import signal
import socket
import sys
import time
from typing import Any, NoReturn

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_LONGEST_START = 300.0  # seconds
# Variables that Python and its libraries read when they start: where these differ, nothing warm will do.
_SEEN_AT_THE_START = ("LANG", "LC_", "LD_", "PYTHON")
_RUNS_DBT = ("dbt.cli.main", "warehouse.due_nodes")  # plain dbt, and as tickmart starts it
# Dask sets the last one for good in a process that has had its workers
_WITHOUT_EFFECT = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONHASHSEED")


def main(told_as_json: str) -> NoReturn:
    """Run what the command line says, warm where that is possible."""
    told = json.loads(told_as_json)
    arguments = sys.argv[1:]
    if _can_be_warm(arguments, told):
        connection = _connected(told)
        if connection is not None:
            _run(connection, arguments)
    os.execv(told["python"], [told["python"], *arguments])


def seen_at_the_start(environment: Any) -> dict[str, str]:
    """Return the variables that an interpreter and its libraries look at when they start."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_SEEN_AT_THE_START) and name not in _WITHOUT_EFFECT
    }


def rights() -> list[str]:
    """Return what this process may do: its users, groups and capabilities."""
    try:
        with open("/proc/self/status") as status:
            return [line for line in status if line.startswith(("Uid", "Gid", "Groups", "Cap"))]
    except OSError:  # no Linux
        return ["unknown"]


def _can_be_warm(arguments: list[str], told: dict[str, Any]) -> bool:
    wanted = arguments[:2]
    runs_dbt = wanted[:1] == ["-c"] and any(module in wanted[1] for module in _RUNS_DBT)
    return (
        (wanted == ["-m", "tickmart"] or runs_dbt)
        and os.environ.get("PYTHONPATH", told["project"]) == told["project"]
        and seen_at_the_start(os.environ) == told["environment"]
        and not os.environ.get("TICKMART_PLUGINS_FOLDER")  # found at an import
        and rights() == told["rights"]
        and all(_is_open(number) for number in range(3))
        and not any(_is_open(number) for number in range(3, 10))
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _connected(told: dict[str, Any]) -> socket.socket | None:
    address = os.path.join(told["folder"], "socket")
    connection = _connect(address)
    if connection is not None:
        return connection
    with open(os.path.join(told["folder"], "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = _connect(address)
        if connection is not None:
            return connection
        if os.path.exists(os.path.join(told["folder"], "log")):
            return None  # it was started and died; its log says of what
        starting = os.fork()
        if starting == 0:
            _start(told)
        deadline = time.monotonic() + _LONGEST_START
        while time.monotonic() < deadline:
            connection = _connect(address)
            if connection is not None or os.waitpid(starting, os.WNOHANG)[0]:
                return connection
            time.sleep(0.05)
    return None


def _connect(address: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        return None
    return connection


def _start(told: dict[str, Any]) -> NoReturn:
    os.setsid()
    log = os.open(os.path.join(told["folder"], "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    os.closerange(3, 1024)
    os.chdir(told["project"])
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name == "TICKMART_TODAY" or not name.startswith(("TICKMART_", "DBT_"))
    } | {"PYTHONPATH": os.pathsep.join([told["project"], tests])}
    words = [told["python"], "-m", "warm_python.server", json.dumps(told)]
    os.execve(told["python"], words, environment)


def _run(connection: socket.socket, arguments: list[str]) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    umask = os.umask(0)
    os.umask(umask)
    request = json.dumps(
        {
            "arguments": arguments,
            "python": sys.argv[0],
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "umask": umask,
            "process": os.getpid(),
        }
    ).encode("utf-8", "surrogatepass")
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg(
        [len(request).to_bytes(8)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams.tobytes())]
    )
    connection.sendall(request)
    process = int.from_bytes(_received(connection))

    def pass_on(number: int, _: object) -> None:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            return

    for number in _PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    status = int.from_bytes(_received(connection))
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def _received(connection: socket.socket) -> bytes:
    received = b""
    while len(received) < 8:
        piece = connection.recv(8 - len(received))
        if not piece:
            os._exit(125)  # the warm process is gone
        received += piece
    return received
