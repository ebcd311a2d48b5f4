"""``cnndsd verify``: check that a pack is exactly what its recipes make."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, FAULTY, Bars, count_of, printable, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "verify",
        help="check that a pack is exactly what its recipes make",
        description="Check a pack: every sound is rendered, mastered and encoded again from its recipe, every other "
        "file is made again from the sounds, and the zip must be equal to the byte. Files of lossy formats that differ "
        "are compared by decoding. Of a pack that another version made, only the sounds are compared. Prints a line "
        "for each fault; exit code 4 when there is one.",
        epilog="example: cnndsd verify packs/cnndsd_sample_pack.zip",
    )
    parser.add_argument("file", metavar="PACK.zip", help="a pack made by cnndsd")
    parser.add_argument("--jobs", type=arguments.jobs, metavar="J", help="worker processes (default: one per core)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.desk.paths import pack_file
    from cnndsd.farm import verification
    from cnndsd.farm.executors import cores

    path, faults = pack_file(Path(options.file)), 0
    with verification.processes(options.jobs or cores()) as workers, Bars(None) as bars:
        found = verification.Verification(path, workers, bars)
        for fault in found.faults():
            faults += 1
            bars.show(printable(f"{options.file}: {fault}"))
    if faults:
        return say(f"{options.file}: {count_of(faults, 'fault')}", FAULTY)
    return say(f"{options.file}: {found.note or 'no faults'}", DONE)
