"""The limiter: single peaks no longer keep a sound from its loudness, and nothing else changes."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from cnndsd import Mastering, master
from cnndsd.finishing import mastering
from cnndsd.finishing.limiting import ATTACK_S, RELEASE_S, gain_curve
from cnndsd.finishing.loops import Loop
from cnndsd.finishing.mastering import normalise
from cnndsd.finishing.metering import loudness, peak_curve, true_peak

RATE = 44_100
LOW_RATE = 4000
ATTACK, RELEASE = round(ATTACK_S * RATE), round(RELEASE_S * RATE)
CEILING = 10 ** (-1.3 / 20)


def db(ratio):
    return 20 * np.log10(ratio)


def noise_with_spikes(spike_db, places=(0.5, 1.2), seconds=2.0):
    """Soft noise without deep bass, and some spikes of a millisecond that are so far above its peaks."""
    noise = np.random.default_rng(5).uniform(-1, 1, round(seconds * RATE))
    sound = 0.02 * signal.lfilter([1.0, -1.0], [1.0, -0.9], noise)
    t = np.arange(44) / 44
    for place in places:
        at = round(place * RATE)
        sound[at : at + 44] += 10 ** (spike_db / 20) * 0.04 * np.sin(np.pi * t) * np.sin(4 * np.pi * t)
    return sound


def slow_gain_curve(allowed, rate, least):
    """The slow twin: sample by sample, as the docstrings say it."""
    half, release = round(ATTACK_S / 2 * rate), round(RELEASE_S * rate)
    gains = np.minimum(1.0, np.floor(allowed * 4096) / 4096)
    for n in range(1, gains.size):
        gains[n] = min(gains[n], gains[n - 1] + (1.0 - least) / release)
    least_around = [gains[max(0, n - half) : n + half + 1].min() for n in range(gains.size)]
    for _ in range(2):
        padded = np.pad(least_around, half // 2, mode="edge")
        least_around = [padded[n : n + half // 2 * 2 + 1].mean() for n in range(gains.size)]
    return np.array(least_around)


ALLOWED = st.integers(0, 2**32).map(
    lambda seed: np.where(
        np.random.default_rng(seed).random(900) < 0.01, np.random.default_rng(seed + 1).uniform(0.5, 1.0, 900), 1.5
    )
)


@settings(max_examples=60, deadline=None)
@given(allowed=ALLOWED)
def test_the_gain_is_never_above_what_is_allowed_and_the_slow_twin_agrees(allowed):
    gains = gain_curve(allowed.copy(), LOW_RATE, 0.5)
    assert (gains <= np.minimum(allowed, 1.0) + 1e-12).all()
    assert gains.min() >= 0.5 - 2**-12
    assert gains == pytest.approx(slow_gain_curve(allowed, LOW_RATE, 0.5), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(allowed=ALLOWED, turn=st.integers(1, 899))
def test_the_gain_of_a_loop_comes_round(allowed, turn):
    loop = Loop(0, allowed.size, exact=True)
    turned = gain_curve(np.roll(allowed, turn), LOW_RATE, 0.5, loop)
    assert turned == pytest.approx(np.roll(gain_curve(allowed.copy(), LOW_RATE, 0.5, loop), turn), abs=1e-9)


def test_the_gain_within_a_loop_is_constant():
    allowed = np.full(3 * RATE, 2.0)
    allowed[[RATE - 5, 2 * RATE]] = 0.5, 0.7
    gains = gain_curve(allowed, RATE, 0.5, Loop(RATE, 2 * RATE + 9, exact=False))
    assert np.ptp(gains[RATE:]) < 1e-12
    assert gains[RATE] <= 0.5 + 1e-12
    assert gains[0] == 1.0


def test_the_gain_changes_only_around_a_peak_and_without_a_jump():
    allowed = np.full(RATE, 2.0)
    allowed[RATE // 2] = 0.5
    gains = gain_curve(allowed, RATE, 0.5)
    below = np.flatnonzero(gains < 1.0 - 1e-9)
    assert RATE // 2 - below[0] <= ATTACK + 2
    assert below[-1] - RATE // 2 <= RELEASE + ATTACK + 2
    # The steepest part of the attack lasts about half of it, the release falls evenly.
    assert np.abs(np.diff(gains)).max() < 1.2 * 0.5 / (ATTACK / 2) * 1.1
    assert np.abs(np.diff(gains[RATE // 2 + 2 * ATTACK :])).max() < 1.1 * 0.5 / RELEASE


@pytest.mark.parametrize("spike_db", [8.0, 12.0])
def test_spikes_do_not_keep_a_sound_from_its_loudness(spike_db):
    sound = noise_with_spikes(spike_db)
    free, limited = (master(0.5 + sound, RATE, Mastering(limit_db=limit)) for limit in (0.0, 9.0))
    assert loudness(free, RATE)[0] < -16.6
    assert loudness(limited, RATE)[0] == pytest.approx(-16.0, abs=0.15)
    # By an independent, finer interpolation: 16x by FFT.
    fine = signal.resample(np.pad(limited, 4096), 16 * (limited.size + 8192))
    assert db(np.abs(fine).max()) <= -1.0
    assert abs(limited.mean()) < 1e-6
    # Away from the spikes it is the same sound, only louder.
    ratio = (
        limited[RATE // 10 : RATE // 3] @ free[RATE // 10 : RATE // 3] / np.square(free[RATE // 10 : RATE // 3]).sum()
    )
    assert limited[RATE // 10 : RATE // 3] == pytest.approx(ratio * free[RATE // 10 : RATE // 3], abs=2e-3)


@pytest.mark.parametrize(("limit", "spike_db", "lufs"), [(2.0, 18.0, -16.0), (6.0, 18.0, -16.0), (17.0, 18.0, -4.0)])
def test_no_peak_is_turned_down_by_more_than_asked(limit, spike_db, lufs):
    sound = noise_with_spikes(spike_db)
    free, limited = (master(0.5 + sound, RATE, Mastering(limit_db=most, loudness_lufs=lufs)) for most in (0.0, limit))
    louder_db = loudness(limited[: RATE // 3], RATE)[0] - loudness(free[: RATE // 3], RATE)[0]
    assert louder_db == pytest.approx(limit, abs=0.2)
    assert db(true_peak(limited)) == pytest.approx(-1.3, abs=0.05)


def test_a_sound_whose_peaks_are_all_alike_stays_as_it_is():
    """A train of pulses would only be distorted, not louder."""
    train = np.zeros(2 * RATE)
    train[:: RATE // 100] = 1.0
    train -= train.mean()
    free, limited = (normalise(train, RATE, Mastering(limit_db=limit)) for limit in (0.0, 6.0))
    assert loudness(free, RATE)[0] < -18.0
    assert np.array_equal(free, limited)


@pytest.mark.parametrize(
    "settings", [Mastering(level="peak"), Mastering(level="none"), Mastering(dc="raw"), Mastering(dc="rescale")]
)
def test_only_sounds_that_go_by_loudness_about_zero_are_limited(settings):
    sound = np.clip(0.5 + noise_with_spikes(12.0), 0.0, 1.0)
    without = msgspec.structs.replace(settings, limit_db=0.0)
    assert np.array_equal(master(sound, RATE, settings), master(sound, RATE, without))


def test_measures_that_differ_in_their_last_bits_make_the_same_sound(monkeypatch):
    """As those of other machines do."""
    sound = noise_with_spikes(14.0)
    before = normalise(sound, RATE, Mastering())
    assert not np.array_equal(before, normalise(sound, RATE, Mastering(limit_db=0.0)))
    for factor in (1.0 - 1e-12, 1.0 + 1e-12):

        def differs(*arguments, factor=factor):
            integrated, momentary = loudness(*arguments)
            return integrated * factor, momentary * factor

        monkeypatch.setattr(mastering, "loudness", differs)
        monkeypatch.setattr(mastering, "true_peak", lambda sound, factor=factor: true_peak(sound) * factor)
        monkeypatch.setattr(mastering, "peak_curve", lambda sound, factor=factor: peak_curve(sound) * factor)
        assert np.array_equal(normalise(sound, RATE, Mastering()), before)


@pytest.mark.parametrize("quieter_db", [0.0, 39.0, 44.0])
def test_the_limiter_does_the_same_at_any_level(quieter_db):
    """Blocks below -70 LUFS do not count, but in a sound that is to be quiet all blocks may be."""
    sound = noise_with_spikes(24.0)
    usual = normalise(sound, RATE, Mastering())
    quiet = normalise(sound, RATE, Mastering(loudness_lufs=-16.0 - quieter_db, peak_dbtp=max(-40.0, -1.0 - quieter_db)))
    if quieter_db < 40.0:
        assert quiet * 10 ** (quieter_db / 20) == pytest.approx(usual, abs=2e-3)
    assert np.isfinite(quiet).all()


def test_short_sounds_are_not_limited_whatever_sets_their_level():
    """Their alternates, which are not limited, must come as near to their loudness."""
    hit = noise_with_spikes(12.0, places=(0.05,), seconds=0.3)
    for level in ("use", "loudness"):
        assert np.array_equal(
            normalise(hit, RATE, Mastering(level=level)), normalise(hit, RATE, Mastering(level=level, limit_db=0.0))
        )


def test_sounds_of_more_than_a_minute_are_not_limited():
    minute = noise_with_spikes(14.0, seconds=60.5)
    for sound, is_limited in ((minute, False), (minute[: 60 * RATE], True)):
        free = normalise(sound, RATE, Mastering(limit_db=0.0))
        assert np.array_equal(normalise(sound, RATE, Mastering()), free) is not is_limited


def test_both_channels_get_the_same_gain():
    left, right = noise_with_spikes(12.0), 0.02 * np.random.default_rng(6).uniform(-1, 1, 2 * RATE)
    wide = normalise(np.stack([left, right]), RATE, Mastering(limit_db=9.0))
    at = np.flatnonzero((np.abs(left) > 0.01) & (np.abs(right) > 0.01))
    gains = wide[:, at] / np.stack([left, right])[:, at]
    assert np.ptp(gains[0]) > 0.2 * gains[0].max()
    assert gains[0] == pytest.approx(gains[1], rel=0.02)


def test_the_seam_of_a_loop_stays_as_it_is():
    """A bar with a spike at its end: the gain of its first and last samples agree."""
    bar = noise_with_spikes(14.0, places=(1.0, 1.997))
    limited = normalise(bar, RATE, Mastering(limit_db=9.0), loop=Loop(0, bar.size, exact=True))
    free = normalise(bar, RATE, Mastering(limit_db=0.0))
    assert loudness(limited, RATE)[0] > loudness(free, RATE)[0] + 2.0
    first, last = (np.abs(limited[part]).sum() / np.abs(bar[part]).sum() for part in (slice(50), slice(-50, None)))
    assert first == pytest.approx(last, rel=0.03)
    assert (
        first < 0.8 * np.abs(limited[RATE // 2 : RATE // 2 + 50]).sum() / np.abs(bar[RATE // 2 : RATE // 2 + 50]).sum()
    )
