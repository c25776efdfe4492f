"""The embedded server: started once, reused, never lost."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from warm_python.interpreter import COLD

from warehouse import server
from warehouse.errors import TickmartError
from warehouse.server import configuration, packages
from warehouse.server.place import Place
from warehouse.settings import PROJECT_FOLDER, settings

pytestmark = pytest.mark.slow

TICKMART = [COLD, "-m", "tickmart"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of this test's own, in which no server was ever started."""
    folder = tmp_path_factory.mktemp("s")  # short: a socket's path must fit
    monkeypatch.setenv("TICKMART_STATE_FOLDER", str(folder))
    monkeypatch.setenv("TICKMART_PROFILES_FOLDER", str(folder))
    monkeypatch.delenv("TICKMART_DATABASE_URL", raising=False)
    settings.cache_clear()
    try:
        yield folder
        server.remove()
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def place() -> Place:
    found = server.state().place
    assert found is not None
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while server.state().pid == pid:
        time.sleep(0.01)


def query(statement: str) -> list[tuple[object, ...]]:
    url = server.ensure_running().set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_it_is_a_timescaledb_on_postgresql_17(state_folder: Path) -> None:
    query("create extension timescaledb")
    query("create table bars (bar_start timestamptz not null)")
    assert query("select hypertable_id > 0 from create_hypertable('bars', by_range('bar_start'))") == [
        (True,)
    ]
    assert query("select current_setting('server_version_num')::int / 10000") == [(17,)]


def test_it_is_tuned_and_keeps_to_itself(state_folder: Path) -> None:
    wanted = {
        "listen_addresses": "127.0.0.1",
        "client_connection_check_interval": "5s",
        "jit": "off",
        "max_wal_size": "4GB",
        "timescaledb.telemetry_level": "off",
        "TimeZone": "UTC",
        "wal_level": "minimal",
        "password_encryption": "scram-sha-256",
    }
    found = {name: query(f"select current_setting('{name}')")[0][0] for name in wanted}
    assert found == wanted
    assert query("select distinct auth_method from pg_hba_file_rules") == [("scram-sha-256",)]


def test_it_is_started_once_and_reused(state_folder: Path) -> None:
    first = server.ensure_running()
    began = server.state().pid
    assert server.ensure_running() == first
    assert server.state().pid == began


def test_commands_may_start_it_at_once(state_folder: Path) -> None:
    commands = [
        subprocess.Popen([*TICKMART, "db", "url"], stdout=subprocess.PIPE, text=True, cwd=PROJECT_FOLDER)
        for _ in range(3)
    ]
    addresses = {command.communicate(timeout=120)[0] for command in commands}
    assert [command.returncode for command in commands] == [0, 0, 0]
    assert len(addresses) == 1
    assert addresses.pop().startswith("postgresql://tickmart:")


def test_it_outlives_the_terminal_of_the_command_that_started_it(state_folder: Path) -> None:
    subprocess.run([*TICKMART, "db", "url"], check=True, capture_output=True, cwd=PROJECT_FOLDER, timeout=120)
    pid = server.state().pid
    assert pid is not None
    assert os.getsid(pid) == pid


def test_data_address_and_port_survive_a_stop(state_folder: Path) -> None:
    before = server.ensure_running()
    query("create table kept as select 42 as answer")

    assert server.stop()
    assert server.state().pid is None
    assert not server.stop()

    assert query("select answer from kept") == [(42,)]
    assert server.ensure_running() == before


def test_committed_data_survive_a_kill(state_folder: Path) -> None:
    query("create table kept as select generate_series(1, 1000) as line")
    busy = psycopg2.connect(
        server.ensure_running().set(drivername="postgresql").render_as_string(hide_password=False)
    )
    with busy.cursor() as cursor:
        cursor.execute("insert into kept select generate_series(1, 1000)")  # never committed
    pid = server.state().pid
    assert pid is not None

    kill(pid)

    assert query("select count(*) from kept") == [(1000,)]
    assert server.state().pid not in (None, pid)
    busy.close()


def test_orphans_of_a_killed_server_do_not_stop_the_next(state_folder: Path) -> None:
    query("create table kept (line int)")
    address = server.ensure_running().set(drivername="postgresql").render_as_string(hide_password=False)
    work = "import psycopg2, sys; psycopg2.connect(sys.argv[1]).cursor().execute(sys.argv[2])"
    statement = "select count(*) from generate_series(1, 4000000000)"
    working = subprocess.Popen([sys.executable, "-c", work, address, statement], stderr=subprocess.DEVNULL)
    while query("select count(*) from pg_stat_activity where query like '%4000000000)'")[0] == (0,):
        time.sleep(0.05)
    pid = server.state().pid
    assert pid is not None
    kill(pid)

    assert query("select count(*) from kept") == [(0,)]
    assert working.wait(timeout=30) != 0


