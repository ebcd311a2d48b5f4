"""Peak memory and time of verifying a pack, in the process that asks for it: ``python benchmarks/proof.py PACK.zip``.

Two workers make the sounds again. It needs a system that tells of memory (not Windows).
"""

import resource
import sys
import time

from cnndsd.farm.verification import Verification, processes


def main() -> None:
    begun = time.monotonic()
    with processes(2) as workers:
        faults = list(Verification(sys.argv[1], workers).faults())
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Bytes on macOS, else KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"{len(faults)} faults, {used.ru_maxrss * unit / 1e6:.0f} MB, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
