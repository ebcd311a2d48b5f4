"""``cnndsd audition``: what a run found, as a page for the browser, to keep and drop sounds."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "audition",
        help="hear what a run found, keep and drop",
        description="Serve the sounds that a run found as a page for the browser on this machine: play them, keep and "
        "drop them. That is remembered in the run's folder, and its own command makes the pack of what was kept, "
        "or where nothing was, without what was dropped. Prints the page's address; Ctrl-C ends it.",
        epilog="example: cnndsd audition packs/cnndsd_sample_pack.run",
    )
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder (.run), not at work")
    parser.add_argument(
        "--count", type=arguments.shown, default=1000, metavar="N", help="sounds to show (default: 1000)"
    )
    parser.add_argument(
        "--port", type=arguments.port, default=0, metavar="P", help="port of 127.0.0.1 (default: any free one)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.desk import audition
    from cnndsd.farm import runs

    folder = Path(options.run_folder)
    with runs.opened_for_picks(folder) as (spec, findings, remember):
        command = shlex.join(["cnndsd", "pack", "SPEC.toml", "--out", str(folder.parent), "--seed", str(spec.seed)])
        app = audition.Audition(spec, findings, options.count, f"{command} --keep ", remember)
        made, address = audition.server(app, options.port)
        with made:
            print(address, flush=True)
            say("open this address in a browser on this machine; Ctrl-C ends the audition", DONE)
            # Until Ctrl-C.
            made.serve_forever()
        kept, dropped = (len(findings.picked(pick)) for pick in ("keep", "drop"))
    return say(f"{kept} kept, {dropped} dropped; the run's own command makes the pack of them", DONE)