@pytest.mark.parametrize("stranger", [1, 2**22 - 1], ids=["a living process", "a dead process"])
def test_a_pid_file_that_names_a_stranger_is_set_aside(state_folder: Path, stranger: int) -> None:
    query("create table kept (line int)")
    pid_file = place().data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(stranger), *lines[1:]]) + "\n")
    os.chown(pid_file, place().uid, place().gid)

    assert server.state().pid is None
    assert query("select count(*) from kept") == [(0,)]


def test_a_killed_first_start_is_begun_anew(state_folder: Path) -> None:
    server.ensure_running()
    server.stop()
    shutil.move(place().data, place().home / "data.new")  # as initdb leaves it when it is killed
    (place().home / "data.new/PG_VERSION").unlink()
    assert query("select 1") == [(1,)]


def test_it_moves_to_another_port_where_its_own_is_taken_and_the_dbt_profile_follows(
    state_folder: Path,
) -> None:
    subprocess.run(
        [*TICKMART, "db", "start"], check=True, capture_output=True, cwd=PROJECT_FOLDER, timeout=120
    )
    old = server.ensure_running().port
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", old))
        taken.listen()
        subprocess.run(
            [*TICKMART, "db", "url"], check=True, capture_output=True, cwd=PROJECT_FOLDER, timeout=120
        )
        new = server.ensure_running().port
    assert new != old
    assert f"port: {new}\n" in (state_folder / "profiles.yml").read_text()


def test_only_the_owner_reads_what_is_private(state_folder: Path) -> None:
    server.ensure_running()
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (state_folder / "password", place().home, place().data, place().socket)
    }
    assert modes == {"password": 0o600, place().home.name: 0o700, "data": 0o700, "socket": 0o700}
    assert place().uid != 0


def test_the_password_is_in_no_log_and_in_no_command_line(state_folder: Path) -> None:
    password = server.ensure_running().password
    assert password is not None
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(
            host="127.0.0.1", port=place().port, user="tickmart", password="not it", dbname="tickmart"
        )
    assert password not in place().log.read_text()
    assert password not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_nobody_gets_in_without_the_password(state_folder: Path) -> None:
    server.ensure_running()
    for host in ("127.0.0.1", str(place().socket)):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=host, port=place().port, user="tickmart", password="", dbname="tickmart")


def test_a_lost_password_is_said_so(state_folder: Path) -> None:
    server.ensure_running()
    password = (state_folder / "password").read_text()
    (state_folder / "password").unlink()
    with pytest.raises(TickmartError, match="is gone\\. Put it back, or begin anew: tickmart db reset"):
        server.ensure_running()
    (state_folder / "password").write_text(password)


