"""Onsets are found when they are, whatever sounds, and only they."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd.ear.onsets import find_onsets, onset_flux, peak_onsets, pick_onsets

RATE = 44_100


def stroke(shape, hz, rate, rng):
    """A stroke of 0.2 s that begins at once or, "soft", within 5 ms."""
    t = np.arange(int(0.2 * rate)) / rate
    if shape == "click":
        return np.where(t == 0, 1.0, 0.0)
    if shape == "noise":
        return rng.standard_normal(t.size) * np.exp(-t / 0.03)
    tone = np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.05) * (1.0 - t / 0.2) ** 2
    return tone * np.minimum(1.0, t / 0.005) if shape == "soft" else tone


def played(times, shape="tone", hz=440.0, rate=RATE, bed_db=-90.0, seconds=2.0):
    """Strokes at these times in seconds, over noise of ``bed_db``."""
    rng = np.random.default_rng(1)
    sound = 10 ** (bed_db / 20) * rng.standard_normal(int(seconds * rate))
    for time in times:
        one, at = stroke(shape, hz, rate, rng), round(time * rate)
        sound[at : at + one.size] += one[: max(0, sound.size - at)]
    return sound


@pytest.mark.parametrize("bed_db", [-90.0, -70.0])
@pytest.mark.parametrize("rate", [44_100, 48_000, 32_768])
@pytest.mark.parametrize(("shape", "late_s"), [("click", 0.0), ("tone", 0.0), ("noise", 0.0), ("soft", 0.005)])
@pytest.mark.parametrize("hz", [110.0, 440.0, 3000.0])
def test_onsets_are_told_to_two_milliseconds(shape, late_s, hz, rate, bed_db):
    """A soft attack of 5 ms is told while it rises."""
    times = np.array([0.301, 0.55, 0.8003, 1.2, 1.3507])
    found = find_onsets(played(times, shape, hz, rate, bed_db), rate)
    strong = found.times_s[found.strengths > 0.3]
    assert strong.size == times.size
    assert (strong > times - 0.002).all()
    assert (strong < times + 0.0025 + late_s).all()


def test_a_step_is_told_at_any_contrast():
    """Where detectors of onsets differ: a tone that grows by 6 dB is no earlier or later than one out of silence."""
    t = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * t)
    for before in (0.0, 0.01, 0.1, 0.5):
        found = find_onsets(tone * np.where(t < 0.5, before, 1.0), RATE)
        strongest = found.times_s[np.argmax(found.strengths)]
        assert abs(strongest - 0.5) < 0.002, before


def test_of_peaks_close_to_each_other_the_first_counts():
    """And a peak comes before the rise that it shows, by half a window at most."""
    times = np.array([0.4, 0.9, 1.4])
    flux = onset_flux(played(times, "click"), RATE)
    peaks, risen = peak_onsets(flux, 0.07), pick_onsets(flux)
    assert np.allclose(risen.times_s, times, atol=0.002)
    assert peaks.times_s.size == 3
    assert ((times - 0.0125 < peaks.times_s) & (peaks.times_s < times + 0.003)).all()
    assert peaks.strengths.max() == 1.0
    sound = played([*times, 1.42], "click")
    sound[round(1.4 * RATE)] *= 0.3
    flux = onset_flux(sound, RATE, 0.0116)
    first, strongest = peak_onsets(flux, 0.07).times_s, pick_onsets(flux).times_s
    assert first.size == strongest.size == 3
    assert abs(first[2] - 1.4) < 0.007


def test_silence_has_no_peaks():
    peaks = peak_onsets(onset_flux(np.zeros(RATE), RATE), 0.07)
    assert peaks.times_s.size == peaks.strengths.size == 0


def test_steady_sounds_have_none():
    t = np.arange(RATE) / RATE
    for steady in (np.zeros(RATE), np.full(RATE, 0.5), np.sin(2 * np.pi * 220.5 * t)):
        found = find_onsets(steady, RATE)
        assert found.times_s.size == 0 or found.strengths.max() <= 1.0
        assert found.times_s[(found.times_s > 0.05) & (found.times_s < 0.95)].size == 0


def test_gain_and_offset_change_nothing():
    sound = played([0.3, 0.7, 1.1], "noise")
    for other in (100.0 * sound, 0.25 * sound + 3.0):
        assert np.allclose(find_onsets(other, RATE).times_s, find_onsets(sound, RATE).times_s, atol=1e-4)


odd = st.sampled_from([0.0, 1.0, -1.0, 1e-300, 0.5])


@settings(max_examples=60)
@given(
    st.lists(odd, min_size=1, max_size=9), st.integers(1, 9000), st.integers(1, 400), st.sampled_from([8000, 192_000])
)
def test_whatever_a_sound_is_nothing_fails(pattern, size, stretch, rate):
    sound = np.resize(np.repeat(pattern, stretch), size)
    times_s, strengths = find_onsets(sound, rate)
    assert times_s.shape == strengths.shape
    assert (np.diff(times_s) > 0).all()
    assert ((strengths >= 0) & (strengths <= 1)).all()
    # Windows reach over both ends.
    assert ((times_s >= 0) & (times_s <= size / rate + 0.03)).all()
