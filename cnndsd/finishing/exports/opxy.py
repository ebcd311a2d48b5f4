"""Presets for the OP-XY: folders with ``patch.json`` and WAV files, which are copied to the device as they are.

After ``baseDrumJson.ts``, ``baseMultisampleJson.ts`` and ``patchGeneration.ts`` in
github.com/joseph-holland/op-patchstudio.
"""

import copy
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from cnndsd.finishing.exports.material import Material, base_name, numbered
from cnndsd.finishing.instruments import Zone

_RATE, _DRUMS, _FIRST_KEY = 44_100, 24, 53
# The longest sound that the device plays.
_MOST_S = 20
_MIDDLE, _FULL = 16_384, 32_767
# How long a note rings on: 0.15 s, as a share of 10 s on a quadratic scale.
_RELEASE = 4013
# What a preset of the device itself says where nothing else is wanted; times and levels go up to 32,767.
_BASE: dict[str, Any] = {
    "engine": {
        "bendrange": 8191,
        "highpass": 0,
        "modulation": {
            name: {"amount": 16_383, "target": 0} for name in ("aftertouch", "modwheel", "pitchbend", "velocity")
        },
        "params": [_MIDDLE] * 8,
        "playmode": "poly",
        "portamento.amount": 0,
        "portamento.type": _FULL,
        "transpose": 0,
        "tuning.root": 0,
        "tuning.scale": 0,
        "velocity.sensitivity": 19_660,
        "volume": 18_348,
        "width": 0,
    },
    "envelope": {
        "amp": {"attack": 0, "decay": 0, "release": 1000, "sustain": _FULL},
        "filter": {"attack": 0, "decay": 3276, "release": 23_757, "sustain": 983},
    },
    "fx": {"active": False, "params": [22_014, 0, 30_285, 11_880, 0, _FULL, 0, 0], "type": "ladder"},
    "lfo": {"active": False, "params": [20_309, 5679, 19_114, 15_807, 0, 0, 0, 12_287], "type": "random"},
    "octave": 0,
    "platform": "OP-XY",
    "version": 4,
}


def opxy_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield kits of up to 24 hits, and a preset for each tuned sound; mono, 16 bit, 44.1 kHz."""
    drums = [zone for instrument in material.instruments if instrument.is_kit for zone in instrument.zones]
    for number, part in enumerate(material.volumes(drums, _DRUMS), 1):
        regions, sounds = [], []
        for key, zone in enumerate(part, _FIRST_KEY):
            sound = material.small(zone.file, _RATE)
            regions.append(_drum(zone, key, sound.size))
            sounds.append((_sample(zone), sound))
        yield from _preset(_allowed(numbered(material.spec.name, number)), "drum", regions, sounds)
    for instrument in material.instruments:
        if not instrument.is_kit:
            (zone,) = instrument.zones
            sound = material.small(zone.file, _RATE)
            if sound.size <= _MOST_S * _RATE:
                region = _tuned(material, zone, sound.size)
                yield from _preset(_allowed(instrument.name), "multisampler", [region], [(_sample(zone), sound)])


def _preset(
    name: str, preset_type: str, regions: list[dict[str, Any]], sounds: list[tuple[str, NDArray[np.int16]]]
) -> Iterator[tuple[str, bytes]]:
    patch = {**copy.deepcopy(_BASE), "name": name, "type": preset_type, "regions": regions}
    if preset_type == "multisampler":
        patch["envelope"]["amp"]["release"] = _RELEASE
    folder = f"exports/opxy/{name}.preset"
    yield f"{folder}/patch.json", json.dumps(patch, indent=1, sort_keys=True).encode() + b"\n"
    for file, sound in sounds:
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, _RATE, "PCM_16", format="WAV")
        yield f"{folder}/{file}", buffer.getvalue()


def _drum(zone: Zone, key: int, samples: int) -> dict[str, Any]:
    return {
        "fade.in": 0,
        "fade.out": 0,
        "framecount": samples,
        "gain": 0,
        "hikey": key,
        "lokey": key,
        "pan": 0,
        "pitch.keycenter": 60,
        "playmode": "oneshot",
        "reverse": False,
        "sample": _sample(zone),
        "sample.end": samples,
        "sample.start": 0,
        "transpose": 0,
        "tune": 0,
    }


def _tuned(material: Material, zone: Zone, samples: int) -> dict[str, Any]:
    to_rate = _RATE / material.spec.written_rate
    loop = (0, samples) if zone.loop is None else (round(zone.loop.start * to_rate), round(zone.loop.end * to_rate))
    return {
        "framecount": samples,
        "gain": 0,
        "hikey": 127,
        "lokey": 0,
        "loop.crossfade": 0,
        "loop.enabled": zone.loop is not None,
        "loop.end": min(loop[1], samples),
        "loop.onrelease": True,
        "loop.start": loop[0],
        "pitch.keycenter": zone.root,
        "reverse": False,
        "sample": _sample(zone),
        "sample.end": samples,
        "sample.start": 0,
        "tune": 0,
    }


def _sample(zone: Zone) -> str:
    return f"{_allowed(base_name(zone.file).rpartition('.')[0])}.wav"


def _allowed(name: str) -> str:
    """Return a name that the device shows: letters, digits, ``#`` and hyphens."""
    return re.sub(r"[^A-Za-z0-9#-]", "-", name)
