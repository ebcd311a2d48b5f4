"""The exports by their names, in the order of their files in a pack."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cnndsd.finishing.exports.dslibrary import dslibrary_files
from cnndsd.finishing.exports.freesound import freesound_files
from cnndsd.finishing.exports.hydrogen import hydrogen_files
from cnndsd.finishing.exports.material import Material
from cnndsd.finishing.exports.multisample import multisample_files
from cnndsd.finishing.exports.opxy import opxy_files
from cnndsd.finishing.exports.opz import opz_files
from cnndsd.finishing.exports.renoise import renoise_files
from cnndsd.finishing.exports.strudel import strudel_files
from cnndsd.finishing.exports.wavetable import wavetable_files
from cnndsd.finishing.zipfiles import opened
from cnndsd.spec import ExportName

_FOLDER = "exports/"
# What has to lie beside the sounds.
_BESIDE = ("strudel.json",)


class Export(NamedTuple):
    """A format: what makes its files, which programs read them, and where they are in a pack."""

    files: Callable[[Material], Iterator[tuple[str, bytes]]]
    programs: str
    place: str


EXPORTS: dict[ExportName, Export] = {
    "strudel": Export(strudel_files, "Strudel", "strudel.json"),
    "multisample": Export(multisample_files, "Bitwig Studio, Studio One", "exports/multisample"),
    "wavetable": Export(wavetable_files, "Serum, Vital, Surge XT", "exports/wavetable"),
    "dslibrary": Export(dslibrary_files, "DecentSampler", "exports/dslibrary"),
    "hydrogen": Export(hydrogen_files, "Hydrogen", "exports/hydrogen"),
    "renoise": Export(renoise_files, "Renoise, Redux", "exports/renoise"),
    "opz": Export(opz_files, "OP-Z", "exports/opz"),
    "opxy": Export(opxy_files, "OP-XY", "exports/opxy"),
    "freesound": Export(freesound_files, "freesound.org", "exports/freesound"),
}


def export_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield the names and the bytes of all files that the spec's exports want, one in memory at a time."""
    for name, export in EXPORTS.items():
        if name in material.spec.exports:
            yield from export.files(material)


def export_sizes(path: Path) -> dict[ExportName, int]:
    """Return how many bytes each export has in a pack; ``Invalid`` when the file is no pack."""
    with opened(path) as archive:
        sizes = {name: archive.getinfo(name).file_size for name in archive.namelist()}
    return {
        name: sum(size for file, size in sizes.items() if file == export.place or file.startswith(f"{export.place}/"))
        for name, export in EXPORTS.items()
    }


def is_export(name: str) -> bool:
    """Return whether a file in a pack is an export, by its name."""
    return name.startswith(_FOLDER) or name in _BESIDE
