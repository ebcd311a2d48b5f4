"""Recipes to raw audio: groups, allocates and calls the kernel."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsd import kernel
from cnndsd.network import bias_mask, parameters, sample_type
from cnndsd.recipe import Recipe

Audio = NDArray[Any]


def render(recipe: Recipe) -> Audio:
    """The raw sound, shape ``(samples,)``, 0..1, float64 (float32 when the precision is single)."""
    return hold(render_steps(recipe), recipe)


def render_many(recipes: Iterable[Recipe]) -> list[Audio]:
    """The raw sounds of any mixture of recipes, in their order."""
    return [render(recipe) for recipe in recipes]


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
    widths = np.array(recipe.widths, dtype=np.int64)
    half = number(0.5)
    half_parameters = parameters(recipe).astype(number) * half
    every, half_amount, bounds = 0, half, np.zeros((0, 2), dtype=number)
    if recipe.adjusting is not None and recipe.adjusting.amount > 0.0:
        every, half_amount = recipe.adjusting.every, number(recipe.adjusting.amount) * half
        of_bias = bias_mask(recipe.widths)[:, None]
        bounds = np.where(of_bias, np.array(recipe.biases, number), np.array(recipe.weights, number)) * half
    steps = np.empty(recipe.steps, dtype=number)
    kernel.render_steps(
        half_parameters,
        widths,
        kernel.SINE_DOUBLE if number is np.float64 else kernel.SINE_SINGLE,
        every,
        half_amount,
        bounds,
        np.uint32(recipe.seed & 0xFFFFFFFF),
        np.uint32(recipe.seed >> 32),
        np.zeros(2 ** (recipe.length - 1), dtype=number),
        np.empty(widths.max(), dtype=number),
        np.empty(widths.max(), dtype=number),
        steps,
    )
    return steps


def raw_sha256(audio: Audio) -> str:
    """SHA-256 over the raw samples as little-endian bytes of the recipe's precision."""
    return hashlib.sha256(audio.astype(audio.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()
