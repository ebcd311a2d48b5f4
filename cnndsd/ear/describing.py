"""From measures to a description: a sound's envelope, pulse, pitch and timbre. Nothing is decided here.

Both inputs come from measuring: the statistics of frames of 10 ms of network steps, and the power spectra of segments.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from cnndsd.ear.description import AT, ROW, Description, from_row
from cnndsd.ear.envelope import describe_envelope
from cnndsd.ear.measuring import FLOOR_DB, Analysis, Clock, Measures, band_edges, heard_steps, movement
from cnndsd.ear.pitch import PARTS, find_pitch, lags_per_step, sum_parts, window_gain
from cnndsd.ear.timbre import band_noise, band_weights, describe_timbre, total_weights
from cnndsd.sound.compiler import compiled

_MEASURES = len(Measures.__struct_fields__) - 1


def describe_all(sounds: Sequence[Analysis], steps: int, clock: Clock) -> list[Description]:
    """Return the descriptions of sounds that were analysed; all have ``steps`` network steps and the same clock."""
    if not sounds:
        return []
    step_rate, frame = clock.step_rate_hz, clock.frame_steps
    bins = sounds[0].power.shape[1]
    finer = lags_per_step(bins)
    edges, gain = band_edges(bins), window_gain(2 * bins, finer)
    of_bands, of_totals, noise = band_weights(bins, clock), total_weights(bins, clock), band_noise(bins, clock)
    padded = np.zeros((len(sounds), PARTS, bins * finer + 1))
    for sound, parts in zip(sounds, padded, strict=True):
        sum_parts(sound.power, parts)
    # One call for all sounds: each call costs as much as a transform.
    correlation = np.fft.irfft(padded, axis=2)
    rows = np.zeros((len(sounds), ROW))
    for n, (measures, power, statistics, complexity) in enumerate(sounds):
        heard = heard_steps(measures, steps, step_rate)
        rows[n, :_MEASURES] = msgspec.structs.astuple(measures)[1:]
        rows[n, AT.complexity] = complexity
        describe_heard(
            statistics[heard.start // frame : -(-heard.stop // frame)],
            heard.stop - heard.start,
            frame,
            frame / step_rate,
            power,
            edges,
            power @ of_bands,
            power.sum(axis=0) @ of_totals,
            noise,
            correlation[n],
            gain,
            finer,
            step_rate * finer,
            rows[n],
        )
    # Machines differ in the last bits of logarithms and FFTs; without those bits all machines decide the same.
    return [from_row(row) for row in np.round(rows, 4).tolist()]


@compiled
def describe_heard(
    statistics, steps, frame, frame_s, power, edges, energy, totals, noise, correlation, gain, finer, rate, row
):  # type: ignore[no-untyped-def]
    """Fill in what ``Description`` adds to ``Measures``, each field at its place in ``row`` (see ``AT``).

    ``statistics``: ``kernel.frame_statistics`` of the heard part, which has ``steps`` network steps; a frame has
    ``frame`` steps and lasts ``frame_s`` seconds. ``power``: spectra, shape ``(segments, bins)``; ``edges``: of their
    bands. ``energy``, ``totals``: ``power`` times ``band_weights``, and its sum over the segments times
    ``total_weights``; ``noise``: see ``band_noise``. ``correlation``: the autocorrelation of each part of the sound,
    shape ``(parts, lags)``, with ``finer`` lags per step and ``rate`` lags per second; it is changed. ``gain``: see
    ``window_gain``.
    """
    loudest_db, late_db = describe_envelope(statistics, steps, frame, frame_s, row)
    row[AT.loudness_lufs] = max(FLOOR_DB, loudest_db + describe_timbre(energy, totals, noise, row) - 0.691)
    row[AT.late_db] = math.hypot(movement(power[power.shape[0] // 3 :], edges), late_db)
    row[AT.pitch_hz], row[AT.clarity], row[AT.glide_octaves] = find_pitch(correlation, gain, rate, finer)
