"""Recipes: everything that determines one sound."""

import codecs
import copy
import itertools
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cnndsd.schema import (
    Amount,
    Checked,
    Every,
    Gap,
    Interpolation,
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
    with_field,
    written,
)

# The version of docs/definition.md. It changes when, and only when, the bits of a sound change.
DEFINITION: Literal[1] = 1

# The largest number of multiply-adds of one recipe, which take one core about a minute.
MAX_MACS = 60_000_000_000
# The largest number of samples of one recipe: ten minutes at 44.1 kHz. As doubles they take 212 MB.
MAX_SAMPLES = 26_460_000
MAX_VARIATIONS = 64


class Adjusting(Checked, frozen=True, kw_only=True):
    """How weights and biases move while the sound goes on.

    ``every``: network steps between two moves, 1..2**31. ``amount``: the largest move of a parameter, 0..100.
    """

    every: Every
    amount: Amount


class Mate(Checked, frozen=True, kw_only=True):
    """The network from which a variation takes neurons: one of the recipe's shape and ranges.

    ``seed``: key of its random numbers, 0..2**63-1. ``variations``: its own, before the neurons are taken.
    """

    seed: Seed
    variations: "tuple[Variation, ...]" = ()

    def _check(self) -> None:
        _check_variations(self.variations)


class Variation(Checked, frozen=True, kw_only=True, omit_defaults=True):
    """One random change of weights and biases before the sound begins.

    ``seed``: key of the random numbers, 0..2**63-1. Without a mate, all move; ``amount``: the largest move of a
    parameter up or down, as a share of the width of its range, 0..1. With a ``mate``, each neuron becomes the mate's
    with the probability ``amount``: its bias and all its weights.
    """

    seed: Seed
    amount: Annotated[float, Meta(ge=0.0, le=1.0)]
    mate: Mate | None = None

    @property
    def size(self) -> int:
        """How many variations it is made of: itself, and those of its mate."""
        return 1 + (0 if self.mate is None else sum(one.size for one in self.mate.variations))


def _check_variations(variations: tuple[Variation, ...]) -> None:
    """Raise ``Invalid`` when there are too many, those of mates among them."""
    if (size := sum(one.size for one in variations)) > MAX_VARIATIONS:
        raise Invalid(f"variations: {size} are too many; allowed: up to {MAX_VARIATIONS}, with those of mates")


class Wide(Checked, frozen=True, kw_only=True):
    """The near relative of a network that is the second channel of its sound.

    ``seed``, ``amount``: those of the ``Variation`` that makes the relative.
    """

    seed: Seed
    amount: Annotated[float, Meta(ge=0.0, le=1.0)]


