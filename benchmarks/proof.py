"""Peak memory and time of verifying a pack, in the process that asks for it: ``python benchmarks/proof.py PACK.zip``.

Two workers make the sounds again. With numbers in place of a pack, packs of so many made-up sounds are verified, each
in a process of its own; workers then return what was packed, and render nothing. It needs a system that tells of memory
(not Windows).
"""

import dataclasses
import functools
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cnndsd import Recipe, Spec, describe, render
from cnndsd.farm import verification
from cnndsd.farm.proofs.sounds import Made
from cnndsd.farm.verification import Verification, processes
from cnndsd.finishing.finished import Finished, Level, PackSound
from cnndsd.finishing.packing import write_pack
from cnndsd.finishing.pictures import COLUMNS, ROWS, WAVE_COLUMNS, Picture

BYTES = 20_000


@functools.cache
def measures():
    return describe(render(Recipe()))


def made_up(index, recipe, measured):
    random = np.random.default_rng(index)
    picture = Picture(random.bytes(2 * WAVE_COLUMNS), random.bytes(COLUMNS * ROWS // 2))
    finished = Finished(random.bytes(BYTES), 1.0, Level("none", -16.0, -16.0, -1.0), picture)
    return PackSound(index, recipe, measured, "0" * 64, finished)


def again(spec, listed, *_):
    made = made_up(listed.candidate, listed.recipe, listed.measures)
    return Made((), True, dataclasses.replace(made, finished=dataclasses.replace(made.finished, data=b"")))


def nothing(spec):
    """What workers do before."""


def write(path, sounds):
    recipe, measured = Recipe(), measures()
    with path.open("wb") as file:
        made = (made_up(index, recipe, measured) for index in range(sounds))
        write_pack(file, Spec(name="many", count=sounds, candidates=sounds), sounds, {}, made)


def verified(path, is_made_up):
    if is_made_up:
        verification.make_again, verification.warm = again, nothing
    begun = time.monotonic()
    with processes(2) as workers:
        faults = list(Verification(path, workers).faults())
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Bytes on macOS, else KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    size = Path(path).stat().st_size / 1e6
    took_s = time.monotonic() - begun
    print(f"{size:.0f} MB: {len(faults)} faults, {used.ru_maxrss * unit / 1e6:.0f} MB, {took_s:.0f} s")


def main() -> None:
    path, what = Path(sys.argv[1]), sys.argv[2:]
    if what == ["write"]:
        write(path, int(path.stem))
    elif path.suffix:
        verified(path, is_made_up=what == ["made up"])
    else:
        with tempfile.TemporaryDirectory() as folder:
            for sounds in sys.argv[1:]:
                print(f"{sounds} sounds, ", end="", flush=True)
                # A process begins with the peak of the one that starts it: this one stays small.
                for part in ("write", "made up"):
                    subprocess.run([sys.executable, __file__, f"{folder}/{sounds}.zip", part], check=True)


if __name__ == "__main__":
    main()
