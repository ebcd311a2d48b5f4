"""From a recipe to the numbers of its network, in the order that the definition lays down."""

import itertools

import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Recipe


def sample_type(recipe: Recipe) -> type[np.float32] | type[np.float64]:
    """The number type of the recipe's precision."""
    return np.float64 if recipe.precision == "double" else np.float32


def parameters(recipe: Recipe) -> NDArray[np.float64]:
    """All biases and weights, shape ``(parameters,)``, float64.

    Layer by layer, neuron by neuron, the bias first and then the weights in input order, each
    ``low + (high - low) * u`` with u from Philox keyed by the recipe's seed.
    """
    biases = bias_mask(recipe.widths)
    raw = np.random.Philox(key=recipe.seed).random_raw(biases.size)
    u = (raw >> np.uint64(11)) * 2.0**-53
    low = np.where(biases, recipe.biases[0], recipe.weights[0])
    span = np.where(biases, recipe.biases[1] - recipe.biases[0], recipe.weights[1] - recipe.weights[0])
    return np.asarray(low + span * u)


def bias_mask(widths: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of the parameters are biases, shape ``(parameters,)``."""
    return np.concatenate(
        [np.tile(np.arange(inputs + 1) == 0, neurons) for inputs, neurons in itertools.pairwise(widths)]
    )
