"""``strudel.json``, by which Strudel finds the sounds of a pack that is on a web server (strudel.cc/learn/samples).

It lies in the pack's own folder, beside the sounds that it names. Strudel puts the address of that folder, without a
slash at its end, before each path; so the paths begin with a slash, and the pack need not know its address.
"""

import json
from collections.abc import Iterator
from urllib.parse import quote

from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing.exports.material import Material
from cnndsd.finishing.manifest import Listed
from cnndsd.finishing.naming import flat


def strudel_files(material: Material) -> Iterator[tuple[str, bytes]]:
    """Yield ``strudel.json``: a list of files for each kind, and each tuned sound on its note.

    The keys are those of a bank: ``s("growl").bank("cnndsd")`` and ``s("cnndsd_growl")`` mean the same.
    """
    prefix = f"{material.spec.prefix}_" if material.spec.prefix else ""
    banks: dict[str, list[str] | dict[str, str]] = {}
    for name in KINDS:
        for is_loop in (False, True):
            files = [_path(s) for s in material.sounds if kind(s.measures) == name and (s.bars is not None) == is_loop]
            if files:
                banks[f"{prefix}{'loop_' if is_loop else ''}{name}"] = files
    for sound in material.sounds:
        if sound.pitch is not None and sound.bars is None:
            banks[_own_key(sound, sound.pitch, prefix)] = {sound.pitch.name.lower().replace("#", "s"): _path(sound)}
    yield "strudel.json", json.dumps(banks, indent=1).encode() + b"\n"


def _path(sound: Listed) -> str:
    return f"/{quote(sound.file)}"


def _own_key(sound: Listed, pitch: Pitch, prefix: str) -> str:
    """Return the name of a tuned sound without its note, such as ``cnndsd_lead_link``."""
    stem = sound.file.rpartition("/")[2].rpartition(".")[0]
    for note in (pitch.name, flat(pitch.name)):
        stem = stem.removesuffix(f"_{note}")
    return prefix + stem.removeprefix(prefix)
