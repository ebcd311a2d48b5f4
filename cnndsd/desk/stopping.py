"""How Ctrl-C (SIGINT), SIGTERM, a hangup (SIGHUP) and the end of a console on Windows (SIGBREAK) end a command."""

import os
import signal
from typing import Any

# The exit codes are the same everywhere, and the numbers of signals are not.
_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGBREAK": 143}


class Stopped(BaseException):
    """A signal ended the command; ``code`` is its exit code."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"{'interrupted' if number == signal.SIGINT else 'terminated'}; {message}")
        self.code = next(code for name, code in _CODES.items() if getattr(signal, name, None) == number)


class Stop:
    """Handles the signals. While ``gentle``, the first signal is only noted; every other one raises ``Stopped``.

    ``message``: the message of ``Stopped``. ``number``: the signal that was noted, or 0.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        self.number = 0
        self.gentle = False
        for name in _CODES:
            # nohup lets a process ignore the hangup; leave it so.
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                signal.signal(getattr(signal, name), self)

    def __call__(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        at_once = self.number or not self.gentle
        # Noted in any case: Python drops an exception that is raised in a callback of its own, as of the import system.
        self.number = number
        if at_once:
            raise Stopped(number, self.message)
        # Not print: the signal may have interrupted one.
        os.write(2, (b"\n" if os.isatty(2) else b"") + b"cnndsd: stopping; press Ctrl-C again to stop at once\n")

    def asked(self) -> bool:
        """Return whether a signal was noted: the caller must then stop. From now on the first signal is only noted."""
        self.gentle = True
        return self.number != 0

    def end_gently(self) -> None:
        """Let every signal raise ``Stopped`` from now on; raise it at once when a signal was noted before."""
        self.gentle = False
        if self.number:
            raise Stopped(self.number, self.message)
