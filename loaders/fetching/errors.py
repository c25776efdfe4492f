"""How a vendor can fail to answer, and what each kind of failure ends: a try, a page, or the whole run."""

from warehouse.errors import TickmartError


class Unanswered(TickmartError):  # noqa: N818 - named for what became of the question
    """No readable answer came: the connection dropped, or the body was cut. The page is asked for again."""


class Busy(Unanswered):
    """The vendor asks to come back later.

    Parameters
    ----------
    message : str
    wait : float or None
        In how many seconds, where the vendor says so.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(TickmartError):  # noqa: N818
    """The vendor will never answer this page. The other pages go on."""


class KeyRefused(TickmartError):  # noqa: N818
    """The vendor no longer accepts the key, or not for this. Nothing more is asked."""
