"""``cnndsd studio``: a page for the browser to roll, hear, vary, breed and keep sounds."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "studio",
        help="play with networks in the browser: roll, hear, vary, breed, keep",
        description="Serve a page for the browser on this machine. It shows twelve sounds of random networks. Roll for "
        "others, make more of one, breed two, turn knobs, and keep what you like: its finished file is in the folder "
        "at once. Every sound that was shown is remembered there, and the same command goes on where you were. Prints "
        "the page's address; Ctrl-C ends it.",
        epilog="example: cnndsd studio --folder my_sounds",
    )
    parser.add_argument(
        "opened",
        nargs="?",
        metavar="SPEC|PACK|RUN|SOUND",
        help="what to begin with: the ranges of a spec, or the sounds of a pack (.zip), a run (.run), whose "
        "best are listed, or a sound file (default: to go on, or the default spec)",
    )
    parser.add_argument(
        "--folder", default="cnndsd_studio", metavar="DIR", help="folder for kept sounds (default: cnndsd_studio)"
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
    from cnndsd.schema import Failed

    with contextlib.ExitStack() as stack:
        run = None
        if options.opened is not None and Path(options.opened).is_dir():
            try:
                run = stack.enter_context(sessions.opened_run(run_folder(Path(options.opened))))
            except Failed as error:
                say(f"{error}; its twelve most different sounds are shown, and no list of all", DONE)
        session = stack.enter_context(sessions.opened(Path(options.folder), options.opened, run=run))
        server, address = serving.server(service.Studio(session), options.port)
        with server:
            print(address, flush=True)
            say("open this address in a browser on this machine; Ctrl-C ends the studio", DONE)
            # Until Ctrl-C.
            server.serve_forever()
        view = session.view()
    kept = sum(pick == "keep" for pick in view.picks.values())
    return say(f"{kept} kept, in {options.folder}; the same command goes on from here", DONE)
