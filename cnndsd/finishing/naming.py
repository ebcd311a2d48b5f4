"""What a sound is called: its kind, a word that belongs to its recipe, and its note or tempo."""

import functools
import hashlib
from collections.abc import Iterator
from importlib import resources

from cnndsd.ear.tuning import Pitch
from cnndsd.recipe import Recipe
from cnndsd.spec import Kind, Spec

# Samplers' small screens want flats and few letters.
_HARDWARE = 32
# The longest ending of a sound file, ".flac".
_ENDING = 5
_FLATS = {"C#": "Db", "D#": "Eb", "F#": "Gb", "G#": "Ab", "A#": "Bb"}


class Names:
    """Names the sounds of one pack, none alike, whatever the case of their letters."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._taken: set[str] = set()
        self._number = 0

    def name(self, recipe: Recipe, sort: Kind, pitch: Pitch | None, tempo_bpm: float | None) -> str:
        """The path in the pack, without its ending: ``growl/cnndsd_growl_marrow_F1``."""
        spec = self._spec
        if spec.names == "numbered":
            self._number += 1
            return f"{spec.name}_{self._number:0{max(2, len(str(spec.count)))}d}"
        word = next(word for word in words(recipe) if word not in self._taken)
        self._taken.add(word)
        is_hardware = spec.names == "hardware"
        told = ""
        if tempo_bpm is not None:
            told = f"{tempo_bpm:.0f}bpm"
        elif pitch is not None:
            letter, octave = pitch.name[:-1], pitch.name[-1]
            told = (_FLATS.get(letter, letter) if is_hardware else letter) + octave
        most = (min(spec.name_length, _HARDWARE) if is_hardware else spec.name_length) - _ENDING
        # The word tells sounds apart; what else has room, the kind last, as the folder says it too.
        wishes = [["" if is_hardware else spec.prefix, sort, word, told], [sort, word, told], [word, told], [word]]
        names = ["_".join(filter(None, wish)) for wish in wishes]
        return f"{sort}/{next(name for name in names if len(name) <= most)}"


def words(recipe: Recipe) -> Iterator[str]:
    """The recipe's word, and for when it is taken, pairs that begin with it, and then any."""
    known = _known_words()
    digest = hashlib.sha256(recipe.to_json().encode()).digest()
    first, second = (int.from_bytes(part) % len(known) for part in (digest[:8], digest[8:16]))
    yield known[first]
    for step in range(len(known)):
        yield f"{known[first]}-{known[(second + step) % len(known)]}"
    for one in known:
        yield from (f"{one}-{other}" for other in known)


@functools.cache
def _known_words() -> list[str]:
    return resources.files("cnndsd.finishing").joinpath("words.txt").read_text(encoding="ascii").split()
