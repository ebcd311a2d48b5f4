"""``cnndsd render``: one sound, from options or from a recipe."""

from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, note_compiling, say, working


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "render",
        help="make one sound",
        description="Make one sound from options, or from the recipe in a sound file or a JSON file, which options "
        "change. It is finished like the sounds of the default pack; --raw writes the network's own output instead.",
        epilog="examples: cnndsd render --length 6 --hidden 8,8 --gap 5 --seed 7 -o seven.wav;  "
        "cnndsd render seven.wav --seconds 20 -o longer.flac",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="a sound file made by cnndsd, or a recipe as JSON")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a .wav, .flac, .ogg or .mp3 file")
    parser.add_argument("--raw", action="store_true", help="the network's own output, 0..1, as a float WAV")
    parser.add_argument(
        "--device",
        type=arguments.device,
        default="cpu",
        metavar="cpu|cuda",
        help="render on the processor or on an NVIDIA card, to the same bits (default: cpu)",
    )
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--length", type=int, metavar="N", help="inputs: how many of its own earlier samples the network gets (1..16)"
    )
    recipe.add_argument(
        "--hidden", type=arguments.widths, metavar="8,8", help='widths of the hidden layers ("" for none)'
    )
    recipe.add_argument("--gap", type=int, help="the nearest input is 2**gap samples old (0..12); higher is darker")
    recipe.add_argument("--seed", type=int, help="key of the random numbers: another seed gives another network")
    recipe.add_argument("--seconds", type=float, help="length of the sound (0.001..600)")
    recipe.add_argument("--sample-rate", type=int, metavar="HZ", help="samples per second (8000..192000)")
    recipe.add_argument("--precision", metavar="double|single", help="number format of the network")
    recipe.add_argument("--weights", type=arguments.numbers, metavar="LOW,HIGH", help="range of the random weights")
    recipe.add_argument("--biases", type=arguments.numbers, metavar="LOW,HIGH", help="range of the random biases")
    recipe.add_argument(
        "--adjusting",
        type=arguments.numbers,
        metavar="EVERY,AMOUNT",
        help="move weights and biases by up to AMOUNT after every EVERY network steps",
    )
    recipe.add_argument(
        "--interpolation",
        metavar="hold|bandlimited",
        help="how the finished sound joins the network's steps: hold leaves their edges, bandlimited is smooth",
    )
    recipe.add_argument(
        "--wide",
        type=arguments.wide,
        metavar="SEED,AMOUNT",
        help="make the second channel by a network whose weights differ by up to AMOUNT of their range (0..1), such as "
        "1,1e-6; the file has two channels where they differ and belong together; off for one channel",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from cnndsd.ear.wording import settles, summary
    from cnndsd.finishing.audiofile import read_recipe
    from cnndsd.finishing.finished import check_ending, write_described
    from cnndsd.recipe import Recipe
    from cnndsd.schema import Invalid

    try:
        check_ending(options.output, options.raw)
    except Invalid as error:
        raise Invalid(f"--output: {error}") from None
    given: dict[str, Any] = {name: getattr(options, name, None) for name in Recipe.__struct_fields__}
    changes = {name: value for name, value in given.items() if value is not None}
    if "adjusting" in changes:
        changes["adjusting"] = {"every": changes["adjusting"][0], "amount": changes["adjusting"][-1]}
    if "wide" in changes:
        changes["wide"] = None if not changes["wide"] else dict(zip(("seed", "amount"), changes["wide"], strict=True))
    recipe = Recipe() if options.file is None else read_recipe(options.file)
    recipe = arguments.changed(recipe, changes, "--")
    if not Path(options.output).parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(Path(options.output)))
    if options.device == "cuda":
        from cnndsd.sound.gpu.card import first_card

        first_card()  # what is missing is said before the rest is compiled
    note_compiling("cnndsd.sound.kernel", "cnndsd.ear.analysis")
    with working(f"rendering {recipe.seconds:g} s of sound"):
        written, sound, finished = write_described(recipe, options.output, raw=options.raw, device=options.device)
    print(written.path)
    if finished is None:
        say(summary(sound, recipe.samples / recipe.sample_rate), DONE)
    else:
        say(summary(sound, finished.seconds, finished.pitch, finished.level.integrated_lufs), DONE)
        if finished.width is not None:
            say(finished.width.in_words, DONE)
    if warning := settles(sound):
        say(warning, DONE)
    return say(f"raw sha256 {written.raw_sha256}", DONE)
