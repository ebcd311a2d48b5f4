"""Measures to a verdict: the reason of a refusal, or None."""

from typing import Literal

from cnndsd.measure import Levels, Measures
from cnndsd.spec import Limits

Reason = Literal["not finite", "silent", "too short", "clipped", "inaudible", "static noise"]


def judge(measures: Measures, limits: Limits | None = None) -> Reason | None:
    """Why the sound is refused, or None when it may pass.

    Every comparison asks for what is wanted, so that a NaN is refused.
    """
    limits = limits or Limits()
    return judge_levels(measures, limits) or judge_spectrum(measures, limits)


def judge_levels(levels: Levels, limits: Limits) -> Reason | None:
    """The first half of ``judge``, which spares the refused a look at their spectrum."""
    if not levels.finite:
        return "not finite"
    if not (levels.heard_s > 0.0 and levels.rms_dbfs >= limits.rms_dbfs):
        return "silent"
    if not levels.heard_s >= limits.heard_s:
        return "too short"
    if not levels.crest_db >= limits.crest_db:
        return "clipped"
    return None


def judge_spectrum(measures: Measures, limits: Limits) -> Reason | None:
    """The second half of ``judge``."""
    if not measures.audible_share >= limits.audible_share:
        return "inaudible"
    if not (measures.flatness <= limits.noise_flatness or measures.movement_db >= limits.noise_movement_db):
        return "static noise"
    return None
