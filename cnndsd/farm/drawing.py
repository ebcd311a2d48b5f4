"""Draws recipes at random, afresh or as variations of a parent.

A candidate that is drawn afresh is a pure function of the spec, the seed and its index, one that varies a parent of
these and the parent's recipe. Candidates come in blocks. In a block that is drawn afresh all have one template; other
blocks have groups of siblings, each with a parent of its own.
"""

import math
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Adjusting, Recipe, Variation, Wide, pack_recipe, unpack_recipe
from cnndsd.schema import Interpolation, Invalid
from cnndsd.spec import Ranges, Spec

# The number of all that decides which candidates a run has: this module, ``generations`` and ``parents``. A change that
# gives any run another candidate raises it; ``tests/farm/drawing.json`` holds digests by this number.
DRAWING = 1

# Candidates of a run come in blocks of this many, which share their template, so that they render side by side.
BLOCK = 64
# Neighbours that have one parent. Fewer try more parents, and more render faster.
SIBLINGS = 16
_TEMPLATES, _SEEDS, _PARENTS, _CHILDREN, _JOINS, _WIDTHS = range(6)
# Seeds are below this, so that every JSON reader can hold them.
_SEEDS_STOP = 2**53
# A parent is the best of so many that are drawn.
RIVALS = 24
# The amount of the variation that makes children of a parent. Smaller ones fill fewer cells (benchmarks/search.py).
_CHILD_AMOUNT = (0.03, 0.5)
# Chains of variations in a search grow no longer: at this length another variation takes the place of the last one.
MOST_VARIATIONS = 16
# So often the children of a parent also get another gap, length of sound, adjusting, or interpolation.
_CHANGE_SHARE = 0.125
# Band-limited interpolation leaves what is below half the step rate. Where that is lower than this, in Hz, little is
# heard, and steps are held.
_SMOOTH_HZ = 300.0
# The amount by which the relative differs that is the second channel of a wide sound.
_WIDE_AMOUNT = (1e-9, 1e-3)


# One generator of random bits for each thread: to make one takes as long as to draw a template.
_BITS = threading.local()


def uniform(key: tuple[int, int], counter: int, stream: int) -> Iterator[float]:
    """Numbers in [0, 1) from Philox with this key and counter. There is no state: any order gives the same numbers."""
    bits, state = _philox(), _philox_state(key, counter, stream)
    while True:
        # Others may have used it between two numbers.
        bits.state = state
        yield from ((bits.random_raw(4) >> np.uint64(11)) * 2.0**-53).tolist()
        state["state"]["counter"][0] += 1


def _philox() -> np.random.Philox:
    if not hasattr(_BITS, "philox"):
        _BITS.philox = np.random.Philox(0)
    bits: np.random.Philox = _BITS.philox
    return bits


def _philox_state(key: tuple[int, int], counter: int, stream: int) -> Any:
    """The state of numpy's Philox with an empty buffer; ``random_raw`` then makes four numbers at a time."""
    return {
        "bit_generator": "Philox",
        "state": {"counter": np.array([0, counter, stream, 0], np.uint64), "key": np.array(key, np.uint64)},
        "buffer": np.zeros(4, np.uint64),
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }


def _key(spec: Spec, seed: int) -> tuple[int, int]:
    return seed, int.from_bytes(spec.digest[:8], "little")


def draw_template(spec: Spec, seed: int, block: int) -> Recipe:
    """The template of a block: what its candidates have in common, a recipe whose ``last_seed`` is 0."""
    u = uniform(_key(spec, seed), block, _TEMPLATES)
    if spec.family is not None:
        amount = _within(spec.family.amount, _short(_logarithmic(spec.family.amount, next(u))))
        base = spec.family.recipe
        return msgspec.structs.replace(base, variations=(*base.variations, Variation(seed=0, amount=amount)))
    ranges: Ranges = spec.sound
    length, gap = _whole(ranges.length, u), _whole(ranges.gap, u)
    hidden = tuple(_whole(ranges.width, u) for _ in range(_whole(ranges.layers, u)))
    seconds, adjusting = _seconds(ranges, u), _adjusting(ranges, u)
    return Recipe(
        length=length,
        hidden=hidden,
        gap=gap,
        seconds=seconds,
        sample_rate=ranges.sample_rate,
        precision=ranges.precision,
        weights=ranges.weights,
        biases=ranges.biases,
        adjusting=adjusting,
        interpolation=_interpolation(spec, uniform(_key(spec, seed), block, _JOINS), gap),
    )


