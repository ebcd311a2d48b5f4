"""How Ctrl-C, SIGTERM and a hangup end a command."""

import os
import signal
from typing import Any


class Stopped(BaseException):
    """The command was ended by a signal."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"{'interrupted' if number == signal.SIGINT else 'terminated'}; {message}")
        self.code = 128 + number


class Stop:
    """Takes the signals over: while ``gentle``, the first one only asks; any other one raises ``Stopped``.

    ``message``: what ``Stopped`` tells the user. ``number``: the signal that asked, or 0.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        self.number = 0
        self.gentle = False
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            # nohup has the hangup ignored, and that is respected.
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                signal.signal(getattr(signal, name), self)

    def __call__(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        if self.number or not self.gentle:
            raise Stopped(number, self.message)
        self.number = number
        # Not by print: the signal may have come in the middle of one.
        os.write(2, b"cnndsd: stopping; once more to stop at once\n")

    def asked(self) -> bool:
        """Whether a signal has asked to stop. Who looks here stops by itself, so the next signal may ask gently."""
        self.gentle = True
        return self.number != 0

    def end_gently(self) -> None:
        """From here on nobody looks: every signal raises ``Stopped``, also one that has asked and was not seen."""
        self.gentle = False
        if self.number:
            raise Stopped(self.number, self.message)
