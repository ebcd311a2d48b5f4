"""When a search ends that is given time instead of a number of candidates."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Deadline(NamedTuple):
    """A point in time, in seconds by ``clock``.

    ``time.monotonic`` stands still while a machine sleeps, and is for durations. ``time.time`` is for a time of day: it
    goes on meanwhile, and follows a clock that is set right.
    """

    at_s: float
    clock: Callable[[], float] = time.monotonic

    @property
    def left_s(self) -> float:
        """The seconds until then, less than 0 when it is past."""
        return self.at_s - self.clock()
