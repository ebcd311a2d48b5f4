"""What a command says of the pack that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnndsd.desk.terminal import DONE, FEWER, count_of, say

if TYPE_CHECKING:
    from cnndsd.farm.factory import Packed
    from cnndsd.spec import Spec


def report_listed(packed: Packed, how: str = "listed") -> int:
    """Print the result of a pack of candidates that were listed, or kept; returns the exit code."""
    print(packed.path)
    if packed.sounds < packed.wanted:
        listed = f"{packed.sounds} of the {packed.wanted} sounds that were {how}"
        return say(f"{listed}; the others could not be finished", FEWER)
    return say(f"{count_of(packed.sounds, 'sound')}, those that were {how}", DONE)


def report(packed: Packed) -> int:
    """Print the result of a pack that was searched for; returns the exit code."""
    from cnndsd.farm.findings import refusals_in_words

    print(packed.path)
    findings = packed.findings
    by_ear = len(findings.picked("keep"))
    kept = f", {by_ear} of them kept by ear" if by_ear else ""
    refused = refusals_in_words(findings.refused)
    many = f"{count_of(packed.sounds, 'sound')} of {findings.candidates} candidates{kept}"
    say(f"{many}; {findings.passed} passed, refused {refused}", DONE)
    if packed.sounds < packed.wanted:
        return say(f"fewer sounds than the {packed.wanted} asked for; {_more(packed)}", FEWER)
    return DONE


def _more(packed: Packed) -> str:
    """Return what may find the sounds that are missing."""
    enough = packed.enough
    if enough is None:
        return "more --candidates may find some, and a lower score or distance under [choose] allows more"
    return f"about --candidates {enough} would find them, by what was found so far"


def report_sizes(packed: Packed, spec: Spec) -> None:
    """Say how much of a pack its exports are."""
    from cnndsd.finishing.exports.table import export_sizes

    if spec.exports and packed.path is not None:
        found = export_sizes(packed.path).items()
        sizes = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in found if name in spec.exports)
        say(f"exports, in MB: {sizes}; the whole zip has {packed.path.stat().st_size / 1e6:.1f}", DONE)
