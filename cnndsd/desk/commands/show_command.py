"""``cnndsd show``: what is in a sound file, a recipe, a pack or a run."""

from __future__ import annotations

import argparse
from typing import Any

from cnndsd.desk.terminal import DONE, printable


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "show",
        help="what is in a sound file, a pack or a run, and why",
        description="Show the recipe in a sound file or JSON file, what is heard, its kind, score and the reasons; "
        "what a pack holds, why, how near each sound's nearest neighbour is, and what was refused; or how a run "
        "stands, also while it is at work.",
        epilog="example: cnndsd show packs/cnndsd_sample_pack.zip",
    )
    parser.add_argument("file", metavar="FILE", help="a sound file, a pack (.zip), a run (.run) or a recipe as JSON")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    import msgspec

    from cnndsd.desk.showing import in_words, show

    shown = show(options.file)
    if options.json:
        print(msgspec.json.encode(shown).decode())
    else:
        # Words from someone else's file, line by line.
        for line in in_words(shown).splitlines():
            print(printable(line))
    return DONE
