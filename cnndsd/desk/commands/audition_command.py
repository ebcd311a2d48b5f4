"""``cnndsd audition``: a page for the browser that plays the sounds of a run, to keep or drop them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, command_line, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "audition",
        help="listen to the sounds of a run, keep or drop them",
        description="Serve a page for the browser on this machine: play the sounds of a run, keep or drop them. Your "
        "choice is saved in the run's folder. Then run the same pack command again: the pack has the sounds you kept; "
        "if you kept none, it is chosen without the sounds you dropped. Prints the page's address; Ctrl-C ends it.",
        epilog="example: cnndsd audition packs/cnndsd_sample_pack.run",
    )
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run (.run); no pack command may be using it")
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
        command = command_line(["cnndsd", "pack", "SPEC.toml", "--out", str(folder.parent), "--seed", str(spec.seed)])
        app = audition.Audition(spec, findings, options.count, f"{command} --keep ", remember)
        server, address = audition.server(app, options.port)
        with server:
            print(address, flush=True)
            say("open this address in a browser on this machine; Ctrl-C ends the audition", DONE)
            # Until Ctrl-C.
            server.serve_forever()
        kept, dropped = (len(findings.picked(pick)) for pick in ("keep", "drop"))
    return say(f"{kept} kept, {dropped} dropped; run the same pack command again to make the pack", DONE)
