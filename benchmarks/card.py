"""Compare a card with the processor, in bits and in speed: ``python benchmarks/card.py [--seconds 300] [--json OUT]``.

Prints, for the first NVIDIA card of this machine:

1. how many of 2,000 random recipes have the processor's bits, statistics of frames too;
2. times real time and the share of the card's measured limit of each shape of ``cnndsd bench``, without and with the
   transfer of the sounds, for each number of threads that may share a network (* where ``plans`` would choose it);
3. candidates a second of 4,096 blocks of the default spec, in shapes as mixed as the spec draws them, with statistics,
   without and with the transfer, and of all cores of the processor.

It stops between measurements when its time is over, so that what was found is printed. ``--only bits,shapes,mixed``.
"""

import argparse
import concurrent.futures
import itertools
import json
import multiprocessing
import os
import random
import statistics
import time
from pathlib import Path

import msgspec
import numpy as np

from cnndsd import Recipe, load_spec
from cnndsd.ear.measuring import Clock
from cnndsd.farm.drawing import BLOCK, draw_seeds, draw_template
from cnndsd.sound.card_speed import CardTiming
from cnndsd.sound.gpu.batches import read_group, render_groups, render_planned
from cnndsd.sound.gpu.card import Card, first_card
from cnndsd.sound.gpu.plans import Group, batched, fitting_size, plan
from cnndsd.sound.rendering import render_batches, scratch
from cnndsd.sound.speed import PRECISIONS, SHAPES

SPEC = Path(__file__).parent.parent / "packs" / "sample_pack.toml"
BLOCKS = 4096
# Of blocks that the processor's cores take at a time.
_CHUNK = 16


def random_group(rng: random.Random) -> Group:
    """Networks of any shape, with odd lengths and frames; a third of them moves, a third is varied."""
    wide = rng.choice([8, 8, 16, 64])
    gap = rng.randrange(7)
    recipe = {
        "length": rng.randint(1, rng.choice([6, 10, 16])),
        "hidden": tuple(rng.randint(1, wide) for _ in range(rng.randint(0, 4))),
        "gap": gap,
        "seed": rng.getrandbits(63),
        "precision": rng.choice(["single", "double"]),
        "seconds": max(45, rng.choice([1, 333, 2_205, 6_001]) * 2**gap) / 44_100,
    }
    if rng.random() < 1 / 3:
        recipe["adjusting"] = {"every": rng.choice([1, 7, 50]), "amount": rng.choice([0.01, 0.3, 5.0])}
    if rng.random() < 1 / 3:
        recipe["variations"] = [{"seed": rng.getrandbits(63), "amount": rng.random()} for _ in range(rng.randint(1, 5))]
    if rng.random() < 1 / 3:
        recipe["weights"] = sorted((rng.uniform(-9, 9), rng.uniform(-9, 9)))
    seeds = [rng.getrandbits(63) for _ in range(rng.choice([1, 5, 33, 64]))]
    return Group(Recipe(**recipe), seeds, rng.choice([0, 1, 64, 1000]))


def equal_bits(card: Card, count: int = 2000) -> tuple[int, int]:
    """How many of so many random recipes have the processor's bits, and how many there were."""
    rng = random.Random(1)
    groups = []
    while (missing := count - sum(len(group.seeds) for group in groups)) > 0:
        group = random_group(rng)
        groups.append(group._replace(seeds=group.seeds[:missing]))
    same = compared = 0
    for part in render_groups(groups, card):
        shape, seeds, frame = groups[part.group]
        batches = list(render_batches(shape, seeds[part.first : part.first + len(part.steps)], frame))
        steps, levels = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1))
        for i in range(len(steps)):
            equal = steps[i].tobytes() == part.steps[i].tobytes()
            same += equal and levels[i].tobytes() == part.statistics[i].tobytes()
        if not np.array_equal(steps, part.steps) or not np.array_equal(levels, part.statistics):
            print(f"    other bits: {shape.to_json()}, frames of {frame}", flush=True)
        compared += len(steps)
    return same, compared


