"""``python -m cnndsd``."""

import sys

from cnndsd.cli import main

if __name__ == "__main__":
    sys.exit(main())
