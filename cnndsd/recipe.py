"""A recipe is everything that determines one sound; ``draw`` makes candidate ``index`` of a run."""

import codecs
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from cnndsd.schema import (
    Checked,
    Gap,
    Invalid,
    Length,
    Parameter,
    Precision,
    SampleRate,
    Seconds,
    Seed,
    Width,
    ascending,
    decode,
)
from cnndsd.spec import Adjusting, Ranges, Spec

# The version of docs/definition.md. It changes when, and only when, a recipe's bits change.
DEFINITION: Literal[1] = 1

# Candidates of a run share their shape in blocks of this many, so that they render side by side.
BLOCK = 64

# The most work one recipe may ask for, in multiply-adds; about a minute of one core.
MAX_MACS = 60_000_000_000


class Recipe(Checked, frozen=True):
    """One sound. ``Invalid`` (a ``ValueError``) when a field is out of its range.

    ``hidden`` holds the widths of the hidden layers; ``weights`` and ``biases`` are ``(low, high)``;
    ``seconds`` is rounded to whole samples.
    """

    length: Length = 6
    hidden: tuple[Width, ...] = (8, 8)
    gap: Gap = 5
    seed: Seed = 0
    seconds: Seconds = 2.0
    sample_rate: SampleRate = 44_100
    precision: Precision = "double"
    weights: tuple[Parameter, Parameter] = (0.0, 1.0)
    biases: tuple[Parameter, Parameter] = (0.0, 1.0)
    adjusting: Adjusting | None = None
    definition: Literal[1] = DEFINITION

    def _check(self) -> None:
        if len(self.hidden) > 4:
            raise Invalid(f"hidden: {len(self.hidden)} layers are too many; allowed: up to 4")
        ascending("weights", self.weights)
        ascending("biases", self.biases)
        if self.macs > MAX_MACS:
            raise Invalid(
                f"seconds: {self.seconds} asks for {self.macs:.3g} multiply-adds; "
                f"allowed: up to {MAX_MACS:.3g} (shorten the sound, narrow the layers or raise gap)"
            )

    @property
    def samples(self) -> int:
        """Length of the sound in samples, at least 1."""
        return max(1, round(self.seconds * self.sample_rate))

    @property
    def hold(self) -> int:
        """Samples for which each network step is held, ``2 ** gap``."""
        return int(2**self.gap)

    @property
    def steps(self) -> int:
        """Network steps that cover the samples."""
        return -(-self.samples // self.hold)

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers, from the inputs to the one output."""
        return (self.length, *self.hidden, 1)

    @property
    def parameters(self) -> int:
        """How many biases and weights the network has."""
        return sum((a + 1) * b for a, b in itertools.pairwise(self.widths))

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole sound, the activations' own not counted."""
        return self.steps * sum(a * b for a, b in itertools.pairwise(self.widths))

    def to_json(self) -> str:
        """The recipe as one line of JSON, keys in the order of the definition."""
        return msgspec.json.encode(self).decode()


def from_json(text: str | bytes, where: str = "recipe") -> Recipe:
    """The recipe in a line of JSON; ``Invalid`` says where and what is wrong."""
    try:
        data = msgspec.json.decode(text.removeprefix(codecs.BOM_UTF8) if isinstance(text, bytes) else text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{where}: not JSON: {error}") from None
    return decode(data, Recipe, where)


def load(path: Path | str) -> Recipe:
    """The recipe in a JSON file."""
    try:
        with open(path, "rb") as file:
            text = file.read(100_001)
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); allowed: a recipe as JSON") from None
    if len(text) > 100_000:
        raise Invalid(f"{path}: too large for a recipe; allowed: up to 100000 bytes")
    return from_json(text, str(path))


def uniform(key: tuple[int, int], counter: int, stream: int) -> Iterator[float]:
    """Numbers in [0, 1) from Philox at a place of their own: no state, so any order gives the same."""
    bits = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=np.array([0, counter, stream, 0], np.uint64))
    while True:
        yield (int(bits.random_raw()) >> 11) * 2.0**-53


_SHAPES, _SEEDS = 0, 1


def _key(spec: Spec, seed: int) -> tuple[int, int]:
    return seed, int.from_bytes(spec.sound.digest[:8], "little")


def draw_shape(spec: Spec, seed: int, block: int) -> Recipe:
    """What the candidates of a block have in common: a recipe whose seed is 0."""
    ranges: Ranges = spec.sound
    u = uniform(_key(spec, seed), block, _SHAPES)

    def whole(pair: tuple[int, int]) -> int:
        return pair[0] + int(next(u) * (pair[1] - pair[0] + 1))

    def logarithmic(pair: tuple[float, float]) -> float:
        return pair[0] * math.exp(next(u) * math.log(pair[1] / pair[0]))

    length, gap = whole(ranges.length), whole(ranges.gap)
    hidden = tuple(whole(ranges.width) for _ in range(whole(ranges.layers)))
    seconds = ranges.seconds[0] + next(u) * (ranges.seconds[1] - ranges.seconds[0])
    adjusting = None
    if ranges.adjusting is not None:
        # Rounding to few digits keeps the last bit of exp and log, which machines differ in, out of the recipe.
        every = _within(ranges.adjusting.every, round(logarithmic(ranges.adjusting.every)))
        amount = _within(ranges.adjusting.amount, float(f"{logarithmic(ranges.adjusting.amount):.3g}"))
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


def _within(pair: tuple[float, float], value: float) -> float:
    return min(max(value, pair[0]), pair[1])


def draw_seeds(spec: Spec, seed: int, block: int) -> list[int]:
    """The network seeds of a block's candidates, each below 2**53 so that any JSON reader keeps it."""
    u = uniform(_key(spec, seed), block, _SEEDS)
    return [int(next(u) * 2**53) for _ in range(BLOCK)]


def draw(spec: Spec, seed: int, index: int) -> Recipe:
    """Candidate ``index`` of the run ``seed``: a pure function, so any worker may draw any of them."""
    block, lane = divmod(index, BLOCK)
    return msgspec.structs.replace(draw_shape(spec, seed, block), seed=draw_seeds(spec, seed, block)[lane])
