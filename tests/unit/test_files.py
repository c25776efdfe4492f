"""Paths become files."""

import bz2
import gzip
import io
import os
import random
import socket
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
import zstandard

from loaders.landing.files import (
    DAMAGE,
    DataFile,
    PassedOver,
    Stream,
    Unreadable,
    data_files,
    expand,
    natural_order,
    path_of,
    uri_of,
    why_no_data,
)
from warehouse.errors import TickmartError

SUFFIXES = (".csv", ".zip")


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["day10.csv", "day9.csv", "Day1.csv", "day.csv", "2.csv", "10.csv"]
    assert sorted(names, key=natural_order) == [
        "2.csv",
        "10.csv",
        "Day1.csv",
        "day9.csv",
        "day10.csv",
        "day.csv",
    ]


def test_names_that_are_no_data_say_why() -> None:
    assert why_no_data("a.CSV", SUFFIXES) is None
    assert why_no_data("a/b.csv.zip", SUFFIXES) is None
    assert why_no_data("a.pdf", SUFFIXES) == "no data file (.pdf)"
    assert why_no_data("README", SUFFIXES) == "no data file (no suffix)"
    assert why_no_data("readme.csv", SUFFIXES) == "about the data"
    assert why_no_data("__MACOSX/._a.csv", SUFFIXES) == "hidden"


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    odd, plain = tmp_path / "day[1].csv", tmp_path / "day1.csv"
    odd.touch()
    plain.touch()
    assert expand([odd], SUFFIXES) == [odd]
    assert expand([tmp_path / "day[12].csv"], SUFFIXES) == [plain]


def test_numbers_of_thousands_of_digits_sort_too() -> None:
    names = [f"{'9' * 5000}.csv", f"1{'0' * 5000}.csv", "0007.csv", "8.csv"]
    assert sorted(names, key=natural_order) == ["0007.csv", "8.csv", names[0], names[1]]


def told(items: Iterable[Path | Unreadable | PassedOver], folder: Path) -> dict[str, str]:
    """What became of each name below a folder."""
    return {
        (str(item) if isinstance(item, Path) else item.name).removeprefix(f"{folder}/"): str(
            item.error
            if isinstance(item, Unreadable)
            else item.why
            if isinstance(item, PassedOver)
            else "data"
        ).removeprefix("cannot read ")
        for item in items
    }


def test_what_is_no_regular_file_is_told_and_the_rest_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "dangling.csv").symlink_to("gone.csv")
    (tmp_path / "round.csv").symlink_to("about.csv")
    (tmp_path / "about.csv").symlink_to("round.csv")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.csv"))

    assert told(expand([tmp_path], SUFFIXES), tmp_path) == {
        "a.csv": "data",
        "about.csv": f"{tmp_path}/about.csv: Too many levels of symbolic links",
        "dangling.csv": f"{tmp_path}/dangling.csv: the link leads to gone.csv, where nothing is",
        "null.csv": f"{tmp_path}/null.csv: it is a device, not a file",
        "pipe.csv": f"{tmp_path}/pipe.csv: it is a named pipe, not a file",
        "round.csv": f"{tmp_path}/round.csv: Too many levels of symbolic links",
        "s.csv": f"{tmp_path}/s.csv: it is a socket, not a file",
    }
    assert told(expand([tmp_path / "pipe.csv"], SUFFIXES), tmp_path) == {
        "pipe.csv": f"{tmp_path}/pipe.csv: it is a named pipe, not a file"
    }


def test_what_is_passed_over_is_named_with_its_reason(tmp_path: Path) -> None:
    for name in (
        "a.csv",
        "b.dat",
        "c.csv.tmp",
        "d",
        ".hidden.csv",
        "README.txt.csv",
        ".git/e.csv",
        "sub/f.pdf",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sub/again").symlink_to(tmp_path)

    assert told(expand([tmp_path], SUFFIXES), tmp_path) == {
        ".git": "hidden",
        ".hidden.csv": "hidden",
        "README.txt.csv": "about the data",
        "a.csv": "data",
        "b.dat": "no data file (.dat)",
        "c.csv.tmp": "no data file (.tmp)",
        "d": "no data file (no suffix)",
        "sub/again": "a link to a folder, which is not followed; name it to have it searched",
        "sub/f.pdf": "no data file (.pdf)",
    }
    named = expand([tmp_path, tmp_path / "b.dat"], SUFFIXES)
    assert told(named, tmp_path)["b.dat"] == "data"


def test_links_to_folders_do_not_multiply_what_a_pattern_finds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(tmp_path)
    assert expand([tmp_path / "**" / "*.csv"], SUFFIXES) == [tmp_path / "a.csv"]


def test_names_that_are_no_text_are_shown_as_such_and_keep_their_bytes(tmp_path: Path) -> None:
    for name in (b"\xff.csv", b"two\nlines.csv", b"\x1b[31m.csv"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"x")
    files = [file for path in expand([tmp_path], SUFFIXES) for file in data_files(path, SUFFIXES)]
    assert [file.name for file in files] == ["\\x1b[31m.csv", "two\\nlines.csv", "\\xff.csv"]
    assert [path_of(file.uri).read_bytes() for file in files] == [b"x"] * 3


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "the path is empty"),
        ("~no-such-user/a.csv", "there is no user no-such-user"),
        ("a\0b.csv", "holds a NUL"),
        ("x" * 5000, "File name too long"),
        ("[", "there is no such file or folder"),
        ("**a/*.csv", "there is no such file or folder"),
    ],
)
def test_a_path_that_can_be_none_is_told(path: str, words: str) -> None:
    (found,) = expand([path], SUFFIXES)
    assert isinstance(found, Unreadable)
    assert words in str(found.error)
    assert not found.exists


