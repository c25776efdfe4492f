"""What an exporter is: the series it takes, how it divides its files, how it writes and checks them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

import psycopg2.extensions

from exporters.publish import Publication, Store
from exporters.series import Series

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """The unit of an export, written and replaced as a whole: sessions of an underlying in one partition.

    Attributes
    ----------
    underlying : str
        Whose rows they are, as the marts spell it.
    partition : str
        The key that the exporter's `partition` gives for each of these sessions.
    first, last : date
        Session dates, both included.
    series : tuple of Series
        The series that the exporter keeps in this partition, as far as this destination holds them.
    """

    underlying: str
    partition: str
    first: date
    last: date
    series: tuple[Series, ...]


@dataclass(slots=True)
class Written:
    """What an exporter put into a publication.

    Attributes
    ----------
    rows : int
        Rows of market data.
    load_ids : dict of Slice to set of int
        The loads that the rows came from.
    about : dict
        What the exporter wants to find in the manifest the next time.
    warnings : list of str
        What a user should know about the export.
    """

    rows: int = 0
    load_ids: dict[Slice, set[int]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@runtime_checkable
class Exporter(Protocol):
    """A format. A module under `exporters/formats/` holds one as `EXPORTER`; the contract suite runs on it.

    Attributes
    ----------
    name : str
        The word after `tickmart export`: the name of the module, with hyphens.
    catalog_format : str
        Which version of the format the files have, for the manifest.
    series : tuple of Series
        What it can write. Where that has grown, `first_series` says what destinations hold that were begun
        before manifests named their series.
    """

    name: str
    catalog_format: str
    series: tuple[Series, ...]

    def partition(self, series: Series, instrument: str, day: date) -> str:
        """Return the key of the files in which the rows of a session lie.

        All files of one underlying and key are replaced together, and a file holds rows of one key alone:
        its name depends on the key and on what it is about, never on the range that was asked for.

        Parameters
        ----------
        series : Series
            One of `self.series`.
        instrument : str
            The underlying, or the symbol where there is no underlying.
        day : date
            The session.

        Returns
        -------
        str
            Letters, digits, dots, hyphens and underscores: `2025-03` for a file per month, `20250311` for one
            per day, one word for files that hold everything.
        """
        ...

    def write(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        publication: Publication,
        progress: Progress,
    ) -> Written:
        """Read the slices from the marts and put their files."""
        ...

    def verify(
        self,
        connection: psycopg2.extensions.connection,
        slices: Sequence[Slice],
        store: Store,
        progress: Progress,
    ) -> int:
        """Read what was published with the framework's own reader and compare it with the marts.

        Returns
        -------
        int
            Rows compared.

        Raises
        ------
        TickmartError
            Names the first difference.
        """
        ...
