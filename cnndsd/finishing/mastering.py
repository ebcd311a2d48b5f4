"""Mastering of a chosen sound: DC offset, quiet ends, fades, onset, loudness and true peak. Nothing is refused here.

A sound has one channel, shape ``(samples,)``, or two, shape ``(2, samples)``. Both are cut, faded and raised alike.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsd.ear.analysis import describe
from cnndsd.ear.description import Description
from cnndsd.ear.kinds import kind
from cnndsd.finishing.filtering import biquad, mean, raised, rounded_gain, sines
from cnndsd.finishing.limiting import gain_curve
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.metering import BLOCK_S, loudness, peak_curve, true_peak
from cnndsd.sound.audio import checked_audio
from cnndsd.spec import Mastering

# Ends are cut off while they are this far below the peak; at least this many seconds of the sound are left.
TRIM_DB = -60.0
MIN_S = 0.06
# A start, and an end, that is quiet for longer than this is cut; so much stays, and is faded.
_QUIET_START_S, _QUIET_END_S = 0.02, 0.25
# What remains of a static end, and how long it is faded.
_STILL_LEFT_S, _STILL_FADE_S = 0.3, 0.25
_HEAD_S, _TAIL_S = 0.01, 0.12
# The onset, and how long it takes for its gain to return to 1.
_ONSET_S = 0.004
_SUSTAINED = ("bass", "lead", "pad", "drone")
# The interpolation filters of peak meters differ by about this much on sounds with jumps; peaks stay below that.
_PEAK_MARGIN_DB = 0.3
_FRAME_S = 0.01
# Long sounds take less memory in stretches of this many samples.
_STRETCH = 2**20
# The limiter makes a sound louder by steps of so many dB at most, which are multiples of the second number. The last
# ones, as the loudness comes near, are small.
_LIMITER_STEP_DB, _LIMITER_GRID_DB, _LIMITER_LAST_TRIES = 1.5, 0.125, 6
# Longer sounds are not limited, which would take several times their memory.
_MOST_LIMITED_S = 60.0


def master(audio: ArrayLike, sample_rate: int = 44_100, mastering: Mastering | None = None) -> NDArray[np.float64]:
    """Master one raw sound. Return float64, shape ``(samples,)``, -1..1, without silent ends when ``trim`` is set.

    ``audio``: shape ``(samples,)``, 0..1; ``sample_rate`` in Hz; ``mastering``: that of the default pack when None.
    ``dc``: "raw" keeps the DC offset, "rescale" stretches the samples to -1..1, "center" removes the offset with a
    high-pass filter, so that the sound oscillates about zero. With "center", ends that stay ``quiet_db`` below the
    loudest are cut, a sound that is static for ``still_s`` at its end stops soon after that begins, and the first 4 ms
    are at most ``onset_db`` above the peak of the rest.
    ``level``: "loudness" sets the integrated loudness to ``loudness_lufs`` or the true peak to ``peak_dbtp``, whichever
    is quieter; "peak" sets the true peak; "none" changes nothing, unless a sample would be above 1; "use" decides by
    ``loudness_rule``. With "center", a limiter turns peaks of a sound of 0.4 s or more down by at most ``limit_db``,
    where they keep it below ``loudness_lufs``. ``Invalid`` when the sound is empty, not finite or not one channel.

    >>> master(render(Recipe(seed=35)))
    """
    sound, rate = checked_audio(audio, sample_rate), int(sample_rate)
    mastering = mastering or Mastering()
    description = describe(sound, rate)
    return normalise(condition(sound, rate, mastering, description)[0], rate, mastering)


def condition(
    audio: NDArray[Any], sample_rate: int, mastering: Mastering, description: Description
) -> tuple[NDArray[np.float64], int, float]:
    """Do the first half of ``master``: offset, ends, fades, and an onset that stands out.

    ``description``: of the sound, or of its first channel. Return the sound, in as many channels, how many samples
    were cut off before it, and the length of its fade-out in seconds.
    """
    start, samples = 0, audio.shape[-1]
    still = still_end(description, mastering.still_s) if mastering.dc == "center" else math.inf
    ends = min(samples, round(still * sample_rate)) if math.isfinite(still) else samples
    sound = np.asarray(audio[..., :ends], dtype=np.float64)
    if mastering.dc == "rescale":
        low, high = float(sound.min()), float(sound.max())
        sound = (sound - low) * (2.0 / (high - low)) - 1.0 if high > low else np.zeros_like(sound)
    elif mastering.dc == "center":
        sound = each(lambda one: center(one, sample_rate, mastering.highpass_hz), sound)
    if mastering.trim:
        kept = [
            trim(one, sample_rate, (0.0, 0.0) if mastering.dc == "center" else (float(one[0]), float(one[-1])))
            for one in np.atleast_2d(sound)
        ]
        start, stop = _union(kept)
        sound = sound[..., start:stop]
    fade_in_s, fade_out_s = mastering.fade_in_s, mastering.fade_out_s
    if ends < samples:
        fade_out_s = max(fade_out_s, _STILL_FADE_S)
    if mastering.dc == "center" and mastering.quiet_db > 0.0:
        first, stop = _union([quiet_ends(one, sample_rate, mastering.quiet_db) for one in np.atleast_2d(sound)])
        if first > 0:
            fade_in_s = max(fade_in_s, _HEAD_S)
        if stop < sound.shape[-1]:
            fade_out_s = max(fade_out_s, _TAIL_S)
        sound, start = sound[..., first:stop], start + first
    if mastering.dc == "center" and loudness_rule(sound, sample_rate, mastering) == "loudness":
        sound = tame_onset(sound, sample_rate, mastering.onset_db)
    if mastering.dc == "center" or fade_in_s > 0.0 or fade_out_s > 0.0:
        window = fades(sound.shape[-1], sample_rate, fade_in_s, fade_out_s)
        if np.may_share_memory(sound, audio):
            sound = sound * window
        else:
            sound *= window
        if mastering.dc == "center" and window.any():
            # Trimming and fading bring back some offset.
            _subtract_offset(sound, window)
    return sound, start, fade_out_s


def _subtract_offset(sound: NDArray[np.float64], window: NDArray[np.float64]) -> None:
    """Subtract the mean of each channel under a window, so that ends that are at zero stay there."""
    whole = mean(window)
    for one in np.atleast_2d(sound):
        offset = mean(one) / whole
        for begin in range(0, one.size, _STRETCH):
            one[begin : begin + _STRETCH] -= window[begin : begin + _STRETCH] * offset


def each(change: Callable[[NDArray[Any]], NDArray[np.float64]], sound: NDArray[Any]) -> NDArray[np.float64]:
    """Return a sound whose channels are changed alike, each by itself."""
    return change(sound) if sound.ndim == 1 else np.stack([change(one) for one in sound])


def _union(parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the first sample and the end of what at least one channel needs."""
    return min(first for first, _ in parts), max(stop for _, stop in parts)


