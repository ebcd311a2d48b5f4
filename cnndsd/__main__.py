"""The command ``cnndsd``, and ``python -m cnndsd``."""

import gc
import sys
from typing import NoReturn

from cnndsd.desk.cli import main


def run() -> NoReturn:
    """Run the command line's words, and exit with their code."""
    # Imports make much that stays, which the collector would look through again and again, and once more at the end.
    gc.set_threshold(100_000)
    try:
        sys.exit(main())
    finally:
        gc.freeze()


if __name__ == "__main__":
    run()
