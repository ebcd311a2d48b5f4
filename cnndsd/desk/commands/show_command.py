"""``cnndsd show``: a report about a sound file, a recipe, a pack or a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnndsd.desk.terminal import DONE, note_compiling, printable, working


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "show",
        help="show what is in a sound file, a pack or a run, and why",
        description="Show a report. Of a sound file or a recipe: the recipe, the measures, the kind, the score and its "
        "reasons. Of a pack: its sounds, the reasons for each, the nearest other sound, and how many candidates were "
        "refused. Of a run, also while it is running: its progress.",
        epilog="example: cnndsd show packs/cnndsd_sample_pack.zip",
    )
    parser.add_argument("file", metavar="FILE", help="a sound file, a pack (.zip), a run (.run) or a recipe as JSON")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    import msgspec

    from cnndsd.desk.paths import pack_file, run_folder
    from cnndsd.desk.showing import report_text, show
    from cnndsd.finishing.audiofile import read_recipe

    path = Path(options.file)
    if path.is_dir():
        path = run_folder(path)
    elif path.suffix.lower() == ".zip":
        path = pack_file(path)
    if path.suffix.lower() not in (".zip", ".run"):
        # An error comes before any work.
        read_recipe(path)
        note_compiling("cnndsd.sound.kernel", "cnndsd.ear.analysis")
    with working("reading"):
        report = show(path)
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        # The file may have any origin: each line is made printable.
        for line in report_text(report).splitlines():
            print(printable(line))
    return DONE