class Recipe(Checked, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that determines one sound. ``Invalid`` (a ``ValueError``) when a field is out of its range.

    ``length``: inputs of the network, 1..16. ``hidden``: widths of the hidden layers, at most four, each 1..64.
    ``gap``: the nearest input is ``2 ** gap`` samples old, 0..12. ``seed``: key of the random numbers, 0..2**63-1.
    ``seconds``: 0.001..600, rounded to whole samples, 26,460,000 at most. ``sample_rate``: Hz, 8000..192000.
    ``precision``: "double" (64 bit) or "single" (32 bit).
    ``weights``, ``biases``: ``(low, high)`` of the random numbers, within -100..100.
    ``adjusting``: how they move while the sound goes on. ``variations``: changes before it begins, in order, at most 64
    with those of mates.
    ``definition``: the version of docs/definition.md, which defines every bit of the sound.

    Two fields change the finished sound and not the raw one. ``interpolation``: how it joins the network's steps,
    "hold" or "bandlimited". ``wide``: the relative that is its second channel. They are written only where they are
    set.
    """

    length: Length = written(6)
    hidden: tuple[Width, ...] = written((8, 8))
    gap: Gap = written(5)
    seed: Seed = written(0)
    seconds: Seconds = written(2.0)
    sample_rate: SampleRate = written(44_100)
    precision: Precision = written("double")
    weights: tuple[Parameter, Parameter] = written((0.0, 1.0))
    biases: tuple[Parameter, Parameter] = written((0.0, 1.0))
    adjusting: Adjusting | None = written(None)
    variations: tuple[Variation, ...] = written(())
    definition: Literal[1] = written(DEFINITION)
    interpolation: Interpolation = "hold"
    wide: Wide | None = None

    def _check(self) -> None:
        if len(self.hidden) > 4:
            raise Invalid(f"hidden: {len(self.hidden)} layers are too many; allowed: up to 4")
        _check_variations(self.variations)
        if self.variations_left < 0:
            raise Invalid(f"wide: {MAX_VARIATIONS} variations leave no room for one more; allowed: fewer")
        ascending("weights", self.weights)
        ascending("biases", self.biases)
        if self.samples > MAX_SAMPLES:
            raise Invalid(
                f"seconds: {self.seconds} asks for {self.samples} samples; "
                f"allowed: up to {MAX_SAMPLES} (shorten the sound or lower its sample rate)"
            )
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
        """Number of samples for which the output of a network step is held, ``2 ** gap``."""
        return int(2**self.gap)

    @property
    def steps(self) -> int:
        """Number of network steps that cover the samples."""
        return -(-self.samples // self.hold)

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers: the inputs, the hidden layers, and the one output."""
        return (self.length, *self.hidden, 1)

    @property
    def parameters(self) -> int:
        """Number of biases and weights of the network."""
        return sum((a + 1) * b for a, b in itertools.pairwise(self.widths))

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole sound, without those inside the activation functions."""
        return self.steps * sum(a * b for a, b in itertools.pairwise(self.widths))

    @property
    def is_bred(self) -> bool:
        """Whether it has neurons of another network than that of its seed."""
        return any(variation.mate is not None for variation in self.variations)

    @property
    def variations_left(self) -> int:
        """How many more variations it may have. Those of mates and of the second channel are counted, too."""
        return MAX_VARIATIONS - sum(one.size for one in self.variations) - (self.wide is not None)

    @property
    def last_seed(self) -> int:
        """The seed of the last variation, or the network's seed when there are no variations."""
        return self.variations[-1].seed if self.variations else self.seed

    @property
    def is_smooth(self) -> bool:
        """Whether the finished sound joins steps otherwise than the raw one: at gap 0 there is nothing to join."""
        return self.interpolation == "bandlimited" and self.hold > 1

    @property
    def joined_hold(self) -> int:
        """Number of samples of the steps that the finished sound joins by interpolation; 1 where it holds them."""
        return self.hold if self.is_smooth else 1

    @property
    def network(self) -> "Recipe":
        """The recipe without what concerns the finished sound alone."""
        return msgspec.structs.replace(self, interpolation="hold", wide=None)

    @property
    def relative(self) -> "Recipe | None":
        """The recipe of the second channel: one variation more. None where the sound is not ``wide``."""
        if self.wide is None:
            return None
        variation = Variation(seed=self.wide.seed, amount=self.wide.amount)
        return msgspec.structs.replace(self, wide=None, variations=(*self.variations, variation))

    def reseeded(self, seed: int) -> "Recipe":
        """Return the same recipe with another ``last_seed``."""
        if not self.variations:
            return with_field(self, "seed", seed)
        varied = copy.copy(self)
        last = with_field(self.variations[-1], "seed", seed)
        msgspec.structs.force_setattr(varied, "variations", (*self.variations[:-1], last))
        return varied

    def at_rate(self, sample_rate: int) -> "Recipe":
        """Return the recipe of the same raw samples at another sample rate in Hz: all pitches and times scale with it.

        ``Invalid`` when the sound would be too short or too long.
        """
        return msgspec.structs.replace(self, sample_rate=sample_rate, seconds=self.samples / sample_rate)

    def to_json(self) -> str:
        """Return the recipe as one line of JSON, its keys in the order of docs/definition.md.

        ``interpolation`` and ``wide`` are in it only where they are not the defaults.
        """
        return msgspec.json.encode(self).decode()


_UNPACK = msgspec.msgpack.Decoder(Recipe)


def from_json(text: str | bytes, where: str = "recipe") -> Recipe:
    """Return the recipe that a text holds as JSON. ``Invalid`` names ``where`` and the key, and says what is wrong."""
    try:
        data = msgspec.json.decode(text.removeprefix(codecs.BOM_UTF8) if isinstance(text, bytes) else text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        fault = {UnicodeDecodeError: "it is no text in UTF-8", RecursionError: "it is nested too deep"}.get(type(error))
        raise Invalid(f"{where}: not JSON: {fault or str(error).partition(' - at ')[0]}") from None
    return decode(data, Recipe, where)


def pack_recipe(recipe: Recipe) -> bytes:
    """Return a recipe as MessagePack, in which it takes little time and room on its way to workers."""
    return msgspec.msgpack.encode(recipe)


def unpack_recipe(packed: bytes) -> Recipe:
    """Return the recipe that ``pack_recipe`` packed."""
    return _UNPACK.decode(packed)


def packed_fields(packed: bytes, last_seed: int) -> dict[str, Any]:
    """Return the fields of a packed recipe with another ``last_seed``, as its JSON has them.

    They are not checked again, so this takes a tenth of the time of ``unpack_recipe``.
    """
    fields: dict[str, Any] = msgspec.msgpack.decode(packed)
    last = fields["variations"][-1] if fields["variations"] else fields
    last["seed"] = last_seed
    return fields


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe from a JSON file of at most 100,000 bytes; ``Invalid`` when it holds none."""
    if Path(path).is_fifo():
        # Which may never end, nor begin.
        raise Invalid(f"{path}: is a pipe; allowed: a recipe as JSON")
    try:
        with open(path, "rb") as file:
            text = file.read(100_001)
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); allowed: a recipe as JSON") from None
    if len(text) > 100_000:
        raise Invalid(f"{path}: too large for a recipe; allowed: up to 100000 bytes")
    return from_json(text, str(path))
