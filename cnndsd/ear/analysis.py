"""From sounds to their verdicts, measures and descriptions, by way of frame statistics, amplitude and spectra.

Sounds that have the same clock are analysed together, since each call of the FFT or of compiled code costs as much as
the work for a short sound. The result for a sound does not depend on the others.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsd.ear.complexity import permutation_entropy
from cnndsd.ear.describing import describe_heard, known_weights
from cnndsd.ear.description import AT, ROW, Description, from_row, to_row
from cnndsd.ear.judging import PASSES, REASONS, Reason, judge_amplitude, judge_spectrum, limit_row
from cnndsd.ear.measuring import (
    PLACES,
    SEGMENTS,
    Clock,
    Measures,
    bin_power,
    cut_segments,
    hann,
    known_bins,
    measure_amplitude,
    measure_spectrum,
    segment_count,
    segment_steps,
    take_statistics,
    unhold,
)
from cnndsd.ear.pitch import PARTS, sum_parts
from cnndsd.recipe import Recipe
from cnndsd.sound.audio import Audio, checked_audio
from cnndsd.sound.compiler import compiled
from cnndsd.spec import Limits

# The segments that are transformed together have so many steps at most: they and their spectra fit in the cache.
_STEPS_TOGETHER = 24 * 1024
_DECIMALS = 4
Rows = NDArray[np.float64]


def measure(audio: ArrayLike, sample_rate: int = 44_100) -> Measures:
    """Measure the amplitude, the spectrum and the movement of a sound.

    ``audio``: shape ``(samples,)``, floats of which 1 is full scale, or PCM integers; ``sample_rate`` in Hz.
    ``Invalid`` (a ``ValueError``) when the sound is empty, not finite or not one channel.

    >>> measure(render(Recipe(seed=35))).rms_dbfs
    """
    return Measures(True, *_row(audio, sample_rate)[: len(PLACES)].tolist())


def describe(audio: ArrayLike, sample_rate: int = 44_100) -> Description:
    """Describe a sound: its measures, and its envelope, pulse, pitch and timbre.

    ``audio``: shape ``(samples,)``, floats of which 1 is full scale, or PCM integers; ``sample_rate`` in Hz.
    ``Invalid`` (a ``ValueError``) when the sound is empty, not finite or not one channel.

    >>> describe(render(Recipe(seed=35))).pitch_hz
    """
    return from_row(rounded(_row(audio, sample_rate)).tolist())


def describe_raw(audio: ArrayLike, recipe: Recipe) -> Description:
    """Describe the sound of a recipe, whose raw samples are ``audio``, as it joins its steps when it is finished.

    >>> describe_raw(render(recipe), recipe).pitch_hz
    """
    return from_row(rounded(_raw_row(audio, recipe)).tolist())


def deviations(sound: Description, audio: ArrayLike, recipe: Recipe) -> list[str]:
    """Return the names of the descriptors in which ``sound`` is not what ``describe_raw`` says of ``audio``.

    Before rounding, the values may differ by 1e-6 and by 1e-9 of themselves: machines differ in the last bits of
    logarithms and FFTs, and so, rarely, in the last decimal.
    """
    row = _raw_row(audio, recipe)
    off = np.abs(to_row(sound) - row) > 0.5 * 10.0**-_DECIMALS + 1e-6 + 1e-9 * np.abs(row)
    names = [name for name, part in zip(AT._fields, np.split(off, AT[1:]), strict=True) if part.any()]
    return names if sound.finite else ["finite", *names]


def _row(audio: ArrayLike, sample_rate: int) -> Rows:
    steps, hold = unhold(checked_audio(audio, sample_rate))
    return _steps_row(steps, Clock(int(sample_rate), hold))


def _raw_row(audio: ArrayLike, recipe: Recipe) -> Rows:
    if not recipe.is_smooth:
        return _row(audio, recipe.sample_rate)
    # Two equal steps are not one of twice the length: a smooth sound moves between them.
    steps = np.ascontiguousarray(checked_audio(audio, recipe.sample_rate)[:: recipe.hold])
    return _steps_row(steps, Clock(recipe.sample_rate, recipe.hold, is_smooth=True))


def _steps_row(steps: Audio, clock: Clock) -> Rows:
    _, rows = judge_and_describe(steps[None], take_statistics(steps, clock)[None], clock)
    row: Rows = rows[0]
    return row


def rounded(rows: Rows) -> Rows:
    """Round descriptions as rows of numbers to ``_DECIMALS``.

    Machines differ in the last bits of logarithms and FFTs; without those bits all machines decide the same.
    """
    return np.round(rows, _DECIMALS)


def judge_and_describe(
    steps: NDArray[np.floating], statistics: NDArray[np.float64], clock: Clock, limits: Limits | None = None
) -> tuple[list[Reason | None], Rows]:
    """Judge sounds, and describe those that pass.

    ``steps``: all network steps of each sound, shape ``(sounds, steps)``; ``statistics``: their ``take_statistics``,
    shape ``(sounds, frames, STATISTICS)``. Without ``limits`` all pass, and all steps must be finite. Return the reason
    for which each is refused, and the descriptions as rows of numbers (see ``description.AT``), shape
    ``(sounds, ROW)``, not rounded. What is refused is described only as far as was needed.
    """
    rows, heard = np.zeros((len(steps), ROW)), np.empty((len(steps), 2), np.int64)
    reasons = np.full(len(steps), PASSES)
    bounds = limit_row(Limits() if limits is None else limits)
    has_limits = limits is not None
    frame, frame_s = clock.frame_steps, clock.frame_steps / clock.step_rate_hz
    judge_amplitudes(statistics, steps.shape[1], frame, clock.step_rate_hz, bounds, has_limits, rows, heard, reasons)
    left = np.flatnonzero(reasons == PASSES)
    size = segment_steps(clock)
    bins, weights, window = known_bins(clock), known_weights(clock), hann(size)
    most = max(1, _STEPS_TOGETHER // (SEGMENTS * size))
    segments = np.empty((most * SEGMENTS, size))
    spectra = np.empty((most * SEGMENTS, size // 2 + 1), np.complex128)
    power = np.empty((most, SEGMENTS, size // 2))
    whole, energy = np.empty((most, size // 2)), np.empty((most, bins.edges.size - 1, SEGMENTS))
    parts = np.empty((most, PARTS, size // 2 * weights.finer + 1))
    for first in range(0, left.size, most):
        some = left[first : first + most]
        cut = cut_sounds(steps, some, heard, window, segments)
        np.fft.rfft(segments[:cut], axis=1, out=spectra[:cut])
        passing = some[
            judge_spectra(
                steps, some, heard, spectra, bins, bounds, has_limits, rows, reasons, power, whole, energy, parts
            )
        ]
        if passing.size:
            # The first rows of the arrays are those of the sounds that pass.
            mel = power[: passing.size] @ weights.bands
            correlation = np.fft.irfft(parts[: passing.size], axis=2)
            describe_sounds(
                passing, statistics, heard, frame, frame_s, energy, bins.edges, mel, whole, correlation, weights, rows
            )
    return [None if number == PASSES else REASONS[number] for number in reasons.tolist()], rows


@compiled
def judge_amplitudes(statistics, steps, frame, step_rate_hz, limits, has_limits, rows, heard, reasons):  # type: ignore[no-untyped-def]
    """Fill in the amplitude of each sound, its heard part, first step and end, and the number of the reason."""
    for n in range(rows.shape[0]):
        finite = measure_amplitude(statistics[n], steps, frame, step_rate_hz, rows[n], heard[n])
        if has_limits:
            reasons[n] = judge_amplitude(finite, rows[n], limits)


@compiled
def cut_sounds(steps, some, heard, window, segments):  # type: ignore[no-untyped-def]
    """Fill ``segments`` with those of ``some`` sounds, one sound after another. Return how many there are."""
    cut = 0
    for n in some:
        part = steps[n, heard[n, 0] : heard[n, 1]]
        count = segment_count(part.size, window.size)
        cut_segments(part, window, segments[cut : cut + count])
        cut += count
    return cut


@compiled
def judge_spectra(  # type: ignore[no-untyped-def]
    steps, some, heard, spectra, bins, limits, has_limits, rows, reasons, power, whole, energy, parts
):
    """Fill in what the spectra of ``some`` sounds tell. Return for each whether it passes.

    Row i of the last four arrays is that of the i-th sound that passes: ``power`` of its segments, 0 for those that it
    lacks; ``whole``, its sum over the segments; ``energy`` in bands; ``parts``, the sum over each part of the sound.
    """
    passing = np.zeros(some.size, np.bool_)
    cut = place = 0
    for i in range(some.size):
        n = some[i]
        count = segment_count(heard[n, 1] - heard[n, 0], 2 * power.shape[2])
        power[place, count:] = 0.0
        bin_power(spectra[cut : cut + count], power[place, :count])
        cut += count
        measure_spectrum(power[place, :count], bins, whole[place], energy[place, :, :count], rows[n])
        if has_limits:
            reasons[n] = judge_spectrum(rows[n], limits)
        if not has_limits or reasons[n] == PASSES:
            passing[i] = True
            rows[n, AT.complexity] = permutation_entropy(steps[n, heard[n, 0] : heard[n, 1]])
            sum_parts(power[place, :count], parts[place])
            place += 1
    return passing


@compiled
def describe_sounds(  # type: ignore[no-untyped-def]
    passing, statistics, heard, frame, frame_s, energy, edges, mel, whole, correlation, weights, rows
):
    """Describe the sounds that pass, which are the first rows of the other arrays."""
    for place in range(passing.size):
        n = passing[place]
        start, stop = heard[n, 0], heard[n, 1]
        count = segment_count(stop - start, 2 * whole.shape[1])
        describe_heard(
            statistics[n, start // frame : -(-stop // frame)],
            stop - start,
            frame,
            frame_s,
            energy[place, :, :count],
            edges,
            mel[place, :count],
            whole[place],
            correlation[place],
            weights,
            rows[n],
        )
