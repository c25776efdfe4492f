"""Make, start and stop one embedded server."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg2

from warehouse.errors import TickmartError
from warehouse.server import place as places
from warehouse.server.configuration import configuration
from warehouse.server.packages import Binaries
from warehouse.server.place import Place

log = logging.getLogger(__name__)

USER = "tickmart"
DATABASE = "tickmart"

_START_SECONDS = 600  # a crash recovery replays up to max_wal_size
_LONGEST_LOG = 16 << 20


def is_ready(place: Place) -> bool:
    """Tell whether this very server accepts connections, without opening one."""
    lines = _pid_file(place)
    return (
        len(lines) >= 8
        and lines[7].strip() == "ready"
        and lines[3] == str(place.port)
        and _lives(place, int(lines[0]))
    )


def start(place: Place, binaries: Binaries) -> Place:
    """Start the server, making its data folder first where there is none.

    Returns
    -------
    Place
        The place, with the port that the server listens on.
    """
    secret = places.password(place)
    if not (place.data / "PG_VERSION").exists():
        _initialise(place, binaries, secret)
    _check_version(place, binaries)
    _clear_the_way(place)
    complaint: str | None = ""
    for attempt in range(5):
        port = place.port if attempt == 0 and _is_free(place.port) else _free_port()
        place = place._replace(port=port)
        _write(place, place.data / "tickmart.conf", configuration(port, place.socket))
        places.remember(place)
        complaint = _try_to_start(place, binaries)
        if complaint is None:
            _make_database(place, secret)
            return place
        if "Address already in use" not in complaint and "pre-existing shared memory" not in complaint:
            break
        time.sleep(0.5)
        _clear_the_way(place)
    reason = _complaint(complaint or "")
    raise TickmartError(f"the embedded server did not start: {reason}. Its log: {place.log}")


def stop(place: Place, binaries: Binaries) -> bool:
    """Stop the server cleanly (its clients' transactions roll back); False where it did not run."""
    running = pid(place)
    if running is None:
        return False
    command = [binaries.program("pg_ctl"), "-D", str(place.data), "-m", "fast"]
    done = _as_server_user(place, [*command, "-w", "-t", str(_START_SECONDS), "stop"])
    if done.returncode != 0 and _lives(place, running):
        raise TickmartError(
            f"the embedded server did not stop: {_complaint(done.stderr)}. Its log: {place.log}"
        )
    return True


def pid(place: Place) -> int | None:
    """Return the process id of the running server, or None."""
    lines = _pid_file(place)
    return int(lines[0]) if lines and _lives(place, int(lines[0])) else None


def _initialise(place: Place, binaries: Binaries, secret: str) -> None:
    log.info("making a database in %s", place.data)
    making, secret_file = place.home / "data.new", place.home / "password.new"
    for leftover in (making, place.data):
        shutil.rmtree(leftover, ignore_errors=True)
    _write(place, secret_file, secret)
    # PostgreSQL's own C.UTF-8 sorts by code point on every machine, whatever locales it has.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["-U", USER, "--pwfile", str(secret_file), "--auth", "scram-sha-256"]
    try:
        command = [binaries.program("initdb"), "-D", str(making), *access, *locale, "--no-instructions"]
        done = _as_server_user(place, command)
    finally:
        secret_file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise TickmartError(f"cannot make a database in {place.data}: {_complaint(done.stderr)}")
    with open(making / "postgresql.conf", "a") as file:
        file.write("\ninclude = 'tickmart.conf'  # written anew at each start; what stands below it wins\n")
    making.rename(place.data)


def _check_version(place: Place, binaries: Binaries) -> None:
    made_by = (place.data / "PG_VERSION").read_text().strip()
    if made_by != binaries.postgresql_version.split(".")[0]:
        raise TickmartError(
            f"the data in {place.data} are PostgreSQL {made_by}'s and the embedded server is "
            f"{binaries.postgresql_version}. "
            "Back them up with the earlier tickmart (tickmart db backup), then: tickmart db reset; "
            "tickmart db restore"
        )


def _try_to_start(place: Place, binaries: Binaries) -> str | None:
    place.socket.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(place.socket, place.uid, place.gid)
    if place.log.exists() and place.log.stat().st_size > _LONGEST_LOG:
        place.log.rename(place.log.with_suffix(".log.1"))
    before = place.log.stat().st_size if place.log.exists() else 0
    # pg_ctl gives the server a session of its own, so it outlives the terminal that it was started from.
    command = [binaries.program("pg_ctl"), "-D", str(place.data), "-l", str(place.log)]
    done = _as_server_user(place, [*command, "-w", "-t", str(_START_SECONDS), "start"])
    if done.returncode == 0:
        return None
    try:
        with open(place.log, errors="replace") as file:
            file.seek(before)
            written = file.read()
    except FileNotFoundError:
        written = ""
    return written + done.stderr


def _make_database(place: Place, secret: str) -> None:
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=place.port,
        user=USER,
        password=secret,
        dbname="postgres",
        application_name="tickmart",
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                # Not from template1: a background worker of TimescaleDB that looks in there would block it.
                cursor.execute(f"create database {DATABASE} template template0")
    finally:
        connection.close()


def _clear_the_way(place: Place) -> None:
    """Remove what a killed server left: its orphans, and lock files, whose process id may be a stranger's."""
    if pid(place) is not None:
        return
    deadline = time.monotonic() + 30
    while (orphans := _processes_in(place.data)) and time.monotonic() < deadline:
        # Without their postmaster they end by themselves at their next wait; a busy one would write on for
        # long.
        for process in orphans:
            try:
                os.kill(process, signal.SIGQUIT)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
    for lock_file in (place.data / "postmaster.pid", *place.socket.glob(".s.PGSQL.*")):
        lock_file.unlink(missing_ok=True)


def _pid_file(place: Place) -> list[str]:
    try:
        lines = (place.data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return lines if lines and lines[0].isdigit() else []


def _lives(place: Place, process: int) -> bool:
    return _works_in(process, place.data)


def _processes_in(data: Path) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _works_in(int(entry.name), data)
    ]


def _works_in(process: int, data: Path) -> bool:
    # Every process of a server has its data folder as working folder, and nothing else there is called
    # postgres.
    try:
        return (
            os.readlink(f"/proc/{process}/cwd") == str(data.resolve())
            and Path(f"/proc/{process}/comm").read_text().strip() == "postgres"
        )
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False


def _as_server_user(place: Place, command: list[str]) -> subprocess.CompletedProcess[str]:
    # Nothing of the caller's PG*, LD_* or locale settings may reach the server.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(place.home)}
    as_root = os.geteuid() == 0
    return subprocess.run(
        command,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        user=place.uid if as_root else None,
        group=place.gid if as_root else None,
        extra_groups=[] if as_root else None,
    )


def _write(place: Place, path: Path, text: str) -> None:
    places.write_private(path, text)
    if os.geteuid() == 0:
        os.chown(path, place.uid, place.gid)


def _is_free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _complaint(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "error:" in line] or lines[-1:]
    return told[0].split("FATAL:")[-1].strip().rstrip(".") if told else "it gave no reason"
