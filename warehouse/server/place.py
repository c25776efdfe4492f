"""Where one embedded server lives: its data, its password, its port, and whose they are."""

import hashlib
import json
import os
import pwd
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from warehouse.errors import TickmartError
from warehouse.settings import settings

_LONGEST_SOCKET_PATH = 107  # bytes in sockaddr_un.sun_path, less the closing zero
_SOCKET_NAME = "/socket/.s.PGSQL.65535.lock"


class Place(NamedTuple):
    """The folders and the owner of one embedded server.

    Attributes
    ----------
    state : Path
        The state folder; it holds `server.json` (home, port), the password and the lock.
    home : Path
        A folder that only `uid` may enter, with `data`, `socket` and `server.log`. The state folder itself,
        unless the server runs under another user or a socket's path in there would be too long.
    uid, gid : int
        Whom the server runs as. Never root.
    port : int
        Loopback port, remembered between starts; 0 before the first.
    """

    state: Path
    home: Path
    uid: int
    gid: int
    port: int

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.home / "server.log"

    @property
    def socket(self) -> Path:
        """Folder of the unix socket."""
        return self.home / "socket"


def recall() -> Place | None:
    """Return the place that the state folder remembers; None where it has none, or its data are gone."""
    state = settings().state_folder.expanduser().absolute()
    try:
        memory = json.loads((state / "server.json").read_text())
        home = state / memory["home"]
        owner = home.stat()
        owned_by = Path((home / "state-folder").read_text())
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None
    except PermissionError:
        raise TickmartError(
            f"the database of {state} belongs to another user. Run as that user, or set "
            "TICKMART_STATE_FOLDER to a folder of yours."
        ) from None
    if home != state and owned_by != state and (owned_by / "server.json").exists():
        return None  # a copy of a checkout gets a server of its own; a moved one keeps its server
    if os.geteuid() not in (0, owner.st_uid):
        raise TickmartError(
            f"the database of {state} belongs to user {_user_name(owner.st_uid)}. Run as that user, or set "
            "TICKMART_STATE_FOLDER to a folder of yours."
        )
    return Place(state, home, owner.st_uid, owner.st_gid, memory["port"])


def state_folder() -> Path:
    """Return the state folder, made where it is missing.

    Raises
    ------
    TickmartError
        It cannot be made, or not be written to.
    """
    folder = settings().state_folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TickmartError(
            f"cannot make the state folder {folder}: {error.strerror}. Set TICKMART_STATE_FOLDER to a "
            "folder that you may write to."
        ) from error
    if not os.access(folder, os.W_OK):
        raise TickmartError(
            f"may not write to the state folder {folder}. Set TICKMART_STATE_FOLDER to a folder that you "
            "may write to."
        )
    return folder


def settle() -> Place:
    """Choose and make the folders of a new server. The caller holds the state folder's lock."""
    state = settings().state_folder.expanduser().absolute()
    user = _server_user()
    if os.geteuid() == 0:
        home = Path("/var/lib/tickmart") / _unique_name(state)
    elif len(f"{state}{_SOCKET_NAME}".encode()) <= _LONGEST_SOCKET_PATH:
        home = state
    else:
        home = Path.home() / ".local/share/tickmart" / _unique_name(state)
    if len(f"{home}{_SOCKET_NAME}".encode()) > _LONGEST_SOCKET_PATH:
        raise TickmartError(
            f"{state} is too long a path for a server's socket ({_LONGEST_SOCKET_PATH} bytes), and so is "
            f"{home}. "
            "Set TICKMART_STATE_FOLDER to a shorter one."
        )
    if home != state:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
    home.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(home, user.pw_uid, user.pw_gid)
    (home / "state-folder").write_text(str(state))
    place = Place(state, home, user.pw_uid, user.pw_gid, 0)
    remember(place)
    return place


def remember(place: Place) -> None:
    """Write `server.json`, whole or not at all."""
    memory = {"home": "." if place.home == place.state else str(place.home), "port": place.port}
    write_private(place.state / "server.json", json.dumps(memory))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with open(handle, "w") as file:
            file.write(text)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def password(place: Place) -> str:
    """Return the server's generated password, making it where the server has no data yet."""
    path = place.state / "password"
    if not path.exists():
        if place.data.exists():
            raise TickmartError(
                f"{path}, the password of the database in {place.data}, is gone. Put it back, or begin "
                "anew: tickmart db reset"
            )
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def _server_user() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise TickmartError(
                f"PostgreSQL needs a user with a name, and user id {os.geteuid()} has none in /etc/passwd."
            ) from None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise TickmartError(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor a user nobody "
        "to run it as."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _unique_name(state: Path) -> str:
    # Not the path's hash alone: a new checkout at an old one's path must not find the old one's data.
    return f"{hashlib.sha256(str(state).encode()).hexdigest()[:8]}-{secrets.token_hex(4)}"
