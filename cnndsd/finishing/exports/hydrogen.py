"""Drum kits for Hydrogen: a tar in gzip's format, with ``drumkit.xml`` and its sounds in one folder.

After ``data/xsd/drumkit.xsd`` of Hydrogen 1.2, which later versions still read.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cnndsd.finishing.exports.containers import child, stored_tar_gz, xml_bytes
from cnndsd.finishing.exports.material import Material, base_name, numbered
from cnndsd.finishing.instruments import Zone

_MOST_INSTRUMENTS = 1000
_NAMESPACE = "http://www.hydrogen-music.org/drumkit"
# In samples: a hit ends by itself.
_RELEASE_SAMPLES = 1000


def hydrogen_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield a kit of the hits, on the notes of the pack's own drum kit; alternates are layers in round robin."""
    zones = [zone for instrument in material.instruments if instrument.is_kit for zone in instrument.zones]
    for number, part in enumerate(material.volumes(zones, _MOST_INSTRUMENTS), 1):
        name = numbered(material.spec.name, number)
        sounds = [(f"{name}/{base_name(file)}", material.read(file)) for zone in part for file in zone.files]
        xml = xml_bytes(_kit(material, name, part))
        yield f"exports/hydrogen/{name}.h2drumkit", stored_tar_gz([(f"{name}/drumkit.xml", xml), *sounds])


def _kit(material: Material, name: str, zones: tuple[Zone, ...]) -> Element:
    root = Element("drumkit_info", {"xmlns": _NAMESPACE})
    child(root, "name", name)
    child(root, "author", material.spec.author or "cnndsd")
    child(root, "info", material.title)
    child(root, "license", material.spec.licence)
    child(root, "image", "")
    child(root, "imageLicense", material.spec.licence)
    component = child(child(root, "componentList"), "drumkitComponent")
    child(component, "id", 0)
    child(component, "name", "Main")
    child(component, "volume", 1)
    instruments = child(root, "instrumentList")
    for place, zone in enumerate(zones):
        _add_instrument(instruments, place, zone)
    return root


def _add_instrument(instruments: Element, place: int, zone: Zone) -> None:
    instrument = child(instruments, "instrument")
    for tag, value in (
        ("id", place),
        ("name", base_name(zone.file).rpartition(".")[0]),
        ("volume", 1),
        ("isMuted", "false"),
        ("isSoloed", "false"),
        ("pan", 0),
        ("pitchOffset", 0),
        ("randomPitchFactor", 0),
        ("gain", 1),
        ("applyVelocity", "true"),
        ("filterActive", "false"),
        ("filterCutoff", 1),
        ("filterResonance", 0),
        ("Attack", 0),
        ("Decay", 0),
        ("Sustain", 1),
        ("Release", _RELEASE_SAMPLES),
        ("muteGroup", -1),
        ("midiOutChannel", -1),
        ("midiOutNote", zone.root),
        ("isStopNote", "false"),
        ("sampleSelectionAlgo", "ROUND_ROBIN" if zone.alternates else "VELOCITY"),
        ("isHihat", -1),
        ("lower_cc", 0),
        ("higher_cc", 127),
        *((f"FX{number}Level", 0) for number in range(1, 5)),
    ):
        child(instrument, tag, value)
    component = child(instrument, "instrumentComponent")
    child(component, "component_id", 0)
    child(component, "gain", 1)
    for file in zone.files:
        layer = child(component, "layer")
        child(layer, "filename", base_name(file))
        for tag, value in (("min", 0), ("max", 1), ("gain", 1), ("pitch", 0)):
            child(layer, tag, value)
