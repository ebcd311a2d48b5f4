"""The command ``cnndsd``, and ``python -m cnndsd``."""

import gc
import os
import sys
from typing import NoReturn

try:
    from cnndsd.desk.cli import main
except KeyboardInterrupt:
    # As ``main`` ends, which is not there yet.
    sys.stderr.write("cnndsd: interrupted\n")
    sys.exit(130)


def run() -> NoReturn:
    """Run the command line and exit with its exit code."""
    # Imports create many objects that live to the end: do not let the garbage collector scan them again and again.
    gc.set_threshold(100_000)
    # Workers and threads use all cores. A matrix product that BLAS spreads over them too waits for busy ones: a sound
    # at gap 0 then takes 20 times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        sys.exit(main())
    finally:
        gc.freeze()


if __name__ == "__main__":
    run()
