"""How a search or a pack tells its caller what it does, and asks whether it shall stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnndsd.farm.findings import Findings


class Progress:
    """Says nothing and never stops; a subclass overrides what it wants to hear.

    All methods are called in the thread of the caller.
    """

    def searched(self, findings: Findings) -> None:
        """Called about once a second, and after each unit, while candidates are judged."""

    def finished(self, done: int, count: int) -> None:
        """``done`` of ``count`` chosen sounds are finished; called first with 0."""

    def status(self, line: str) -> None:
        """How far a run is, about once a minute."""

    def log(self, line: str) -> None:
        """An event worth a line: a worker that died, a sound that cannot be finished."""

    def note(self, line: str) -> None:
        """What the user should know before the work begins, such as which file will be replaced."""

    def stopped(self) -> bool:
        """Whether the search shall end early; asked about once a second."""
        return False
