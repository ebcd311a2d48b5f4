"""The command line: words in, one library call, words out."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

    from cnndsd.executors import Cluster, Processes
    from cnndsd.findings import Findings
    from cnndsd.spec import Spec

DONE, FAILED, BAD_INPUT, FEWER, FAULTY, INTERRUPTED = 0, 1, 2, 3, 4, 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(_joined(arguments))
    options.arguments = arguments
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except _Stopped as stopped:
        return _say(str(stopped), stopped.code)
    except BrokenPipeError:
        # The reader of our output went away (`cnndsd show … | head`): nothing more to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _say(f"{where}{error.strerror or error}", FAILED)
    except MemoryError:
        return _say("out of memory; a shorter sound or fewer jobs need less", FAILED)
    except Exception as error:
        from concurrent.futures import BrokenExecutor

        from cnndsd.schema import Failed, Invalid

        if isinstance(error, Invalid):
            return _say(str(error), BAD_INPUT)
        if isinstance(error, _NothingPassed):
            return _say(str(error), FEWER)
        if isinstance(error, Failed | BrokenExecutor):
            return _say(str(error), FAILED)
        raise


def _joined(arguments: Sequence[str]) -> list[str]:
    """``--weights -1,1`` as ``--weights=-1,1``: argparse takes a value that begins with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--weights", "--biases") and argument.startswith("-"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _say(message: str, code: int) -> int:
    print(f"cnndsd: {_plain(' '.join(message.split()))}", file=sys.stderr)
    return code


