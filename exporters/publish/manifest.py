"""`manifest.json`: what a destination holds and, while an export is on its way, where its files lie.

A manifest is read from a place that others may write to, so it is data and not orders: every field is
checked, and a manifest that names anything outside its own folder is refused as a whole.
"""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from exporters.publish.generations import GENERATION, staged_name
from warehouse.errors import TickmartError

MANIFEST = "manifest.json"
MANIFEST_VERSION = 3  # adds partitions that are not months to 2; version 2 is written where all are
_LONGEST_PATH = 1024  # bytes of an S3 key
_LONGEST_PART = 255  # bytes of a file's name on every usual file system
_NOT_IN_PATHS = re.compile(r"[\\\x00-\x1f\x7f]")
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_NEVER = datetime.min.replace(tzinfo=UTC)
_STRICT = ConfigDict(extra="forbid", strict=True)


def check_path(path: str) -> str:
    """Return a path that an export may write to, below its destination.

    Raises
    ------
    ValueError
        It is absolute, leads out (`..`), has a hidden part (`.staging`), a backslash or a control character,
        is too long for S3 or a file system, or is the manifest's own name.
    """
    parts = path.split("/")
    if (
        len(path.encode()) > _LONGEST_PATH
        or any(len(part.encode()) > _LONGEST_PART for part in parts)
        or _NOT_IN_PATHS.search(path)
        or any(not part or part.startswith(".") for part in parts)
        or path.casefold() == MANIFEST
    ):
        raise ValueError(f"{path[:100]!r} is no path of an exported file")
    return path


def _check_date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _check_month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is no month")
    return text


def check_partition(text: str) -> str:
    """Return a key under which an export keeps and replaces files.

    Raises
    ------
    ValueError
        It is not made of letters, digits, dots, hyphens and underscores, or is longer than 100 of them.
    """
    if not _PARTITION.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is no partition of exported files")
    return text


