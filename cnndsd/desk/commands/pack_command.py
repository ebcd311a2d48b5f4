"""``cnndsd pack``: a pack of sounds from a spec."""

from __future__ import annotations

import argparse
import errno
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsd.desk import arguments
from cnndsd.desk.stopping import Stop, Stopped
from cnndsd.desk.terminal import DONE, FEWER, Bars, count_of, say

if TYPE_CHECKING:
    from cnndsd.farm.factory import Packed
    from cnndsd.spec import Spec


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "pack",
        help="make a pack of sounds from a spec",
        description="Make a pack: render and judge many candidates, keep the most different of the best, finish and "
        "zip them. Prints the zip's path. The same spec and seed give the same zip, byte for byte. What was judged is "
        "remembered in a folder NAME.run beside the zip: the same command goes on where one was stopped or killed, and "
        "more --candidates or --minutes add to it.",
        epilog="example: cnndsd pack packs/sample_pack.toml --candidates 50000 --seed 7 --out .",
    )
    parser.add_argument("spec", metavar="SPEC.toml", help="what to draw, refuse and finish; see packs/ for examples")
    parser.add_argument("--count", type=int, metavar="K", help="sounds in the pack (default: the spec's)")
    parser.add_argument("--candidates", type=int, metavar="N", help="candidates to judge (default: the spec's)")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument(
        "--minutes", type=arguments.minutes, metavar="M", help="begin no more candidates after M minutes"
    )
    bound.add_argument(
        "--until", type=arguments.clock, metavar="HH:MM", help="begin no more candidates after this time of day"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="another seed, other networks (default: the spec's)")
    parser.add_argument("--jobs", type=arguments.jobs, metavar="J", help="worker processes (default: one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="work on a Dask cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--out", metavar="DIR", help="where the zip and the run's folder go (default: beside the spec)")
    parser.add_argument(
        "--profile", metavar="NAME", help="files as a machine wants them, such as digitakt; the README lists them"
    )
    parser.add_argument(
        "--plain", action="store_true", help="files without notes, loops and tempo in them, for hardware that stumbles"
    )
    parser.add_argument(
        "--keep",
        type=arguments.candidates,
        default=[],
        metavar="LIST",
        help="a pack of these candidates, such as 12,99 (a pack's page makes the list), without judging any more; "
        "or a file that holds their numbers",
    )
    parser.add_argument("--restart", action="store_true", help="forget what was judged before, and begin anew")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.farm import factory
    from cnndsd.profiles import profile_keys
    from cnndsd.spec import MAX_CANDIDATES, load_spec

    spec = load_spec(options.spec)
    changes: dict[str, Any] = {} if options.profile is None else profile_keys(options.profile)
    changes |= {name: getattr(options, name) for name in ("count", "candidates", "seed")}
    changes["plain"] = True if options.plain else changes.get("plain")
    seconds = None
    if options.minutes is not None or options.until is not None:
        seconds = 60 * options.minutes if options.minutes is not None else arguments.seconds_until(options.until)
    if options.candidates is None and (seconds is not None or options.keep):
        changes["candidates"] = MAX_CANDIDATES
    spec = arguments.changed(spec, {name: value for name, value in changes.items() if value is not None}, "--")
    folder = Path(options.out) if options.out is not None else Path(options.spec).parent
    same = shlex.join(["cnndsd", *(argument for argument in options.arguments if argument != "--restart")])
    stop = Stop(f"what was committed is kept; to go on: {same}")
    try:
        with Bars(None if seconds is not None else spec.candidates, stop) as bars:
            packed = factory.pack(
                spec,
                folder,
                jobs=options.jobs,
                scheduler=options.scheduler,
                seconds=seconds,
                keep=options.keep,
                restart=options.restart,
                progress=bars,
            )
    except IsADirectoryError:
        raise
    except OSError as error:
        raise _with_a_way_out(error, spec) from None
    if packed.path is None:
        raise Stopped(stop.number, f"{packed.findings.candidates} candidates are kept; to go on: {same}")
    return report_listed(packed) if options.keep else report(packed)


def _with_a_way_out(error: OSError, spec: Spec) -> OSError:
    from cnndsd.farm.runs import space_needed

    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    mend = f"needed: {space_needed(spec):.0f} MB on this disk; then" if full else "when that is mended,"
    return OSError(error.errno, f"{error.strerror or error}; {mend} the same command goes on", error.filename)


def report_listed(packed: Packed) -> int:
    """Tell what was made of a list."""
    print(packed.path)
    if packed.sounds < packed.wanted:
        listed = f"{packed.sounds} of the {packed.wanted} sounds that were listed"
        return say(f"{listed}; the others could not be finished", FEWER)
    return say(f"{count_of(packed.sounds, 'sound')}, those that were listed", DONE)


def report(packed: Packed) -> int:
    """Tell what was made of what a search found."""
    from cnndsd.farm.findings import refusals_in_words

    print(packed.path)
    findings = packed.findings
    kept = ", kept by ear," if findings.picked("keep") else ""
    refused = refusals_in_words(findings.refused)
    many = f"{count_of(packed.sounds, 'sound')}{kept} of {findings.candidates} candidates"
    say(f"{many}; {findings.passed} passed, refused {refused}", DONE)
    if packed.sounds < packed.wanted:
        return say(f"fewer sounds than the {packed.wanted} asked for; more --candidates may find them", FEWER)
    return DONE
