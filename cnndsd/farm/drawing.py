"""Draws recipes at random: candidate ``index`` of a run is a pure function of the spec, the seed and the index."""

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from cnndsd.recipe import Adjusting, Recipe, Variation
from cnndsd.spec import Ranges, Spec

# Candidates of a run come in blocks of this many, which share their shape, so that they render side by side.
BLOCK = 64
_SHAPES, _SEEDS = 0, 1


def uniform(key: tuple[int, int], counter: int, stream: int) -> Iterator[float]:
    """Numbers in [0, 1) from Philox with this key and counter. There is no state: any order gives the same numbers."""
    bits = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=np.array([0, counter, stream, 0], np.uint64))
    while True:
        yield (int(bits.random_raw()) >> 11) * 2.0**-53


def _key(spec: Spec, seed: int) -> tuple[int, int]:
    return seed, int.from_bytes(spec.digest[:8], "little")


def draw_shape(spec: Spec, seed: int, block: int) -> Recipe:
    """The shape of a block: what its candidates have in common, as a recipe whose ``last_seed`` is 0."""
    u = uniform(_key(spec, seed), block, _SHAPES)
    if spec.family is not None:
        amount = _within(spec.family.amount, _short(_logarithmic(spec.family.amount, next(u))))
        base = spec.family.recipe
        return msgspec.structs.replace(base, variations=(*base.variations, Variation(seed=0, amount=amount)))
    ranges: Ranges = spec.sound

    def whole(pair: tuple[int, int]) -> int:
        return pair[0] + int(next(u) * (pair[1] - pair[0] + 1))

    length, gap = whole(ranges.length), whole(ranges.gap)
    hidden = tuple(whole(ranges.width) for _ in range(whole(ranges.layers)))
    seconds = ranges.seconds[0] + next(u) * (ranges.seconds[1] - ranges.seconds[0])
    adjusting = None
    if ranges.adjusting is not None:
        every = _within(ranges.adjusting.every, round(_logarithmic(ranges.adjusting.every, next(u))))
        amount = _within(ranges.adjusting.amount, _short(_logarithmic(ranges.adjusting.amount, next(u))))
        adjusting = Adjusting(every=int(every), amount=amount)
    return Recipe(
        length=length,
        hidden=hidden,
        gap=gap,
        seconds=_within(ranges.seconds, round(seconds, 3)),
        sample_rate=ranges.sample_rate,
        precision=ranges.precision,
        weights=ranges.weights,
        biases=ranges.biases,
        adjusting=adjusting,
    )


def _logarithmic(pair: tuple[float, float], u: float) -> float:
    return pair[0] * math.exp(u * math.log(pair[1] / pair[0]))


def _short(value: float) -> float:
    # The last bit of exp and log differs between machines; three digits keep it out of the recipe.
    return float(f"{value:.3g}")


def _within(pair: tuple[float, float], value: float) -> float:
    return min(max(value, pair[0]), pair[1])


def draw_seeds(spec: Spec, seed: int, block: int) -> list[int]:
    """``last_seed`` of each candidate of a block, below 2**53, which every JSON reader can hold."""
    u = uniform(_key(spec, seed), block, _SEEDS)
    return [int(next(u) * 2**53) for _ in range(BLOCK)]


def draw(spec: Spec, seed: int, index: int) -> Recipe:
    """The recipe of candidate ``index`` of the run ``seed``."""
    block, lane = divmod(index, BLOCK)
    return draw_shape(spec, seed, block).reseeded(draw_seeds(spec, seed, block)[lane])
