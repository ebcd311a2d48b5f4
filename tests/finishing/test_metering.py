"""Loudness and true peaks are those that other meters find."""

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

from cnndsd.finishing import metering
from cnndsd.finishing.metering import block_powers, loudness, peak_curve, true_peak


def test_the_true_peak_of_a_long_sound_is_found_in_every_stretch(monkeypatch):
    rng = np.random.default_rng(2)
    sound = rng.uniform(-1, 1, 5000)
    whole = true_peak(sound)
    monkeypatch.setattr(metering, "_STRETCH", 700)
    assert true_peak(sound) == pytest.approx(whole, abs=1e-12)


def test_true_peak_sees_between_the_samples():
    """A quarter-rate sine sampled at 45 degrees: the samples reach 0.707, the wave 1."""
    wave = np.sin(np.pi / 2 * np.arange(4000) + np.pi / 4) * np.hanning(4000)
    assert np.abs(wave).max() < 0.71
    assert true_peak(wave) == pytest.approx(1.0, abs=0.02)


def test_loudness_of_the_standards_reference_tone():
    """ITU-R BS.1770: a 997 Hz sine of 0 dBFS in one channel reads -3.01 LKFS."""
    t = np.arange(5 * 48_000) / 48_000
    assert loudness(np.sin(2 * np.pi * 997 * t), 48_000) == pytest.approx((-3.01, -3.01), abs=0.05)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 192_000])
def test_the_loudness_is_that_of_pyloudnorm(rate):
    rng = np.random.default_rng(rate)
    for seconds in (0.4, 0.41, 1.0, 2.345):
        size = round(seconds * rate)
        sound = rng.normal(size=size) * np.geomspace(1.0, 1e-4, size)
        block, hop = round(0.4 * rate), round(0.1 * rate)
        meter = pyloudnorm.Meter(rate, filter_class="DeMan", block_size=0.4)
        whole = meter.integrated_loudness((sound / 3.0)[: block + (size - block) // hop * hop])
        assert loudness(sound, rate, divisor=3.0) == pytest.approx((whole, max(meter.blockwise_loudness)), abs=1e-6)
        assert loudness(sound * 1e-9, rate)[0] == -np.inf


@pytest.mark.parametrize("rate", [8004, 11_025, 44_101, 48_004])
def test_only_whole_blocks_are_measured_where_a_hop_is_no_whole_number_of_samples(rate):
    rng = np.random.default_rng(1)
    lasts = [int(0.4 * (0.25 * j + 1.0) * rate) for j in range(40)]
    for size in {*rng.integers(0.4 * rate, 3.0 * rate, 60).tolist(), *(end + off for end in lasts for off in (-1, 0))}:
        # Whatever was in memory before.
        np.full(64, 1e300)
        powers = block_powers(rng.normal(size=size), rate)
        assert powers.size == max(1, sum(end <= size for end in lasts))
        assert (powers < 100.0).all()
        assert (powers > 1e-3).all()


def test_the_peaks_of_a_long_sound_are_found_in_every_stretch(monkeypatch):
    sound = np.random.default_rng(2).uniform(-1, 1, (2, 5000))
    whole = peak_curve(sound)
    assert whole.max() == pytest.approx(true_peak(sound), abs=1e-12)
    assert (whole >= np.abs(sound).max(axis=0)).all()
    monkeypatch.setattr(metering, "_STRETCH", 700)
    assert peak_curve(sound) == pytest.approx(whole, abs=1e-12)


def test_peaks_between_samples_count_for_both():
    """A quarter-rate sine sampled at 45 degrees: the samples reach 0.707, the wave 1."""
    wave = np.sin(np.pi / 2 * np.arange(4000) + np.pi / 4)
    assert peak_curve(wave)[100:-100] == pytest.approx(np.ones(3800), abs=0.02)


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_true_peaks_are_those_of_a_finer_interpolation(rate):
    """By scipy's resampling to 4 times, whose filter is the same, and by FFT to 16 times."""
    rng = np.random.default_rng(rate)
    for _ in range(10):
        sound = signal.lfilter([1.0], [1.0, -0.5], rng.normal(size=3000)) * np.hanning(3000)
        over = signal.resample_poly(np.pad(sound, 64), 4, 1, window=("kaiser", 8.0))
        assert true_peak(sound) == pytest.approx(np.abs(over).max(), rel=1e-9)
        fine = np.abs(signal.resample(np.pad(sound, 512), 16 * 4024)).max()
        assert abs(20 * np.log10(fine / true_peak(sound))) < 0.6
