"""A sound to work with in Python: made when it is asked for, and shown by notebooks with a player and a picture."""

import base64
import html
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.analysis import describe
from cnndsd.ear.describing import Description
from cnndsd.ear.kinds import kind
from cnndsd.ear.scoring import reasons, score
from cnndsd.finishing import audiofile
from cnndsd.finishing.atomic import atomic_write
from cnndsd.finishing.finished import Finished, check_ending, finish, single_sound_spec
from cnndsd.finishing.images import portrait
from cnndsd.recipe import Recipe
from cnndsd.sound.rendering import Audio, render
from cnndsd.spec import Kind, Mastering, SoundFormat


class Sound:
    """A recipe's sound, finished as those of the default pack, or as ``mastering`` says."""

    def __init__(self, recipe: Recipe, mastering: Mastering | None = None) -> None:
        self.recipe = recipe
        self.mastering = mastering or Mastering()

    @classmethod
    def read(cls, path: Path | str) -> "Sound":
        """The sound whose recipe is in a sound file made by cnndsd; ``Invalid`` when there is none."""
        return cls(audiofile.read_recipe(path))

    @cached_property
    def raw(self) -> Audio:
        """The network's own output, shape ``(samples,)``, 0..1."""
        return render(self.recipe)

    @cached_property
    def description(self) -> Description:
        """What is heard in it."""
        return describe(self.raw, self.recipe.sample_rate)

    @property
    def kind(self) -> Kind:
        """What it may be used as."""
        return kind(self.description)

    @property
    def score(self) -> float:
        """How much it is worth hearing, 0..1."""
        return score(self.description)

    @property
    def reasons(self) -> list[str]:
        """What speaks for it, and against it."""
        return reasons(self.description)

    @cached_property
    def finished(self) -> Finished:
        """Its file, a WAV of 24 bit, its level, pitch and loop."""
        return self._finish("wav24")

    @cached_property
    def audio(self) -> NDArray[np.float64]:
        """The finished samples, about zero, shape ``(samples,)``."""
        return audiofile.decode(self.finished.data)

    def save(self, path: Path | str) -> None:
        """Write the finished sound as a ``.wav``, ``.flac``, ``.ogg`` or ``.mp3``; ``Invalid`` for another ending."""
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
        """A picture and a player, at the level of the file: notebooks' own player makes all sounds equally loud."""
        made = self.finished
        facts = [self.kind, made.pitch and made.pitch.name, made.tempo_bpm and f"{made.tempo_bpm:.0f} bpm"]
        facts += [f"{made.seconds:.2f} s", f"{made.level.integrated_lufs:.1f} LUFS", f"score {self.score:.2f}"]
        caption = html.escape(" · ".join(str(fact) for fact in facts if fact))
        picture, data = (base64.b64encode(part).decode() for part in (portrait(made.picture), made.data))
        return (
            f'<figure style="margin:0"><img alt="waveform and spectrogram" src="data:image/png;base64,{picture}">'
            f'<figcaption>{caption}</figcaption><audio controls src="data:audio/wav;base64,{data}"></audio></figure>'
        )
