"""Musical keys: which pitch classes the notes of a pack may have."""

import re

from cnndsd.schema import Invalid, did_you_mean

NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHROMATIC, FREE = "chromatic", "free"
# Semitones above the root.
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


def _meant(key: str) -> str:
    """Return a question about the key that was meant, where one is near."""
    found = re.fullmatch(r"([A-Ga-g][#♯b♭]?)\s*(m|M|min|maj|.*)", key.strip())
    if found is None:
        return ""
    root, scale = found[1][0].upper() + found[1][1:], found[2]
    short = {"": "major", "m": "minor", "min": "minor", "M": "major", "maj": "major"}
    if scale in short:
        return f' (did you mean "{root} {short[scale]}"?)'
    return did_you_mean(f"{root} {scale}", (f"{root} {name}" for name in _SCALES))


def pitch_classes(key: str) -> tuple[int, ...]:
    """Return the pitch classes of a key, 0 (C) to 11 (B), ascending: all of "chromatic", none of "free".

    ``key``: a root and a scale, such as "A minor" or "Bb dorian", in upper or lower case. ``Invalid`` for others.

    >>> pitch_classes("A minor pentatonic")
    (0, 2, 4, 7, 9)
    """
    words = key.lower().split()
    if words == [FREE]:
        return ()
    if words == [CHROMATIC]:
        return tuple(range(12))
    root = re.fullmatch("([a-g])([#♯b♭]?)", words[0]) if words else None
    scale = _SCALES.get(" ".join(words[1:]))
    if root is None or scale is None:
        shown = "".join(c if c.isprintable() else "?" for c in key)
        raise Invalid(
            f'"{shown}" is not a key{_meant(key)}; allowed: "{CHROMATIC}", "{FREE}", '
            f"or a root such as A, F# or Bb and a scale: "
            f"{', '.join(_SCALES)}"
        )
    first = _LETTERS[root[1]] + _ACCIDENTALS[root[2]]
    return tuple(sorted((first + semitones) % 12 for semitones in scale))
