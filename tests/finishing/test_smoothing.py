"""Band-limited interpolation: what it keeps, what it removes, and that the ear hears it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnndsd import Recipe, Spec, describe, judge, measure, render
from cnndsd.ear.analysis import describe_raw, deviations
from cnndsd.ear.description import Description
from cnndsd.ear.interpolation import KAISER_BETA, REACH_STEPS, response
from cnndsd.ear.tuning import cycle
from cnndsd.farm.drawing import draw
from cnndsd.farm.units import judge_candidates
from cnndsd.finishing import audiofile
from cnndsd.finishing.bars import BarLoop, cut_bars, find_bars
from cnndsd.finishing.finished import finish, single_sound_spec
from cnndsd.finishing.smoothing import smooth, smooth_cycle
from cnndsd.spec import Mastering, Music

SMOOTH = Recipe(length=9, hidden=(4, 4), gap=5, seed=12, interpolation="bandlimited")
# It ends in cycles of 1,024 samples.
CYCLE = Recipe(length=3, hidden=(5,), gap=5, seed=27, seconds=1.7, precision="single", interpolation="bandlimited")
STEPS = arrays(np.float64, st.integers(1, 50), elements=st.floats(0.0, 1.0, width=32))
HOLDS = st.sampled_from([2, 4, 8, 64])


def slowly(steps, hold, samples):
    """The same from the formula alone, each sample a sum over all steps, which go on at both ends with their values."""
    middle = hold // 2
    places = np.arange(-REACH_STEPS - 2, steps.size + REACH_STEPS + 2)
    times = (np.arange(samples)[:, None] - middle) / hold - places
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (times / REACH_STEPS) ** 2)))
    taps = np.sinc(times) * window * (np.abs(times) <= REACH_STEPS)
    return taps @ steps[np.clip(places, 0, steps.size - 1)] / taps.sum(axis=1)


@settings(max_examples=60)
@given(STEPS, HOLDS, st.data())
def test_it_is_the_formula_and_passes_through_every_step(steps, hold, data):
    samples = data.draw(st.integers((steps.size - 1) * hold + 1, steps.size * hold))
    found = smooth(np.repeat(steps, hold)[:samples], hold)
    assert found.shape == (samples,)
    assert found == pytest.approx(slowly(steps, hold, samples), abs=1e-9)
    at_middle = found[hold // 2 :: hold]
    assert at_middle == pytest.approx(steps[: at_middle.size], abs=1e-6)


@settings(max_examples=60)
@given(st.floats(0.0, 1.0), HOLDS)
def test_a_constant_stays_one(value, hold):
    assert smooth(np.full(20 * hold, value), hold) == pytest.approx(np.full(20 * hold, value), abs=1e-15)


def test_nothing_is_done_where_steps_are_samples():
    sound = np.random.default_rng(1).random(50)
    assert np.array_equal(smooth(sound, 1), sound)
    assert np.array_equal(smooth_cycle(sound, 1, 7, 30), sound[7:37])


def levels_db(tone, hold, shares):
    """The level of each frequency, a share of the step rate, in a smooth tone of a share of it, in its steady part."""
    steps = np.cos(2 * np.pi * tone * np.arange(600))
    sound = smooth(np.repeat(steps, hold), hold)[100 * hold : -100 * hold]
    window = np.blackman(sound.size)
    times = np.arange(sound.size) / hold
    return [
        20 * np.log10(2 * abs((window * sound * np.exp(-2j * np.pi * share * times)).sum()) / window.sum() + 1e-12)
        for share in shares
    ]


@pytest.mark.parametrize("hold", [2, 8, 64])
def test_tones_stay_and_their_images_go(hold):
    for tone in (0.02, 0.1, 0.25, 0.4):
        # The images of a step rate that is half the sample rate end with the first.
        images = [1 - tone, 1 + tone, 2 - tone][: 3 if hold > 2 else 1]
        kept, *gone = levels_db(tone, hold, [tone, *images])
        assert abs(kept) < 0.001
        assert max(gone) < -95.0
    # Of a tone of half the step rate the image is itself.
    assert abs(levels_db(0.5, hold, [0.5])[0]) < 0.001
    for share in (0.45, 0.48):
        found = levels_db(share, hold, [share, 1 - share])
        wanted = 20 * np.log10(np.abs(response(np.array([share, 1 - share]))))
        assert np.abs(found - wanted).max() < 0.01


def test_the_gains_of_a_frequency_and_its_image_have_the_sum_1():
    shares = np.linspace(0.0, 0.5, 51)
    assert response(shares) + response(1.0 - shares) == pytest.approx(np.ones(51), abs=1e-4)


@pytest.mark.parametrize("start", [0, 32, 77, 1000])
def test_a_round_of_a_cycle_is_that_of_the_endless_cycle(start):
    hold, period = 32, 32 * 13
    once = np.repeat(np.random.default_rng(3).random(13), hold)
    endless = np.tile(once, 12)
    wanted = smooth(endless, hold)
    begin = start + 5 * period
    assert np.array_equal(smooth_cycle(endless, hold, start, period), wanted[begin : begin + period])


@pytest.mark.parametrize("gap", [1, 3, 5])
@pytest.mark.parametrize("seed", [3, 35, 276])
def test_the_ear_hears_what_is_finished(seed, gap):
    recipe = Recipe(length=9, hidden=(4, 4), gap=gap, seed=seed, interpolation="bandlimited")
    raw = render(recipe)
    # Once from the steps and the response of the filter, once from the very samples; and held.
    found, heard, held = describe_raw(raw, recipe), describe(smooth(raw, recipe.hold)), describe(raw)
    for name, allowed in {"audible_share": 0.01, "loudness_lufs": 0.1, "bandwidth_octaves": 0.01}.items():
        assert getattr(found, name) == pytest.approx(getattr(heard, name), abs=allowed)
    assert found.brightness_hz == pytest.approx(heard.brightness_hz, rel=0.01)
    assert found.brightness_hz < 0.95 * held.brightness_hz
    assert np.linalg.norm(np.subtract(found.timbre, heard.timbre)) < 0.3
    assert np.linalg.norm(np.subtract(found.timbre, held.timbre)) > 5.0


def test_of_a_held_sound_the_ear_hears_what_it_always_heard():
    raw = render(SMOOTH)
    assert describe_raw(raw, SMOOTH.network) == describe(raw)
    assert describe_raw(raw, msgspec.structs.replace(SMOOTH, gap=0)) == describe(raw)
    assert deviations(describe(raw), raw, SMOOTH.network) == []
    assert "brightness_hz" in deviations(describe(raw), raw, SMOOTH)


def test_a_run_describes_smooth_candidates_as_they_are_described_alone():
    spec = Spec(name="x", sound={"bandlimited": 1.0, "seconds": (0.3, 0.6), "gap": (0, 8)})
    smooth_ones = 0
    for index, outcome in judge_candidates(spec, 1, 0, 1024):
        recipe = draw(spec, 1, index)
        if isinstance(outcome, Description) and index % 16 == 0:
            smooth_ones += recipe.is_smooth
            assert describe_raw(render(recipe), recipe) == outcome
    assert smooth_ones > 5


def test_what_smoothing_leaves_inaudible_is_refused():
    # A tone of 10 Hz in steps of 86 Hz: its images are heard, it is not.
    steps = np.sin(2 * np.pi * 10 / 86.13 * np.arange(172)) * 0.4 + 0.5
    recipe = Recipe(gap=9, interpolation="bandlimited")
    raw = np.repeat(steps, 512)[: recipe.samples]
    assert describe_raw(raw, recipe).audible_share < 0.02 < measure(raw).audible_share
    assert judge(describe_raw(raw, recipe)) == "inaudible"


def test_a_finished_sound_is_smooth_and_as_long_and_loud_as_held():
    raw = render(SMOOTH)
    made = {}
    for recipe in (SMOOTH, SMOOTH.network):
        finished = finish(raw, recipe, describe_raw(raw, recipe), single_sound_spec(recipe, "wav24"))
        power = np.abs(np.fft.rfft(audiofile.decode(finished.data))) ** 2
        made[recipe.interpolation] = finished, power
    hz = np.fft.rfftfreq(2 * power.size - 2, 1 / 44_100)
    # Of the step rate, 1,378 Hz. The fades are steeper.
    shares = {name: power[hz[: power.size] > 0.7 * 1378].sum() / power.sum() for name, (_, power) in made.items()}
    assert 500 * shares["bandlimited"] < 0.02 < shares["hold"]
    smooth_one, held = made["bandlimited"][0], made["hold"][0]
    assert smooth_one.seconds == pytest.approx(held.seconds, abs=0.05)
    assert smooth_one.level.true_peak_dbtp <= -1.0
    assert smooth_one.level.integrated_lufs <= -15.95


@pytest.mark.parametrize("fade_out_s", [0.02, 0.0])
def test_the_loop_of_a_smooth_cycle_is_exact(fade_out_s):
    raw = render(CYCLE)
    # Without a fade the loop would go on to where the last steps have no followers.
    wanted = single_sound_spec(CYCLE, "wavfloat", Mastering(fade_out_s=fade_out_s, still_s=0.0))
    finished = finish(raw, CYCLE, describe_raw(raw, CYCLE), wanted)
    sound, loop = audiofile.decode(finished.data), finished.loop
    assert loop.exact
    assert loop.end <= raw.size - REACH_STEPS * CYCLE.hold
    assert (loop.end - loop.start) % 1024 == 0
    jump = np.abs(sound[loop.start - 1024 : loop.start] - sound[loop.end - 1024 : loop.end]).max()
    assert jump < 1e-4 * np.abs(sound).max()


def test_the_loop_of_a_smooth_cycle_begins_where_its_steps_do_not_feel_what_was_before():
    # Trimmed nothing, a sample of the file is one of the raw sound.
    uncut = Mastering(trim=False, still_s=0.0, quiet_db=0.0)
    begin, period = cycle(render(CYCLE))
    starts = []
    for samples in range(begin + 8 * period, begin + 12 * period, 100):
        recipe = msgspec.structs.replace(CYCLE, seconds=samples / 44_100)
        raw = render(recipe)
        finished = finish(raw, recipe, describe_raw(raw, recipe), single_sound_spec(recipe, "wavfloat", uncut))
        if finished.loop is not None and finished.loop.exact:
            starts.append(finished.loop.start)
    settled = begin + round(0.05 * 44_100) + REACH_STEPS * CYCLE.hold
    assert settled < min(starts) <= settled + 100


def test_loops_of_bars_are_smooth_and_join_themselves():
    at = CYCLE.at_rate(44_544)
    raw, music = render(at), Music(bpm=180.0, bars=(1,))
    loop = BarLoop(44_544, 23_000, 1, 1024)
    held, cut = (cut_bars(raw, loop, music, 44_100, 20.0, hold) for hold in (1, at.hold))
    assert cut.size == held.size == 58_800
    power = np.abs(np.fft.rfft(cut)) ** 2
    hz = np.fft.rfftfreq(cut.size, 1 / 44_100)
    assert power[hz > 0.72 * 44_544 / 32].sum() < 1e-6 * power.sum()
    # As a round of an endless loop it has no step at its join.
    assert abs(cut[0] - cut[-1]) <= np.abs(np.diff(cut)).max()
    # Without a cycle.
    strokes = np.arange(4 * 44_100) % 5512 < 400
    noise = np.repeat(np.random.default_rng(1).random(4 * 44_100 // 4), 4) * strokes
    beat = Music(bpm=120.0, bars=(1,))
    found = find_bars(noise, 44_100, describe(noise), beat, 4)
    assert found is not None
    assert cut_bars(noise, found, beat, 44_100, 20.0, 4).size == 88_200
