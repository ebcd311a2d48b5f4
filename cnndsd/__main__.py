"""The command ``cnndsd``, and ``python -m cnndsd``."""

import gc
import os
import sys
from typing import NoReturn

from cnndsd import process


def run() -> NoReturn:
    """Run the command line and exit with its exit code."""
    process.take_over()
    # Workers and threads use all cores. A matrix product that BLAS spreads over them too waits for busy ones: a sound
    # at gap 0 then takes 20 times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        # Imported here, so that Ctrl-C ends it in one line, too, and workers, which import this module, go without.
        from cnndsd.desk.cli import main

        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write("cnndsd: interrupted\n")
        sys.exit(130)
    finally:
        gc.freeze()


if __name__ == "__main__":
    run()
