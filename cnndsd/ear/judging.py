"""From measures to a verdict: the reason why a sound is refused, or None."""

from typing import Literal

from cnndsd.ear.measuring import Amplitude, Measures
from cnndsd.spec import Limits

# The version of everything that decides what a run finds: measures, descriptions, verdicts, kinds, scores, cells and
# choice. Raise it when any of them changes, and add the new digests to tests/ear/judging.json;
# tests/ear/test_identity.py says how. A ledger with another number is not continued, and a worker with another number
# is refused.
JUDGING = 1

Reason = Literal["not finite", "silent", "too short", "clipped", "inaudible", "static noise"]


def judge(measures: Measures, limits: Limits | None = None) -> Reason | None:
    """Return the reason why a sound is refused, or None when it passes.

    ``limits``: those of the default spec when None. A NaN is refused: each comparison states what a sound must be.

    >>> judge(measure(audio))
    """
    limits = limits or Limits()
    return judge_amplitude(measures, limits) or judge_spectrum(measures, limits)


def judge_amplitude(amplitude: Amplitude, limits: Limits) -> Reason | None:
    """Do the first half of ``judge``, which needs no spectra."""
    if not amplitude.finite:
        return "not finite"
    if not (amplitude.heard_s > 0.0 and amplitude.rms_dbfs >= limits.rms_dbfs):
        return "silent"
    if not amplitude.heard_s >= limits.heard_s:
        return "too short"
    if not amplitude.crest_db >= limits.crest_db:
        return "clipped"
    return None


def judge_spectrum(measures: Measures, limits: Limits) -> Reason | None:
    """Do the second half of ``judge``."""
    if not measures.audible_share >= limits.audible_share:
        return "inaudible"
    if not (measures.flatness <= limits.noise_flatness or measures.movement_db >= limits.noise_movement_db):
        return "static noise"
    return None
