"""From measures to a description: a sound's envelope, pulse, pitch and timbre. Nothing is decided here.

Both inputs come from measuring: the statistics of frames of 10 ms of network steps, and the power spectra of segments.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.ear.description import AT
from cnndsd.ear.envelope import describe_envelope
from cnndsd.ear.measuring import FLOOR_DB, Clock, movement, segment_steps
from cnndsd.ear.pitch import find_pitch, lags_per_step, window_gain
from cnndsd.ear.timbre import band_noise, band_weights, describe_timbre, total_weights
from cnndsd.sound.compiler import inlined


class Weights(NamedTuple):
    """What the bins of the spectra of sounds with the same clock count for.

    ``bands``, ``totals``: see ``band_weights`` and ``total_weights``; ``noise``: see ``band_noise``; ``gain``: see
    ``window_gain``; ``finer``: lags of the autocorrelation per network step; ``rate``: lags per second.
    """

    bands: NDArray[np.float64]
    totals: NDArray[np.float64]
    noise: NDArray[np.float64]
    gain: NDArray[np.float64]
    finer: int
    rate: float


@functools.lru_cache(maxsize=256)
def known_weights(clock: Clock) -> Weights:
    """Return what the bins of the spectra of sounds with this clock count for."""
    bins = segment_steps(clock) // 2
    finer = lags_per_step(bins)
    weights = band_weights(bins, clock), total_weights(bins, clock), band_noise(bins, clock)
    return Weights(*weights, window_gain(2 * bins, finer), finer, clock.step_rate_hz * finer)


@inlined
def describe_heard(statistics, steps, frame, frame_s, energy, edges, mel, whole, correlation, weights, row):  # type: ignore[no-untyped-def]
    """Fill in what ``Description`` adds to ``Measures``, each field at its place in ``row`` (see ``AT``).

    ``statistics``: ``kernel.frame_statistics`` of the heard part, which has ``steps`` network steps; a frame has
    ``frame`` steps and lasts ``frame_s`` seconds. ``energy``: of its spectra in the bands of ``edges``, shape
    ``(bands, segments)``, and ``mel``: in mel bands, shape ``(segments, TIMBRE_BANDS)``. ``whole``: the sum of its
    spectra, shape ``(bins,)``. ``correlation``: the autocorrelation of each part of the sound, shape ``(parts, lags)``;
    it is changed. ``weights``: of the bins.
    """
    loudest_db, late_db = describe_envelope(statistics, steps, frame, frame_s, row)
    totals = np.zeros(weights.totals.shape[1])
    for k in range(whole.size):
        for c in range(totals.size):
            totals[c] += whole[k] * weights.totals[k, c]
    row[AT.loudness_lufs] = max(FLOOR_DB, loudest_db + describe_timbre(mel, totals, weights.noise, row) - 0.691)
    row[AT.late_db] = math.hypot(movement(energy[:, energy.shape[1] // 3 :], edges), late_db)
    pitch = find_pitch(correlation, weights.gain, weights.rate, weights.finer)
    row[AT.pitch_hz], row[AT.clarity], row[AT.glide_octaves] = pitch