ExportPath = Annotated[str, AfterValidator(check_path)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
MonthText = Annotated[str, AfterValidator(_check_month)]
Partition = Annotated[str, AfterValidator(check_partition)]
DateText = Annotated[str, AfterValidator(_check_date)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of an export, as the manifest lists it.

    Attributes
    ----------
    path : str
        Relative to the destination, with forward slashes.
    month : str or None
        The partition where that is a calendar month, such as `2025-03`. The only one in versions 1 and 2.
    instrument : str or None
        What the file is about; a file without a partition goes together with the last file of its instrument
        that has one.
    volume : int, float or None
        Units traded in the file's bars, for choosing a liquid contract without opening every file.
    stored_at : str or None
        Where these bytes lie while `path` may still hold older ones; None once they lie at `path`.
    partition : str or None
        The key under which its exporter keeps and replaces it; None for files that have none (definitions of
        instruments, `feeds.py`).
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    path: ExportPath
    bytes: Count
    sha256: Sha256
    rows: Count
    exporter: str
    underlying: str | None = None
    month: MonthText | None = None
    instrument: str | None = None
    volume: int | float | None = None
    stored_at: str | None = None
    partition: Partition | None = None

    def __post_init__(self) -> None:
        if self.partition is None:
            object.__setattr__(self, "partition", self.month)
        elif self.month is None and _MONTH.fullmatch(self.partition):
            object.__setattr__(self, "month", self.partition)
        if self.month is not None and self.month != self.partition:
            raise ValueError(f"{self.path!r} lies in {self.month!r} and in {self.partition!r}")

    @property
    def location(self) -> str:
        """Where a reader finds these bytes, relative to the destination."""
        return self.stored_at or self.path

    def to_dict(self) -> dict[str, Any]:
        """Return the file as the manifest writes it."""
        entry = asdict(self)
        if self.stored_at is None:
            del entry["stored_at"]
        if self.partition == self.month:
            del entry["partition"]
        return entry


class _Sessions(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]

    first: DateText
    last: DateText
    data_version: str


class _LastExport(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]

    inputs: Sha256
    underlyings: list[str]
    first: DateText
    last: DateText
    rows: Count
    files: Count
    rows_verified: Count | None
    warnings: list[str]


class _About(TypedDict, total=False):
    """What exporters find again in the manifest; anything else that an exporter keeps is only shown."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    covered: dict[str, dict[Partition, _Sessions]]
    series: list[str]
    price_decimals: dict[str, dict[str, Count]]
    last_export: _LastExport


class ManifestDocument(BaseModel):
    """The JSON of a manifest, of this version and of those before it."""

    model_config = _STRICT

    manifest_version: Literal[1, 2, 3]
    exporters: dict[str, _About]
    files: list[PublishedFile]
    updated_at: AwareDatetime
    generation: Annotated[str, StringConstraints(pattern=rf"^{GENERATION.pattern}\z")] | None = None
    removing: list[ExportPath] = Field(default_factory=list)


class _AnyVersion(BaseModel):
    manifest_version: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` says about a destination.

    Attributes
    ----------
    exporters : dict
        Per exporter: `catalog_format`, `written_by` (versions), `covered` (underlying → partition → first and
        last session asked for and the version of the data), `series` where not all that the exporter takes
        were asked for, and what else the exporter keeps for its next run.
    files : dict of str to PublishedFile
        By path.
    generation : str or None
        The export that wrote it; None in manifests of version 1.
    removing : tuple of str
        Paths of the export before this one that this one takes away, until they are gone.
    """

    exporters: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, PublishedFile] = field(default_factory=dict)
    generation: str | None = None
    removing: tuple[str, ...] = ()
    updated_at: datetime = _NEVER

    @classmethod
    def parse(cls, text: bytes, uri: str) -> "Manifest":
        """Read a manifest.

        Raises
        ------
        TickmartError
            It is of another version, of another tool, or names what lies outside its destination; `uri`
            is named.
        """
        version = validated(TypeAdapter(_AnyVersion), text, uri, MANIFEST).manifest_version
        if not 1 <= version <= MANIFEST_VERSION:
            raise TickmartError(
                f"{uri}/{MANIFEST} has version {version}; this tickmart reads up to {MANIFEST_VERSION}."
                " Export to an empty place."
            )
        return cls.of(validated(TypeAdapter(ManifestDocument), text, uri, MANIFEST), uri)

    @classmethod
    def of(cls, document: ManifestDocument, uri: str) -> "Manifest":
        """Return the manifest of a document whose fields are sound, unless they contradict each other."""
        files = {file.path: file for file in document.files}
        strays = [
            file.stored_at
            for file in document.files
            if file.stored_at is not None
            and (
                document.generation is None or file.stored_at != staged_name(document.generation, file.sha256)
            )
        ]
        if strays:
            raise not_ours(uri, MANIFEST, f"{strays[0][:200]!r} is not of its generation")
        if (document.manifest_version > 1) != (document.generation is not None):
            raise not_ours(uri, MANIFEST, "version and generation contradict each other")
        if len(files) < len(document.files):
            raise not_ours(uri, MANIFEST, "a path is listed twice")
        if not files.keys().isdisjoint(document.removing):
            raise not_ours(uri, MANIFEST, "a path is listed and removed")
        return cls(
            {name: dict(about) for name, about in document.exporters.items()},
            files,
            document.generation,
            tuple(document.removing),
            document.updated_at,
        )

    def to_json(self) -> bytes:
        """Return the file's bytes."""
        content: dict[str, Any] = {
            "manifest_version": self._version,
            "generation": self.generation,
            "updated_at": self.updated_at.isoformat(timespec="seconds"),
            "exporters": self.exporters,
            "files": [self.files[path].to_dict() for path in sorted(self.files)],
        }
        if self.removing:
            content["removing"] = list(self.removing)
        return json.dumps(content, indent=1).encode()

    @property
    def _version(self) -> int:
        return 2 if all(file.partition == file.month for file in self.files.values()) else MANIFEST_VERSION

    @property
    def staged(self) -> list[PublishedFile]:
        """The files whose bytes do not lie at their path yet."""
        return [file for file in self.files.values() if file.stored_at is not None]

    def settled(self) -> "Manifest":
        """Return this manifest once every file lies at its path and the old ones are gone."""
        files = {path: replace(file, stored_at=None) for path, file in self.files.items()}
        return replace(self, files=files, removing=())

    def covered(self, exporter: str, underlying: str) -> dict[str, dict[str, str]]:
        """Return, per partition, the sessions that this exporter was last asked for."""
        found: dict[str, dict[str, str]] = (
            self.exporters.get(exporter, {}).get("covered", {}).get(underlying, {})
        )
        return found


def validated[Document](adapter: TypeAdapter[Document], text: bytes, uri: str, name: str) -> Document:
    """Return a JSON file of a destination as its document; refuse it in one line if it is not one."""
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        why = f"{where[:200]}: {first['msg']}" if where else first["msg"]
        raise not_ours(uri, name, why) from error


def not_ours(uri: str, name: str, why: str) -> TickmartError:
    """Return the error for a file that tickmart did not write, or that was changed since."""
    kind = "manifest" if name == MANIFEST else "journal"
    return TickmartError(
        f"{uri}/{name} is not a {kind} of tickmart ({' '.join(why.split())}). Export to an empty place."
    )
