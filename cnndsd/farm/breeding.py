"""Recipes from recipes: near and far relatives of a sound, children of two, and the same network set otherwise.

They are returned as templates: recipes whose ``last_seed`` is 0. With any other seed there, each is another relative.
"""

import math
import random

import msgspec

from cnndsd.recipe import Mate, Recipe, Variation
from cnndsd.schema import Invalid

# How far weights move, as a share of their range: drawn uniformly on a logarithmic scale.
NEAR, FAR = (0.002, 0.03), (0.06, 0.5)
# Of a child, so large a share of the neurons is the mate's; drawn uniformly.
_SHARE = (0.25, 0.75)


def relative(parent: Recipe, amounts: tuple[float, float], rng: random.Random) -> Recipe:
    """Return a template that varies a parent; a parent with as many variations as there may be loses the last one."""
    low, high = amounts
    amount = float(f"{low * math.exp(rng.random() * math.log(high / low)):.3g}")
    return _with(parent, Variation(seed=0, amount=amount))


def may_breed(one: Recipe, other: Recipe) -> bool:
    """Return whether two networks have the same shape, so that neurons of one fit into the other."""
    return (one.widths, one.weights, one.biases, one.precision) == (
        other.widths,
        other.weights,
        other.biases,
        other.precision,
    )


def child(one: Recipe, other: Recipe, rng: random.Random) -> Recipe:
    """Return a template with neurons of both; gap, seconds, clock and adjusting are those of one of them.

    ``Invalid`` when their shapes differ, or their variations are too many together.
    """
    if not may_breed(one, other):
        raise Invalid(
            f"networks {shape_in_words(one)} and {shape_in_words(other)} cannot breed; allowed: two of the same shape"
        )
    if rng.random() < 0.5:
        one, other = other, one
    amount = round(_SHARE[0] + (_SHARE[1] - _SHARE[0]) * rng.random(), 2)
    mate = Mate(seed=other.seed, variations=other.variations)
    return msgspec.structs.replace(one, variations=(*one.variations, Variation(seed=0, amount=amount, mate=mate)))


def of_its_shape(recipe: Recipe) -> Recipe:
    """Return a template of unrelated networks that may breed with this one."""
    return msgspec.structs.replace(recipe, seed=0, variations=())


def shape_in_words(recipe: Recipe) -> str:
    """Return the widths of a network's layers, such as ``6 → 8 → 8 → 1``."""
    return " → ".join(map(str, recipe.widths))


def _with(parent: Recipe, variation: Variation) -> Recipe:
    own = parent.variations
    kept = own if parent.variations_left > 0 else own[:-1]
    return msgspec.structs.replace(parent, variations=(*kept, variation))
