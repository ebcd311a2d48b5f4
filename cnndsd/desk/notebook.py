"""A sound for interactive work: rendered when it is first needed, and shown in notebooks with player and picture."""

import base64
import html
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.analysis import describe_raw
from cnndsd.ear.description import Description
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.finishing import audiofile
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.finished import Finished, check_ending, finish, single_sound_spec
from cnndsd.finishing.images import portrait
from cnndsd.recipe import Recipe
from cnndsd.sound.audio import Audio
from cnndsd.sound.rendering import render
from cnndsd.spec import Kind, Mastering, SoundFormat


class Sound:
    """The sound of a recipe, finished as ``mastering`` says, by default like those of the default pack."""

    def __init__(self, recipe: Recipe, mastering: Mastering | None = None) -> None:
        self.recipe = recipe
        self.mastering = mastering or Mastering()

    @classmethod
    def read(cls, path: Path | str) -> "Sound":
        """Return the sound of the recipe in a sound file made by cnndsd; ``Invalid`` when the file has no recipe."""
        return cls(audiofile.read_recipe(path))

    @cached_property
    def raw(self) -> Audio:
        """The network's own output, shape ``(samples,)``, 0..1."""
        return render(self.recipe)

    @cached_property
    def description(self) -> Description:
        """The description of the raw sound."""
        return describe_raw(self.raw, self.recipe)

    @property
    def kind(self) -> Kind:
        """The kind of the sound: what it can be used as."""
        return kind(self.description)

    @property
    def score(self) -> float:
        """How much the sound is worth hearing, 0..1."""
        return score(self.description)

    @property
    def reasons(self) -> list[str]:
        """The reasons of the score, as texts."""
        return reasons(self.description)

    @cached_property
    def finished(self) -> Finished:
        """The finished sound: a WAV file of 24 bits, how loud it is, and its pitch and loop."""
        return self._finish("wav24")

    @cached_property
    def audio(self) -> NDArray[np.float64]:
        """The finished samples, -1..1, shape ``(samples,)``; of a wide sound with two channels ``(samples, 2)``."""
        channels = audiofile.decode_channels(self.finished.data)
        return channels[0] if len(channels) == 1 else channels.T

    def save(self, path: Path | str) -> None:
        """Write the finished sound as ``.wav``, ``.flac``, ``.ogg`` or ``.mp3``; ``Invalid`` for any other ending."""
        check_ending(path)
        name = audiofile.ENDINGS[Path(path).suffix.lower()]
        with atomic_write(Path(path)) as file:
            file.write(self.finished.data if name == "wav24" else self._finish(name).data)

    def _finish(self, file_format: SoundFormat) -> Finished:
        spec = single_sound_spec(self.recipe, file_format, self.mastering)
        return finish(self.raw, self.recipe, self.description, spec)

    def __repr__(self) -> str:
        return f"Sound({self.recipe!r})"

    def _repr_html_(self) -> str:
        """Return picture and player as HTML. The player of notebooks is not used: it makes all sounds equally loud."""
        finished = self.finished
        facts = [
            self.kind,
            finished.pitch and finished.pitch.name,
            finished.tempo_bpm and f"{finished.tempo_bpm:.0f} bpm",
        ]
        facts += [f"{finished.seconds:.2f} s", f"{finished.level.integrated_lufs:.1f} LUFS", f"score {self.score:.2f}"]
        caption = html.escape(" · ".join(str(fact) for fact in facts if fact))
        picture, data = (base64.b64encode(part).decode() for part in (portrait(finished.picture), finished.data))
        return (
            f'<figure style="margin:0"><img alt="waveform and spectrogram" src="data:image/png;base64,{picture}">'
            f'<figcaption>{caption}</figcaption><audio controls src="data:audio/wav;base64,{data}"></audio></figure>'
        )
