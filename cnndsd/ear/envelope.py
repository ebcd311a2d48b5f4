"""The envelope of a sound and its brightness over time: how it begins, moves, pulses and ends.

Both are curves of one value every 10 ms, made of ``kernel.frame_statistics``. Sums over time come from running sums, so
that every window costs the same.
"""

import math

import numpy as np

from cnndsd.ear.arithmetic import DB_PER_OCTAVE, to_exp, to_log2, total
from cnndsd.ear.description import AT
from cnndsd.ear.measuring import FLOOR_DB
from cnndsd.sound.compiler import inlined
from cnndsd.sound.kernel import HIGH, LOW, MOVES, SQUARES, SUM

# The envelope is cut off this far below its maximum.
CURVE_FLOOR_DB = -48.0
# How much changes in a frame count: not at all at ``_FAINT_DB`` relative to the loudest, fully from ``_CLEAR_DB`` on.
_FAINT_DB, _CLEAR_DB = -36.0, -12.0
# Before and after its first and last frame above this, a sound is quiet; below the other, it has a hole.
TAIL_DB, HOLE_DB = -34.0, -30.0
# What is at most this far below the loudest is loud.
LOUD_DB = -6.0
# An octave of brightness counts as so many dB.
OCTAVE_DB = 4.0
# Frames on each side of a window: 50 ms, 0.15 s, 0.5 s, 0.6 s.
_TEXTURE, _LATE, _RHYTHM, _ACTIVITY = 2, 7, 25, 30
_TEXTURE_MEANS = 2 * _TEXTURE + 1
# A change of this much within 0.6 s counts as 63 % of what there can be.
_ACTIVE_DB = 2.0
_ONSET_DB, _ONSET_FLOOR_DB, _ONSET_FRAMES = 5.0, -24.0, 5
PULSE_S = (0.08, 2.0)
# What ``find_pulse`` adds to its series: a swing of 1 dB, or a sweep of a tenth of an octave, is hardly a pulse.
PULSE_FLOOR = 0.1


@inlined
def describe_envelope(statistics, steps, frame, frame_s, row):  # type: ignore[no-untyped-def]
    """Fill in the descriptors of envelope and brightness.

    Return the energy in dB of the loudest 0.4 s, and the change of both in the last two thirds in dB.

    ``statistics``: ``kernel.frame_statistics`` of the heard part, which has ``steps`` network steps; a frame has
    ``frame`` steps and lasts ``frame_s`` seconds.
    """
    frames = statistics.shape[0]
    curve = np.empty((2, frames))
    trace(statistics, steps, frame, curve)
    energy = curve[0]
    row[AT.attack_s : AT.onsets + 1] = 0.0
    row[AT.center] = 0.5
    total = moment = 0.0
    for f in range(frames):
        total += energy[f]
        moment += energy[f] * (f + 0.5)
    envelope, brightness = np.empty(frames), np.empty(frames)
    if not draw_curves(curve, envelope, brightness):
        return FLOOR_DB, 0.0
    row[AT.center] = moment / total / frames
    describe_course(envelope, brightness, frame_s, row)
    row[AT.onset_db] = onset(statistics, row[AT.dc])
    row[AT.swing_db], row[AT.sweep_octaves] = deviation(envelope), deviation(brightness)
    late_db = describe_scales(energy, envelope, brightness, frame, frame_s, row)
    row[AT.pulse_s], row[AT.pulse] = find_pulse(envelope, brightness, frame_s)
    return 10.0 * math.log10(loudest_mean(energy, max(1, round(0.4 / frame_s)))), late_db


@inlined
def trace(statistics, steps, frame, curve):  # type: ignore[no-untyped-def]
    """Fill the first two rows of ``curve`` with the mean squares of each frame: of its steps, and of their moves.

    A move is the difference of two neighbouring steps. The mean of 30 ms is subtracted from the steps first: a constant
    is no sound, and a wave slower than that is none either.
    """
    frames = statistics.shape[0]
    for f in range(frames):
        first, last = max(0, f - 1), min(frames, f + 2)
        around = 0.0
        for g in range(first, last):
            around += statistics[g, SUM]
        around /= min(last * frame, steps) - first * frame
        size = min((f + 1) * frame, steps) - f * frame
        total, squares = statistics[f, SUM], statistics[f, SQUARES]
        curve[0, f] = max(0.0, (squares - 2.0 * around * total) / size + around * around)
        curve[1, f] = statistics[f, MOVES] / size


