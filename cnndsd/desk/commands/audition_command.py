"""``cnndsd audition``: a page for the browser that plays the sounds of a run, to keep or drop them."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments, shell
from cnndsd.desk.terminal import DONE, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "audition",
        help="listen to the sounds of a run, keep or drop them",
        description="Serve a page for the browser on this machine: play the sounds of a run, keep or drop them. Your "
        "choice is saved in the run's folder. Then run the same pack command again: the sounds you kept are in the "
        "pack, those you dropped are not, and the rest is chosen around them. Prints the page's address; Ctrl-C ends "
        "it.",
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
    from cnndsd.desk import audition, serving
    from cnndsd.desk.finding import run_folder
    from cnndsd.farm import runs
    from cnndsd.schema import Failed

    folder = run_folder(Path(options.run_folder))
    with runs.opened_for_picks(folder) as (spec, findings, remember):
        again = _pack_command(runs.command_of(folder), folder, spec.seed, findings.reach)
        app = audition.Audition(spec, findings, options.count, f"{again} --keep ", remember)
        try:
            server, address = serving.server(app, options.port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Failed(f"port {options.port} is taken; allowed: another --port, or none, for any free one") from None
        with server:
            print(address, flush=True)
            say("open this address in a browser on this machine; Ctrl-C ends the audition", DONE)
            # Until Ctrl-C.
            server.serve_forever()
        kept, dropped = (len(findings.picked(pick)) for pick in ("keep", "drop"))
    return say(f"{kept} kept, {dropped} dropped; to make the pack with this choice: {again}", DONE)


def _pack_command(command: list[str] | None, folder: Path, seed: int, judged: int) -> str:
    """Return the command that makes the pack of a run again, without a search by time."""
    if command is None:
        # An older run does not tell.
        command = ["pack", "SPEC.toml", "--out", str(folder.parent.absolute()), "--seed", str(seed)]
    words: list[str] = []
    by_time = False
    given = iter(command)
    for word in given:
        if word.startswith(("--minutes", "--until")):
            by_time = True
            if "=" not in word:
                next(given, None)
        else:
            words.append(shell.short_path(word) if Path(word).is_absolute() else word)
    if by_time:
        words += ["--candidates", str(judged)]
    return shell.command_line([*shell.program(), *words])
