"""Which files a pack has, in which order and with which digests, and the numbers about them in its manifest."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from cnndsd.farm.arranging import in_order_of_kinds
from cnndsd.farm.shelf import Entry
from cnndsd.finishing.exports.table import is_export
from cnndsd.finishing.manifest import Listed, Manifest
from cnndsd.finishing.packing import SUMS, instruments_of, sums_text
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.spec import Spec

# The files after sounds, instruments and exports, in zip order.
_LAST = ["cover.png", "index.html", "manifest.json", "manifest.csv", "README.txt", "LICENSE.txt", SUMS]


def _expected_names(spec: Spec, sounds: Sequence[Listed]) -> Iterator[str]:
    """Yield the names of a pack's files, in their order; without its exports, which are known when they are made."""
    yield from (name for sound in sounds for name in sound.files)
    yield from (name for name, _ in instruments_of(spec, sounds))
    yield from _LAST


def name_faults(archive: PackFile, spec: Spec, sounds: Sequence[Listed], is_ours: bool) -> Iterator[str]:
    """Yield which files are missing, are too many or are in another order. ``is_ours``: this version made the pack."""
    wanted = list(_expected_names(spec, sounds))
    # Which exports there are is known when they are made again.
    names = [name for name in archive.namelist() if not (spec.exports and is_export(name))]
    missing, extra = sorted(set(wanted) - set(names)), sorted(set(names) - set(wanted))
    yield from (f"{name}: is missing" for name in missing)
    # Another version may put other files into a pack.
    if is_ours:
        yield from (f"{name}: is not in the manifest" for name in extra)
        if names != wanted and not missing and not extra:
            yield "the files are not in the manifest's order"


def sum_faults(archive: PackFile) -> Iterator[str]:
    """Yield the faults in a pack's ``SHA256SUMS``."""
    names = archive.namelist()
    if SUMS not in names:
        return
    names.remove(SUMS)
    sums = {name: _sha256(archive, name) for name in names}
    written = archive.read(SUMS).decode(errors="replace")
    if written != sums_text(sums):
        lines = set(written.splitlines())
        changed = [name for name, digest in sums.items() if f"{digest}  {name}" not in lines]
        yield from (f"{name}: is not the file that was packed (its SHA-256 differs)" for name in changed)
        if not changed:
            yield f"{SUMS}: was changed"


def _sha256(archive: PackFile, name: str) -> str:
    with archive.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def number_faults(spec: Spec, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong with the numbers of candidates in a manifest, and with the order of its sounds."""
    candidates, refused = manifest.candidates, manifest.refused
    # Those of a pack that was made without judging are 0.
    if candidates not in (0, spec.candidates):
        yield f"manifest.json: candidates: {candidates} is not the spec's number, {spec.candidates}"
    if min([candidates, *refused.values()]) < 0 or sum(refused.values()) > candidates:
        yield f"manifest.json: refused: {sum(refused.values())} of {candidates} candidates cannot be"
    if not 0 <= manifest.by_hand <= len(manifest.sounds):
        yield f"manifest.json: by_hand: {manifest.by_hand} of {len(manifest.sounds)} sounds cannot be"
    for candidate, times in Counter(sound.candidate for sound in manifest.sounds).items():
        if candidate is None:
            yield "manifest.json: a sound has no candidate number"
        elif times > 1:
            yield f"manifest.json: candidate {candidate} is in it {times} times"
    keys = [in_order_of_kinds(_entry(sound)) for sound in manifest.sounds]
    if keys != sorted(keys):
        yield "manifest.json: its sounds are not in order, kind by kind, each from dark to bright"


def _entry(sound: Listed) -> Entry:
    return Entry(sound.candidate or 0, 0.0, sound.measures, sound.recipe)