@inlined
def draw_curves(curve, envelope, brightness):  # type: ignore[no-untyped-def]
    """Fill in the envelope in dB relative to the loudest, and the brightness in octaves, both of shape ``(frames,)``.

    ``curve``: what ``trace`` gives. Returns whether there is any energy.
    """
    energy, change = curve[0], curve[1]
    frames = energy.size
    # The envelope is the energy of 30 ms (weights 1 2 1), as a frame is shorter than a period of a bass.
    soften(energy, envelope)
    soften(change, brightness)
    loudest = envelope.max()
    if not loudest > 0.0:
        return False
    floor = loudest * 10.0 ** (CURVE_FLOOR_DB / 10.0)
    for f in range(frames):
        # The square of Hjorth's mobility; that of a sine is its frequency.
        brightness[f] = max(brightness[f] / max(envelope[f], floor), 1e-9)
    to_log2(brightness)
    last_above = -1
    for f in range(frames):
        if envelope[f] > floor:
            brightness[f] *= 0.5
            if last_above < 0:
                brightness[:f] = brightness[f]
            last_above = f
        elif last_above >= 0:
            # Frames below the floor are as bright as the last one above it; those at the start as the first.
            brightness[f] = brightness[last_above]
    least = 10.0 ** (CURVE_FLOOR_DB / 10.0)
    for f in range(frames):
        envelope[f] = max(envelope[f] / loudest, least)
    to_log2(envelope)
    for f in range(frames):
        envelope[f] *= DB_PER_OCTAVE
    return True


@inlined
def soften(values, means):  # type: ignore[no-untyped-def]
    """Fill ``means`` with those of three neighbours with the weights 1 2 1, both of shape ``(n,)``; ends repeat."""
    last = values.size - 1
    for f in range(1, last):
        means[f] = 0.25 * values[f - 1] + 0.5 * values[f] + 0.25 * values[f + 1]
    means[0] = 0.75 * values[0] + 0.25 * values[min(1, last)]
    means[last] = 0.75 * values[last] + 0.25 * values[max(0, last - 1)]


