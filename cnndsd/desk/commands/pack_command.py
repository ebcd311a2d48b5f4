"""``cnndsd pack``: a pack of sounds from a spec."""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsd.desk import arguments, shell
from cnndsd.desk.reporting import report, report_listed, report_sizes
from cnndsd.desk.stopping import Stop, Stopped
from cnndsd.desk.terminal import DONE, Bars, count_of, say

if TYPE_CHECKING:
    from cnndsd.spec import Spec

# In one page.
_MOST_SEEDS = 10_000


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "pack",
        help="make a pack of sounds from a spec",
        description="Make a pack: render and judge many candidates, choose the most different of the best, finish and "
        "zip them. Prints the path of the zip. The same spec and seed give the same zip, byte for byte. Results are "
        "saved in the folder NAME.run next to the zip. Run the same command again to continue after a stop or a crash, "
        "or with more --candidates or --minutes to judge more. Sounds kept in an audition are in the pack, and dropped "
        "ones are not.",
        epilog="examples: cnndsd pack;  cnndsd pack my.toml --candidates 50000 --seed 7 --out packs",
    )
    parser.add_argument(
        "spec",
        nargs="?",
        metavar="SPEC.toml",
        help="what to draw, refuse, choose and finish: a file, or the name of a spec that comes with the program, such "
        "as adjusting (default: the default pack, in this folder). With --keep also a pack (.zip) or what --seeds made",
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
    parser.add_argument(
        "--bandlimited",
        type=float,
        metavar="SHARE",
        help="the share of sounds, 0 to 1, that join the network's steps smoothly (default: the spec's)",
    )
    parser.add_argument(
        "--wide",
        type=float,
        metavar="SHARE",
        help="the share of sounds, 0 to 1, that are asked to have two channels (default: the spec's)",
    )
    parser.add_argument("--jobs", type=arguments.jobs, metavar="J", help="worker processes (default: one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="work on a Dask cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="folder for the zip and the run (default: that of the spec's file; the current one for a spec by name)",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="make NAME_PROFILE.zip, with files for a sampler or player such as digitakt; docs/hardware.md lists all "
        "profiles",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="make files without notes, loops and tempo inside, for hardware that cannot read them",
    )
    parser.add_argument(
        "--export",
        action="append",
        dest="exports",
        metavar="NAME",
        help="also make files for other programs, such as strudel, multisample or wavetable; may be given several "
        "times; the README lists all",
    )
    parser.add_argument(
        "--alternates",
        type=int,
        metavar="N",
        help="add so many relatives of each hit, which take turns with it in drum kits (default: the spec's)",
    )
    parser.add_argument(
        "--keep",
        type=arguments.candidates,
        default=[],
        metavar="LIST",
        help="make NAME_kept.zip of these candidates alone, without judging any others: numbers such as 12,99, or a "
        "file of them. Also from a pack; its page makes this command",
    )
    parser.add_argument(
        "--only-kept",
        action="store_true",
        help="make NAME_kept.zip of the sounds alone that were kept in an audition, without judging any others",
    )
    parser.add_argument(
        "--seeds",
        action="store_true",
        help="make NAME_seeds.html instead: one page of up to 10000 recipes (or --count) without sound files, which "
        "renders what is played. With --keep, packs are made of it",
    )
    parser.add_argument("--restart", action="store_true", help="delete the saved results and begin again")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.farm import factory
    from cnndsd.schema import Invalid
    from cnndsd.spec import load_spec

    path, folder = _spec_and_folder(options)
    from_pack = path.suffix.lower() in (".zip", ".html")
    if from_pack:
        _refuse_search_options(options)
    if options.seeds and (options.keep or options.only_kept):
        raise Invalid("--seeds: lists all that was found; allowed without --keep and --only-kept")
    spec = _changed(factory.spec_of_pack(path) if from_pack else load_spec(path), options, from_pack)
    return _repack(path, spec, folder, options) if from_pack else _pack(path, spec, folder, options)


def _is_by_time(options: argparse.Namespace) -> bool:
    return options.minutes is not None or options.until is not None


def _changed(spec: Spec, options: argparse.Namespace, from_pack: bool) -> Spec:
    """Return the spec with what the options say. ``from_pack``: of a pack, of which some sounds are packed."""
    from cnndsd.profiles import profile_keys
    from cnndsd.schema import Invalid
    from cnndsd.spec import MAX_CANDIDATES

    changes: dict[str, Any] = {} if options.profile is None else profile_keys(options.profile)
    changes |= {name: getattr(options, name) for name in ("count", "candidates", "seed", "alternates", "exports")}
    changes["plain"] = True if options.plain else changes.get("plain")
    in_sound = {name: value for name in ("bandlimited", "wide") if (value := getattr(options, name)) is not None}
    if in_sound and not spec.draws_networks:
        raise Invalid(f"--{next(iter(in_sound))}: is a share of drawn networks; allowed with [sound]")
    changes["sound"] = arguments.changed(spec.sound, in_sound, "--") if in_sound else None
    in_music = {name: value for name in ("key", "bpm") if (value := getattr(options, name)) is not None}
    changes["music"] = arguments.changed(spec.music, in_music, "--") if in_music else None
    if options.candidates is None and (_is_by_time(options) or options.keep or options.only_kept):
        changes["candidates"] = MAX_CANDIDATES
    if from_pack and (options.exports or options.alternates):
        # Exports and alternates limit the sounds of a pack: here those that are kept.
        changes["count"] = len({*options.keep})
    changed: Spec = arguments.changed(spec, {name: v for name, v in changes.items() if v is not None}, "--")
    return changed


def _repack(path: Path, spec: Spec, folder: Path, options: argparse.Namespace) -> int:
    """Make a pack of some sounds of another one."""
    from cnndsd.farm import factory

    Stop("no pack was made")
    with Bars(len(options.keep)) as bars:
        packed = factory.repack(
            path,
            options.keep,
            folder,
            spec=spec,
            label=options.profile or "",
            jobs=options.jobs,
            scheduler=options.scheduler,
            progress=bars,
        )
    code = report_listed(packed)
    report_sizes(packed, spec)
    return code


def _pack(path: Path, spec: Spec, folder: Path, options: argparse.Namespace) -> int:
    """Make the pack, or the seed list, of a spec."""
    from cnndsd.farm import factory

    same = shell.command_line([*shell.program(), *(word for word in options.arguments if word != "--restart")])
    stop = Stop(f"the saved results are kept; to continue: {same}")
    try:
        with Bars(None if _is_by_time(options) else spec.candidates, stop) as bars:
            packed = factory.pack(
                spec,
                folder,
                jobs=options.jobs,
                scheduler=options.scheduler,
                seconds=None if options.minutes is None else 60 * options.minutes,
                until_s=None if options.until is None else arguments.next_time(options.until),
                keep=options.keep,
                only_kept=options.only_kept,
                seeds=(options.count or _MOST_SEEDS) if options.seeds else 0,
                label=options.profile or "",
                restart=options.restart,
                progress=bars,
                command=() if options.keep or options.only_kept else _anywhere(options, path, folder),
            )
    except IsADirectoryError:
        raise
    except OSError as error:
        raise _with_advice(error, spec) from None
    if packed.path is None:
        raise Stopped(stop.number, f"{packed.findings.candidates} candidates are saved; to continue: {same}")
    if options.seeds:
        print(packed.path)
        return say(f"{count_of(packed.sounds, 'recipe')} of {packed.findings.candidates} candidates", DONE)
    if options.keep or options.only_kept or spec.recipes:
        code = report_listed(packed, "listed" if options.keep or spec.recipes else "kept by ear")
    else:
        code = report(packed)
    report_sizes(packed, spec)
    return code


def _spec_and_folder(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the file of the spec or pack, and the folder for the zip."""
    from cnndsd.schema import Failed, Invalid, did_you_mean
    from cnndsd.shipped import DEFAULT, shipped_specs, spec_path

    named = options.spec
    if named is None or (named in shipped_specs() and not Path(named).exists()):
        path, folder = spec_path(named or DEFAULT), Path()
    else:
        path, folder = Path(named), Path(named).parent
        if path.is_dir():
            specs = [str(file) for file in sorted(path.glob("*.toml"))[:3]]
            if path.suffix == ".run" and path.with_suffix(".toml").is_file():
                specs = [str(path.with_suffix(".toml"))]
            meant = f" (did you mean {' or '.join(specs)}?)" if specs else ""
            raise Invalid(f"{named}: is a folder{meant}; allowed: a spec (.toml)")
        if not path.exists():
            near = [str(folder / file.name) for end in ("*.toml", "*.zip") for file in folder.glob(end)]
            ending = f"{named}.toml"
            meant = f' (did you mean "{ending}"?)' if ending in near else did_you_mean(named, [*near, *shipped_specs()])
            ready = ", ".join(shipped_specs())
            raise Invalid(f"{named}: there is no such file{meant}; allowed: a spec (.toml), or one by name: {ready}")
        if path.suffix.lower() in (".wav", ".flac", ".ogg", ".mp3"):
            raise Invalid(f"{named}: is a sound; allowed: a spec (.toml), or cnndsd vary {named} for variations of it")
    folder = folder if options.out is None else Path(options.out)
    if folder.is_file():
        raise Failed(f"{folder}: is a file; allowed: a folder, in which the pack is made")
    return path, folder


def _anywhere(options: argparse.Namespace, path: Path, folder: Path) -> list[str]:
    """Return the arguments of this command, for any current folder."""
    words: list[str] = []
    given = iter(options.arguments)
    for word in given:
        if word == "--out":
            next(given)
        elif word == options.spec and path == Path(word):
            words.append(str(path.absolute()))
        elif not word.startswith("--out=") and word != "--restart":
            words.append(word)
    needs_out = options.out is not None or options.spec is None or path != Path(options.spec)
    # Behind the name of the command: at the end it could be behind a "--".
    return [*words[:1], "--out", str(folder.absolute()), *words[1:]] if needs_out else words


def _refuse_search_options(options: argparse.Namespace) -> None:
    from cnndsd.schema import Invalid

    for name in ("count", "candidates", "minutes", "until", "seed", "seeds", "bandlimited", "restart", "only_kept"):
        if getattr(options, name) not in (None, False):
            option = name.replace("_", "-")
            raise Invalid(f"--{option}: is for a search; allowed with a pack: --keep and how the sounds are finished")
    if not options.keep:
        raise Invalid(f"{options.spec}: is a pack already; allowed: with --keep, to pack some of its sounds")


def _with_advice(error: OSError, spec: Spec) -> OSError:
    from cnndsd.farm.runs import space_needed

    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    cure = f"needed: {space_needed(spec):.0f} MB on this disk; then" if full else "when that is repaired,"
    return OSError(error.errno, f"{error.strerror or error}; {cure} run the same command again", error.filename)
