"""A library for DecentSampler: a zip of its presets, beside one folder with all sounds that they play.

DecentSampler's guide for developers says what is in a preset; a library is a zip of presets and sounds.
"""

from collections.abc import Iterator

from cnndsd.finishing.exports.containers import stored_zip
from cnndsd.finishing.exports.material import Material, base_name, numbered
from cnndsd.finishing.instruments import Zone, preset_text

_FOLDER = "Samples"
# Of zones in one library; more go into a second one.
_MOST_ZONES = 1000


def dslibrary_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield a library of the pack's instruments; alternates are round robins."""
    zones = {zone: instrument.name for instrument in material.instruments for zone in instrument.zones}
    for number, part in enumerate(material.volumes(list(zones), _MOST_ZONES), 1):
        presets: dict[str, list[Zone]] = {}
        for zone in part:
            presets.setdefault(zones[zone], []).append(zone)
        files = [
            (f"{name}.dspreset", preset_text([_moved(zone) for zone in played]).encode())
            for name, played in presets.items()
        ]
        sounds = dict.fromkeys(file for zone in part for file in zone.files)
        files += [(_inside(file), material.read(file)) for file in sounds]
        yield f"exports/dslibrary/{numbered(material.spec.name, number)}.dslibrary", stored_zip(files)


def _moved(zone: Zone) -> Zone:
    return zone._replace(file=_inside(zone.file), alternates=tuple(map(_inside, zone.alternates)))


def _inside(file: str) -> str:
    return f"{_FOLDER}/{base_name(file)}"