def test_a_copied_checkout_gets_a_server_of_its_own(
    state_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    query("create table mine (line int)")
    server.stop()
    copy = tmp_path_factory.mktemp("c") / "state"
    shutil.copytree(state_folder, copy)
    monkeypatch.setenv("TICKMART_STATE_FOLDER", str(copy))
    settings.cache_clear()
    try:
        server.ensure_running()
        copied = place().data
        query("create table theirs (line int)")
    finally:
        server.remove()
        monkeypatch.setenv("TICKMART_STATE_FOLDER", str(state_folder))
        settings.cache_clear()
    assert place().data != copied
    assert query("select to_regclass('mine') is not null, to_regclass('theirs') is null") == [(True, True)]


def test_reset_leaves_nothing(state_folder: Path) -> None:
    server.ensure_running()
    home = place().home
    server.remove()
    assert {path.name for path in state_folder.iterdir()} == {"lock"}
    assert home == state_folder or not home.exists()


def test_without_apt_the_error_names_the_two_ways_on(state_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = subprocess.run(
        [*TICKMART, "db", "start"],
        env={**os.environ, "PATH": str(tmp_path / "bin"), "TICKMART_CACHE_FOLDER": str(reachable(tmp_path))},
        capture_output=True,
        text=True,
        cwd=PROJECT_FOLDER,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: the embedded server is unpacked from Debian packages, and apt-get is not on this machine. "
        "Two ways "
        "on: `docker compose up -d` and set TICKMART_DATABASE_URL as compose.yaml says, or set "
        "TICKMART_DATABASE_URL to a PostgreSQL 16 or newer with TimescaleDB of your own.\n"
    )


@pytest.mark.parametrize(
    ("apt_get", "message"),
    [
        ("echo 'http://archive.ubuntu.example/ubuntu|Ubuntu|noble'", "apt sources name no Debian archive"),
        ("exit 100", "apt-get cannot read this machine's sources"),
        (
            'test "$1" = indextargets || exec /usr/bin/apt-get "$@"\n'
            'echo "http://127.0.0.1:1/debian|Debian|bookworm"',
            "apt could not fetch the server's packages: .*127.0.0.1",
        ),
    ],
    ids=["Ubuntu", "broken apt", "archive out of reach"],
)
def test_where_apt_cannot_serve_one_clear_error_says_so(
    apt_get: str, message: str, state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "/usr/bin/apt-get" in apt_get and not Path("/usr/bin/apt-get").exists():
        pytest.skip("this machine has no apt")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/apt-get").write_text(f"#!/bin/sh\n{apt_get}\n")
    (tmp_path / "bin/apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("TICKMART_CACHE_FOLDER", str(reachable(tmp_path)))
    settings.cache_clear()
    with pytest.raises(TickmartError, match=message) as caught:
        packages.binaries()
    assert "docker compose up -d" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_half_done_unpacking_is_done_again(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = reachable(tmp_path)
    (cache / "unpacking-killed").mkdir()
    (cache / server.binaries().folder.parents[4].name / "usr/lib").mkdir(parents=True)  # no stamp: not whole
    monkeypatch.setenv("TICKMART_CACHE_FOLDER", str(cache))
    settings.cache_clear()
    try:
        unpacked = packages.binaries()
    except TickmartError as error:
        pytest.skip(f"no packages: {error}")
    done = subprocess.run(
        [unpacked.program("postgres"), "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("postgres (PostgreSQL) 17.")
    assert sorted(path.name for path in cache.iterdir()) == [unpacked.folder.parents[4].name, "unpack.lock"]


@as_root
def test_a_cache_that_the_servers_user_cannot_enter_is_refused(
    tmp_path: Path, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("TICKMART_CACHE_FOLDER", str(closed / "cache"))
    settings.cache_clear()
    with pytest.raises(
        TickmartError, match="is closed to other users, but PostgreSQL refuses to run as root"
    ):
        packages.binaries()


@as_root
def test_a_user_without_rights_runs_it_inside_the_state_folder() -> None:
    nobody = pwd.getpwnam("nobody")
    home = Path("/tmp") / f"tickmart-test-{os.getpid()}"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TICKMART_STATE_FOLDER": str(home / "state"),
        "TICKMART_PROFILES_FOLDER": str(home),
        "TICKMART_CACHE_FOLDER": str(server.binaries().folder.parents[5]),
        "PYTHONPATH": str(PROJECT_FOLDER),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COLD, *arguments], env=environment, cwd=home, capture_output=True, text=True,
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
        )  # fmt: skip

    try:
        try:
            run("-c", "import tickmart, psycopg2").check_returncode()
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("the environment is in a folder that only root may enter")
        started = run("-m", "tickmart", "db", "start")
        assert started.returncode == 0, started.stderr
        assert (home / "state/data/PG_VERSION").stat().st_uid == nobody.pw_uid
        assert stat.S_IMODE((home / "profiles.yml").stat().st_mode) == 0o600
        assert run("-m", "tickmart", "db", "stop").stdout == "stopped\n"
    finally:
        with contextlib.suppress(OSError):
            run("-m", "tickmart", "db", "reset", "--yes")
        shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() == 0, reason="root's data always live elsewhere")
def test_a_path_too_long_for_a_socket_puts_the_data_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    monkeypatch.setenv("TICKMART_STATE_FOLDER", str(deep))
    monkeypatch.delenv("TICKMART_DATABASE_URL", raising=False)
    settings.cache_clear()
    try:
        assert query("select 1") == [(1,)]
        assert place().home.parent == Path.home() / ".local/share/tickmart"
    finally:
        server.remove()
        settings.cache_clear()


def test_memory_settings_fit_the_machine() -> None:
    text = configuration.configuration(5432, Path("/a/socket"))
    buffers = int(text.split("shared_buffers = '")[1].split("MB")[0])
    assert 64 <= buffers <= min(2048, max(64, configuration.memory_bytes() // 4 // configuration.MEGABYTE))


def reachable(folder: Path) -> Path:
    """Return a cache folder that the server's user may enter."""
    cache = folder / "cache"
    cache.mkdir()
    for parent in (cache, *cache.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return cache
