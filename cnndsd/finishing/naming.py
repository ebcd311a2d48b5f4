"""The names of sounds: kind, a word that belongs to the recipe, and note or tempo."""

import functools
import hashlib
from collections.abc import Iterator
from importlib import resources

import msgspec

from cnndsd.ear.tuning import Pitch
from cnndsd.recipe import Recipe
from cnndsd.spec import Kind, Spec

# Hardware gets names of at most this many letters, with the file's ending, and flats instead of sharps.
_HARDWARE = 32
# The longest ending of a sound file, ".flac".
_ENDING = 5
_NUMBER = 2
# A sound stands on a note when it is at most this far from it.
NOTE_CENTS = 3.0
_FLATS = {"C#": "Db", "D#": "Eb", "F#": "Gb", "G#": "Ab", "A#": "Bb"}


class Names:
    """Names the sounds of one pack. No two names are the same, also when upper and lower case count as equal."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._taken: set[str] = set()
        self._number = 0

    def name(
        self, recipe: Recipe, kind: Kind, pitch: Pitch | None, tempo_bpm: float | None, is_loop: bool = False
    ) -> str:
        """Return a path in the pack without the file's ending, such as ``growl/cnndsd_growl_marrow_F1``.

        ``is_loop``: it is a loop of whole bars. The name has a note only if the sound stands on it.
        """
        spec = self._spec
        if spec.names == "numbered":
            self._number += 1
            return f"{spec.name}_{self._number:0{max(2, len(str(spec.count)))}d}"
        word = next(word for word in words(recipe) if word not in self._taken)
        self._taken.add(word)
        is_hardware = spec.names == "hardware"
        suffix = ""
        if tempo_bpm is not None:
            suffix = f"{tempo_bpm:.0f}bpm"
        elif pitch is not None and abs(pitch.cents) <= NOTE_CENTS:
            suffix = flat(pitch.name) if is_hardware else pitch.name
        # An alternate has the name of its hit, with a number of two letters behind it.
        ending = _ENDING + (_NUMBER if spec.alternates else 0)
        longest = (min(spec.name_length, _HARDWARE) if is_hardware else spec.name_length) - ending
        # The word is what makes a name unique. Whatever is too long is left out: the prefix first, then the kind, which
        # the folder names too, then note or tempo.
        lists = [["" if is_hardware else spec.prefix, kind, word, suffix], [kind, word, suffix], [word, suffix], [word]]
        names = ["_".join(filter(None, parts)) for parts in lists]
        return f"{folder_of(kind, is_loop)}{next(name for name in names if len(name) <= longest)}"


def flat(note: str) -> str:
    """Return the name of a note with a flat in place of a sharp: ``Bb4`` for ``A#4``."""
    return _FLATS.get(note[:2], note[:2]) + note[2:]


def alternate_name(name: str, number: int) -> str:
    """Return the path of an alternate of the sound ``name``, such as ``alternates/cnndsd_hit_bark_2.wav``."""
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    return f"alternates/{stem}_{number}.{ending}"


def folder_of(kind: Kind, is_loop: bool) -> str:
    """Return the folder of a sound, with a slash at its end; not for sounds that are only numbered."""
    return f"{'loops/' if is_loop else ''}{kind}/"


def words(recipe: Recipe) -> Iterator[str]:
    """Yield the word of a recipe; then, for when that is taken, pairs that begin with it; then all other pairs.

    Recipes that make the same raw samples at different sample rates, or finish them otherwise, have the same words.
    """
    known = _known_words()
    facts = {**msgspec.to_builtins(recipe.network), "seconds": None, "sample_rate": None, "samples": recipe.samples}
    digest = hashlib.sha256(msgspec.json.encode(facts)).digest()
    first, second = (int.from_bytes(part) % len(known) for part in (digest[:8], digest[8:16]))
    yield known[first]
    for offset in range(len(known)):
        yield f"{known[first]}-{known[(second + offset) % len(known)]}"
    for one in known:
        yield from (f"{one}-{other}" for other in known)


@functools.cache
def _known_words() -> list[str]:
    return resources.files("cnndsd.finishing").joinpath("words.txt").read_text(encoding="ascii").split()
