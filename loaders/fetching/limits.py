"""How often a vendor may be asked."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a vendor.

    Attributes
    ----------
    requests : int
        This many requests …
    seconds : float
        … are allowed within any span of this many seconds.
    tries : int
        How often a page is asked for before it counts as unanswered.
    longest_wait : float
        Seconds. A vendor that asks to come back later than that has no more to give today, and the run ends.
    backoff : float
        Seconds before the second try, where the vendor does not say when; twice as many before each further
        one, and up to as many again by chance.
    """

    requests: int
    seconds: float
    tries: int = 5
    longest_wait: float = 300.0
    backoff: float = 0.5


class Pace:
    """Waits before each request as long as the limits demand.

    Parameters
    ----------
    limits : Limits
    clock, sleep : callable
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._asked: deque[float] = deque(maxlen=limits.requests)

    def wait(self) -> None:
        """Return when one more request may be sent, and count it."""
        if len(self._asked) == self._limits.requests:
            left = self._asked[0] + self._limits.seconds - self._clock()
            if left > 0:
                self._sleep(left)
        self._asked.append(self._clock())
