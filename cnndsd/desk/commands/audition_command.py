"""``cnndsd audition``: the studio, opened on the sounds of a run, to keep or drop them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "audition",
        help="listen to the sounds of a run, keep or drop them",
        description="Serve the studio, opened on the sounds of a run: play them, keep or drop them, or make more of "
        "one. Your choice is saved in the run's folder. Then run the same pack command again: the sounds you kept are "
        "in the pack, those you dropped are not, and the rest is chosen around them. Prints the page's address; Ctrl-C "
        "ends it.",
        epilog="example: cnndsd audition packs/cnndsd_sample_pack.run",
    )
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run (.run); no pack command may be using it")
    parser.add_argument(
        "--count", type=arguments.shown, default=1000, metavar="N", help="sounds to show (default: 1000)"
    )
    parser.add_argument(
        "--folder", metavar="DIR", help="folder for the files of kept sounds (default: the folder kept of the run)"
    )
    parser.add_argument(
        "--port", type=arguments.port, default=0, metavar="P", help="port of 127.0.0.1 (default: any free one)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.desk import serving
    from cnndsd.desk.paths import run_folder
    from cnndsd.desk.studio import service, sessions

    folder = run_folder(Path(options.run_folder))
    kept_in = folder / "kept" if options.folder is None else Path(options.folder)
    with sessions.opened_run(folder, options.count) as run:
        with sessions.opened(kept_in, run=run) as session:
            server, address = serving.server(service.Studio(session, begins="run"), options.port)
            with server:
                print(address, flush=True)
                say("open this address in a browser on this machine; Ctrl-C ends the audition", DONE)
                # Until Ctrl-C.
                server.serve_forever()
        kept, dropped = (len(run.findings.picked(pick)) for pick in ("keep", "drop"))
    return say(f"{kept} kept, {dropped} dropped; to make the pack with this choice: {run.command}", DONE)
