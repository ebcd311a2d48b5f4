"""``cnndsd bench``: how fast this machine renders."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cnndsd.desk import arguments
from cnndsd.desk.terminal import DONE, bar, say


def add(commands: Any) -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "bench",
        help="how fast this machine renders",
        description="Measure how many times faster than real time one core renders networks of seven shapes at three "
        "gaps in both precisions, and what share of the peak rate of its multiply-add units that is. It takes about "
        "ten seconds; do not use the machine meanwhile. With --device cuda, measure that of an NVIDIA card at gap 0, "
        "also with the sounds copied from the card.",
        epilog="example: cnndsd bench --rounds 9 --json > bench.json",
    )
    parser.add_argument(
        "--rounds", type=arguments.rounds, default=5, metavar="N", help="measurements of each network (default: 5)"
    )
    parser.add_argument("--json", action="store_true", help="print all results as JSON")
    parser.add_argument(
        "--device",
        type=arguments.device,
        default="cpu",
        metavar="cpu|cuda",
        help="measure the processor or an NVIDIA card (default: cpu)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    import msgspec

    from cnndsd.sound.card_speed import CardSpeed, measure_card_speeds
    from cnndsd.sound.gpu.card import first_card
    from cnndsd.sound.speed import GAPS, PRECISIONS, SHAPES, Speed, measure_speeds

    on_card = options.device == "cuda"
    if on_card:
        say(first_card().name, DONE)
    with bar(options.rounds * len(PRECISIONS) * len(SHAPES) * (1 if on_card else len(GAPS)), "") as progress:
        measure = measure_card_speeds if on_card else measure_speeds
        speeds: Sequence[Speed] = measure(options.rounds, progress.update)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(speeds)).decode())
        return DONE
    print(f"{'network':16}{'precision':>10}{'gap':>5}{'x real time':>13}{'share':>7}   min..max", end="")
    print(f"{'with transfer':>16}" if on_card else "")
    for speed in speeds:
        shape = f"{speed.length},[{','.join(map(str, speed.hidden))}]"
        low, high = speed.share_spread
        print(
            f"{shape:16}{speed.precision:>10}{speed.gap:5}{speed.times_real_time:13.0f}{speed.share_of_limit:7.2f}"
            f"   {low:.2f}..{high:.2f}",
            end="",
        )
        print(f"{speed.with_transfer:16.0f}" if isinstance(speed, CardSpeed) else "")
    return DONE