@inlined
def describe_course(envelope, brightness, frame_s, row):  # type: ignore[no-untyped-def]
    """Fill in how the sound begins, rises, strikes and ends."""
    frames = envelope.size
    start = top = first = last = -1
    sounding = loud = onsets = 0
    rising = False
    for f in range(frames):
        if envelope[f] > -20.0:
            sounding += 1
            if start < 0:
                start = f
        loud += envelope[f] > LOUD_DB
        if top < 0 and envelope[f] > -3.0:
            top = f
        if envelope[f] > TAIL_DB:
            first = f if first < 0 else first
            last = f
        # What comes before the first frame counts as silence.
        before = envelope[f - _ONSET_FRAMES] if f >= _ONSET_FRAMES else CURVE_FLOOR_DB
        rises = envelope[f] > _ONSET_FLOOR_DB and envelope[f] - before > _ONSET_DB
        onsets += rises and not rising
        rising = rises
    row[AT.attack_s] = (top - start) * frame_s
    row[AT.sounding_s], row[AT.loud_s] = sounding * frame_s, loud * frame_s
    row[AT.head_s], row[AT.tail_s], row[AT.onsets] = first * frame_s, (frames - 1 - last) * frame_s, onsets
    quarter = max(1, frames // 4)
    row[AT.rise_db] = envelope[frames - quarter :].mean() - envelope[:quarter].mean()
    row[AT.rise_octaves] = brightness[frames - quarter :].mean() - brightness[:quarter].mean()


@inlined
def onset(statistics, mean):  # type: ignore[no-untyped-def]
    """Return ``Description.onset_db`` of frames of a sound with this mean; 0 for a sound of fewer than four frames."""
    frames = statistics.shape[0]
    if frames < 4:
        return 0.0
    first = max(statistics[0, HIGH] - mean, mean - statistics[0, LOW])
    rest = 0.0
    for f in range(2, frames):
        rest = max(rest, statistics[f, HIGH] - mean, mean - statistics[f, LOW])
    return min(60.0, 20.0 * math.log10(max(first, 1e-9) / max(rest, 1e-9)))


@inlined
def loudest_mean(energy, width):  # type: ignore[no-untyped-def]
    """Return the highest mean of ``width`` neighbouring frames, or of all frames when there are fewer."""
    window = highest = 0.0
    for f in range(energy.size):
        window += energy[f]
        if f >= width:
            window -= energy[f - width]
        highest = max(highest, window)
    return highest / min(width, energy.size)


@inlined
def running_sums(first, second, sums):  # type: ignore[no-untyped-def]
    """Fill the rows of ``sums``, which are one longer, with the sums of all values before each place of two arrays.

    They are formed together, and so are those of the squares, the other two rows: each addition waits for the one
    before.
    """
    a = b = c = d = 0.0
    sums[:, 0] = 0.0
    for f in range(first.size):
        x, y = first[f], second[f]
        a, b, c, d = a + x, b + y, c + x * x, d + y * y
        sums[0, f + 1], sums[1, f + 1], sums[2, f + 1], sums[3, f + 1] = a, b, c, d


@inlined
def around(sums, place, reach):  # type: ignore[no-untyped-def]
    """Return the mean of the values up to ``reach`` places away, from their ``running_sums``."""
    first, stop = max(0, place - reach), min(sums.size - 1, place + reach + 1)
    return (sums[stop] - sums[first]) / (stop - first)


@inlined
def smooth(sums, reach, means):  # type: ignore[no-untyped-def]
    """Fill ``means``, shape ``(n,)``, with the means ``around`` each place, from ``running_sums``."""
    size = means.size
    first = min(reach, size)
    last = max(first, size - reach)
    for f in range(first):
        means[f] = around(sums, f, reach)
    share = 1.0 / (2 * reach + 1)
    for f in range(first, last):
        means[f] = (sums[f + reach + 1] - sums[f - reach]) * share
    for f in range(last, size):
        means[f] = around(sums, f, reach)


@inlined
def describe_scales(energy, envelope, brightness, frame, frame_s, row):  # type: ignore[no-untyped-def]
    """Fill in texture, rhythm, phrase and activity. Return the change in the last two thirds in dB."""
    frames = envelope.size
    sums = np.empty((4, frames + 1))
    running_sums(envelope, brightness, sums)
    # The variance of noise: the logarithm of the mean square of n Gaussian numbers has the variance trigamma(n / 2), of
    # which the weights 1 2 1 leave 3/8.
    half = 0.5 * frame
    noise = (10.0 / math.log(10.0)) ** 2 * (1.0 / half + 0.5 / half**2 + 1.0 / (6.0 * half**3))
    third = frames // 3
    texture = rhythm = phrase = late = 0.0
    envelope_mean, brightness_mean = sums[0, frames] / frames, sums[1, frames] / frames
    levels, slow_levels, late_levels = np.empty(frames), np.empty(frames), np.empty(frames)
    tones, slow_tones, local = np.empty(frames), np.empty(frames), np.empty(frames)
    smooth(sums[0], _TEXTURE, levels)
    smooth(sums[0], _LATE, late_levels)
    smooth(sums[0], _RHYTHM, slow_levels)
    smooth(sums[1], _TEXTURE, tones)
    smooth(sums[1], _RHYTHM, slow_tones)
    # Not by running sums: after loud frames, their rounding would hide soft ones.
    local[:] = 0.0
    for shift in range(-_TEXTURE, _TEXTURE + 1):
        for f in range(max(0, -shift), min(frames, frames - shift)):
            local[f] += energy[f + shift]
    for f in range(frames):
        local[f] /= min(frames, f + _TEXTURE + 1) - max(0, f - _TEXTURE)
    for f in range(frames):
        # Texture is of the frames themselves; of a small relative deviation of energy the logarithm is linear.
        if local[f] > 0.0:
            texture += (10.0 / math.log(10.0) * min(2.0, energy[f] / local[f] - 1.0)) ** 2
        rhythm += (levels[f] - slow_levels[f]) ** 2 + (OCTAVE_DB * (tones[f] - slow_tones[f])) ** 2
        phrase += (slow_levels[f] - envelope_mean) ** 2 + (OCTAVE_DB * (slow_tones[f] - brightness_mean)) ** 2
    for f in range(third, frames):
        late += (envelope[f] - late_levels[f]) ** 2
    row[AT.texture_db] = math.sqrt(max(0.0, texture / frames - noise * (1.0 - 1.0 / _TEXTURE_MEANS)))
    row[AT.rhythm_db] = math.sqrt(max(0.0, rhythm / frames - noise / _TEXTURE_MEANS))
    row[AT.phrase_db] = math.sqrt(phrase / frames)
    part = slice(round(row[AT.head_s] / frame_s), frames - round(row[AT.tail_s] / frame_s))
    row[AT.activity], (still, last) = active_share(levels[part], tones[part], noise / _TEXTURE_MEANS)
    row[AT.still_s], row[AT.last_still_s] = still * frame_s, last * frame_s
    row[AT.hole_s] = runs_below(levels[part], HOLE_DB)[0] * frame_s
    late = max(0.0, late / (frames - third) - 0.375 * noise)
    return math.sqrt(late + (OCTAVE_DB * deviation(brightness[third:])) ** 2)


@inlined
def active_share(levels, tones, noise):  # type: ignore[no-untyped-def]
    """Return ``Description.activity``, and of frames that are less than half active the ``runs_below``.

    ``levels`` in dB, ``tones`` in octaves: means of 50 ms every 10 ms; ``noise``: the variance in dB² that the levels
    of noise have.
    """
    frames = levels.size
    sums = np.empty((4, frames + 1))
    running_sums(levels, tones, sums)
    means = np.empty((4, frames))
    for i in range(4):
        smooth(sums[i], _ACTIVITY, means[i])
    left = np.empty(frames)
    for f in range(frames):
        moved = max(0.0, means[2, f] - means[0, f] * means[0, f] - noise)
        moved += OCTAVE_DB**2 * max(0.0, means[3, f] - means[1, f] * means[1, f])
        left[f] = math.sqrt(moved) / -_ACTIVE_DB
    to_exp(left)
    for f in range(frames):
        audible = min(1.0, max(0.0, (levels[f] - _FAINT_DB) / (_CLEAR_DB - _FAINT_DB)))
        left[f] = audible * (1.0 - left[f])
    return total(left) / frames, runs_below(left, 0.5)


@inlined
def runs_below(values, limit):  # type: ignore[no-untyped-def]
    """Return how many neighbouring values are below a limit: at most, and at the end."""
    below = longest = 0
    for value in values:
        below = below + 1 if value < limit else 0
        longest = max(longest, below)
    return longest, below


@inlined
def deviation(values):  # type: ignore[no-untyped-def]
    """Return the standard deviation of an array."""
    mean = total(values) / values.size
    squares = np.empty(values.size)
    for i in range(values.size):
        squares[i] = (values[i] - mean) ** 2
    return math.sqrt(total(squares) / values.size)


@inlined
def find_pulse(envelope, brightness, frame_s):  # type: ignore[no-untyped-def]
    """Return the period in seconds at which envelope and brightness repeat, and how similar the repetitions are, 0..1.

    ``envelope`` in dB, ``brightness`` in octaves, both of shape ``(frames,)``; 10 dB count as much as an octave.
    ``frame_s``: seconds of a frame.
    """
    size = envelope.size // 2
    longest = min(size // 2, int(PULSE_S[1] / (2.0 * frame_s)))
    shortest = max(2, math.ceil(PULSE_S[0] / (2.0 * frame_s)))
    if longest <= shortest:
        return 0.0, 0.0
    envelope_mean, brightness_mean = envelope[: 2 * size].mean(), brightness[: 2 * size].mean()
    series = np.empty((2, size))
    for i in range(size):
        series[0, i] = 0.1 * (0.5 * (envelope[2 * i] + envelope[2 * i + 1]) - envelope_mean)
        series[1, i] = 0.5 * (brightness[2 * i] + brightness[2 * i + 1]) - brightness_mean
    similarity, energy = np.zeros(longest + 1), np.zeros(size + 1)
    for i in range(size):
        envelope_here, brightness_here = series[0, i], series[1, i]
        energy[i + 1] = energy[i] + envelope_here * envelope_here + brightness_here * brightness_here + PULSE_FLOOR**2
        # Each lag has its own sum, so that the compiler can vectorise over the lags.
        for lag in range(1, min(longest, size - 1 - i) + 1):
            similarity[lag] += envelope_here * series[0, i + lag] + brightness_here * series[1, i + lag]
    for lag in range(1, longest + 1):
        similarity[lag] *= 2.0 / (energy[size - lag] + energy[size] - energy[lag])
    best, dip, best_rise = 0, 1.0, 0.0
    for lag in range(1, longest):
        dip = min(dip, similarity[lag])
        peak = similarity[lag] >= similarity[lag - 1 if lag > 1 else lag] and similarity[lag] > similarity[lag + 1]
        # A peak counts by its height above the valley before it: slow curves are similar at all short lags.
        rise = min(similarity[lag], 0.5 * (similarity[lag] - dip))
        if peak and lag >= shortest and rise > 1.15 * best_rise:
            best, best_rise = lag, rise
    if best == 0:
        return 0.0, 0.0
    before, here, after = similarity[best - 1], similarity[best], similarity[best + 1]
    shift = 0.5 * (before - after) / (before - 2.0 * here + after)
    return (best + shift) * 2.0 * frame_s, best_rise
