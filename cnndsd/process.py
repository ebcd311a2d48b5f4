"""What a process that runs nothing but this project does to start fast: the command's, and those of its workers."""

import gc

_own = False


def take_over() -> None:
    """Set this process up for this project alone: its garbage collector, and what numba loads (``sound.compiler``)."""
    global _own
    # Imports create many objects that live to the end: do not let the garbage collector scan them again and again.
    gc.set_threshold(100_000)
    _own = True


def is_own() -> bool:
    """Return whether ``take_over`` was called: by the command or a worker of ours, which run nobody else's kernels."""
    return _own
