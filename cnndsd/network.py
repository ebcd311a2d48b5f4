"""From a recipe to the numbers of its network, in the order that the definition lays down."""

import itertools

import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Recipe


def sample_type(recipe: Recipe) -> type[np.float32] | type[np.float64]:
    """The number type of the recipe's precision."""
    return np.float64 if recipe.precision == "double" else np.float32


def ranges(recipe: Recipe) -> NDArray[np.float64]:
    """Low and high of every parameter, shape ``(parameters, 2)``, in the order of ``parameters``."""
    biases = np.concatenate(
        [np.tile(np.arange(inputs + 1) == 0, neurons) for inputs, neurons in itertools.pairwise(recipe.widths)]
    )
    return np.where(biases[:, None], recipe.biases, recipe.weights).astype(np.float64)


def parameters(recipe: Recipe) -> NDArray[np.float64]:
    """All biases and weights, shape ``(parameters,)``, float64.

    Layer by layer, neuron by neuron, the bias first and then the weights in input order, each
    ``low + (high - low) * u`` with u from Philox keyed by the recipe's seed.
    """
    low, high = ranges(recipe).T
    raw = np.random.Philox(key=recipe.seed).random_raw(low.size)
    u = (raw >> np.uint64(11)) * 2.0**-53
    return np.asarray(low + (high - low) * u)