def _interpolation(spec: Spec, u: Iterator[float], gap: int, inherited: Interpolation | None = None) -> Interpolation:
    """How sounds of one template join their steps: as drawn, or as the parent's where it is mostly ``inherited``."""
    share = spec.sound.bandlimited
    if share == 0.0 or gap == 0 or spec.sound.sample_rate / 2 ** (gap + 1) < _SMOOTH_HZ:
        return "hold"
    is_smooth, changes = next(u) < share, next(u) < _CHANGE_SHARE
    if inherited is not None and not changes:
        return inherited
    return "bandlimited" if is_smooth else "hold"


def draw_wide(spec: Spec, seed: int, index: int) -> Wide | None:
    """The relative that is the second channel of candidate ``index``, if its sound is to be wide.

    It is drawn for the sounds that are finished, and changes nothing else. In a ``[family]``, and for the recipes of a
    spec, none is drawn.
    """
    if not spec.draws_networks or spec.sound.wide == 0.0:
        return None
    u = uniform(_key(spec, seed), index, _WIDTHS)
    if not next(u) < spec.sound.wide:
        return None
    amount = _within(_WIDE_AMOUNT, _short(_logarithmic(_WIDE_AMOUNT, next(u))))
    return Wide(seed=int(next(u) * _SEEDS_STOP), amount=amount)


