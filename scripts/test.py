"""Run the tests, and before them install whatever they need: ``python3 scripts/test.py [options of pytest]``.

Without options all tests run, on all cores.
"""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.ROOT)
    interpreter = environment.python("[test]")
    environment.become([str(interpreter), "-m", "pytest", *(sys.argv[1:] or ["-n", "auto"])])
