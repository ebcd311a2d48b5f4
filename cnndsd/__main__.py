"""The command ``cnndsd``, and ``python -m cnndsd``."""

import gc
import sys
from typing import NoReturn

from cnndsd.desk.cli import main


def run() -> NoReturn:
    """Run the command line and exit with its exit code."""
    # Imports create many objects that live to the end: do not let the garbage collector scan them again and again.
    gc.set_threshold(100_000)
    try:
        sys.exit(main())
    finally:
        gc.freeze()


if __name__ == "__main__":
    run()
