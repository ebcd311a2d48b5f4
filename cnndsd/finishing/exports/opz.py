"""Drum kits for the OP-Z: one AIFF file whose chunk ``APPL`` says where each drum begins and ends.

After ``developer-docs/format-spec.md``, ``wip-docs/guides/opz-validation-findings.md`` and files of the device in
github.com/m0nkmaster/synth-tools.
"""

import json
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnndsd.finishing.exports.material import Material, numbered

_RATE, _DRUMS = 44_100, 24
# The longest file that the device plays.
_MOST_S = 11.8
# A place in the file, in samples, is written so many times as large.
_SCALE = 4058
_PLAYS_OUT, _FORWARD, _FULL = 12_288, 8192, 8192
# 44,100 as a number of 80 bits (IEEE 754 extended), as AIFF has it.
_RATE_80 = struct.pack(">HQ", 16_383 + 15, _RATE << 48)


def opz_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield kits of up to 24 hits, mono, 16 bit, 44.1 kHz, dark to bright; more hits make more kits."""
    zones = [zone for instrument in material.instruments if instrument.is_kit for zone in instrument.zones]
    sounds = {zone: material.small(zone.file, _RATE) for zone in zones}
    parts = material.volumes(zones, _DRUMS, lambda zone: sounds[zone].size, int(_MOST_S * _RATE))
    for number, part in enumerate(parts, 1):
        name = numbered(material.spec.name, number)
        yield f"exports/opz/{name}.aif", _kit(name, [sounds[zone] for zone in part])


def _kit(name: str, sounds: list[NDArray[np.int16]]) -> bytes:
    ends = np.cumsum([sound.size for sound in sounds]).tolist()
    starts = [0, *ends[:-1]]
    # Places without a drum begin and end where the last one ends.
    empty = [ends[-1] - 1] * (_DRUMS - len(sounds))
    about = {
        "drum_version": 3,
        "dyna_env": [0, 8192, 0, 0, 0, 0, 0, 0],
        "editable": True,
        "end": [_SCALE * place for place in (*(end - 1 for end in ends), *empty)],
        "fx_active": False,
        "fx_params": [8000] * 8,
        "fx_type": "delay",
        "lfo_active": False,
        "lfo_params": [0] * 8,
        "lfo_type": "tremolo",
        "name": name,
        "octave": 0,
        "pitch": [0] * _DRUMS,
        "playmode": [_PLAYS_OUT] * _DRUMS,
        "reverse": [_FORWARD] * _DRUMS,
        "start": [_SCALE * place for place in (*starts, *empty)],
        "type": "drum",
        "volume": [_FULL] * _DRUMS,
    }
    samples = np.concatenate(sounds).astype(">i2").tobytes()
    chunks = (
        _chunk(b"COMM", struct.pack(">hIh", 1, ends[-1], 16) + _RATE_80)
        # The device wants its keys in alphabetical order.
        + _chunk(b"APPL", b"op-1" + json.dumps(about, sort_keys=True, separators=(",", ":")).encode())
        + _chunk(b"SSND", struct.pack(">II", 0, 0) + samples)
    )
    return b"FORM" + struct.pack(">I", 4 + len(chunks)) + b"AIFF" + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + content + b"\0" * (len(content) % 2)
