"""Renders recipes to raw audio: allocates the arrays and calls the kernels."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.sound import kernel
from cnndsd.sound.audio import Audio
from cnndsd.sound.compiler import current_target
from cnndsd.sound.gpu.batches import render_groups
from cnndsd.sound.gpu.card import first_card
from cnndsd.sound.gpu.plans import Group
from cnndsd.sound.lanes import Networks, Output, Sine, render_lanes
from cnndsd.sound.network import parameters, ranges, sample_type, varied
from cnndsd.sound.schedule import Slot, blocks, plan
from cnndsd.sound.simd import empty_rows, lane_count
from cnndsd.sound.target import ROW_BYTES

Statistics = NDArray[np.float64]
Device = Literal["cpu", "cuda"]

# A few groups of lanes take turns, fewer where they do not fit in the first-level cache, many where they fit in half.
_CACHE_BYTES = 48 * 1024
_FEW_GROUPS, _MANY_GROUPS = 4, 8
# The sounds of one batch. Those too long for a group of them to fit are rendered one by one.
BATCH_BYTES = 128 * 2**20


def render(recipe: Recipe, device: Device = "cpu") -> Audio:
    """The raw sound, shape ``(samples,)``, 0..1, float64 (float32 when the precision is single).

    ``device``: as in ``render_many``.

    >>> render(Recipe(gap=2, seed=35, seconds=1.0)).shape
    (44100,)
    """
    if device != "cpu":
        return render_many([recipe], device)[0]
    return hold(render_steps(recipe), recipe)


def render_many(recipes: Iterable[Recipe], device: Device = "cpu") -> list[Audio]:
    """The raw sounds of any recipes, in their order, each equal to the result of ``render``.

    Recipes that differ only in their seeds are rendered together, which is up to a hundred times faster. ``device``:
    ``"cuda"`` renders on an NVIDIA card, to the same bits. ``Invalid`` (a ``ValueError``) when it is another word,
    ``Failed`` (a ``RuntimeError``) when the card, its driver or the extra ``cuda`` is missing.

    >>> render_many(Recipe(seed=seed) for seed in range(1000))
    """
    if device not in ("cpu", "cuda"):
        raise Invalid(f"device: {device} is not allowed; allowed: cpu, cuda")
    recipes = list(recipes)
    if device == "cuda" and (bred := [place for place, recipe in enumerate(recipes) if recipe.is_bred]):
        # The card does not draw mates. They are rare, and the bits are the same.
        return _joined(recipes, bred, device)
    alike: dict[Recipe, list[int]] = defaultdict(list)
    for place, recipe in enumerate(recipes):
        alike[recipe.reseeded(0)].append(place)
    sounds: list[Audio] = [np.empty(0)] * len(recipes)
    if device == "cuda":
        groups = [Group(template, [recipes[p].last_seed for p in places]) for template, places in alike.items()]
        all_places = list(alike.values())
        for part in render_groups(groups, first_card()):
            template = groups[part.group].template
            for place, steps in zip(all_places[part.group][part.first :], part.steps, strict=False):
                sounds[place] = hold(steps.copy() if template.hold == 1 else steps, template)
        return sounds
    for template, places in alike.items():
        rest = iter(places)
        for batch, _ in render_batches(template, [recipes[p].last_seed for p in places]):
            # A few sounds must not keep the memory of a whole batch.
            sparse = batch.base is not None and batch.base.nbytes > 2 * batch.nbytes
            for steps in batch:
                sounds[next(rest)] = hold(steps.copy() if sparse and template.hold == 1 else steps, template)
    return sounds


def _joined(recipes: Sequence[Recipe], by_cpu: Sequence[int], device: Device) -> list[Audio]:
    """The sounds of ``render_many``, those at some places rendered without the device."""
    alone = set(by_cpu)
    others = render_many([recipe for place, recipe in enumerate(recipes) if place not in alone], device)
    first, second = iter(render_many([recipes[place] for place in by_cpu])), iter(others)
    return [next(first) if place in alone else next(second) for place in range(len(recipes))]


def hold(steps: Audio, recipe: Recipe) -> Audio:
    """Hold every network step for ``recipe.hold`` samples."""
    if recipe.hold == 1:
        return steps
    return np.repeat(steps, recipe.hold)[: recipe.samples]


def render_steps(recipe: Recipe) -> Audio:
    """The network's own outputs, one per step, shape ``(recipe.steps,)``.

    All delays are multiples of ``recipe.hold`` samples and all history is zero at first. So a network at any gap gives
    the outputs of the same network at gap 0, each held for ``recipe.hold`` samples.
    """
    number: Any = sample_type(recipe)
    widths = np.array(recipe.widths, dtype=np.int64)
    half_parameters = parameters(recipe).astype(number) * number(0.5)
    steps = np.empty(recipe.steps, dtype=number)
    low, high = np.uint32(recipe.seed & 0xFFFFFFFF), np.uint32(recipe.seed >> 32)
    ring = np.zeros(2 ** (recipe.length - 1), dtype=number)
    a, b = np.empty((2, widths.max()), dtype=number)
    coefficients, adjustment = _coefficients(recipe), _adjustment(recipe)
    kernel.render_steps(half_parameters, widths, coefficients, adjustment, low, high, ring, a, b, steps)
    return steps


def scratch() -> Audio:
    """Memory for ``render_batches``. Parts that are never used cost nothing."""
    return empty_rows((BATCH_BYTES // ROW_BYTES,), np.uint8).reshape(-1)


def render_batches(
    template: Recipe, seeds: Sequence[int], frame: int = 0, memory: Audio | None = None
) -> Iterator[tuple[Audio, Statistics]]:
    """``render_steps`` of ``template.reseeded(seed)`` for every seed, in order, many together.

    Yields batches: the steps, shape ``(candidates, steps)``, and their ``kernel.frame_statistics``, shape
    ``(candidates, frames, STATISTICS)``; there are no frames when ``frame`` is 0. With ``memory``, from ``scratch``,
    the arrays are valid until the next iteration: all batches use it, which saves a fifth of the time, that of new
    pages.
    """
    if not seeds:
        return
    frames = -(-template.steps // frame) if frame else 0
    most = _groups(template, frames)
    if most == 0:
        for seed in seeds:
            steps = render_steps(template.reseeded(seed))
            statistics = np.empty((frames, kernel.STATISTICS))
            kernel.frame_statistics(steps, frame, statistics)
            yield steps[None], statistics[None]
        return
    number: Any = sample_type(template)
    lanes = lane_count(number)
    groups = -(-len(seeds) // lanes)
    groups = -(-groups // -(-groups // most))  # batches as equal as can be
    coefficients, adjustment = _coefficients(template), _adjustment(template)
    history = max(2 * lanes, 2 ** (template.length - 1))
    divided, places = blocks(template.widths, history, current_target())
    bounds = ranges(template)
    shared = np.array([template.seed, *(v.seed for v in template.variations)][:-1], np.uint64)
    amounts = np.array([v.amount for v in template.variations], np.float64)
    half_parameters = empty_rows((groups, places.size), number)
    halves = empty_rows((groups, 2), np.uint32)
    values = empty_rows((groups, history + 2 * max(template.widths[1:])), number)
    networks = Networks(half_parameters, places, halves, values, history)
    slots = plan(divided, groups, places.size, int(values.shape[1]), current_target(), staggered=adjustment.every == 0)
    for rows in ("weights", "x", "y"):
        slots.slots[:, Slot._fields.index(rows)] *= np.uint64(lanes)  # to items
    sine = Sine(coefficients, np.array(coefficients, number))
    doubles = (True,) * (lanes * 8 // ROW_BYTES)
    for start in range(0, len(seeds), groups * lanes):
        some = seeds[start : start + groups * lanes]
        # Unused lanes repeat the last network: other numbers might be denormal, and slow.
        last = np.array([*some, *[some[-1]] * (groups * lanes - len(some))], dtype=np.uint64).reshape(groups, lanes)
        if template.is_bred:
            _draw_bred(template, last, places, half_parameters)
        else:
            kernel.draw_parameters(shared, last, amounts, bounds, places, half_parameters)
        keys = np.full_like(last, template.seed) if template.variations else last
        halves[:, 0, :lanes] = keys & np.uint64(0xFFFFFFFF)
        halves[:, 1, :lanes] = keys >> np.uint64(32)
        values[:] = 0.0
        steps, statistics, by_candidate = _allocate(template, groups, frames, memory)
        render_lanes(networks, slots, sine, adjustment, Output(steps, template.steps, frame, statistics, doubles))
        kernel.part_lanes(statistics, by_candidate)
        yield steps[: len(some), : template.steps], by_candidate[: len(some)]


def _draw_bred(template: Recipe, last: NDArray[np.uint64], places: NDArray[Any], half_parameters: Audio) -> None:
    """Do what ``kernel.draw_parameters`` does, for networks that have mates, whose parameters it does not know."""
    number: Any = sample_type(template)
    before = parameters(msgspec.structs.replace(template, variations=template.variations[:-1]))
    for group, lane in np.ndindex(last.shape):
        own = template.reseeded(int(last[group, lane])).variations[-1]
        half_parameters[group, places, lane] = varied(before, template, own).astype(number) * number(0.5)


def _allocate(template: Recipe, groups: int, frames: int, memory: Audio | None) -> tuple[Audio, Statistics, Statistics]:
    """Arrays for the steps, rounded up to whole rows, and for the statistics of so many groups, twice: in lanes side by
    side, and candidate by candidate.
    """
    number = np.dtype(sample_type(template))
    lanes = lane_count(number)
    columns = -(-template.steps // lanes)
    if memory is None:
        memory = empty_rows((_row_count(template, groups, frames),), np.uint8).reshape(-1)
    size = groups * lanes * columns * ROW_BYTES
    steps = memory[:size].view(number).reshape(groups * lanes, columns * lanes)
    counted = groups * frames * kernel.STATISTICS * lanes * 8
    both = memory[size : size + 2 * counted].view(np.float64).reshape(2, -1)
    by_lane = both[0].reshape(groups, frames, kernel.STATISTICS, lanes)
    return steps, by_lane, both[1].reshape(groups * lanes, frames, kernel.STATISTICS)


def _row_count(template: Recipe, groups: int, frames: int) -> int:
    """The rows of memory that the steps and the statistics of so many groups take."""
    lanes = lane_count(sample_type(template))
    return groups * lanes * (-(-template.steps // lanes) + 2 * -(-frames * kernel.STATISTICS * 8 // ROW_BYTES))


def _groups(template: Recipe, frames: int) -> int:
    """How many groups of lanes take turns, at most. 0: the sounds are too long and must be rendered one by one."""
    # Of the history, a step touches only the rows of the delays.
    touched = ROW_BYTES * (template.parameters + 2 * max(template.widths[1:]) + template.length)
    if _MANY_GROUPS * touched <= _CACHE_BYTES // 2:
        groups = _MANY_GROUPS
    else:
        groups = max(1, min(_FEW_GROUPS, _CACHE_BYTES // touched))
    while groups and _row_count(template, groups, frames) * ROW_BYTES > BATCH_BYTES:
        groups -= 1
    return groups


def _coefficients(recipe: Recipe) -> tuple[Any, ...]:
    return kernel.SINE_DOUBLE if recipe.precision == "double" else kernel.SINE_SINGLE


def _adjustment(recipe: Recipe) -> kernel.Adjustment:
    number: Any = sample_type(recipe)
    half = number(0.5)
    if recipe.adjusting is None or recipe.adjusting.amount == 0.0:
        return kernel.Adjustment(0, half, np.zeros((0, 2), dtype=number))
    amount = number(recipe.adjusting.amount) * half
    return kernel.Adjustment(recipe.adjusting.every, amount, ranges(recipe).astype(number) * half)


def raw_sha256(audio: Audio) -> str:
    """SHA-256 over the raw samples as little-endian bytes of the recipe's precision."""
    return hashlib.sha256(np.ascontiguousarray(audio, audio.dtype.newbyteorder("<")).data).hexdigest()
