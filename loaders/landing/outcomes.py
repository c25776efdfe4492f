"""What becomes of files, and who hears of it while they land."""

from dataclasses import dataclass, field

from warehouse.errors import TickmartError


@dataclass(frozen=True)
class Outcome:
    """What became of one file or archive member.

    Attributes
    ----------
    uri, name : str
        Which file; the name is short, for messages.
    status : str
        `loaded`, `empty` (a header and nothing else), `already loaded`, `skipped` (no data file) or `failed`.
    load_id : int or None
        Its row in `audit.loads`; of `already loaded`, the load that holds the bytes.
    rows, rejected, blank : int
        Lines landed, lines in `audit.rejects`, and blank ones after the header, which are only counted.
    layout : str or None
    restates : int or None
        The load of the same uri that this one replaces; loads that continue the replaced one go with it.
    continues : int or None
        The first load of the same uri, beside which this one stands: this one holds what the file has gained.
    notes : tuple of str
        What a user should know though nothing failed.
    error : str or None
        Of `failed` and `skipped`: why.
    seconds : float
    """

    uri: str
    name: str
    status: str
    load_id: int | None = None
    rows: int = 0
    rejected: int = 0
    blank: int = 0
    layout: str | None = None
    restates: int | None = None
    continues: int | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0

    @property
    def fits_nowhere(self) -> bool:
        """Whether there were lines and not one of them could be landed."""
        return self.status == "loaded" and self.rejected > 0 and self.rows == 0


@dataclass(frozen=True)
class Report:
    """What became of all files of one call.

    Attributes
    ----------
    outcomes : list of Outcome
        In the order of landing.
    """

    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, status: str) -> int:
        """Return how many files ended with a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def rows(self) -> int:
        """Rows landed by this call."""
        return sum(o.rows for o in self.outcomes if o.status == "loaded")

    @property
    def rejected(self) -> int:
        """Lines rejected in this call."""
        return sum(o.rejected for o in self.outcomes if o.status == "loaded")

    def raise_if_failed(self) -> None:
        """Raise one error that names every file that failed.

        Raises
        ------
        TickmartError
        """
        failures = [outcome.error for outcome in self.outcomes if outcome.status == "failed"]
        if failures:
            raise TickmartError("\n".join(str(failure) for failure in failures))


class Listener:
    """Hears how a landing goes on; does nothing with it. The command line's progress bar is one."""

    def expects(self, size: int) -> None:
        """Hear how many bytes all files together have on disk."""

    def starts(self, name: str, size: int) -> None:
        """Hear that a file of `size` bytes on disk is next."""

    def rereads(self) -> None:
        """Hear that the same file is read once more from its beginning."""

    def reads(self, size: int) -> None:
        """Hear how many more bytes of it were read from disk."""

    def waits(self, for_what: str) -> None:
        """Hear what has to end before this goes on."""

    def ends(self, outcome: Outcome) -> None:
        """Hear what became of a file."""
