"""What a source is: the layouts of its files, and what a user may say when loading them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from loaders.layouts import Layout, RawTable
from warehouse.errors import TickmartError

if TYPE_CHECKING:
    from loaders.fetching.port import Fetcher
    from loaders.landing.files import DataFile

# Keys that the ledger's options have for every load, and options that the command takes for every load.
RESERVED = (
    *("as_of", "encoding", "force", "format", "latin1_lines", "archived", "asked_at"),
    *("check", "json", "paths"),
)
SUFFIXES = (".csv", ".txt", ".gz", ".zip", ".bz2", ".zst", ".parquet")


@dataclass(frozen=True)
class LoadOption:
    """Something that changes what the rows of a file mean and that the file itself does not say.

    Attributes
    ----------
    name : str
        The option of the command, and a key of `options` in the ledger; any but those of `RESERVED`.
    description : str
        One line for `tickmart load SOURCE --help`.
    check : callable
        Returns the value as the ledger keeps it; raises ValueError for one that makes no sense.
    required : bool
        Whether no file can be loaded without it.
    is_flag : bool
        Whether it is said without a value; the ledger keeps `true`.
    """

    name: str
    description: str
    check: Callable[[str], str] = str
    required: bool = False
    is_flag: bool = False

    def __post_init__(self) -> None:
        if self.name in RESERVED or not self.name.isidentifier():
            raise ValueError(f"an option of a source cannot be called {self.name!r}")


class Reading(Protocol):
    """How one file is read, of a source that finds that out for each file."""

    @property
    def layout(self) -> Layout:
        """One of the source's."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw column of each of the file's columns, in the file's order."""

    @property
    def delimiter(self) -> str:
        """What divides the fields of its lines."""

    @property
    def header_lines(self) -> int:
        """Lines before the first row."""

    def kept(self) -> dict[str, Any]:
        """Return what the ledger keeps of it, as JSON."""

    def told(self) -> str:
        """Return in a few words how it is read."""

    def preview(self) -> tuple[str, ...]:
        """Return its first rows as they will be read, a line each."""


class Recogniser(Protocol):
    """Finds out how a file is read."""

    def __call__(self, file: "DataFile", said: Mapping[str, str], symbol: str | None) -> Reading:
        """Return how a file is read.

        Parameters
        ----------
        file : DataFile
        said : mapping of str to str
            What the user says of it, as the ledger keeps it.
        symbol : str or None
            The symbol that the file's name gives, where each of several files is of one symbol.

        Raises
        ------
        TickmartError
            It cannot be known; the message asks the question that decides it.
        """


@dataclass(frozen=True)
class Source:
    """Something that `tickmart load` can land.

    Attributes
    ----------
    name : str
        The word after `tickmart load`, and `source` in the ledger; the name of its module, with hyphens.
    dataset : str
        What the rows are, `dataset` in the ledger.
    layouts : tuple of Layout
        The layouts that files of this source have.
    description : str
        One line for `tickmart load --help`.
    suffixes : tuple of str
        Which files of a folder or an archive are taken for data.
    undated : bool
        Whether the rows nowhere say which day they are of, so that whoever loads them has to say it.
    exchange : str or None
        For a source whose rows are undated: the exchange whose clock counts its days.
    rows_of_json : callable or None
        Makes a table from a JSON document and the file's name; None for a source that has no documents.
    options : tuple of LoadOption
        What a user may say of its files when loading them.
    fetcher : Fetcher or None
        How it is asked over a network; None for a source that gives files alone.
    always_said : mapping of str to str
        Options that are part of the source: the ledger keeps them with every load.
    recognise : Recogniser or None
        Finds out how each file is read; None for a source whose layouts are known by their headers.
    """

    name: str
    dataset: str
    layouts: tuple[Layout, ...]
    description: str
    suffixes: tuple[str, ...] = SUFFIXES
    undated: bool = False
    exchange: str | None = None
    rows_of_json: Callable[[Any, str], pa.Table] | None = None
    options: tuple[LoadOption, ...] = ()
    fetcher: "Fetcher | None" = None
    always_said: Mapping[str, str] = field(default_factory=dict, hash=False)
    recognise: Recogniser | None = None

    def checked_options(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the options of a load as the ledger keeps them.

        Raises
        ------
        TickmartError
            It takes no such option, one is missing, or a value makes no sense.
        """
        known = {option.name: option for option in self.options}
        unknown = [name for name in given if name not in known]
        if unknown:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise TickmartError(f"{self.name} takes no option {', '.join(unknown)}; {takes}")
        missing = [option for option in self.options if option.required and option.name not in given]
        if missing:
            raise TickmartError(
                f"{self.name} has to be told its {missing[0].name}: say --{missing[0].name}"
                f" ({missing[0].description})"
            )
        checked = dict(self.always_said)
        for name, value in given.items():
            try:
                checked[name] = known[name].check(value)
            except ValueError as error:
                raise TickmartError(f"--{name} {value!r} makes no sense: {error}") from error
        return checked

    @property
    def raw_tables(self) -> tuple[RawTable, ...]:
        """The tables that its rows land in, each for one or more layouts."""
        return tuple(dict.fromkeys(layout.table for layout in self.layouts))