def _plain(text: str) -> str:
    """Words from someone else's file, fit for a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 500 else text[:497] + "..."


def _parser() -> argparse.ArgumentParser:
    from cnndsd import __version__

    parser = _Parser(
        prog="cnndsd",
        description="Sounds made by random, untrained, tiny neural networks that listen to themselves.",
        epilog="exit codes: 0 done, 1 failed, 2 bad option, spec or file, 3 done but fewer sounds than asked, "
        "4 verify found faults, 130 interrupted, 143 terminated, 129 hung up.  "
        "Example: cnndsd pack packs/sample_pack.toml",
    )
    parser.add_argument("--version", action="version", version=f"cnndsd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    pack = commands.add_parser(
        "pack",
        help="make a pack of sounds from a spec",
        description="Make a pack: render and judge many candidates, keep the most different of the best, finish and "
        "zip them. Prints the zip's path. The same spec and seed give the same zip, byte for byte. What was judged is "
        "remembered in a folder NAME.run beside the zip: the same command goes on where one was stopped or killed, and "
        "more --candidates or --minutes add to it.",
        epilog="example: cnndsd pack packs/sample_pack.toml --candidates 50000 --seed 7 --out .",
    )
    pack.add_argument("spec", metavar="SPEC.toml", help="what to draw, refuse and finish; see packs/ for examples")
    pack.add_argument("--count", type=int, metavar="K", help="sounds in the pack (default: the spec's)")
    pack.add_argument("--candidates", type=int, metavar="N", help="candidates to judge (default: the spec's)")
    bound = pack.add_mutually_exclusive_group()
    bound.add_argument("--minutes", type=_minutes, metavar="M", help="begin no more candidates after M minutes")
    bound.add_argument("--until", type=_clock, metavar="HH:MM", help="begin no more candidates after this time of day")
    pack.add_argument("--seed", type=int, metavar="S", help="another seed, other networks (default: the spec's)")
    pack.add_argument("--jobs", type=_jobs, metavar="J", help="worker processes (default: one per core)")
    pack.add_argument("--scheduler", metavar="ADDRESS", help="work on a Dask cluster, such as tcp://10.0.0.1:8786")
    pack.add_argument("--out", metavar="DIR", help="where the zip and the run's folder go (default: beside the spec)")
    pack.add_argument(
        "--profile", metavar="NAME", help="files as a machine wants them, such as digitakt; the README lists them"
    )
    pack.add_argument(
        "--plain", action="store_true", help="files without notes, loops and tempo in them, for hardware that stumbles"
    )
    pack.add_argument(
        "--keep",
        type=_candidates,
        default=[],
        metavar="LIST",
        help="a pack of these candidates, such as 12,99 (a pack's page makes the list), without judging any more; "
        "or a file that holds their numbers",
    )
    pack.add_argument("--restart", action="store_true", help="forget what was judged before, and begin anew")
    pack.set_defaults(run=_pack)

    render = commands.add_parser(
        "render",
        help="make one sound",
        description="Make one sound from options, or again from the recipe in a sound file or a JSON file; options "
        "change that recipe. Finished like the default pack's sounds; --raw writes the network's own output.",
        epilog="examples: cnndsd render --length 6 --hidden 8,8 --gap 5 --seed 7 -o seven.wav;  "
        "cnndsd render seven.wav --seconds 20 -o longer.flac",
    )
    render.add_argument("file", nargs="?", metavar="FILE", help="a sound file made by cnndsd, or a recipe as JSON")
    render.add_argument("-o", "--output", required=True, metavar="OUT", help="a .wav, .flac, .ogg or .mp3 file")
    render.add_argument("--raw", action="store_true", help="the network's own output, 0..1, as a float WAV")
    recipe = render.add_argument_group("recipe")
    recipe.add_argument("--length", type=int, help="inputs: how many of its own earlier samples it hears (1..16)")
    recipe.add_argument("--hidden", type=_widths, metavar="8,8", help='widths of the hidden layers ("" for none)')
    recipe.add_argument("--gap", type=int, help="the nearest input is 2**gap samples old (0..12); higher is darker")
    recipe.add_argument("--seed", type=int, help="which network")
    recipe.add_argument("--seconds", type=float, help="how long")
    recipe.add_argument("--sample-rate", type=int, metavar="HZ")
    recipe.add_argument("--precision", metavar="double|single")
    recipe.add_argument("--weights", type=_numbers, metavar="LOW,HIGH", help="range of the random weights")
    recipe.add_argument("--biases", type=_numbers, metavar="LOW,HIGH", help="range of the random biases")
    recipe.add_argument(
        "--adjusting", type=_numbers, metavar="EVERY,AMOUNT", help="weights walk by up to AMOUNT every EVERY steps"
    )
    render.set_defaults(run=_render)

    vary = commands.add_parser(
        "vary",
        help="make a family of sounds around one",
        description="Make a pack of variations of one sound: its network with every weight and bias moved at random. "
        "Many are judged and the most different of the best are kept, as in any pack. Prints the zip's path.",
        epilog="example: cnndsd vary growl.wav --count 12 --amount 0.03 --out .",
    )
    vary.add_argument("file", metavar="FILE", help="a sound file made by cnndsd, or a recipe as JSON")
    vary.add_argument("--count", type=int, default=12, metavar="N", help="sounds in the pack (default: 12)")
    vary.add_argument(
        "--amount",
        type=float,
        default=0.01,
        metavar="A",
        help="how far weights move, as a share of their range: 0.001 close relatives, 0.01 (default) siblings, "
        "0.03 cousins, 0.1 to 1 strangers",
    )
    vary.add_argument("--candidates", type=int, metavar="N", help="variations to judge (default: 64 for every sound)")
    vary.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, other variations (default: 1)")
    vary.add_argument(
        "--keep", type=_candidates, default=[], metavar="LIST", help="a pack of these variations only, such as 12,99"
    )
    vary.add_argument("--jobs", type=_jobs, metavar="J", help="worker processes (default: one per core)")
    vary.add_argument("--out", metavar="DIR", help="where the zip goes (default: beside the file)")
    vary.set_defaults(run=_vary)

    audition = commands.add_parser(
        "audition",
        help="hear what a run found, keep and drop",
        description="Serve the sounds that a run found as a page for the browser on this machine: play them, keep and "
        "drop them. That is remembered in the run's folder, and its own command makes the pack of what was kept, "
        "or where nothing was, without what was dropped. Prints the page's address; Ctrl-C ends it.",
        epilog="example: cnndsd audition packs/cnndsd_sample_pack.run",
    )
    audition.add_argument("run_folder", metavar="RUN", help="a run's folder (.run), not at work")
    audition.add_argument("--count", type=_shown, default=1000, metavar="N", help="sounds to show (default: 1000)")
    audition.add_argument(
        "--port", type=_port, default=0, metavar="P", help="port of 127.0.0.1 (default: any free one)"
    )
    audition.set_defaults(run=_audition)

    show = commands.add_parser(
        "show",
        help="what is in a sound file, a pack or a run, and why",
        description="Show the recipe in a sound file or JSON file, what is heard, its kind, score and the reasons; "
        "what a pack holds, why, how near each sound's nearest neighbour is, and what was refused; or how a run "
        "stands, also while it is at work.",
        epilog="example: cnndsd show packs/cnndsd_sample_pack.zip",
    )
    show.add_argument("file", metavar="FILE", help="a sound file, a pack (.zip), a run (.run) or a recipe as JSON")
    show.add_argument("--json", action="store_true", help="everything, as JSON")
    show.set_defaults(run=_show)

    verify = commands.add_parser(
        "verify",
        help="prove a pack",
        description="Prove a pack: the zip's structure to the byte, every file's digest, format, peak and recipe, and "
        "every raw sound, rendered again from its recipe. A line for each fault, and exit 4 when there is one.",
        epilog="example: cnndsd verify packs/cnndsd_sample_pack.zip",
    )
    verify.add_argument("file", metavar="PACK.zip", help="a pack made by cnndsd")
    verify.set_defaults(run=_verify)

    bench = commands.add_parser(
        "bench",
        help="how fast this machine renders",
        description="Measure how many times faster than real time one core renders seven network shapes at three gaps, "
        "in both precisions, and what share of the limit of its multiply-add units that is. Takes about ten "
        "seconds; leave the machine alone meanwhile.",
        epilog="example: cnndsd bench --rounds 9 --json > bench.json",
    )
    bench.add_argument("--rounds", type=_rounds, default=5, metavar="N", help="measurements of each (default: 5)")
    bench.add_argument("--json", action="store_true", help="everything, as JSON")
    bench.set_defaults(run=_bench)
    return parser


def _pack(options: argparse.Namespace) -> int:
    import time
    from pathlib import Path

    from cnndsd import profile
    from cnndsd import spec as specs

    spec = specs.load(options.spec)
    changes: dict[str, Any] = {} if options.profile is None else profile.wanted(options.profile)
    changes |= {name: getattr(options, name) for name in ("count", "candidates", "seed")}
    changes["plain"] = True if options.plain else changes.get("plain")
    spec = _changed(spec, {name: value for name, value in changes.items() if value is not None}, "--")
    deadline = None
    if options.minutes is not None or options.until is not None:
        seconds = 60 * options.minutes if options.minutes is not None else _seconds_until(options.until)
        deadline = time.monotonic() + seconds
    if options.candidates is None and (deadline is not None or options.keep):
        spec = _changed(spec, {"candidates": specs.MAX_CANDIDATES}, "--")
    folder = Path(options.out) if options.out is not None else Path(options.spec).parent
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.zip"
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        return _search_and_pack(spec, path, options, deadline)
    except OSError as error:
        from cnndsd.run import space_needed

        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        mend = f"needed: {space_needed(spec):.0f} MB on this disk; then" if full else "when that is mended,"
        raise OSError(
            error.errno, f"{error.strerror or error}; {mend} the same command goes on", error.filename
        ) from None


def _search_and_pack(spec: Spec, path: Path, options: argparse.Namespace, deadline: float | None) -> int:
    same = shlex.join(["cnndsd", *(argument for argument in options.arguments if argument != "--restart")])
    stop = _Stop(f"what was committed is kept; to go on: {same}")
    with _workers(options) as (workers, in_flight):
        # Workers have begun to load the compiler; so does this process, beside them.
        from cnndsd import farm, run
        from cnndsd.findings import tally

        with run.begin(path.with_suffix(".run"), spec, options.restart) as night:
            workers.prepare(farm.compile_kernels, spec)
            if options.keep:
                count = night.finish(path, workers, in_flight, _sounds_bar, options.keep)
                return _kept(path, len({*options.keep}), count)
            with _bar(None if deadline is not None else spec.candidates, " candidates") as bar:

                def report(found: Findings) -> None:
                    bar.update(found.candidates - bar.n)
                    bar.set_postfix_str(f"kept {found.kept}, refused {tally(found.refused)}", refresh=False)

                def tell(line: str) -> None:
                    if bar.disable:
                        _say(line, DONE)

                with stop.gently():
                    found = night.search(workers, in_flight, deadline, stop.asked, report, tell)
            if stop.asked():
                raise _Stopped(stop.number, f"{found.candidates} candidates are kept; to go on: {same}")
            wanted = len(found.picked("keep")) or spec.count
            count = night.finish(path, workers, in_flight, _sounds_bar)
    return _made(path, wanted, found, count)


@contextmanager
def _workers(options: argparse.Namespace) -> Iterator[tuple[Processes | Cluster, int]]:
    """Who does the work, and how many units to hand out at a time so that nobody waits for the next."""
    from cnndsd import executors

    if getattr(options, "scheduler", None) is not None:
        with executors.Cluster(options.scheduler) as cluster:
            yield cluster, 2 * max(1, cluster.threads)
    else:
        jobs = options.jobs or executors.cores()
        with executors.Processes(jobs) as processes:
            yield processes, 2 * jobs


def _bar(total: int | None, unit: str, sounds: Any = None) -> Any:
    from tqdm import tqdm

    return tqdm(sounds, total=total, unit=unit, disable=not sys.stderr.isatty(), file=sys.stderr, dynamic_ncols=True)


def _sounds_bar(sounds: Any, count: int) -> Any:
    return _bar(count, " sounds", sounds)


def _kept(path: Any, wanted: int, count: int) -> int:
    """Tell what was made of a list."""
    if not count:
        raise _NothingPassed("none of those that were listed could be finished")
    print(path)
    if count < wanted:
        return _say(f"{count} of the {wanted} sounds that were listed; the others could not be finished", FEWER)
    return _say(f"{count} sound{'s' if count != 1 else ''}, those that were listed", DONE)


def _made(path: Any, wanted: int, found: Findings, count: int) -> int:
    """Tell what was made of what was found."""
    from cnndsd.findings import tally

    if not count:
        raise _NothingPassed(f"none of {found.candidates} candidates passed: {tally(found.refused)}")
    print(path)
    refused = tally(found.refused)
    many = f"{count} sound{'s' if count != 1 else ''}{', kept by ear,' if found.picked('keep') else ''}"
    _say(f"{many} of {found.candidates} candidates; {found.passed} passed, refused {refused}", DONE)
    if count < wanted:
        return _say(f"fewer sounds than the {wanted} asked for; more --candidates may find them", FEWER)
    return DONE


def _vary(options: argparse.Namespace) -> int:
    import re
    from pathlib import Path

    from cnndsd import audiofile
    from cnndsd.schema import Invalid
    from cnndsd.spec import Choice, Family, Ranges, Spec

    path = Path(options.file)
    recipe = audiofile.read_recipe(options.file)
    try:
        spec = Spec(
            name=(re.sub(r"[^A-Za-z0-9_-]", "_", path.stem).lstrip("_-")[:50] or "sound") + "_family",
            title=f"variations of {path.stem}"[:200],
            count=options.count,
            candidates=options.candidates if options.candidates is not None else 64 * max(1, options.count),
            seed=options.seed,
            sound=Ranges(sample_rate=recipe.sample_rate),
            family=Family(recipe=recipe, amount=(options.amount, options.amount)),
            # Relatives may be as near as can be, and those of a drone are drones.
            choose=Choice(distance=0.0, static_share=1.0),
        )
    except Invalid as error:
        about_recipe = str(error).partition("recipe")[2].lstrip(".: ")
        raise Invalid(f"{path}: {about_recipe}" if about_recipe else f"--{error}") from None
    folder = Path(options.out) if options.out is not None else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{spec.name}.zip"
    _Stop("no pack was made")
    with _workers(options) as (workers, in_flight):
        from cnndsd import farm, run
        from cnndsd.findings import Findings

        workers.prepare(farm.compile_kernels, spec)
        if options.keep:
            found = Findings()
        else:
            with _bar(spec.candidates, " candidates") as bar:
                found = farm.search(spec, workers, in_flight, report=lambda found: bar.update(found.candidates - bar.n))
        count = run.make_pack(out, spec, found, workers, in_flight, _sounds_bar, keep=options.keep)
    return _kept(out, len({*options.keep}), count) if options.keep else _made(out, spec.count, found, count)


def _audition(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cnndsd import audition, run

    folder = Path(options.run_folder)
    with run.heard(folder) as (spec, findings, remember):
        command = shlex.join(["cnndsd", "pack", "SPEC.toml", "--out", str(folder.parent), "--seed", str(spec.seed)])
        app = audition.Audition(spec, findings, options.count, f"{command} --keep ", remember)
        made, address = audition.server(app, options.port)
        with made:
            print(address, flush=True)
            _say("open this address in a browser on this machine; Ctrl-C ends the audition", DONE)
            # Until Ctrl-C.
            made.serve_forever()
        kept, dropped = (len(findings.picked(pick)) for pick in ("keep", "drop"))
    return _say(f"{kept} kept, {dropped} dropped; the run's own command makes the pack of them", DONE)


def _render(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cnndsd import audiofile
    from cnndsd.recipe import Recipe
    from cnndsd.render import raw_sha256, render
    from cnndsd.replacing import replacing
    from cnndsd.schema import Invalid
    from cnndsd.spec import Ranges, Spec

    out = Path(options.output)
    if out.suffix.lower() not in ([".wav"] if options.raw else audiofile.ENDINGS):
        allowed = ".wav" if options.raw else ", ".join(audiofile.ENDINGS)
        raise Invalid(f"--output: {out.name} has an unknown ending; allowed: {allowed}")
    changes = {name: getattr(options, name) for name in Recipe.__struct_fields__ if hasattr(options, name)}
    changes = {name: value for name, value in changes.items() if value is not None}
    if "adjusting" in changes:
        changes["adjusting"] = {"every": changes["adjusting"][0], "amount": changes["adjusting"][-1]}
    recipe = _changed(audiofile.read_recipe(options.file) if options.file is not None else Recipe(), changes, "--")
    spec = Spec(
        name="render", format=audiofile.ENDINGS[out.suffix.lower()], sound=Ranges(sample_rate=recipe.sample_rate)
    )
    # Opened first: a place that cannot be written is told before the work.
    with replacing(out) as file:
        audio = render(recipe)
        if options.raw:
            data = audiofile.encode_raw(audio, recipe)
        else:
            from cnndsd.describe import describe
            from cnndsd.finish import finish

            data = finish(audio, recipe, describe(audio, recipe.sample_rate), spec).data
        file.write(data)
    print(out)
    return _say(f"raw sha256 {raw_sha256(audio)}", DONE)


def _show(options: argparse.Namespace) -> int:
    import msgspec

    from cnndsd.show import in_words, show

    shown = show(options.file)
    if options.json:
        print(msgspec.json.encode(shown).decode())
    else:
        # Words from someone else's file, line by line.
        for line in in_words(shown).splitlines():
            print(_plain(line))
    return DONE


def _verify(options: argparse.Namespace) -> int:
    from cnndsd.verify import verify

    faults = 0
    for fault in verify(options.file):
        faults += 1
        print(_plain(f"{options.file}: {fault}"))
    if faults:
        return _say(f"{options.file}: {faults} fault{'s' if faults > 1 else ''}", FAULTY)
    return _say(f"{options.file}: all of it is as it was made", DONE)


def _bench(options: argparse.Namespace) -> int:
    import msgspec
    from tqdm import tqdm

    from cnndsd.bench import GAPS, PRECISIONS, SHAPES, bench

    total = options.rounds * len(PRECISIONS) * len(SHAPES) * len(GAPS)
    with tqdm(total=total, disable=not sys.stderr.isatty(), file=sys.stderr, dynamic_ncols=True) as bar:
        speeds = bench(options.rounds, bar.update)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(speeds)).decode())
        return DONE
    print(f"{'network':16}{'precision':>10}{'gap':>5}{'x real time':>13}{'share':>7}   min..max")
    for speed in speeds:
        shape = f"{speed.length},[{','.join(map(str, speed.hidden))}]"
        low, high = speed.share_spread
        print(
            f"{shape:16}{speed.precision:>10}{speed.gap:5}{speed.times_real_time:13.0f}{speed.share_of_limit:7.2f}"
            f"   {low:.2f}..{high:.2f}"
        )
    return DONE


def _changed(structure: Any, changes: dict[str, Any], prefix: str) -> Any:
    import msgspec

    from cnndsd.schema import Invalid

    try:
        return msgspec.structs.replace(structure, **changes)
    except Invalid as error:
        name, colon, rest = str(error).partition(":")
        raise Invalid(f"{prefix}{name.replace('_', '-')}{colon}{rest}") from None


def _argument(convert: Callable[[str], Any], allowed: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, OSError):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: {allowed}") from None

    return parse


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e6:
        raise ValueError
    return value


def _count(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise ValueError
        return value

    return parse


def _time_of_day(text: str) -> tuple[int, int]:
    hour, minute = map(int, text.split(":"))
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError
    return hour, minute


def _seconds_until(clock: tuple[int, int]) -> float:
    import datetime

    now = datetime.datetime.now()
    then = now.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    return (then - now).total_seconds() % 86_400


_minutes = _argument(_positive, "a number of minutes above 0")
_jobs = _argument(_count(1024), "1 to 1024")
_rounds = _argument(_count(1000), "1 to 1000")
_shown = _argument(_count(10_000), "1 to 10000")
_port = _argument(_count(65_535), "1 to 65535")
_clock = _argument(_time_of_day, "a time of day as HH:MM")
_widths = _argument(lambda text: [int(w) for w in text.split(",")] if text.strip() else [], "whole numbers such as 8,8")


def _candidate_list(text: str) -> list[int]:
    from pathlib import Path

    if not text.strip(" ,0123456789"):
        numbers = [int(number) for number in text.replace(",", " ").split()]
    else:
        with Path(text).open(encoding="utf-8") as file:
            numbers = [int(number) for number in file.read(10_000_000).replace(",", " ").split()]
    if min(numbers) < 0 or max(numbers) >= 10**10:
        raise ValueError
    return numbers


_candidates = _argument(_candidate_list, "numbers such as 12,99, from 0 to 9999999999, or a file of them")


def _pair(text: str) -> list[float]:
    first, second = (int(n) if n.strip().isdigit() else float(n) for n in text.split(","))
    return [first, second]


_numbers = _argument(_pair, "two numbers such as 0,1")


class _NothingPassed(Exception):
    pass


class _Stopped(BaseException):
    """Ended by a signal."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"{'interrupted' if number == signal.SIGINT else 'terminated'}; {message}")
        self.code = 128 + number


class _Stop:
    """The first Ctrl-C or SIGTERM lets a search end well; a second, or one at another time, ends all at once."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.number = 0
        self._gentle = False
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            # nohup has the hangup ignored, and that is respected.
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
                signal.signal(getattr(signal, name), self)

    def __call__(self, number: int, frame: Any) -> None:
        if self.number or not self._gentle:
            raise _Stopped(number, self.message)
        self.number = number
        # Not by print: the signal may have come in the middle of one.
        os.write(2, b"cnndsd: stopping; once more to stop at once\n")

    def asked(self) -> bool:
        return self.number != 0

    @contextmanager
    def gently(self) -> Iterator[None]:
        self._gentle = True
        try:
            yield
        finally:
            self._gentle = False
