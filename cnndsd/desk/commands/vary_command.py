"""``cnndsd vary``: a pack of variations of one sound."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.reporting import report, report_listed
from cnndsd.desk.stopping import Stop
from cnndsd.desk.terminal import Bars


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "vary",
        help="make a pack of variations of one sound",
        description="Make a pack of variations of one sound: its network with every weight and bias moved at random. "
        "Many are judged, and the most different of the best are chosen, as in any pack. Prints the path of the zip.",
        epilog="example: cnndsd vary growl.wav --count 12 --amount 0.03 --out .",
    )
    parser.add_argument("file", metavar="FILE", help="a sound file made by cnndsd, or a recipe as JSON")
    parser.add_argument("--count", type=int, default=12, metavar="N", help="sounds in the pack (default: 12)")
    parser.add_argument(
        "--amount",
        type=float,
        default=0.01,
        metavar="A",
        help="how far weights and biases move, as a share of their range: 0.001 gives very similar sounds, 0.01 "
        "(default) similar, 0.03 less similar, 0.1 to 1 unlike sounds",
    )
    parser.add_argument("--candidates", type=int, metavar="N", help="variations to judge (default: 64 for every sound)")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="S",
        help="key of the random numbers: another seed gives other variations (default: 1)",
    )
    parser.add_argument(
        "--keep",
        type=arguments.candidates,
        default=[],
        metavar="LIST",
        help="make a pack of these variations without judging any others, such as 12,99",
    )
    parser.add_argument("--jobs", type=arguments.jobs, metavar="J", help="worker processes (default: one per core)")
    parser.add_argument("--out", metavar="DIR", help="folder for the zip (default: the folder of the file)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.farm import factory
    from cnndsd.finishing.audiofile import read_recipe
    from cnndsd.schema import Invalid

    path = Path(options.file)
    recipe = read_recipe(path)
    changes = {name: getattr(options, name) for name in ("count", "amount", "candidates", "seed")}
    try:
        spec = factory.family_spec(recipe, path.stem, **changes)
    except Invalid as error:
        about_recipe = str(error).partition("recipe")[2].lstrip(".: ")
        raise Invalid(f"{path}: {about_recipe}" if about_recipe else f"--{str(error).replace('[0]', '')}") from None
    Stop("no pack was made")
    folder = Path(options.out) if options.out is not None else path.parent
    with Bars(spec.candidates) as bars:
        packed = factory.vary(
            recipe, folder, name=path.stem, keep=options.keep, jobs=options.jobs, progress=bars, **changes
        )
    return report_listed(packed) if options.keep else report(packed)
