"""Multisamples for Bitwig Studio and Studio One: a zip with ``multisample.xml`` and its sounds as WAV.

After the schema and the table of properties in github.com/bitwig/multisample.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cnndsd.finishing.exports.containers import child, stored_zip, xml_bytes
from cnndsd.finishing.exports.material import Material, base_name, kit_name
from cnndsd.finishing.instruments import Instrument, Zone

_KEYS = 128


def multisample_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield a file for each tuned sound, and drum kits; alternates are round robins."""
    kits = 0
    for instrument in material.instruments:
        for zones in material.volumes(instrument.zones, _KEYS):
            kits += instrument.is_kit
            name = kit_name(kits) if instrument.is_kit else instrument.name
            sounds = [
                (f"{base_name(file).rpartition('.')[0]}.wav", material.wav(file))
                for zone in zones
                for file in zone.files
            ]
            xml = xml_bytes(_multisample(material, instrument, name, zones))
            yield f"exports/multisample/{name}.multisample", stored_zip([("multisample.xml", xml), *sounds])


def _multisample(material: Material, instrument: Instrument, name: str, zones: tuple[Zone, ...]) -> Element:
    root = Element("multisample", {"name": name})
    child(root, "generator", "cnndsd")
    child(root, "category", "Drums" if instrument.is_kit else "Synth")
    child(root, "creator", material.spec.author or "cnndsd")
    child(root, "description", f"{material.title}, {material.spec.licence}")
    keywords = child(root, "keywords")
    for word in ("drums", "electronic") if instrument.is_kit else ("synth", "electronic"):
        child(keywords, "keyword", word)
    for zone in zones:
        for file in zone.files:
            length = material.length(file)
            turns = {"zone_logic": "round-robin"} if zone.alternates else {}
            named = f"{base_name(file).rpartition('.')[0]}.wav"
            sample = child(root, "sample", file=named, gain="0.0", sample_start=0, sample_stop=length, **turns)
            # Plus 0.0, as minus nothing would be written with its sign.
            tune = round(-zone.cents / 100.0, 3) + 0.0
            child(sample, "key", root=zone.root, track=1, tune=tune, low=zone.low, high=zone.high)
            child(sample, "velocity", low=0, high=127)
            child(sample, "select", low=0, high=127)
            if zone.loop is None:
                child(sample, "loop", mode="off", start=0, stop=length)
            else:
                child(sample, "loop", mode="loop", start=zone.loop.start, stop=zone.loop.end)
    return root
