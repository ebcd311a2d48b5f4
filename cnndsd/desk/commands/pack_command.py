"""``cnndsd pack``: a pack of sounds from a spec."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsd.desk import arguments
from cnndsd.desk.stopping import Stop, Stopped
from cnndsd.desk.terminal import DONE, FEWER, Bars, command_line, count_of, say

if TYPE_CHECKING:
    from cnndsd.farm.factory import Packed
    from cnndsd.spec import Spec


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "pack",
        help="make a pack of sounds from a spec",
        description="Make a pack: render and judge many candidates, choose the most different of the best, finish and "
        "zip them. Prints the path of the zip. The same spec and seed give the same zip, byte for byte. Results are "
        "saved in the folder NAME.run next to the zip. Run the same command again to continue after a stop or a crash, "
        "or with more --candidates or --minutes to judge more.",
        epilog="example: cnndsd pack packs/sample_pack.toml --candidates 50000 --seed 7 --out .",
    )
    parser.add_argument(
        "spec",
        metavar="SPEC.toml",
        help="what to draw, refuse, choose and finish; see packs/ for examples. With --keep also a pack (.zip)",
    )
    parser.add_argument("--count", type=int, metavar="K", help="sounds in the pack (default: the spec's)")
    parser.add_argument("--candidates", type=int, metavar="N", help="candidates to judge (default: the spec's)")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument(
        "--minutes", type=arguments.minutes, metavar="M", help="stop judging after M minutes, then make the pack"
    )
    bound.add_argument(
        "--until", type=arguments.clock, metavar="HH:MM", help="stop judging at this time of day, then make the pack"
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="S",
        help="key of the random numbers: another seed gives other networks (default: the spec's)",
    )
    parser.add_argument(
        "--key",
        metavar="KEY",
        help='the notes of tuned sounds, such as "A minor" or "F# dorian"; "chromatic" allows all, "free" tunes none '
        "(default: the spec's)",
    )
    parser.add_argument(
        "--bpm", type=arguments.bpm, metavar="B", help="make loops at this tempo, 40 to 240 (default: the spec's)"
    )
    parser.add_argument("--jobs", type=arguments.jobs, metavar="J", help="worker processes (default: one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="work on a Dask cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--out", metavar="DIR", help="folder for the zip and the run (default: the folder of the spec)")
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="make files for a sampler or player, such as digitakt; the README lists all profiles",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="make files without notes, loops and tempo inside, for hardware that cannot read them",
    )
    parser.add_argument(
        "--keep",
        type=arguments.candidates,
        default=[],
        metavar="LIST",
        help="make a pack of these candidates without judging any others: numbers such as 12,99, or a file of them. "
        "From PACK.zip it makes PACK_kept.zip (the page of a pack makes this command)",
    )
    parser.add_argument("--restart", action="store_true", help="delete the saved results and begin again")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.farm import factory
    from cnndsd.profiles import profile_keys
    from cnndsd.spec import MAX_CANDIDATES, load_spec

    from_pack = options.spec.lower().endswith(".zip")
    if from_pack:
        _refuse_search_options(options)
    spec = factory.spec_of_pack(options.spec) if from_pack else load_spec(options.spec)
    changes: dict[str, Any] = {} if options.profile is None else profile_keys(options.profile)
    changes |= {name: getattr(options, name) for name in ("count", "candidates", "seed")}
    changes["plain"] = True if options.plain else changes.get("plain")
    in_music = {name: value for name in ("key", "bpm") if (value := getattr(options, name)) is not None}
    changes["music"] = arguments.changed(spec.music, in_music, "--") if in_music else None
    seconds = None if options.minutes is None else 60 * options.minutes
    until_s = None if options.until is None else arguments.next_time(options.until)
    by_time = seconds is not None or until_s is not None
    if options.candidates is None and (by_time or options.keep):
        changes["candidates"] = MAX_CANDIDATES
    spec = arguments.changed(spec, {name: value for name, value in changes.items() if value is not None}, "--")
    folder = Path(options.out) if options.out is not None else Path(options.spec).parent
    if from_pack:
        Stop("no pack was made")
        with Bars(len(options.keep)) as bars:
            return report_listed(
                factory.repack(
                    options.spec,
                    options.keep,
                    folder,
                    spec=spec,
                    jobs=options.jobs,
                    scheduler=options.scheduler,
                    progress=bars,
                )
            )
    same = command_line(["cnndsd", *(argument for argument in options.arguments if argument != "--restart")])
    stop = Stop(f"the saved results are kept; to continue: {same}")
    try:
        with Bars(None if by_time else spec.candidates, stop) as bars:
            packed = factory.pack(
                spec,
                folder,
                jobs=options.jobs,
                scheduler=options.scheduler,
                seconds=seconds,
                until_s=until_s,
                keep=options.keep,
                restart=options.restart,
                progress=bars,
            )
    except IsADirectoryError:
        raise
    except OSError as error:
        raise _with_advice(error, spec) from None
    if packed.path is None:
        raise Stopped(stop.number, f"{packed.findings.candidates} candidates are saved; to continue: {same}")
    return report_listed(packed) if options.keep else report(packed)


def _refuse_search_options(options: argparse.Namespace) -> None:
    from cnndsd.schema import Invalid

    if not options.keep:
        raise Invalid(f"{options.spec}: is a pack already; allowed: with --keep, to pack some of its sounds")
    for name in ("count", "candidates", "minutes", "until", "seed", "restart"):
        if getattr(options, name):
            raise Invalid(f"--{name}: is for a search; allowed with a pack: --keep and how the sounds are finished")


def _with_advice(error: OSError, spec: Spec) -> OSError:
    from cnndsd.farm.runs import space_needed

    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    cure = f"needed: {space_needed(spec):.0f} MB on this disk; then" if full else "when that is repaired,"
    return OSError(error.errno, f"{error.strerror or error}; {cure} run the same command again", error.filename)


def report_listed(packed: Packed) -> int:
    """Print the result of a pack of listed candidates; returns the exit code."""
    print(packed.path)
    if packed.sounds < packed.wanted:
        listed = f"{packed.sounds} of the {packed.wanted} sounds that were listed"
        return say(f"{listed}; the others could not be finished", FEWER)
    return say(f"{count_of(packed.sounds, 'sound')}, those that were listed", DONE)


def report(packed: Packed) -> int:
    """Print the result of a pack that was searched for; returns the exit code."""
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