def center(sound: NDArray[np.float64], sample_rate: int, highpass_hz: float) -> NDArray[np.float64]:
    """Apply a second-order Butterworth high-pass that starts settled and is causal: nothing rings before an onset."""
    # The bilinear transform of the analog filter.
    share = highpass_hz / sample_rate
    sine, cosine = sines((share, 0.5 - share)).tolist()
    k = sine / cosine
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    a1, a2 = 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm
    out = np.empty(sound.size)
    biquad(np.ascontiguousarray(sound), norm, -2.0 * norm, norm, a1, a2, -norm * sound[0], norm * sound[0], out)
    return out


def trim(sound: NDArray[np.float64], sample_rate: int, silence: tuple[float, float] = (0.0, 0.0)) -> tuple[int, int]:
    """Return the first sample and the end of what is left when silent ends are cut off, but at least ``MIN_S``.

    ``silence``: the value of silence at the start and at the end. An end is silent while its distance from that value
    is at least ``TRIM_DB`` below the greatest one.
    """
    least = min(sound.size, math.ceil(MIN_S * sample_rate))
    low, high = float(sound.min()), float(sound.max())
    threshold = min(max(high - value, value - low) for value in silence) * 10 ** (TRIM_DB / 20)
    if not threshold > 0.0:
        return 0, sound.size
    # Keep one silent sample, so that the onset is whole.
    start = max(0, min(_first_beyond(sound, silence[0], threshold) - 1, sound.size - least))
    stop = max(sound.size - _first_beyond(sound[::-1], silence[1], threshold), start + least)
    return start, stop


def _first_beyond(sound: NDArray[np.float64], value: float, threshold: float) -> int:
    """Return the first sample that is further from a value than a threshold; 0 when there is none."""
    for start in range(0, sound.size, _STRETCH):
        beyond = np.abs(sound[start : start + _STRETCH] - value) > threshold
        if beyond.any():
            return start + int(np.argmax(beyond))
    return 0


