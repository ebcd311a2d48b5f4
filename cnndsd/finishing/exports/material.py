"""What the exports of a pack are made of: its sounds as the manifest lists them, and their files."""

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from cnndsd.ear.kinds import kind
from cnndsd.finishing import audiofile
from cnndsd.finishing.instruments import Instrument, Tuned, Zone, keyboards_and_kits
from cnndsd.finishing.manifest import Listed
from cnndsd.finishing.records import Many
from cnndsd.finishing.resampling import resample
from cnndsd.recipe import Recipe
from cnndsd.spec import SoundFormat, Spec

# Of a file that holds sounds: no file in a pack may be much larger than the longest sound (``zipfiles``).
_MOST_BYTES = 90_000_000


def tuned_sounds(listed: Iterable[Listed]) -> list[Tuned]:
    """Return what instruments need to know of the sounds of a pack; loops of bars are no instruments."""
    return [
        Tuned(s.file, kind(s.measures), s.pitch, s.loop, tuple(alternate.file for alternate in s.alternates))
        for s in listed
        if s.bars is None
    ]


@dataclass(frozen=True)
class Material:
    """The spec of a pack, its sounds in their order, and a function that returns the bytes of a file in it."""

    spec: Spec
    sounds: Many[Listed]
    read: Callable[[str], bytes]

    @property
    def title(self) -> str:
        """The title of the pack, or its name."""
        return self.spec.title or self.spec.name

    @property
    def ending(self) -> str:
        """The ending of the sound files, without a dot."""
        return audiofile.FORMATS[self.spec.format].extension

    @functools.cached_property
    def instruments(self) -> tuple[Instrument, ...]:
        """One instrument for each tuned sound, and drum kits of the hits."""
        return tuple(keyboards_and_kits(tuned_sounds(self.sounds)))

    @functools.cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipe of each sound and alternate by the path of its file."""
        own = {sound.file: sound.recipe for sound in self.sounds}
        return own | {alternate.file: alternate.recipe for s in self.sounds for alternate in s.alternates}

    def samples(self, file: str) -> NDArray[np.float64]:
        """Return the samples of a file's first channel, which is its sound in mono, shape ``(samples,)``, -1..1."""
        return audiofile.decode(self.read(file))

    def length(self, file: str) -> int:
        """Return how many samples a file has on each channel."""
        return int(soundfile.info(io.BytesIO(self.read(file))).frames)

    def small(self, file: str, sample_rate: int = 44_100) -> NDArray[np.int16]:
        """Return a sound in mono and 16 bits, dithered, at a sample rate in Hz, shape ``(samples,)``."""
        sound = resample(self.samples(file), self.spec.written_rate, sample_rate)
        return audiofile.dithered(sound, self.recipes[file].last_seed)

    def wav(self, file: str) -> bytes:
        """Return a sound as WAV: its file as it is in the pack, or decoded where that is FLAC."""
        return self.read(file) if self.ending == "wav" else self._encoded(file, "wav24")

    def flac(self, file: str) -> bytes:
        """Return a sound as FLAC in 24 bits."""
        return self.read(file) if self.ending == "flac" else self._encoded(file, "flac")

    def _encoded(self, file: str, name: SoundFormat) -> bytes:
        """Return a sound in another format, with the channels that its file has."""
        channels = audiofile.decode_channels(self.read(file))
        sound = channels[0] if (channels == channels[0]).all() else channels
        return audiofile.encode(sound, self.recipes[file], name, self.spec.written_rate, len(channels))

    def volumes(
        self, zones: Sequence[Zone], most: int, size: Callable[[Zone], int] | None = None, most_size: int = _MOST_BYTES
    ) -> Iterator[tuple[Zone, ...]]:
        """Yield the zones in parts for files that have room for so many, and for so much.

        ``size`` of a zone: by default the bytes of its files. A zone that is too large for any file is left out.
        """
        size = size or (lambda zone: sum(len(self.read(file)) for file in zone.files))
        part: list[Zone] = []
        total = 0
        for zone in zones:
            more = size(zone)
            if more > most_size:
                continue
            if part and (len(part) == most or total + more > most_size):
                yield tuple(part)
                part, total = [], 0
            part.append(zone)
            total += more
        if part:
            yield tuple(part)


def base_name(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def kit_name(number: int) -> str:
    """Return the name of the first, second … drum kit; a file may hold a part of a kit of the pack, so all count."""
    return numbered("drums", number)


def numbered(name: str, number: int) -> str:
    """Return the name of a file that is the first, second … of its kind: the first has no number."""
    return name if number == 1 else f"{name}_{number}"
