"""Measures and verdicts, asked of signals whose answers are known from physics."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Limits, Recipe, judge, measure, render
from cnndsd.ear.analysis import judge_and_describe
from cnndsd.ear.measuring import AUDIBLE_HZ, PLACES, Clock, Measures, take_statistics
from cnndsd.sound.rendering import render_steps

RATE = 44_100
SECOND = np.arange(RATE) / RATE


def sine(hz, amplitude=0.4, offset=0.5):
    return offset + amplitude * np.sin(2 * np.pi * hz * SECOND)


def noise(seed=1, amplitude=0.4):
    return 0.5 + amplitude * np.random.default_rng(seed).uniform(-1, 1, RATE)


def measure_steps(steps, rate, hold):
    clock = Clock(rate, hold)
    _, rows = judge_and_describe(steps[None], take_statistics(steps, clock)[None], clock)
    return Measures(True, *rows[0, : len(PLACES)].tolist())


def test_levels_of_a_sine_do_not_see_its_offset():
    measures = measure(sine(441.0), RATE)
    assert measures.dc == pytest.approx(0.5, abs=1e-6)
    assert measures.peak_dbfs == pytest.approx(20 * np.log10(0.4), abs=0.001)
    assert measures.rms_dbfs == pytest.approx(20 * np.log10(0.4) - 3.0103, abs=0.001)
    assert measures.crest_db == pytest.approx(3.0103, abs=0.001)
    assert measures.heard_s == pytest.approx(1.0)
    assert measures.brightness_hz == pytest.approx(441.0, rel=0.01)
    assert measures.audible_share > 0.999
    assert measures.flatness < 0.001
    assert measures.movement_db < 0.5


def test_white_noise_is_flat_and_does_not_move():
    measures = measure(noise(), RATE)
    assert measures.flatness > 0.9
    assert measures.movement_db < 1.0
    assert measures.audible_share == pytest.approx((AUDIBLE_HZ[1] - AUDIBLE_HZ[0]) / (RATE / 2), abs=0.03)


@pytest.mark.parametrize("hold", [2, 16, 64])
def test_steady_noise_does_not_move_at_any_step_rate(hold):
    steps = np.random.default_rng(hold).uniform(0, 1, 4 * RATE // hold)
    measures = measure_steps(steps, RATE, hold)
    assert measures.movement_db < 1.5
    assert judge(measures) == "static noise"


def test_a_held_sounds_spectrum_is_what_its_samples_say():
    """Brightness and audible share from the undivided stream, against the long way round, a full-rate spectrum."""
    steps = np.random.default_rng(3).uniform(0, 1, 2 * RATE // 8)
    measures = measure_steps(steps, RATE, 8)
    audio = np.repeat(steps, 8)
    power = np.abs(np.fft.rfft(audio - audio.mean())) ** 2
    hz = np.fft.rfftfreq(audio.size, 1 / RATE)
    heard = (hz >= AUDIBLE_HZ[0]) & (hz <= AUDIBLE_HZ[1])
    assert measures.audible_share == pytest.approx(power[heard].sum() / power.sum(), abs=0.02)
    assert measures.brightness_hz == pytest.approx((power * hz)[heard].sum() / power[heard].sum(), rel=0.05)


@settings(max_examples=30)
@given(st.integers(0, 8), st.integers(0, 1000), st.integers(2, 8))
def test_measuring_audio_equals_measuring_its_steps(gap, seed, length):
    recipe = Recipe(length=length, hidden=(4,), gap=gap, seed=seed, seconds=0.7)
    assert measure(render(recipe), recipe.sample_rate) == measure_steps(render_steps(recipe), 44_100, recipe.hold)


def burst(seconds, level=0.4, rest=0.8):
    audio = np.full(RATE, rest)
    size = round(seconds * RATE)
    audio[:size] += level * np.sin(2 * np.pi * 300 * SECOND[:size])
    return audio


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (sine(300.0), None),
        (burst(0.1), None),
        (burst(0.065), None),
        (burst(0.04), "too short"),
        (np.full(RATE, 0.7), "silent"),
        (np.zeros(RATE), "silent"),
        (sine(300.0, amplitude=0.002), "silent"),
        (np.tile([0.0, 1.0], RATE // 2), "clipped"),
        (0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 100.5 * SECOND)), "clipped"),
        (sine(8.0), "inaudible"),
        (sine(18_500.0), "inaudible"),
        (noise(), "static noise"),
        (noise() * np.repeat([1.0, 0.1, 1.0, 0.1, 1.0], RATE // 5), None),
    ],
)
def test_verdicts(audio, reason):
    assert judge(measure(audio, RATE)) == reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_network_that_leaves_the_numbers_is_refused(value):
    """No recipe's does; a farm must not take it for a sound all the same."""
    steps = np.where(np.arange(RATE) == 77, value, noise())
    clock = Clock(RATE, 1)
    assert judge_and_describe(steps[None], take_statistics(steps, clock)[None], clock, Limits())[0] == ["not finite"]


def test_a_burst_is_measured_where_it_is_heard():
    measures = measure(burst(0.1), RATE)
    assert 0.1 <= measures.heard_s <= 0.12
    assert measures.rms_dbfs == pytest.approx(20 * np.log10(0.4) - 3.01, abs=1.0)


@pytest.mark.parametrize("field", [f for f in Measures.__struct_fields__ if f != "finite"])
def test_a_nan_in_what_is_judged_is_refused(field):
    good = measure(sine(300.0), RATE)
    judged = {"heard_s", "rms_dbfs", "crest_db", "audible_share", "flatness"}
    broken = msgspec.structs.replace(good, **{field: float("nan")})
    assert (judge(broken) is not None) == (field in judged)
    both = msgspec.structs.replace(good, flatness=float("nan"), movement_db=float("nan"))
    assert judge(both) == "static noise"


def test_limits_are_the_callers():
    assert judge(measure(sine(300.0), RATE), Limits(crest_db=3.5)) == "clipped"
    assert judge(measure(noise(), RATE), Limits(noise_flatness=1.0)) is None


@pytest.mark.parametrize("size", [1, 2, 3, 15, 16, 17, 441, 442])
def test_very_short_sounds_are_measured(size):
    measures = measure(noise()[:size], RATE)
    assert judge(measures) in {"silent", "too short"}


def test_what_swings_less_than_60_db_below_full_scale_is_not_heard():
    whisper = np.concatenate([sine(300.0)[: RATE // 2], sine(300.0, amplitude=0.8e-3)[: RATE // 2]])
    murmur = np.concatenate([sine(300.0)[: RATE // 2], sine(300.0, amplitude=1.3e-3)[: RATE // 2]])
    assert measure(whisper, RATE).heard_s == pytest.approx(0.5, abs=0.011)
    assert measure(murmur, RATE).heard_s == pytest.approx(1.0, abs=0.011)