def test_members_keep_their_names_and_never_leave_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    names = ["../../up.csv", "/root.csv", "a!b.csv", "c?as_of=2025.csv", "d\ne.csv", "x/.hidden.csv"]
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    found = list(data_files(path, SUFFIXES))
    assert [file.uri.removeprefix(path.as_uri()) for file in found] == [
        "!../../up.csv",
        "!/root.csv",
        "!a%21b.csv",
        "!c%3Fas_of=2025.csv",
        "!d%0Ae.csv",
        "!x/.hidden.csv",
    ]
    assert [isinstance(file, PassedOver) for file in found] == [False] * 5 + [True]
    assert uri_of(path, "a!b.csv") == found[2].uri
    assert [entry.name for entry in tmp_path.iterdir()] == ["odd.zip"]


def read(path: Path) -> int:
    """Read all that a path holds, and return how much it was."""
    length = 0
    for file in data_files(path, SUFFIXES):
        if isinstance(file, Unreadable):
            raise file.error
        assert isinstance(file, DataFile)
        with file.open() as stream:
            length += read_on(stream)
    return length


def read_on(stream: Stream) -> int:
    """Read to the end, and return how much came."""
    length = 0
    while data := stream.read(1 << 16):
        length += len(data)
    return length


def wrapped(content: bytes, times: int, wrap: Callable[[bytes], bytes]) -> bytes:
    return content if not times else wrapped(wrap(content), times - 1, wrap)


def as_zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv" if content[:2] != b"PK" else "a.zip", content)
    return packed.getvalue()


@pytest.mark.parametrize("wrap", [as_zip, partial(gzip.compress, mtime=0), zstandard.compress])
def test_what_is_packed_hundreds_of_times_over_is_refused(
    tmp_path: Path, wrap: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "deep.zip"
    path.write_bytes(wrapped(b"a,b\n", 8, wrap))
    assert read(path) == 4
    path.write_bytes(wrapped(b"a,b\n", 300, wrap))
    with pytest.raises(TickmartError, match="is packed more than 8 times over; unpack it first"):
        read(path)


@pytest.mark.parametrize("wrap", [as_zip, partial(gzip.compress, mtime=0), zstandard.compress, bz2.compress])
def test_what_swells_out_of_proportion_is_refused(
    tmp_path: Path, wrap: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.landing.files._LARGE", 1 << 20)
    path = tmp_path / "trap.zip"
    path.write_bytes(wrap(bytes(1 << 20)))
    assert read(path) == 1 << 20
    path.write_bytes(wrap(bytes(2 << 20)))
    with pytest.raises(TickmartError, match=r"trap.zip(!a.csv)? unpacks to over 250 times its size"):
        read(path)
    path.write_bytes(wrap(random.Random(1).randbytes(2 << 20)))
    assert read(path) == 2 << 20


def test_a_frame_that_swells_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "trap.csv.zst"
    path.write_bytes(zstandard.compress(bytes(1 << 28)))
    tracemalloc.start()
    try:
        assert read(path) == 1 << 28
        assert tracemalloc.get_traced_memory()[1] < 128 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written again"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "live.csv"
    path.write_bytes(b"a,b\n" * 1000)
    (file,) = data_files(path, SUFFIXES)
    assert isinstance(file, DataFile)
    with file.open() as stream:
        assert len(stream.read(8)) == 8
        with path.open("r+b") as written:
            if change == "grows":
                written.seek(0, os.SEEK_END)
                written.write(b"1,2")
            elif change == "shrinks":
                written.truncate(2000)
            else:
                written.write(b"b,a\n" * 1000)
        os.utime(path, ns=(1, 1))
        with pytest.raises(TickmartError, match=r"live\.csv changed while it was read"):
            read_on(stream)


def test_a_file_that_becomes_a_pipe_or_goes_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n")
    (file,) = data_files(path, SUFFIXES)
    assert isinstance(file, DataFile)
    path.unlink()
    with pytest.raises(TickmartError, match="there is no such file"), file.open():
        pass
    os.mkfifo(path)
    with pytest.raises(TickmartError, match="it is a named pipe, not a file"), file.open():
        pass
    (gone,) = data_files(path, SUFFIXES)
    assert isinstance(gone, Unreadable)


PACKED = {
    "zip": as_zip(b"a,b\n1,2\n" * 50),
    "zip in zip": as_zip(as_zip(b"a,b\n1,2\n" * 50)),
    "gz": gzip.compress(b"a,b\n1,2\n" * 50, mtime=0),
    "bz2": bz2.compress(b"a,b\n1,2\n" * 50),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress(b"a,b\n1,2\n" * 50),
}


@pytest.mark.parametrize("kind", PACKED)
def test_no_damage_to_an_archive_is_more_than_one_error(tmp_path: Path, kind: str) -> None:
    chance, path = random.Random(kind), tmp_path / "damaged.zip"
    ended = Counter[str]()
    for _ in range(400):
        content = bytearray(PACKED[kind])
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(content), chance.randrange(1, len(content))])])
        try:
            read(path)
            ended["read"] += 1
        except (TickmartError, OSError, *DAMAGE):
            ended["failed"] += 1
    assert ended.total() == 400
    assert ended["failed"] > 100
