"""Sines, filters and gains of our own, compared with those of libraries, which may differ from machine to machine."""

import numpy as np
import pytest
from scipy import signal

from cnndsd.finishing.filtering import low_pass, mean, raised, rounded_gain, sines
from cnndsd.finishing.resampling import resample_cycle


def test_sines_are_right_to_the_last_bits():
    x = np.concatenate([np.linspace(-0.5, 0.5, 10_001), np.geomspace(1e-300, 0.5, 1000)])
    assert sines(x) == pytest.approx(np.sin(np.pi * x), rel=5e-16, abs=0.0)
    far = np.linspace(-9.0, 9.0, 1001)
    assert sines(far) == pytest.approx(np.sin(np.pi * far), abs=1e-14)


def test_a_raised_cosine_rises_from_0_to_1():
    shares = np.arange(101) / 100
    assert raised(shares) == pytest.approx(0.5 - 0.5 * np.cos(np.pi * shares), abs=1e-15)
    assert (np.diff(raised(shares)) > 0.0).all()


def test_a_gain_keeps_12_bits_and_swallows_the_last_bits():
    gains = np.geomspace(1e-6, 1e6, 997)
    rounded = np.array([rounded_gain(gain) for gain in gains])
    assert np.abs(rounded / gains - 1.0).max() <= 2**-12
    assert [rounded_gain(gain * (1.0 + 1e-12)) for gain in gains] == rounded.tolist()
    assert rounded_gain(1.0) == 1.0


@pytest.mark.parametrize("taps", [1, 3, 257, 26_865])
def test_the_low_pass_is_kaisers(taps):
    wanted = signal.firwin(taps, 0.3, window=("kaiser", 12.0))
    assert low_pass(taps, 0.3, 12.0) == pytest.approx(wanted, abs=1e-14)


def test_the_mean_is_that_of_numpy():
    values = np.random.default_rng(1).normal(size=9999)
    assert mean(values) == pytest.approx(values.mean(), abs=1e-15)


@pytest.mark.parametrize(("period", "samples"), [(59_392, 58_800), (44_100, 60_000), (60_000, 44_100), (300, 1234)])
def test_a_cycle_is_resampled_as_by_fourier_up_to_the_pass_band(period, samples):
    rng = np.random.default_rng(period)
    spectrum = np.zeros(period // 2 + 1, np.complex128)
    top = int(min(period, samples) / 2 * 20_000 / 22_050)
    spectrum[:top] = rng.normal(size=top) + 1j * rng.normal(size=top)
    cycle = np.fft.irfft(spectrum, period)
    cycle /= np.abs(cycle).max()
    error = resample_cycle(cycle, samples) - signal.resample(cycle, samples)
    # 120 dB down.
    assert np.abs(error).max() < 1e-6


def test_what_the_new_rate_cannot_hold_is_gone():
    tone = np.cos(2 * np.pi * np.arange(60_000) * 22_100 / 60_000)
    assert np.abs(resample_cycle(tone, 44_100)).max() < 2e-6
