"""Run the tests, and before them install whatever they need: ``python3 scripts/test.py [options of pytest]``.

Without options all tests run, on all cores. Ctrl-C and SIGTERM end them.
"""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.ROOT)
    # The tests start some hundred processes, and a new .venv has no compiled modules (see ``environment.python``).
    # Where this is set, each process would compile all that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    interpreter = environment.python("[test]")
    options = sys.argv[1:] or ["-n", "auto"]
    if not sys.argv[1:]:
        print(
            "All tests take about six minutes on two cores, and some minutes more the first time, to compile. "
            "Ctrl-C ends them.",
            file=sys.stderr,
            flush=True,
        )
    sys.exit(environment.attend([str(interpreter), "-m", "pytest", *options]))
