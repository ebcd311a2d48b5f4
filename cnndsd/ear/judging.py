"""From measures to a verdict: the reason why a sound is refused, or None."""

from collections import namedtuple
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.measuring import PLACES, Measures
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Limits

# The version of everything that decides what a run finds and what its pack holds: measures, descriptions, verdicts,
# kinds, scores, cells, the choice, and the notes and loops that sounds are brought to. Raise it when any of them
# changes, and add the new digests to tests/ear/judging.json; tests/ear/test_identity.py says how. A ledger with another
# number is not continued, and a worker with another number is refused.
JUDGING = 7

Reason = Literal["not finite", "silent", "too short", "clipped", "inaudible", "static noise"]
REASONS: tuple[Reason, ...] = get_args(Reason)
_NOT_FINITE, _SILENT, _TOO_SHORT, _CLIPPED, _INAUDIBLE, _STATIC_NOISE = range(len(REASONS))
# In place of the number of a reason: the sound passes.
PASSES = -1
# The places of the fields of ``Limits`` in a row of numbers.
_LIMITS: Any = namedtuple("_LIMITS", Limits.__struct_fields__)(*range(len(Limits.__struct_fields__)))  # type: ignore[misc, arg-type]


def judge(measures: Measures, limits: Limits | None = None) -> Reason | None:
    """Return the reason why a sound is refused, or None when it passes.

    ``limits``: those of the default spec when None. A NaN is refused: each comparison states what a sound must be.

    >>> judge(measure(audio))
    """
    row = np.array(msgspec.structs.astuple(measures)[1 : 1 + len(PLACES)], np.float64)
    bounds = limit_row(limits or Limits())
    number = judge_amplitude(measures.finite, row, bounds)
    number = judge_spectrum(row, bounds) if number == PASSES else number
    return None if number == PASSES else REASONS[number]


def limit_row(limits: Limits) -> NDArray[np.float64]:
    """Return limits as a row of numbers."""
    return np.array(msgspec.structs.astuple(limits), np.float64)


@compiled
def judge_amplitude(finite, row, limits):  # type: ignore[no-untyped-def]
    """Do the first half of ``judge``, which needs no spectra. Return the number of the reason, or ``PASSES``.

    ``row``: measures at their ``PLACES``; ``finite``: the one that is missing there; ``limits``: a ``limit_row``.
    """
    if not finite:
        return _NOT_FINITE
    if not (row[PLACES.heard_s] > 0.0 and row[PLACES.rms_dbfs] >= limits[_LIMITS.rms_dbfs]):
        return _SILENT
    if not row[PLACES.heard_s] >= limits[_LIMITS.heard_s]:
        return _TOO_SHORT
    if not row[PLACES.crest_db] >= limits[_LIMITS.crest_db]:
        return _CLIPPED
    return PASSES


@compiled
def judge_spectrum(row, limits):  # type: ignore[no-untyped-def]
    """Do the second half of ``judge``."""
    if not row[PLACES.audible_share] >= limits[_LIMITS.audible_share]:
        return _INAUDIBLE
    is_noise = not row[PLACES.flatness] <= limits[_LIMITS.noise_flatness]
    if is_noise and not row[PLACES.movement_db] >= limits[_LIMITS.noise_movement_db]:
        return _STATIC_NOISE
    return PASSES
