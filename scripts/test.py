"""Install what the tests need and run them: ``python3 scripts/test.py [options of pytest]``."""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.ROOT)
    interpreter = environment.python("[test]")
    environment.become([str(interpreter), "-m", "pytest", *sys.argv[1:]])