def still_end(description: Description, still_s: float) -> float:
    """Return where a sound ends that does not go on to its last, static part, in seconds; infinity where it does.

    A part counts when it is static for longer than ``still_s`` and something else comes before it; 0 keeps all. Tones
    to play keep theirs, since a note may be held for long.
    """
    begins_s = description.heard_s - description.tail_s - description.last_still_s
    if (
        not 0.0 < still_s < description.last_still_s
        or begins_s - description.head_s < _STILL_LEFT_S
        or kind(description) in _SUSTAINED
    ):
        return math.inf
    return description.heard_from_s + begins_s + _STILL_LEFT_S


def quiet_ends(sound: NDArray[np.float64], sample_rate: int, quiet_db: float) -> tuple[int, int]:
    """Return the first sample and the end of what is left without a quiet start and a quiet end.

    An end is quiet while the mean power of 30 ms is at least ``quiet_db`` below the greatest one. Of a start that is
    quiet for 20 ms or longer 10 ms are left, of an end that is quiet for 0.25 s or longer 0.12 s.
    """
    frame = max(1, round(_FRAME_S * sample_rate))
    power = _powers(sound, frame)
    envelope = np.convolve(np.pad(power, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    loud = np.flatnonzero(envelope > envelope.max() * 10 ** (-quiet_db / 10)) * frame
    if not loud.size:
        return 0, sound.size
    # The envelope of a loud frame reaches over the frame before it.
    quiet = int(loud[0]) + frame if loud[0] > 0 else 0
    first = max(0, quiet - round(_HEAD_S * sample_rate))
    stop = min(sound.size, int(loud[-1]) + frame + round(_TAIL_S * sample_rate))
    quiet_start, quiet_end = (round(seconds * sample_rate) for seconds in (_QUIET_START_S, _QUIET_END_S))
    return first if quiet >= quiet_start else 0, stop if sound.size - loud[-1] >= quiet_end else sound.size


def tame_onset(sound: NDArray[np.float64], sample_rate: int, onset_db: float) -> NDArray[np.float64]:
    """Turn the first 4 ms down until their peak is at most ``onset_db`` above that of all that follows.

    Without this, a click at the start would set how loud the whole sound may become. Within the next 4 ms the gain
    returns to 1. An onset that lasts longer than 4 ms has its peak after them, too, and stays as it is.
    """
    onset, samples = round(_ONSET_S * sample_rate), sound.shape[-1]
    if samples <= 2 * onset:
        return sound
    first, later = float(np.abs(sound[..., :onset]).max()), float(np.abs(sound[..., onset:]).max())
    most = later * 10 ** (onset_db / 20)
    if not 0.0 < most < first:
        return sound
    gain = np.ones(samples)
    lower = rounded_gain(most / first)
    gain[:onset] = lower
    gain[onset : 2 * onset] = lower + (1.0 - lower) * raised(np.arange(onset) / onset)
    return sound * gain


def fades(size: int, sample_rate: int, fade_in_s: float, fade_out_s: float) -> NDArray[np.float64]:
    """Return a window with raised-cosine fades, 0 at both ends, shape ``(size,)``; a fade is at most half of it."""
    window = np.ones(size)
    for seconds, part in ((fade_in_s, window), (fade_out_s, window[::-1])):
        length = min(size // 2, round(seconds * sample_rate))
        part[:length] *= raised(np.arange(length) / max(1, length))
    return window


def _powers(sound: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """Return the sum of the squares of each frame over all channels; the last one may be shorter."""
    if sound.ndim == 2:
        return np.asarray(sum(_powers(one, frame) for one in sound))
    stretch = max(1, _STRETCH // frame) * frame
    parts = (sound[start : start + stretch] for start in range(0, sound.size, stretch))
    return np.concatenate([np.add.reduceat(np.square(part), np.arange(0, part.size, frame)) for part in parts])


Rule = Literal["hit", "loudness", "peak", "none"]


def loudness_rule(sound: NDArray[np.float64], sample_rate: int, mastering: Mastering) -> Rule:
    """Return the rule that sets how loud the sound becomes: that of the spec, unless it is "use".

    "use" is "hit" for sounds that sound for less than 0.4 s, which are brought to the peak ceiling, or to a momentary
    loudness of ``hit_lufs`` if that is less. For all others it is "loudness".
    """
    if mastering.level != "use":
        return mastering.level
    return "hit" if _is_short(sound, sample_rate) else "loudness"


def _is_short(sound: NDArray[np.float64], sample_rate: int) -> bool:
    """Return whether a sound sounds for less than 0.4 s: within 20 dB of its loudest 10 ms."""
    power = _powers(sound, max(1, round(_FRAME_S * sample_rate)))
    return int((power > 0.01 * power.max()).sum()) * _FRAME_S < BLOCK_S


def normalise(
    sound: NDArray[np.float64], sample_rate: int, mastering: Mastering, channels: int = 1, loop: Loop | None = None
) -> NDArray[np.float64]:
    """Do the second half of ``master``: set the loudness by the ``loudness_rule``, under the true-peak ceiling.

    Silence stays as it is. ``channels``: how many channels will play the sound, if it has only one. ``loop``: what a
    sampler may repeat, of which the seam stays as it is.
    """
    rule = loudness_rule(sound, sample_rate, mastering)
    if rule == "none":
        # Centering can overshoot, and rescaling can round up; no file format may have to clip.
        peak = float(np.abs(sound).max())
        return sound / peak if peak > 1.0 else sound
    peak = true_peak(sound)
    if not peak > 0.0:
        return sound
    gain = 10 ** ((mastering.peak_dbtp - _PEAK_MARGIN_DB) / 20) / peak
    integrated, momentary = loudness(sound, sample_rate, channels, peak)
    if rule == "loudness":
        wanted = 10 ** ((mastering.loudness_lufs - integrated) / 20) / peak
        if gain < wanted and _may_be_limited(sound, sample_rate, mastering):
            return _limited(sound, sample_rate, mastering, channels, loop, rounded_gain(gain))
        gain = min(gain, wanted)
    elif rule == "hit":
        gain = min(gain, 10 ** ((mastering.hit_lufs - momentary) / 20) / peak)
    return sound * rounded_gain(gain)


def _may_be_limited(sound: NDArray[np.float64], sample_rate: int, mastering: Mastering) -> bool:
    """Return whether peaks of a sound may be turned down: neither of a hit nor of a recording of minutes."""
    return (
        mastering.limit_db > 0.0
        and mastering.dc == "center"
        and sound.shape[-1] <= _MOST_LIMITED_S * sample_rate
        and not _is_short(sound, sample_rate)
    )


def _limited(
    sound: NDArray[np.float64],
    sample_rate: int,
    mastering: Mastering,
    channels: int,
    loop: Loop | None,
    gain: float,
) -> NDArray[np.float64]:
    """Return a sound at its loudness, or as near as ``limit_db`` allows; its highest peaks are turned down for that.

    ``gain`` brings the true peak of ``sound`` to the ceiling, which leaves it too quiet. It is made louder in steps.
    What brings less than half of what it asks for is left out: a sound whose peaks are all alike would only be
    distorted.
    """
    ceiling = 10 ** ((mastering.peak_dbtp - _PEAK_MARGIN_DB) / 20)
    least = rounded_gain(10 ** (-mastering.limit_db / 20))
    allowed = peak_curve(sound)
    np.divide(ceiling / gain, np.maximum(allowed, 1e-30, out=allowed), out=allowed)

    def made_louder(more_db: float) -> NDArray[np.float64]:
        more = rounded_gain(10 ** (more_db / 20))
        curve = gain_curve(allowed / more, sample_rate, least, loop)
        curve *= gain * more
        return sound * curve

    def level(louder: NDArray[np.float64]) -> float:
        # At full scale, as blocks below -70 LUFS do not count.
        return loudness(louder, sample_rate, channels, ceiling)[0] + 20.0 * math.log10(ceiling)

    first = reached = level(sound * gain)
    best_db = raised_db = 0.0
    for _ in range(math.ceil(mastering.limit_db / _LIMITER_STEP_DB) + _LIMITER_LAST_TRIES):
        missing_db = mastering.loudness_lufs - reached
        # In steps that differ by more than measures of loudness do anywhere.
        step_db = round(min(_LIMITER_STEP_DB, missing_db, mastering.limit_db - raised_db) / _LIMITER_GRID_DB)
        if step_db <= 0:
            break
        raised_db += step_db * _LIMITER_GRID_DB
        reached = level(made_louder(raised_db))
        if reached - first >= 0.5 * raised_db:
            best_db = raised_db
    if best_db == 0.0:
        return sound * gain
    best = made_louder(best_db)
    if loop is None or loop.end - loop.start < sound.shape[-1]:
        window = fades(sound.shape[-1], sample_rate, mastering.fade_in_s, mastering.fade_out_s)
    else:
        window = np.ones(sound.shape[-1])
    _subtract_offset(best, window)
    # Between the samples it may rise a little higher than the sound did that the gain was made for.
    best *= min(1.0, rounded_gain(ceiling / true_peak(best)))
    return best
