"""The pack spec, a TOML file: what to draw, what to refuse, what to choose, and how to finish it."""

import functools
import hashlib
import pickle
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from cnndsd.profiles import profile_keys
from cnndsd.recipe import MAX_VARIATIONS, Recipe
from cnndsd.scales import CHROMATIC, FREE, pitch_classes
from cnndsd.schema import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    Amount,
    Checked,
    Every,
    Gap,
    Invalid,
    Layers,
    Length,
    Parameter,
    Precision,
    SampleRate,
    Seed,
    Width,
    ascending,
    decode,
)

PackSeconds = Annotated[float, Meta(ge=0.001, le=60.0)]
Decibel = Annotated[float, Meta(ge=-144.0, le=0.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
VariationAmount = Annotated[float, Meta(ge=1e-9, le=1.0)]
Time = Annotated[float, Meta(ge=0.0, le=10.0)]
SoundFormat = Literal["wav16", "wav24", "wavfloat", "flac", "ogg", "mp3"]
Kind = Literal[
    "hit", "beat", "glitch", "riser", "fall", "noise", "bass", "lead", "pad", "drone", "metallic", "growl", "texture"
]

# Of a pack, by kind.
Shares = dict[Kind, Share]

# What other programs read, in the order of the files in a pack (``finishing.exports``).
ExportName = Literal[
    "strudel", "multisample", "wavetable", "dslibrary", "hydrogen", "renoise", "opz", "opxy", "freesound"
]
# Those that only name the sounds' files: all others hold sounds again, made for samplers.
_NAMING_EXPORTS = ("strudel", "freesound")
_LOSSY_FORMATS = ("ogg", "mp3")
# A zip of more sounds with exports would have more files than is wise (``finishing.zipfiles``).
_MOST_EXPORTED = 2000

# In Hz; 0 keeps the sound's own sample rate.
FileRate = Annotated[int, Meta(ge=0, le=MAX_SAMPLE_RATE)]

MAX_CANDIDATES = 10**10
# In letters.
MAX_NAME = 60
_NAME = f"up to {MAX_NAME} of the letters A to Z and a to z, digits, - and _, such as my_pack; no spaces"
_LINE = "one line of text, up to 200 letters"
_PREFIX = "up to 16 of the letters A to Z and a to z, digits and -"
# The largest number of multiply-adds of one candidate; a block of candidates then takes a few seconds.
MAX_PACK_MACS = 2e9
# The largest number of samples of one candidate, and of its file on each channel: 60 s at 192 kHz.
MAX_PACK_SAMPLES = 60 * MAX_SAMPLE_RATE
# Of a spec's file. A key of n parts, all in one line, takes tomllib a time of n squared.
_MAX_BYTES, _MAX_LINE_BYTES = 100_000, 6_000
MP3_SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# Sample rates of files that players read, in Hz.
USUAL_RATES = (*MP3_SAMPLE_RATES, 64_000, 88_200, 96_000, 176_400, 192_000)


class AdjustingRanges(Checked, frozen=True, kw_only=True):
    """``share`` of the blocks adjust, 0..1. The others are the ranges of ``Adjusting``.

    Values are drawn uniformly on a logarithmic scale, both ends included.
    """

    share: Share = 1.0
    every: tuple[Every, Every] = (1, 64)
    amount: tuple[Amount, Amount] = (0.001, 0.05)

    def _check(self) -> None:
        ascending("every", self.every)
        ascending("amount", self.amount)
        if self.amount[0] < 1e-9:
            raise Invalid(f"amount: {self.amount[0]} is too small; allowed: 1e-9 or more")


class Ranges(Checked, frozen=True, kw_only=True):
    """``[sound]``: the ranges that recipes are drawn from, uniformly, both ends included.

    ``layers``: number of hidden layers, 0..4; each has its own ``width``. ``sample_rate``, ``precision``, ``weights``
    and ``biases`` are those of every recipe. ``bandlimited``: share of the recipes, 0..1, that join their steps by
    band-limited interpolation, among those whose steps are frequent enough. ``wide``: share of the sounds that are
    asked to have two channels.
    """

    length: tuple[Length, Length] = (3, 10)
    gap: tuple[Gap, Gap] = (2, 7)
    layers: tuple[Layers, Layers] = (1, 3)
    width: tuple[Width, Width] = (2, 8)
    seconds: tuple[PackSeconds, PackSeconds] = (1.0, 4.0)
    sample_rate: SampleRate = 44_100
    precision: Precision = "double"
    weights: tuple[Parameter, Parameter] = (0.0, 1.0)
    biases: tuple[Parameter, Parameter] = (0.0, 1.0)
    adjusting: AdjustingRanges | None = None
    bandlimited: Share = 0.0
    wide: Share = 0.0

    def _check(self) -> None:
        for name in ("length", "gap", "layers", "width", "seconds", "weights", "biases"):
            ascending(name, getattr(self, name))
        if self.heaviest_macs > MAX_PACK_MACS:
            raise Invalid(
                f"seconds: {list(self.seconds)} asks for up to {self.heaviest_macs:.3g} multiply-adds a sound; "
                f"allowed: up to {MAX_PACK_MACS:.3g} (shorten the sounds, narrow the layers or raise the lowest gap)"
            )

    @property
    def heaviest_macs(self) -> float:
        """Multiply-adds of the longest sound of the largest network that may be drawn."""
        widest, deepest = self.width[1], self.layers[1]
        inner = self.length[1] * widest + (deepest - 1) * widest**2 + widest if deepest else self.length[1]
        return float(self.seconds[1] * self.sample_rate / 2 ** self.gap[0] * inner)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the section as JSON with sorted keys and no spaces; its first 8 bytes key the random numbers.

        ``bandlimited`` and ``wide``, which draw no other networks, are left out, and ``adjusting.share`` where it is 1.
        """
        section = msgspec.to_builtins(self)
        del section["bandlimited"], section["wide"]
        if self.adjusting is not None and self.adjusting.share == 1.0:
            del section["adjusting"]["share"]
        return hashlib.sha256(msgspec.json.encode(section, order="sorted")).digest()


class Family(Checked, frozen=True, kw_only=True):
    """``[family]``: draw variations of one sound instead of ``[sound]``.

    ``amount``: of ``Variation``, drawn uniformly on a logarithmic scale.
    """

    recipe: Recipe
    amount: tuple[VariationAmount, VariationAmount]

    def _check(self) -> None:
        ascending("amount", self.amount)
        if self.recipe.variations_left < 1:
            counted = "with those of mates and of wide"
            raise Invalid(f"recipe.variations: {MAX_VARIATIONS}, {counted}, leave no room for one more; allowed: fewer")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the section as JSON with sorted keys and no spaces; its first 8 bytes key the random numbers."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()


class Search(Checked, frozen=True, kw_only=True):
    """``[search]``: how new candidates come about.

    ``luck``: share of them that are drawn afresh, 0..1. The others are variations of the best that were found before.
    ``shares``: of which kinds more is searched for; None: of those in ``choose.shares``. A ``[family]`` is not
    searched: all of its candidates are drawn.
    """

    luck: Share = 0.1
    shares: Shares | None = None

    def _check(self) -> None:
        _check_shares(self.shares or {})


class Limits(Checked, frozen=True, kw_only=True):
    """``[judge]``: the limits that a candidate must keep; amplitudes are measured without the DC offset.

    Least values: ``rms_dbfs`` (RMS), ``crest_db`` (peak over RMS), ``audible_share`` (share of the energy between 30 Hz
    and 16 kHz, 0..1), ``heard_s`` (length of the heard part in seconds). A sound whose spectral flatness is above
    ``noise_flatness`` (0 tone, 1 white noise) must move by ``noise_movement_db`` or more over time.
    """

    rms_dbfs: Decibel = -50.0
    crest_db: Annotated[float, Meta(ge=0.0, le=40.0)] = 1.5
    audible_share: Share = 0.15
    heard_s: Annotated[float, Meta(ge=0.001, le=10.0)] = 0.06
    noise_flatness: Share = 0.7
    noise_movement_db: Annotated[float, Meta(ge=0.0, le=60.0)] = 2.0


class Choice(Checked, frozen=True, kw_only=True):
    """``[choose]``: which of the sounds that pass go into the pack.

    ``score``: none has less (``ear.scoring.score``), 0..1. ``distance``: no two are nearer than this
    (``ear.distances.distance``), 0..2. ``static_share``: largest share of sounds that hardly change, 0..1. ``shares``:
    share of the pack for each kind, 0..1; other kinds share the rest.
    """

    score: Share = 0.5
    distance: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.6
    static_share: Share = 0.08
    shares: Shares = msgspec.field(default_factory=dict)

    def _check(self) -> None:
        _check_shares(self.shares)


def _check_shares(shares: Shares) -> None:
    if not sum(shares.values()) <= 1.0 + 1e-9:
        raise Invalid(f"shares: {sum(shares.values()):.6g} in total is too much; allowed: up to 1")


class Music(Checked, frozen=True, kw_only=True):
    """``[music]``: the notes and the tempo that sounds are brought to, by the sample rates of their networks.

    ``key``: see ``scales.pitch_classes``; "free" leaves all pitches as they are. A sound with a sure pitch moves to a
    note of the key, by at most ``reach`` semitones. ``tuning_hz``: A4. ``bpm``: tempo of the loops, in beats per
    minute; 0 makes none. ``bars``: the lengths that a loop may have. ``beats``: of a bar. ``loops``: share of the pack
    that is chosen among the loops before all others, 0..1.
    """

    key: Annotated[str, Meta(max_length=60)] = CHROMATIC
    tuning_hz: Annotated[float, Meta(ge=400.0, le=480.0)] = 440.0
    reach: Annotated[float, Meta(ge=0.5, le=6.0)] = 5.0
    bpm: Annotated[float, Meta(ge=0.0, le=240.0)] = 0.0
    bars: Annotated[tuple[Annotated[int, Meta(ge=1, le=16)], ...], Meta(min_length=1, max_length=16)] = (1, 2, 4)
    beats: Annotated[int, Meta(ge=2, le=12)] = 4
    loops: Share = 0.35

    def _check(self) -> None:
        try:
            pitch_classes(self.key)
        except Invalid as error:
            raise Invalid(f"key: {error}") from None
        if 0.0 < self.bpm < 40.0:
            raise Invalid(f"bpm: {self.bpm:g} is too slow; allowed: 40 to 240, or 0 for no loops")

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The pitch classes of the key, 0 (C) to 11 (B)."""
        return pitch_classes(self.key)


class Mastering(Checked, frozen=True, kw_only=True):
    """``[master]``: how a chosen sound is finished (``finishing.mastering.master``).

    The units are in the names. ``loudness_lufs`` is integrated loudness, ``hit_lufs`` momentary loudness.
    """

    dc: Literal["raw", "rescale", "center"] = "center"
    highpass_hz: Annotated[float, Meta(ge=1.0, le=200.0)] = 20.0
    trim: bool = True
    quiet_db: Annotated[float, Meta(ge=0.0, le=60.0)] = 36.0
    still_s: Time = 0.6
    onset_db: Annotated[float, Meta(ge=0.0, le=60.0)] = 3.0
    limit_db: Annotated[float, Meta(ge=0.0, le=24.0)] = 6.0
    fade_in_s: Time = 0.001
    fade_out_s: Time = 0.02
    level: Literal["use", "loudness", "peak", "none"] = "use"
    loudness_lufs: Annotated[float, Meta(ge=-60.0, le=0.0)] = -16.0
    hit_lufs: Annotated[float, Meta(ge=-60.0, le=0.0)] = -10.0
    peak_dbtp: Annotated[float, Meta(ge=-40.0, le=0.0)] = -1.0


class Spec(Checked, frozen=True, kw_only=True):
    """A whole pack spec; packs/sample_pack.toml explains every key.

    ``recipes``: the pack holds these very sounds, and none is searched for.

    ``Invalid`` (a ``ValueError``) when a value is not allowed.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$", description=_NAME)]
    title: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$", description=_LINE)] = ""
    author: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$", description=_LINE)] = ""
    licence: Literal["CC0-1.0", "CC-BY-4.0"] = "CC0-1.0"
    count: Annotated[int, Meta(ge=1, le=10_000)] = 48
    candidates: Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)] = 400_000
    seed: Seed = 1
    format: SoundFormat = "wav24"
    names: Literal["kind", "hardware", "numbered"] = "kind"
    prefix: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9-]{0,15})?$", description=_PREFIX)] = "cnndsd"
    plain: bool = False
    file_rate: FileRate = 0
    channels: Literal[0, 1, 2] = 0
    name_length: Annotated[int, Meta(ge=20, le=60)] = 60
    previews: Literal["none", "ogg", "mp3"] = "none"
    exports: tuple[ExportName, ...] = ()
    alternates: Annotated[int, Meta(ge=0, le=8)] = 0
    sound: Ranges = Ranges()
    family: Family | None = None
    recipes: Annotated[tuple[Recipe, ...], Meta(max_length=10_000)] = ()
    search: Search = Search()
    judge: Limits = Limits()
    choose: Choice = Choice()
    music: Music = Music()
    master: Mastering = Mastering()

    def _check(self) -> None:
        if 0 < self.file_rate < MIN_SAMPLE_RATE:
            allowed = f"0, or {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            raise Invalid(f"file_rate: {self.file_rate} is too low; allowed: {allowed}")
        if "mp3" in (self.format, self.previews) and self.written_rate not in MP3_SAMPLE_RATES:
            allowed = ", ".join(map(str, MP3_SAMPLE_RATES))
            which = "file_rate" if self.file_rate else "sound.sample_rate"
            raise Invalid(f"{which}: {self.written_rate} is not a sample rate of MP3; allowed: {allowed}")
        if self.licence == "CC-BY-4.0" and not self.author:
            raise Invalid('author: "" is not enough for CC-BY-4.0; allowed: the name to be credited')
        if self.master.dc != "center" and (self.music.bpm or self.music.key.lower() not in (CHROMATIC, FREE)):
            name = "bpm" if self.music.bpm else "key"
            raise Invalid(
                f'music.{name}: needs centered sounds; allowed with master.dc = "{self.master.dc}": '
                'key = "free" and bpm = 0, as samples then stay as the networks made them'
            )
        self._check_exports()
        if self.family is None and self.sound.seconds[1] < self.judge.heard_s:
            raise Invalid(
                f"sound.seconds: {list(self.sound.seconds)} is too short to be heard; "
                f"allowed: a high end of judge.heard_s ({self.judge.heard_s}) or more"
            )
        if self.family is not None and self.family.recipe.macs > MAX_PACK_MACS:
            raise Invalid(
                f"family.recipe: asks for {self.family.recipe.macs:.3g} multiply-adds a sound; "
                f"allowed: up to {MAX_PACK_MACS:.3g} (shorten the sound)"
            )
        if self.family is not None:
            self._check_length(self.family.recipe, "family.recipe")
        for place, recipe in enumerate(self.recipes):
            if self.family is not None:
                raise Invalid("recipes: are not allowed beside family; allowed: one of both")
            if recipe.macs > MAX_PACK_MACS:
                raise Invalid(
                    f"recipes[{place}]: asks for {recipe.macs:.3g} multiply-adds; allowed: up to {MAX_PACK_MACS:.3g} "
                    "(shorten the sound)"
                )
            if recipe.precision != self.precision:
                raise Invalid(f"recipes[{place}]: has another precision than recipes[0]; allowed: one for all")
            self._check_length(recipe, f"recipes[{place}]")

    def _check_length(self, recipe: Recipe, key: str) -> None:
        rate = max(self.written_rate, recipe.sample_rate)
        if recipe.seconds * rate > MAX_PACK_SAMPLES:
            raise Invalid(
                f"{key}: {recipe.seconds} s at {rate} Hz is too long for a sound of a pack; "
                f"allowed: up to {MAX_PACK_SAMPLES} samples"
            )

    def _check_exports(self) -> None:
        key, sounds = ("recipes", len(self.recipes)) if self.recipes else ("count", self.count)
        if (self.exports or self.alternates) and sounds > _MOST_EXPORTED:
            what = "exports" if self.exports else "alternates"
            raise Invalid(f"{key}: {sounds} is too many sounds with {what}; allowed: up to {_MOST_EXPORTED}")
        for name in self.exports:
            if self.exports.count(name) > 1:
                raise Invalid(f'exports: "{name}" is there twice; allowed: each once')
        with_sounds = [name for name in self.exports if name not in _NAMING_EXPORTS]
        naming = ", ".join(f'"{name}"' for name in _NAMING_EXPORTS)
        if with_sounds and self.master.dc != "center":
            needs = f'"{with_sounds[0]}" needs centered sounds; allowed with master.dc = "{self.master.dc}"'
            raise Invalid(f"exports: {needs}: {naming}")
        if with_sounds and self.format in _LOSSY_FORMATS:
            needs = f'"{with_sounds[0]}" is made of lossless files; allowed with format = "{self.format}"'
            raise Invalid(f"exports: {needs}: {naming}")
        for why, has_none in (
            ("plain = true", self.plain),
            (f'master.dc = "{self.master.dc}"', self.master.dc != "center"),
            # No player of instruments reads it.
            ('format = "mp3"', self.format == "mp3"),
        ):
            if self.alternates and has_none:
                raise Invalid(f"alternates: {self.alternates} needs instruments; allowed with {why}: 0")

    @property
    def sample_rate(self) -> int:
        """Sample rate of every network, in Hz, before it is brought to a note or a tempo."""
        return self.sound.sample_rate if self.family is None else self.family.recipe.sample_rate

    @property
    def written_rate(self) -> int:
        """Sample rate of every file, in Hz."""
        return self.file_rate or (self.sample_rate if self.family is None else usual_rate(self.sample_rate))

    @property
    def has_music(self) -> bool:
        """Whether sounds are brought into key or time: not where their samples stay as the networks made them."""
        return self.master.dc == "center" and bool(self.music.pitch_classes or self.music.bpm)

    @property
    def precision(self) -> Precision:
        """Precision of every sound."""
        if self.recipes:
            return self.recipes[0].precision
        return self.sound.precision if self.family is None else self.family.recipe.precision

    @property
    def draws_networks(self) -> bool:
        """Whether candidates are networks drawn from ``[sound]``, and not variations of one, or recipes of the spec."""
        return self.family is None and not self.recipes

    @property
    def luck(self) -> float:
        """Share of the candidates that are drawn afresh, 0..1."""
        return self.search.luck if self.draws_networks else 1.0

    @property
    def sought(self) -> dict[Kind, float]:
        """The shares of the kinds of which more is searched for, in the order of ``Kind``; none without a search."""
        shares = self.choose.shares if self.search.shares is None else self.search.shares
        return {name: shares[name] for name in get_args(Kind) if name in shares} if self.luck < 1.0 else {}

    @property
    def heaviest_macs(self) -> float:
        """Multiply-adds of the sound that takes the most work of all that may be drawn."""
        if self.recipes:
            return float(max(recipe.macs for recipe in self.recipes))
        return self.sound.heaviest_macs if self.family is None else float(self.family.recipe.macs)

    @property
    def digest(self) -> bytes:
        """The digest of ``[sound]`` or ``[family]``, whichever candidates are drawn from."""
        return self.sound.digest if self.family is None else self.family.digest

    def __reduce__(self) -> tuple[Any, ...]:
        global _SENT
        # All units of a search carry one spec.
        if _SENT is None or _SENT[0] is not self:
            _SENT = self, pickle.dumps(super().__reduce__())
        return _received, (_SENT[1],)


# The spec that was pickled last, and what it became.
_SENT: tuple[Spec, bytes] | None = None


@functools.lru_cache(maxsize=1)
def _received(pickled: bytes) -> Spec:
    make, parts = pickle.loads(pickled)  # noqa: S301
    made: Spec = make(*parts)
    return made


def _toml_fault(error: Exception) -> str:
    """Return in words what is wrong with a file that is not TOML."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "a number is too long"
    what, at, where = str(error).partition(" (at ")
    advice = {
        "Invalid value": "a value is missing or wrong; texts need quotes",
        "Cannot overwrite a value": "a key is there twice",
    }.get(what, "it is not written as key = value" if "Expected" in what else what)
    return f"{advice}{at}{where}"


def usual_rate(sample_rate: int) -> int:
    """Return the sample rate, in Hz, of the file of a single sound: its own if players read it, otherwise 44,100."""
    return sample_rate if sample_rate in USUAL_RATES else 44_100


def as_name(text: str) -> str:
    """Return a text as the name of a pack: with an underscore for each letter that is not allowed; "" when none is."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text).lstrip("_-")[:MAX_NAME]


def load_spec(path: Path | str) -> Spec:
    """Read a spec from a TOML file of at most 100,000 bytes. Without a ``name`` it gets that of the file.

    ``Invalid`` names the file and the key, and says what is wrong and what is allowed.

    >>> load_spec("packs/sample_pack.toml").count
    48
    """
    where = str(path)
    if Path(path).is_fifo():
        raise Invalid(f"{where}: is a pipe; allowed: a TOML file")
    try:
        with open(path, "rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{where}: cannot be read ({error.strerror}); allowed: a TOML file") from None
    if len(text) > _MAX_BYTES:
        raise Invalid(f"{where}: is too large; allowed: up to {_MAX_BYTES} bytes")
    if max(map(len, text.split(b"\n"))) > _MAX_LINE_BYTES:
        raise Invalid(f"{where}: has a line that is too long; allowed: up to {_MAX_LINE_BYTES} bytes")
    try:
        data = tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError and UnicodeDecodeError are ValueErrors, and so is an integer of 5000 digits.
        raise Invalid(f"{where}: not TOML: {_toml_fault(error)}") from None
    if "name" not in data and (name := as_name(Path(path).stem)):
        data["name"] = name
    if "profile" in data:
        try:
            # The spec's own keys override those of the profile.
            data = {**profile_keys(data.pop("profile")), **data}
        except Invalid as error:
            raise Invalid(f"{where}: {error}") from None
    return decode(data, Spec, where)
