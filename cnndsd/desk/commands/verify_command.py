"""``cnndsd verify``: check that a pack is unchanged and that its recipes make its sounds."""

from __future__ import annotations

import argparse
from typing import Any

from cnndsd.desk.terminal import DONE, FAULTY, count_of, printable, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "verify",
        help="check that a pack is unchanged",
        description="Check a pack: the structure of the zip to the byte, the digest of every file, the format, peak "
        "and recipe of every sound file, and every raw sound, rendered again from its recipe. Prints a line for each "
        "fault; exit code 4 when there is one.",
        epilog="example: cnndsd verify packs/cnndsd_sample_pack.zip",
    )
    parser.add_argument("file", metavar="PACK.zip", help="a pack made by cnndsd")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.finishing.verification import find_faults

    faults = 0
    for fault in find_faults(options.file):
        faults += 1
        print(printable(f"{options.file}: {fault}"))
    if faults:
        return say(f"{options.file}: {count_of(faults, 'fault')}", FAULTY)
    return say(f"{options.file}: no faults", DONE)
