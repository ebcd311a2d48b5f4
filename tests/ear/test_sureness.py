"""A pitch is sure when a plain tuner shows it, too: everywhere, most of the energy, and without moving."""

import librosa
import numpy as np
import pytest

from cnndsd.ear import sureness, tuning
from cnndsd.ear.sureness import is_sure, tuner

RATE = 44_100


def tone(hz, seconds=1.5, partials=(1.0, 0.5, 0.3, 0.2), sharp=0.0):
    """``sharp``: how many cents higher it is, one number or one for each sample."""
    hz = hz * 2 ** (np.broadcast_to(sharp, int(seconds * RATE)) / 1200)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    return sum(level * np.sin((n + 1) * phase) for n, level in enumerate(partials))


def held_pulses(hz):
    """Steps that are held, with a short pulse once a period: strong harmonics up to the highest."""
    return np.where((np.arange(2 * RATE) * hz / RATE) % 1.0 < 0.12, 1.0, -0.13)


@pytest.mark.parametrize("hz", [36.0, 110.0, 441.3, 1100.0])
def test_a_steady_tone_is_sure_at_its_pitch_alone(hz):
    sound = tone(hz, 2.5)
    assert is_sure(sound, RATE, hz)
    assert abs(np.median(tuner(sound, RATE, hz).cents)) < 0.7
    assert abs(tuner(sound, RATE, hz).share.sum() - 1.0) < 1e-9
    assert not is_sure(sound, RATE, hz * 2 ** (4 / 1200))
    assert not is_sure(sound, RATE, hz * 2 ** (-4 / 1200))


def test_a_tremble_of_the_pitch_is_not_sure():
    t = np.arange(int(1.5 * RATE)) / RATE
    assert is_sure(tone(220.0, sharp=0.5 * np.sin(2 * np.pi * 3 * t)), RATE, 220.0)
    assert not is_sure(tone(220.0, sharp=4.0 * np.sin(2 * np.pi * 3 * t)), RATE, 220.0)
    # Right most of the time, and 15 cents off for a quarter of it.
    assert not is_sure(tone(220.0, sharp=np.where(t > 1.1, 15.0, 0.0)), RATE, 220.0)


def test_what_is_loud_before_it_has_the_pitch_is_not_sure():
    """Half of the energy must have it, not half of the time."""
    noise = np.random.default_rng(1).standard_normal(RATE // 4)
    assert is_sure(np.concatenate([0.3 * noise, tone(220.0)]), RATE, 220.0)
    assert not is_sure(np.concatenate([4.0 * noise, tone(220.0)]), RATE, 220.0)


def test_a_period_that_a_tuner_misses_is_not_sure():
    """Of a period of few samples with strong harmonics, every ear tells something else."""
    sound = held_pulses(1865.0)
    found = tuning.estimate_pitch(sound, RATE)
    assert found is not None
    assert abs(1200 * np.log2(found.hz / 1865.0)) < 1.0
    assert sureness.sure_pitch(sound, RATE) is None
    heard, voiced, _ = librosa.pyin(sound[: RATE // 2], fmin=1500, fmax=2300, sr=RATE, resolution=0.02)
    assert abs(1200 * np.log2(np.median(heard[voiced]) / 1865.0)) > 2.0


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_whatever_a_sound_is_nothing_fails(size):
    for sound in (np.zeros(size), np.eye(1, size)[0], np.random.default_rng(1).standard_normal(size)):
        for hz in (32.0, 440.0, 4000.0):
            assert not is_sure(sound, 8000, hz)
            assert np.isfinite(tuner(sound, 8000, hz).share).all()


def test_frames_without_a_period_show_nothing(monkeypatch):
    noise = np.random.default_rng(1).standard_normal(RATE)
    monkeypatch.setattr(sureness, "_DIP", 0.1)
    assert tuner(noise, RATE, 440.0).cents.size == 0
