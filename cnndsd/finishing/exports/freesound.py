"""The table by which Freesound takes many sounds at once, with their tags, descriptions and licence.

After ``utils/sound_upload.py`` and ``static/bw-frontend/public/sample.csv`` in github.com/MTG/freesound.
"""

import csv
import io
from collections.abc import Iterator

from cnndsd.ear.kinds import kind
from cnndsd.finishing.exports.material import Material, base_name
from cnndsd.finishing.manifest import Listed
from cnndsd.spec import Kind

_COLUMNS = (
    "audio_filename", "name", "tags", "geotag", "description", "license", "pack_name", "is_explicit", "bst_category",
)  # fmt: skip
_LICENCES = {"CC0-1.0": "Creative Commons 0", "CC-BY-4.0": "Attribution"}
# Freesound's classes of sounds (Broad Sound Taxonomy 1.1): electronic instrument samples, solo percussion, synthetic
# soundscapes and electronic effects.
_INSTRUMENT, _PERCUSSION, _SOUNDSCAPE, _EFFECT = "is-e", "m-sp", "ss-s", "fx-el"
_CLASSES: dict[Kind, str] = {
    "hit": _INSTRUMENT, "bass": _INSTRUMENT, "lead": _INSTRUMENT, "pad": _INSTRUMENT, "beat": _PERCUSSION,
    "drone": _SOUNDSCAPE, "texture": _SOUNDSCAPE,
}  # fmt: skip
# A shorter name of a pack is refused.
_LEAST_NAME = 5


def freesound_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield the table, a row for each sound: the files are uploaded from their folders, the table after them."""
    spec = material.spec
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(_COLUMNS)
    for sound in material.sounds:
        name = base_name(sound.file)
        table.writerow(
            (
                name,
                name.rpartition(".")[0],
                " ".join(_tags(sound)),
                "",
                _description(sound, material.title),
                _LICENCES[spec.licence],
                spec.name if len(spec.name) >= _LEAST_NAME else "",
                0,
                _CLASSES.get(kind(sound.measures), _EFFECT),
            )
        )
    yield f"exports/freesound/{spec.name}.csv", out.getvalue().encode()


def _tags(sound: Listed) -> Iterator[str]:
    """Yield tags of letters, digits and hyphens; at least three are wanted."""
    yield from (kind(sound.measures), "neural-network", "generative", "electronic", "synthesized")
    if sound.pitch is not None:
        # A sharp is no letter of a tag.
        yield f"note-{sound.pitch.name.lower().replace('#', '-sharp-')}"
    if sound.tempo_bpm is not None:
        yield f"{sound.tempo_bpm:.0f}bpm"
    if sound.bars is not None:
        yield "loop"


def _description(sound: Listed, title: str) -> str:
    recipe = sound.recipe
    return (
        f"{kind(sound.measures).capitalize()} from {title}: the output of a tiny, untrained neural network of "
        f"{recipe.parameters} random numbers that listens to its own past. No recording went into it. The file carries "
        "the recipe that makes it again, sample by sample, with cnndsd."
    )
