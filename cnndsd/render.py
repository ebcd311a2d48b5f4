"""Recipes to raw audio: groups, allocates and calls the kernels."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd import kernel
from cnndsd.network import parameters, ranges, sample_type
from cnndsd.recipe import Recipe
from cnndsd.simd import aligned_empty

Audio = NDArray[Any]

# A vector of two of the widest registers, times four neurons, keeps eight sums in flight: an fma's latency is hidden.
_VECTOR_BYTES = 128
# As many groups of lanes take turns as the first-level cache holds, up to a block's candidates.
_CACHE_BYTES = 48 * 1024
_MOST_GROUPS = 4
# The sounds of one batch, in bytes; longer ones are rendered one by one.
_BATCH_BYTES = 128 * 2**20
_CHUNK_STEPS = 64


def render(recipe: Recipe) -> Audio:
    """The raw sound, shape ``(samples,)``, 0..1, float64 (float32 when the precision is single)."""
    return hold(render_steps(recipe), recipe)


def render_many(recipes: Iterable[Recipe]) -> list[Audio]:
    """The raw sounds of any mixture of recipes, in their order; those of one shape are rendered side by side."""
    recipes = list(recipes)
    groups: dict[Recipe, list[int]] = defaultdict(list)
    for place, recipe in enumerate(recipes):
        groups[msgspec.structs.replace(recipe, seed=0)].append(place)
    sounds: list[Audio] = [np.empty(0)] * len(recipes)
    for shape, places in groups.items():
        seeds = [recipes[p].seed for p in places]
        out = np.empty((len(seeds), shape.steps), dtype=sample_type(shape))
        render_lanes(shape, seeds, out)
        for place, steps in zip(places, out, strict=True):
            sounds[place] = hold(steps, shape)
    return sounds


def hold(steps: Audio, recipe: Recipe) -> Audio:
    """Hold every network step for ``recipe.hold`` samples."""
    if recipe.hold == 1:
        return steps
    return np.repeat(steps, recipe.hold)[: recipe.samples]


def render_steps(recipe: Recipe) -> Audio:
    """The network's own outputs, one per step, shape ``(recipe.steps,)``.

    All delays are multiples of ``recipe.hold`` samples and the history starts as one value, so the network
    at any gap is the network at gap 0, each output held: one evaluation serves ``recipe.hold`` samples.
    """
    number: Any = sample_type(recipe)
    widths, sine, every, half_amount, bounds = _shared(recipe)
    half_parameters = parameters(recipe).astype(number) * number(0.5)
    steps = np.empty(recipe.steps, dtype=number)
    low, high = np.uint32(recipe.seed & 0xFFFFFFFF), np.uint32(recipe.seed >> 32)
    ring = np.zeros(2 ** (recipe.length - 1), dtype=number)
    a, b = np.empty((2, widths.max()), dtype=number)
    kernel.render_steps(half_parameters, widths, sine, every, half_amount, bounds, low, high, ring, a, b, steps)
    return steps


def scratch() -> Audio:
    """Memory for ``render_streams``; untouched parts of it cost nothing."""
    return np.empty(_BATCH_BYTES, dtype=np.uint8)


def render_streams(shape: Recipe, seeds: Sequence[int], memory: Audio) -> Iterator[Audio]:
    """``render_steps`` of many recipes that differ in their seed alone, in order; each is good until the next is asked.

    ``memory`` comes from ``scratch`` and is used again and again: fresh pages would take a fifth of the time.
    """
    number = np.dtype(sample_type(shape))
    size = shape.steps * number.itemsize
    at_once = _BATCH_BYTES // size
    for start in range(0, len(seeds), max(1, at_once)):
        some = seeds[start : start + max(1, at_once)]
        out = memory[: len(some) * size].view(number) if at_once else np.empty(shape.steps, number)
        render_lanes(shape, some, out.reshape(len(some), shape.steps))
        yield from out.reshape(len(some), shape.steps)


def render_lanes(shape: Recipe, seeds: Sequence[int], out: Audio) -> None:
    """``render_steps`` of many recipes that differ in their seed alone, side by side, into the rows of ``out``."""
    groups = min(_groups(shape), -(-len(seeds) // _lanes(shape)))
    if groups == 0 or len(seeds) < 2:
        for row, seed in zip(out, seeds, strict=True):
            row[:] = render_steps(msgspec.structs.replace(shape, seed=seed))
        return
    number: Any = sample_type(shape)
    lanes = _lanes(shape)
    together = groups * lanes
    widths, sine, every, half_amount, bounds = _shared(shape)
    low, high = ranges(shape).T
    half_parameters = aligned_empty((groups, low.size, lanes), number)
    ring = aligned_empty((groups * 2 ** (shape.length - 1), lanes), number)
    values = aligned_empty((groups * 2 * int(widths.max()), lanes), number)
    chunk = aligned_empty((groups * _CHUNK_STEPS, lanes), number)
    halves = aligned_empty((groups, 2, lanes), np.uint32)
    for start in range(0, len(seeds), together):
        some = seeds[start : start + together]
        # Empty lanes repeat the last network: they cost nothing and hold no odd numbers.
        keys = np.array([*some, *[some[-1]] * (together - len(some))], dtype=np.uint64)
        kernel.draw_parameters(keys, np.empty(4, np.uint64), low, high - low, half_parameters)
        halves[:, 0] = (keys & np.uint64(0xFFFFFFFF)).reshape(groups, lanes)
        halves[:, 1] = (keys >> np.uint64(32)).reshape(groups, lanes)
        ring[:] = 0.0
        kernel.render_lanes(
            half_parameters.reshape(-1, lanes),
            widths,
            sine,
            every,
            half_amount,
            bounds,
            halves.reshape(-1, lanes),
            ring,
            values,
            chunk,
            out[start : start + together],
            (True,) * lanes,
        )


def _lanes(shape: Recipe) -> int:
    return _VECTOR_BYTES // int(np.dtype(sample_type(shape)).itemsize)


def _groups(shape: Recipe) -> int:
    """How many groups of lanes take turns; 0: the sounds are so long that they are rendered one by one."""
    rows = shape.parameters + 2 * max(shape.widths) + 2 * shape.length
    groups = max(1, min(_MOST_GROUPS, _CACHE_BYTES // (rows * _VECTOR_BYTES)))
    while groups and groups * _VECTOR_BYTES * max(shape.steps, 2**shape.length) > _BATCH_BYTES:
        groups -= 1
    return groups


def _shared(recipe: Recipe) -> tuple[NDArray[np.int64], tuple[Any, ...], int, Any, Audio]:
    """What the kernels take alike: widths, sine, every (0: never), halved amount and halved ranges."""
    number: Any = sample_type(recipe)
    half = number(0.5)
    widths = np.array(recipe.widths, dtype=np.int64)
    sine = kernel.SINE_DOUBLE if number is np.float64 else kernel.SINE_SINGLE
    if recipe.adjusting is None or recipe.adjusting.amount == 0.0:
        return widths, sine, 0, half, np.zeros((0, 2), dtype=number)
    amount = number(recipe.adjusting.amount) * half
    return widths, sine, recipe.adjusting.every, amount, ranges(recipe).astype(number) * half


def raw_sha256(audio: Audio) -> str:
    """SHA-256 over the raw samples as little-endian bytes of the recipe's precision."""
    return hashlib.sha256(audio.astype(audio.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()