def draw_rivals(spec: Spec, seed: int, generation: int, groups: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) that decide the parents of a generation, shape ``(groups, 1 + RIVALS)``.

    For each group of siblings, one for the kind of its parent, and the places of those among which it is chosen.
    """
    bits = _philox()
    bits.state = _philox_state(_key(spec, seed), generation, _PARENTS)
    raw = bits.random_raw(groups * (1 + RIVALS))
    return (raw >> np.uint64(11)).reshape(groups, 1 + RIVALS).astype(np.float64) * 2.0**-53


def draw_child_template(spec: Spec, seed: int, group: int, parent: Recipe) -> Recipe:
    """The template of a group of siblings, which vary ``parent``.

    One variation is added, and sometimes gap, length of sound, adjusting or interpolation are others within the spec's
    ranges.
    """
    u = uniform(_key(spec, seed), group, _CHILDREN)
    amount = _within(_CHILD_AMOUNT, _short(_logarithmic(_CHILD_AMOUNT, next(u))))
    # Each is drawn, so that none depends on whether another is used.
    changes = {
        "gap": (next(u), _whole(spec.sound.gap, u)),
        "seconds": (next(u), _seconds(spec.sound, u)),
        "adjusting": (next(u), _adjusting(spec.sound, u)),
    }
    changed: dict[str, Any] = {name: value for name, (chance, value) in changes.items() if chance < _CHANGE_SHARE}
    return msgspec.structs.replace(
        parent,
        variations=(*parent.variations[: MOST_VARIATIONS - 1], Variation(seed=0, amount=amount)),
        interpolation=_interpolation(spec, u, changed.get("gap", parent.gap), parent.interpolation),
        **changed,
    )


def _whole(pair: tuple[int, int], u: Iterator[float]) -> int:
    return pair[0] + int(next(u) * (pair[1] - pair[0] + 1))


def _seconds(ranges: Ranges, u: Iterator[float]) -> float:
    seconds = ranges.seconds[0] + next(u) * (ranges.seconds[1] - ranges.seconds[0])
    return _within(ranges.seconds, round(seconds, 3))


def _adjusting(ranges: Ranges, u: Iterator[float]) -> Adjusting | None:
    if ranges.adjusting is None:
        return None
    every = _within(ranges.adjusting.every, round(_logarithmic(ranges.adjusting.every, next(u))))
    amount = _within(ranges.adjusting.amount, _short(_logarithmic(ranges.adjusting.amount, next(u))))
    adjusts = next(u) < ranges.adjusting.share
    return Adjusting(every=int(every), amount=amount) if adjusts else None


def _logarithmic(pair: tuple[float, float], u: float) -> float:
    return pair[0] * math.exp(u * math.log(pair[1] / pair[0]))


def _short(value: float) -> float:
    # The last bit of exp and log differs between machines; three digits keep it out of the recipe.
    return float(f"{value:.3g}")


def _within(pair: tuple[float, float], value: float) -> float:
    return min(max(value, pair[0]), pair[1])


def draw_seeds(spec: Spec, seed: int, block: int) -> list[int]:
    """``last_seed`` of each candidate of a block, below ``_SEEDS_STOP``."""
    u = uniform(_key(spec, seed), block, _SEEDS)
    return [int(next(u) * _SEEDS_STOP) for _ in range(BLOCK)]


class Drawn(NamedTuple):
    """Candidates of one template, from index ``first`` on: what they have in common, and the ``last_seed`` of each."""

    first: int
    template: Recipe
    seeds: list[int]


class Parent(NamedTuple):
    """The recipe of a parent: its template, after ``pack_recipe``, and its last seed."""

    template: bytes
    last_seed: int

    @property
    def recipe(self) -> Recipe:
        """The recipe, unpacked."""
        return unpack_recipe(self.template).reseeded(self.last_seed)


def as_parent(recipe: Recipe) -> Parent:
    """A recipe as a parent."""
    return Parent(pack_recipe(recipe.reseeded(0)), recipe.last_seed)


def draw_blocks(
    spec: Spec, seed: int, first: int, count: int, parents: Mapping[int, Parent] | None = None
) -> Iterator[Drawn]:
    """The candidates ``first`` to ``first + count - 1``, those of one template at a time.

    ``parents``: of each group of siblings (candidate // ``SIBLINGS``) that varies one; all others are drawn afresh.
    """
    if spec.recipes:
        for index, recipe in enumerate(spec.recipes[first : first + count], first):
            yield Drawn(index, recipe, [recipe.last_seed])
        return
    at, stop = first, first + count
    while at < stop:
        block, group = at // BLOCK, at // SIBLINGS
        if at in (first, block * BLOCK):
            seeds = draw_seeds(spec, seed, block)
        if parents and group in parents:
            template = draw_child_template(spec, seed, group, parents[group].recipe)
            after = min(stop, (group + 1) * SIBLINGS)
        else:
            template = draw_template(spec, seed, block)
            after = min(stop, (block + 1) * BLOCK)
        yield Drawn(at, template, seeds[at - block * BLOCK : after - block * BLOCK])
        at = after


def can_be(spec: Spec, seed: int, index: int, is_afresh: bool, recipe: Recipe) -> bool:
    """Whether a recipe, at any sample rate, can be candidate ``index`` of the run ``seed``, as it is finished.

    A candidate that is drawn afresh is compared whole. Of a child, its parent is unknown and must be within the spec's
    ranges; what its group draws, the last variation and any other gap, length of sound or adjusting, is compared.
    """
    parents = None
    if spec.recipes and index >= len(spec.recipes):
        return False
    if spec.draws_networks:
        if recipe.wide != draw_wide(spec, seed, index):
            return False
        recipe = msgspec.structs.replace(recipe, wide=None)
    try:
        if not is_afresh:
            rate = spec.sample_rate
            original = recipe if recipe.sample_rate == rate else recipe.at_rate(rate)
            if not recipe.variations or not _is_within(spec.sound, original):
                return False
            parent = msgspec.structs.replace(original, variations=original.variations[:-1])
            parents = {index // SIBLINGS: as_parent(parent)}
        drawn = draw(spec, seed, index, parents)
        # First without another rate: a very short candidate may have no length in seconds at its own rate again.
        return recipe == drawn or recipe == drawn.at_rate(recipe.sample_rate)
    except Invalid:
        # It has another length than the candidate, which is not possible at its sample rate.
        return False


def _is_within(ranges: Ranges, recipe: Recipe) -> bool:
    """Whether a recipe is within the ranges of a spec, and its variations are such as make children."""
    least, most = (max(1, round(seconds * ranges.sample_rate)) for seconds in ranges.seconds)
    adjusting = recipe.adjusting is None or (
        ranges.adjusting is not None
        and ranges.adjusting.every[0] <= recipe.adjusting.every <= ranges.adjusting.every[1]
        and ranges.adjusting.amount[0] <= recipe.adjusting.amount <= ranges.adjusting.amount[1]
    )
    return (
        ranges.length[0] <= recipe.length <= ranges.length[1]
        and ranges.gap[0] <= recipe.gap <= ranges.gap[1]
        and ranges.layers[0] <= len(recipe.hidden) <= ranges.layers[1]
        and all(ranges.width[0] <= width <= ranges.width[1] for width in recipe.hidden)
        and least <= recipe.samples <= most
        and (recipe.precision, recipe.weights, recipe.biases) == (ranges.precision, ranges.weights, ranges.biases)
        and adjusting
        and recipe.seed < _SEEDS_STOP
        and all(
            variation.mate is None
            and variation.seed < _SEEDS_STOP
            and _CHILD_AMOUNT[0] <= variation.amount <= _CHILD_AMOUNT[1]
            for variation in recipe.variations
        )
    )


def draw(spec: Spec, seed: int, index: int, parents: Mapping[int, Parent] | None = None) -> Recipe:
    """The recipe of candidate ``index`` of the run ``seed``; ``parents`` as for ``draw_blocks``."""
    (drawn,) = draw_blocks(spec, seed, index, 1, parents)
    return drawn.template.reseeded(drawn.seeds[0])
