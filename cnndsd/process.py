"""What a process that runs nothing but this project does to start fast: the command's, and those of its workers."""

import gc

_own = False


def take_over() -> None:
    """Set this process up for this project alone."""
    global _own
    # Imports create many objects that live to the end: do not let the garbage collector scan them again and again.
    gc.set_threshold(100_000)
    _own = True


def is_own() -> bool:
    """Return whether ``take_over`` was called, so that nobody else's code runs in this process."""
    return _own
