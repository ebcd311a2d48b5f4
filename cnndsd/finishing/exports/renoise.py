"""Instruments for Renoise and Redux: a zip with ``Instrument.xml`` and its sounds.

There is no public description; this is what ConvertWithMoss writes and reads (``RenoiseCreator.java``), version 33.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cnndsd.finishing import audiofile
from cnndsd.finishing.exports.containers import child, stored_zip, xml_bytes
from cnndsd.finishing.exports.material import Material, base_name, kit_name
from cnndsd.finishing.instruments import Instrument, Zone

# The highest note, and the most samples of an instrument.
_HIGHEST, _MOST_SAMPLES = 119, 250
# Of a note that is let go: the device's value for 0.15 s, of 60 s at most, on a cubic scale.
_RELEASE = "0.1357"


def renoise_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield a file for each tuned sound, and drum kits; alternates are notes that cycle through their samples."""
    kits = 0
    for instrument in material.instruments:
        zones = list(_within_reach(instrument))
        turns = max((len(zone.files) for zone in zones), default=1)
        for part in material.volumes(zones, _MOST_SAMPLES // turns):
            kits += instrument.is_kit
            name = kit_name(kits) if instrument.is_kit else instrument.name
            files = [(zone, file) for zone in part for file in zone.files]
            digits = len(str(len(files) - 1))
            names = [
                f"Sample{place:0{max(2, digits)}d} ({base_name(file).rpartition('.')[0]})"
                for place, (_, file) in enumerate(files)
            ]
            xml = xml_bytes(_instrument(material, name, list(zip(names, files, strict=True))))
            sounds = [_sound(material, named, file) for named, (_, file) in zip(names, files, strict=True)]
            yield f"exports/renoise/{name}.xrni", stored_zip([("Instrument.xml", xml), *sounds])


def _within_reach(instrument: Instrument) -> Iterator[Zone]:
    """Yield the zones that Renoise has keys for; a kit that goes higher is moved down as a whole."""
    lower = max(0, max(zone.root for zone in instrument.zones) - _HIGHEST) if instrument.is_kit else 0
    for zone in instrument.zones:
        if zone.root - lower <= _HIGHEST:
            yield zone._replace(low=zone.low - lower, root=zone.root - lower, high=zone.high - lower)


def _sound(material: Material, name: str, file: str) -> tuple[str, bytes]:
    """Return the name and the bytes of a sound: FLAC, as Renoise itself writes it, unless the samples are floats."""
    if audiofile.FORMATS[material.spec.format].is_float:
        return f"SampleData/{name}.wav", material.read(file)
    return f"SampleData/{name}.flac", material.flac(file)


def _instrument(material: Material, name: str, named: list[tuple[str, tuple[Zone, str]]]) -> Element:
    root = Element("RenoiseInstrument", {"doc_version": "33"})
    child(root, "Name", name)
    properties = child(root, "GlobalProperties", type="InstrumentGlobalProperties")
    child(properties, "Volume", "1.0")
    comments = child(properties, "Comments")
    child(comments, "Comment", f"{material.title}, {material.spec.licence}")
    generator = child(root, "SampleGenerator")
    samples = child(generator, "Samples", type="SampleList")
    for file, (zone, path) in named:
        sample = child(samples, "Sample")
        child(sample, "Name", base_name(path).rpartition(".")[0])
        child(sample, "FileName", file)
        child(sample, "Volume", "1.0")
        child(sample, "Panning", "0.5")
        child(sample, "Transpose", 0)
        # 127 is a semitone.
        child(sample, "Finetune", round(-zone.cents * 1.27))
        if zone.is_drum:
            child(sample, "OneShotTrigger", "true")
        child(sample, "NewNoteAction", "NoteOff")
        child(sample, "InterpolationMode", "Cubic")
        child(sample, "LoopMode", "Off" if zone.loop is None else "Forward")
        child(sample, "LoopRelease", "false")
        child(sample, "LoopStart", 0 if zone.loop is None else zone.loop.start)
        child(sample, "LoopEnd", material.length(path) if zone.loop is None else zone.loop.end)
        child(sample, "ModulationSetIndex", 0)
        mapping = child(sample, "Mapping")
        child(mapping, "Layer", "Note-On Layer")
        child(mapping, "BaseNote", zone.root)
        child(mapping, "NoteStart", zone.low)
        child(mapping, "NoteEnd", min(zone.high, _HIGHEST))
        child(mapping, "MapKeyToPitch", "true")
        child(mapping, "VelocityStart", 0)
        child(mapping, "VelocityEnd", 127)
        child(mapping, "MapVelocityToVolume", "true")
    _add_envelope(generator)
    takes_turns = any(zone.alternates for _, (zone, _) in named)
    child(generator, "KeyzoneOverlappingMode", "Cycle" if takes_turns else "Play All")
    return root


def _add_envelope(generator: Element) -> None:
    """Add the one modulation set, which lets a note ring off for a moment instead of cutting it."""
    modulation = child(child(generator, "ModulationSets"), "ModulationSet")
    devices = child(modulation, "Devices")
    mixer = child(devices, "SampleMixerModulationDevice", type="SampleMixerModulationDevice")
    for tag, value in (("IsActive", "1.0"), ("Volume", "1.0"), ("Panning", "0.0"), ("Pitch", "0.0")):
        child(child(mixer, tag), "Value", value)
    child(mixer, "PitchModulationRange", 12)
    for tag, value in (("Cutoff", "64.0"), ("Resonance", "64.0"), ("Drive", "0.0")):
        child(child(mixer, tag), "Value", value)
    envelope = child(devices, "SampleAhdsrModulationDevice", type="SampleAhdsrModulationDevice")
    child(child(envelope, "IsActive"), "Value", "1.0")
    for tag, text in (("Target", "Volume"), ("Operator", "*"), ("Bipolar", "false"), ("TempoSynced", "false")):
        child(envelope, tag, text)
    for tag, value in (("Attack", "0.0"), ("Hold", "0.0"), ("Decay", "0.0"), ("Sustain", "1.0"), ("Release", _RELEASE)):
        child(child(envelope, tag), "Value", value)
    child(modulation, "Name", "Set 1")
    child(modulation, "FilterType", 0)
    child(modulation, "FilterBankVersion", 3)
