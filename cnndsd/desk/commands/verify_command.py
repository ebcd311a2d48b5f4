"""``cnndsd verify``: whether a pack is as it was made."""

from __future__ import annotations

import argparse
from typing import Any

from cnndsd.desk.terminal import DONE, FAULTY, count_of, printable, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "verify",
        help="prove a pack",
        description="Prove a pack: the zip's structure to the byte, every file's digest, format, peak and recipe, and "
        "every raw sound, rendered again from its recipe. A line for each fault, and exit 4 when there is one.",
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
    return say(f"{options.file}: all of it is as it was made", DONE)