def shape_speeds(card: Card, rounds: int, end: float) -> list[dict]:
    """Each shape of ``cnndsd bench`` with each number of threads; prints as it goes on."""
    found = []
    print(f"{'network':12}{'precision':>10}{'threads':>9}{'x real time':>13}{'share':>7}{'with transfer':>15}  limit")
    cases = [(p, s, None) for p in PRECISIONS for s in SHAPES]
    cases += [(p, s, t) for p in PRECISIONS for s in SHAPES for t in (1, 2, 4, 8)]
    for precision, (length, hidden), threads in cases:
        shape = Recipe(length=length, hidden=hidden, gap=0, precision=precision)
        usual = fitting_size(shape)
        if threads is not None and (threads == usual.threads or usual.width % threads or time.monotonic() > end):
            continue
        timing = CardTiming(shape, card, threads)
        for _ in range(rounds if threads is None else 2):
            timing.measure()
        speed = timing.speed()
        found.append(msgspec.to_builtins(speed))
        name = f"{length},[{','.join(map(str, hidden))}]"
        print(
            f"{name:12}{precision:>10}{speed.threads:8}{'*' if threads is None else ' '}{speed.times_real_time:13,.0f}"
            f"{speed.share_of_limit:7.2f}{speed.with_transfer:15,.0f}  {speed.limit_gfma_per_s:,.0f} Gfma/s",
            flush=True,
        )
    return found


def mixed_groups(blocks: range) -> list[Group]:
    """Blocks of the default spec's candidates, as a run draws them."""
    spec = load_spec(SPEC)
    shapes = [draw_template(spec, spec.seed, block) for block in blocks]
    seeds = [draw_seeds(spec, spec.seed, block) for block in blocks]
    frames = [Clock(shape.sample_rate, shape.hold).frame_steps for shape in shapes]
    return list(map(Group, shapes, seeds, frames))


def on_core(blocks: range) -> int:
    """Render some blocks on one core; returns the number of candidates."""
    memory = scratch()
    groups = mixed_groups(blocks)
    return sum(len(steps) for group in groups for steps, _ in render_batches(*group, memory))


def mixed_speeds(card: Card, rounds: int) -> dict[str, float]:
    """Candidates a second of the default spec: on the card, with the transfer, and on the processor's cores."""
    groups = mixed_groups(range(BLOCKS))
    candidates = BLOCKS * BLOCK
    times: dict[str, list[float]] = {"plan": [], "card": [], "transfer": []}
    for _ in range(rounds + 1):
        start = time.perf_counter()
        plans = [(plan([g for _, _, g in batch]), batch) for batch in batched(groups, card.batch_bytes)]
        planned = time.perf_counter()
        taken = {"plan": planned - start, "card": 0.0, "transfer": 0.0}
        for some, batch in plans:
            before = time.perf_counter()
            render_planned(some, card)
            card.wait()
            rendered = time.perf_counter()
            for place, (_, _, group) in enumerate(batch):
                for _ in read_group(some, place, group, card):
                    pass
            taken["card"] += rendered - before
            taken["transfer"] += time.perf_counter() - rendered
        for name, seconds in taken.items():
            times[name].append(seconds)
    # The first round compiles.
    print(f"    first round {times['card'][0]:.1f} s, as its kernels are compiled", flush=True)
    plan_s, card_s, transfer_s = (statistics.median(times[name][1:]) for name in ("plan", "card", "transfer"))
    cores = len(os.sched_getaffinity(0))
    chunks = [range(first, first + _CHUNK) for first in range(0, BLOCKS, _CHUNK)]
    with concurrent.futures.ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(on_core, itertools.repeat(range(2), 2 * cores)))
        start = time.perf_counter()
        assert sum(pool.map(on_core, chunks)) == candidates
        cores_s = time.perf_counter() - start
    return {
        "cores": cores,
        "card": candidates / card_s,
        "card, planned by one core": candidates / (plan_s + card_s),
        "card, planned and transferred": candidates / (plan_s + card_s + transfer_s),
        "processor": candidates / cores_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="bits,shapes,mixed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    card = first_card()
    print(f"{card.name}, {card.processors} multiprocessors", flush=True)
    found: dict[str, object] = {"card": card.name}
    if "bits" in options.only:
        same, compared = equal_bits(card)
        found["equal"] = [same, compared]
        print(f"equal to the processor to the bit, levels too: {same} of {compared}", flush=True)
    if "mixed" in options.only:
        found["mixed"] = mixed = mixed_speeds(card, options.rounds)
        for name, value in mixed.items():
            print(f"    {name}: {value:,.0f}{'' if name == 'cores' else ' candidates/s'}", flush=True)
    if "shapes" in options.only:
        found["shapes"] = shape_speeds(card, options.rounds, end)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
