"""A recipe is everything that determines one sound."""

import codecs
import itertools
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cnndsd.schema import (
    Amount,
    Checked,
    Every,
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

# The version of docs/definition.md. It changes when, and only when, a recipe's bits change.
DEFINITION: Literal[1] = 1

# The most work one recipe may ask for, in multiply-adds; about a minute of one core.
MAX_MACS = 60_000_000_000
MAX_VARIATIONS = 64


class Adjusting(Checked, frozen=True, kw_only=True):
    """Weights and biases that walk: one move of at most ``amount`` after every ``every`` network steps."""

    every: Every
    amount: Amount


class Variation(Checked, frozen=True, kw_only=True):
    """One move of all weights and biases, before the sound begins.

    Each goes up or down by at most ``amount``, 0..1, of the width of its range; ``seed`` says by how much.
    """

    seed: Seed
    amount: Annotated[float, Meta(ge=0.0, le=1.0)]


class Recipe(Checked, frozen=True, kw_only=True):
    """One sound. ``Invalid`` (a ``ValueError``) when a field is out of its range.

    ``hidden`` holds the widths of the hidden layers; ``weights`` and ``biases`` are ``(low, high)``;
    ``seconds`` is rounded to whole samples; ``variations`` are made one after the other.
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
    variations: tuple[Variation, ...] = ()
    definition: Literal[1] = DEFINITION

    def _check(self) -> None:
        if len(self.hidden) > 4:
            raise Invalid(f"hidden: {len(self.hidden)} layers are too many; allowed: up to 4")
        if len(self.variations) > MAX_VARIATIONS:
            raise Invalid(f"variations: {len(self.variations)} are too many; allowed: up to {MAX_VARIATIONS}")
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

    @property
    def last_seed(self) -> int:
        """The seed of the last variation, or of the network when there is none."""
        return self.variations[-1].seed if self.variations else self.seed

    def reseeded(self, seed: int) -> "Recipe":
        """The same recipe with another ``last_seed``."""
        if not self.variations:
            return msgspec.structs.replace(self, seed=seed)
        last = msgspec.structs.replace(self.variations[-1], seed=seed)
        return msgspec.structs.replace(self, variations=(*self.variations[:-1], last))

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


def load_recipe(path: Path | str) -> Recipe:
    """The recipe in a JSON file."""
    try:
        with open(path, "rb") as file:
            text = file.read(100_001)
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); allowed: a recipe as JSON") from None
    if len(text) > 100_000:
        raise Invalid(f"{path}: too large for a recipe; allowed: up to 100000 bytes")
    return from_json(text, str(path))
