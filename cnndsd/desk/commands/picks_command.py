"""``cnndsd picks``: what was kept and dropped by ear in a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, count_of, say

if TYPE_CHECKING:
    from cnndsd.farm.findings import Findings


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "picks",
        help="show or clear what was kept and dropped by ear",
        description="Show the sounds of a run that were kept and dropped in an audition: a line for each, with its "
        "candidate number. --clear takes that back, for all or for those that you list.",
        epilog="examples: cnndsd picks cnndsd_sample_pack.run;  cnndsd picks cnndsd_sample_pack.run --clear 12,99",
    )
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run (.run)")
    parser.add_argument(
        "--clear",
        type=arguments.candidates,
        nargs="?",
        const=[],
        metavar="LIST",
        help="take the picks of these candidates back, such as 12,99, or all; no pack command or audition may be using "
        "the run",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.desk.paths import run_folder
    from cnndsd.farm import runs
    from cnndsd.schema import Invalid

    folder = run_folder(Path(options.run_folder))
    if options.clear is None:
        findings = runs.read(folder).findings
        _print(findings)
    else:
        with runs.opened_for_picks(folder) as (_, findings, remember):
            cleared = set(options.clear) or set(findings.picks)
            if unknown := sorted(cleared - findings.picks.keys()):
                raise Invalid(
                    f"--clear: candidate {unknown[0]} was neither kept nor dropped; see cnndsd picks {folder}"
                )
            for index in sorted(cleared):
                remember(index, None)
        say(f"{count_of(len(cleared), 'pick')} taken back", DONE)
    kept, dropped = (len(findings.picked(pick)) for pick in ("keep", "drop"))
    return say(f"{kept} kept, {dropped} dropped", DONE)


def _print(findings: Findings) -> None:
    from cnndsd.ear.kinds import kind
    from cnndsd.finishing.naming import words

    known = findings.known(findings.picks)
    for said, pick in (("kept", "keep"), ("dropped", "drop")):
        for index in findings.picked(pick):  # type: ignore[arg-type]
            entry = known.get(index)
            name = (
                "" if entry is None else f"  {kind(entry.sound)}_{next(words(entry.recipe))}  score {entry.score:.2f}"
            )
            print(f"{said:8}{index:>11}{name}")
