"""From a recipe to the numbers of its network, in the order that the definition lays down."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Recipe, Variation


def sample_type(recipe: Recipe) -> type[np.float32] | type[np.float64]:
    """The number type of the recipe's precision."""
    return np.float64 if recipe.precision == "double" else np.float32


def ranges(recipe: Recipe) -> NDArray[np.float64]:
    """Low and high of every parameter, shape ``(parameters, 2)``, in the order of ``parameters``."""
    values = np.empty((recipe.parameters, 2))
    values[:] = recipe.weights
    first = 0
    for inputs, neurons in itertools.pairwise(recipe.widths):
        last = first + neurons * (inputs + 1)
        values[first : last : inputs + 1] = recipe.biases
        first = last
    return values


def parameters(recipe: Recipe) -> NDArray[np.float64]:
    """All biases and weights, shape ``(parameters,)``, float64, after the recipe's variations.

    Layer by layer, neuron by neuron, the bias first and then the weights in input order, each
    ``low + (high - low) * u`` with u from Philox keyed by the recipe's seed. ``varied`` says what variations change.
    """
    return _network(recipe, recipe.seed, recipe.variations)


def varied(before: NDArray[np.float64], recipe: Recipe, variation: Variation) -> NDArray[np.float64]:
    """The parameters of a network of the recipe's shape after one variation, shape ``(parameters,)``, float64.

    Without a mate it moves each by ``(high - low) * amount * (2 u - 1)``, u from Philox keyed by its seed and 1, and
    reflects it at the ends of its range. With a mate, the neurons for which u, from Philox keyed by its seed and 2, is
    below ``amount`` are those of the mate.
    """
    if variation.mate is not None:
        other = _network(recipe, variation.mate.seed, variation.mate.variations)
        widths = recipe.widths
        is_mates = _uniform(variation.seed, 2, sum(widths[1:])) < variation.amount
        sizes = np.repeat(np.array(widths[:-1]) + 1, widths[1:])
        return np.where(np.repeat(is_mates, sizes), other, before)
    low, high = ranges(recipe).T
    values = before + (high - low) * variation.amount * (2.0 * _uniform(variation.seed, 1, low.size) - 1.0)
    values = np.where(values > high, 2.0 * high - values, values)
    values = np.where(values < low, 2.0 * low - values, values)
    return np.asarray(np.clip(values, low, high))


def _network(recipe: Recipe, seed: int, variations: Sequence[Variation]) -> NDArray[np.float64]:
    low, high = ranges(recipe).T
    values = low + (high - low) * _uniform(seed, 0, low.size)
    for variation in variations:
        values = varied(values, recipe, variation)
    return np.asarray(values)


def _uniform(seed: int, stream: int, count: int) -> NDArray[np.float64]:
    raw = np.random.Philox(key=np.array([seed, stream], np.uint64)).random_raw(count)
    return np.asarray((raw >> np.uint64(11)) * 2.0**-53)
