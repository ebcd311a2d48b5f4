"""Descriptions, kinds and scores, asked of signals whose answers are known."""

import math

import msgspec
import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from sounds import PLAIN, like, made_up

from cnndsd import Recipe, measure, render
from cnndsd.ear.analysis import describe
from cnndsd.ear.complexity import permutation_entropy
from cnndsd.ear.description import BANDS
from cnndsd.ear.distances import distance, nearest_others
from cnndsd.ear.envelope import active_share, find_pulse, trace
from cnndsd.ear.kinds import KINDS, kind
from cnndsd.ear.measuring import AUDIBLE_HZ
from cnndsd.ear.scoring import appraise, is_static, reasons, score
from cnndsd.ear.timbre import cuts, k_weighting, sameness
from cnndsd.sound.kernel import STATISTICS, frame_statistics

RATE = 44_100
# Partials of a bell, after Chowning and Risset.
BELL = (0.56, 0.92, 1.19, 1.71, 2.0, 2.74, 3.0, 3.76, 4.07)
TIME = np.arange(2 * RATE) / RATE


def sine(hz, amplitude=0.4):
    return 0.5 + amplitude * np.sin(2 * np.pi * hz * TIME)


def saw(hz, amplitude=0.4):
    return 0.5 + amplitude * signal.sawtooth(2 * np.pi * hz * TIME)


def noise(seed=1, amplitude=0.4):
    return 0.5 + amplitude * np.random.default_rng(seed).uniform(-1, 1, TIME.size)


def shaped(envelope, carrier=None):
    return 0.5 + envelope * ((saw(220.0) if carrier is None else carrier) - 0.5)


# Sampled, a much higher sawtooth is no longer periodic.
@pytest.mark.parametrize(
    ("wave", "hz"),
    [(sine, 3000.0), *((wave, hz) for wave in (sine, saw) for hz in (45.0, 82.41, 110.0, 440.0, 1318.5))],
)
def test_pitch_of_a_clear_tone_is_within_a_few_cents(wave, hz):
    found = describe(wave(hz), RATE)
    assert abs(1200 * math.log2(found.pitch_hz / hz)) < (10 if hz < 1000 else 60)
    assert found.clarity > 0.9
    assert found.glide_octaves < 0.01


@pytest.mark.parametrize("hold", [4, 16, 64])
@pytest.mark.parametrize("period", [2, 3, 5, 7])
def test_pitch_of_held_steps_is_their_period(hold, period):
    steps = np.tile(np.random.default_rng(period).uniform(0, 1, period), 2 * RATE // hold // period)
    hz = RATE / hold / period
    found = describe(np.repeat(steps, hold), RATE)
    # Of the Nyquist frequency the spectrum shows one side.
    assert abs(1200 * math.log2(found.pitch_hz / hz)) < (15 if period == 2 else 10)
    assert found.clarity > 0.95


def test_noise_has_no_pitch_and_no_pulse():
    for seed in range(5):
        found = describe(noise(seed), RATE)
        assert found.clarity < 0.1
        assert found.pulse < 0.05


def test_a_glide_is_told():
    found = describe(0.5 + 0.4 * np.sin(2 * np.pi * 150 * 2**TIME / math.log(2)), RATE)
    assert found.glide_octaves > 0.3


@pytest.mark.parametrize("seconds", [0.1, 0.16, 0.25, 0.4, 0.62])
@pytest.mark.parametrize("carrier", [sine(300.0), noise()])
def test_a_pulse_is_found_at_its_period(seconds, carrier):
    found = describe(shaped(np.exp(-(TIME % seconds) / (seconds / 4)), carrier), RATE)
    assert found.pulse_s == pytest.approx(seconds, rel=0.06)
    assert found.pulse > 0.4
    assert kind(found) == "beat"


def test_a_pulse_of_brightness_at_a_steady_level_is_found():
    found = describe(np.where(TIME % 0.3 < 0.15, sine(200.0), sine(900.0)), RATE)
    assert found.swing_db < 1.0
    assert found.pulse_s == pytest.approx(0.3, rel=0.06)
    assert found.pulse > 0.6


def test_a_shallow_tremolo_is_no_pulse():
    assert describe(shaped(1.0 + 0.02 * np.sin(2 * np.pi * 4 * TIME)), RATE).pulse < 0.15


def slow_pulse(level, bright, frame_s):
    """The twin: the square difference of the series and itself, written out."""
    size = level.size // 2
    pairs = [np.asarray(c[: 2 * size]).reshape(size, 2).mean(axis=1) for c in (0.1 * level, bright)]
    series = np.array([p - p.mean() for p in pairs])
    most = min(size // 2, int(2.0 / (2 * frame_s)))
    alike = [0.0]
    for lag in range(1, most + 1):
        a, b = series[:, : size - lag], series[:, lag:]
        floor = 2 * 0.1**2 * (size - lag)
        alike.append(1.0 - (((a - b) ** 2).sum() + floor) / ((a**2).sum() + (b**2).sum() + floor))
    best, height = 0, 0.0
    for lag in range(math.ceil(0.08 / (2 * frame_s)), most):
        if alike[lag] >= alike[lag - 1] and alike[lag] > alike[lag + 1]:
            stands = min(alike[lag], (alike[lag] - min([1.0, *alike[1 : lag + 1]])) / 2)
            if stands > 1.15 * height:
                best, height = lag, stands
    return best * 2 * frame_s, height


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(30, 300), st.integers(5, 60), st.floats(0.0, 6.0))
def test_the_pulse_equals_its_slow_twin(seed, frames, period, depth):
    rng = np.random.default_rng(seed)
    level = depth * np.sin(2 * np.pi * np.arange(frames) / period) + rng.normal(0.0, 1.0, frames)
    bright = rng.normal(0.0, 0.1, frames)
    period_s, height = find_pulse(level, bright, 0.01)
    slow_s, slow_height = slow_pulse(level, bright, 0.01)
    assert height == pytest.approx(slow_height, abs=1e-9)
    # Between the twins lies the parabola's part of a lag.
    assert period_s == pytest.approx(slow_s, abs=0.011)


def test_the_curve_equals_its_slow_twin():
    part = np.random.default_rng(3).uniform(0, 1, 1003)
    frame = 100
    tally, curve = np.empty((11, STATISTICS)), np.empty((2, 11))
    frame_statistics(part, frame, tally)
    trace(tally, part.size, frame, curve)
    frames = np.array_split(part, range(frame, 1003, frame))
    moves = np.split(np.diff(part, prepend=part[0]), range(frame, 1003, frame))
    for f in range(11):
        around = np.concatenate(frames[max(0, f - 1) : f + 2]).mean()
        assert curve[0, f] == pytest.approx(((frames[f] - around) ** 2).mean())
        assert curve[1, f] == pytest.approx((moves[f] ** 2).mean())


def test_loudness_is_that_of_an_independent_meter():
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    for sound in (sine(60.0), sine(1000.0), saw(110.0), noise()):
        wanted = meter.integrated_loudness(sound - sound.mean())
        assert describe(sound, RATE).loudness_lufs == pytest.approx(wanted, abs=0.5)


def test_the_k_weighting_is_the_standards():
    """BS.1770: 997 Hz passes with the gain that makes a full-scale sine read -3.01 LUFS."""
    assert 10 * np.log10(k_weighting(np.array([997.0]))[0]) == pytest.approx(0.691, abs=0.02)
    assert k_weighting(np.array([10.0]))[0] < 0.01


def test_attack_center_and_sounding_time():
    swell = describe(shaped(TIME / 2), RATE)
    assert swell.attack_s == pytest.approx(2 * (0.708 - 0.1), abs=0.05)
    assert swell.center > 0.7
    assert swell.rise_db > 10.0
    hit = describe(shaped(np.exp(-TIME / 0.05)), RATE)
    assert hit.attack_s <= 0.011
    assert hit.sounding_s == pytest.approx(0.05 * math.log(10), abs=0.03)
    assert hit.center < 0.25
    steady = describe(saw(220.0), RATE)
    assert steady.center == pytest.approx(0.5, abs=0.01)
    assert abs(steady.rise_db) < 0.1


def test_a_drift_of_the_offset_is_neither_level_nor_brightness():
    steady = describe(saw(220.0, 0.05), RATE)
    drifting = describe(saw(220.0, 0.05) + 0.3 * np.cos(2 * np.pi * 0.5 * TIME), RATE)
    assert abs(drifting.swing_db - steady.swing_db) < 0.3
    assert abs(drifting.sweep_octaves - steady.sweep_octaves) < 0.05


def test_bands_tell_where_the_energy_is():
    edges = np.geomspace(*AUDIBLE_HZ, BANDS + 1)
    for band in range(1, BANDS):
        found = describe(sine(math.sqrt(edges[band] * edges[band + 1])), RATE).bands_db
        assert found[band] == pytest.approx(0.0, abs=0.1)
        assert max(found[:band] + found[band + 1 :]) < -20.0


def falls_into_a_tone():
    """Noise that drops into a static tone."""
    return np.where(TIME < 0.8, noise(), saw(440.0, 0.2))


def test_a_step_between_two_states_is_not_change_within_them():
    fallen = describe(falls_into_a_tone(), RATE)
    assert fallen.change_db > 5.0
    assert fallen.one_cut_db < 1.0
    twice = describe(np.where((TIME < 0.7) | (TIME > 1.4), noise(), saw(440.0, 0.2)), RATE)
    assert twice.one_cut_db > 2.0
    assert twice.two_cuts_db < 1.0
    moving = describe(np.where(TIME * 7.3 % 2.9 < 1.2, noise(), saw(440.0, 0.2)), RATE)
    assert moving.two_cuts_db > 2.0
    assert describe(noise(), RATE).change_db < 1.0
    assert [text for text in reasons(fallen) if "falls from one state" in text]


def test_a_sound_is_the_same_as_far_as_its_largest_state_goes():
    assert describe(saw(440.0, 0.2), RATE).sameness == pytest.approx(1.0, abs=0.01)
    assert describe(noise(), RATE).sameness > 0.9
    # The tone has three fifths of the time.
    assert describe(falls_into_a_tone(), RATE).sameness == pytest.approx(0.6, abs=0.1)
    sweep = np.sin(2 * np.pi * 60.0 * 2.0 ** (3.0 * TIME) * TIME)
    assert describe(sweep, RATE).sameness < 0.2
    assert describe(shaped(TIME < 0.05), RATE).sameness == 0.0


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.0, 4.0))
def test_sameness_equals_its_slow_twin(seed, segments, noise_variance):
    rng = np.random.default_rng(seed)
    levels, weights = rng.normal(-20.0, 4.0, (segments, 24)), rng.uniform(0.0, 1.0, 24)
    apart = np.maximum(0.0, (levels[:, None] - levels) ** 2 - 2.0 * noise_variance)
    alike = 1.0 / (1.0 + (np.average(apart, axis=2, weights=weights) / 16.0) ** 2)
    np.fill_diagonal(alike, 0.0)
    expected = 0.0 if segments == 1 else alike.sum(axis=0).max() / (segments - 1)
    found = sameness(levels, weights, np.full(24, noise_variance))
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_burst_is_loud_all_the_time_and_what_dies_away_is_not():
    burst = describe(shaped((TIME < 0.2) * 1.0), RATE)
    assert burst.loud_s == pytest.approx(0.2, abs=0.03)
    assert burst.loud_s > 0.8 * burst.sounding_s
    dying = describe(shaped(np.exp(-TIME / 0.05)), RATE)
    assert dying.loud_s == pytest.approx(0.05 * math.log(2), abs=0.02)
    assert dying.loud_s < 0.4 * dying.sounding_s


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.0, 4.0))
def test_cuts_equal_their_slow_twin(seed, segments, noise_variance):
    rng = np.random.default_rng(seed)
    levels, weights = rng.uniform(-50.0, 0.0, (segments, 24)), rng.uniform(0.0, 1.0, 24)
    variance = np.full(24, noise_variance)

    def within(part):
        squares = ((part - part.mean(axis=0)) ** 2).sum(axis=0) - variance * (len(part) - 1)
        return float((weights * np.maximum(0.0, squares)).sum())

    parts = {(0,)} | {(0, cut) for cut in range(2, segments - 1)}
    parts |= {(0, a, b) for a in range(2, segments - 1) for b in range(a + 2, segments - 1)}
    least = {n: [] for n in (1, 2, 3)}
    for firsts in parts:
        ends = [*firsts[1:], segments]
        total = sum(within(levels[first:end]) for first, end in zip(firsts, ends, strict=True))
        for n in range(len(firsts), 4):
            least[n].append(math.sqrt(total / segments / weights.sum()))
    assert cuts(levels, weights, variance) == pytest.approx([min(least[n]) for n in (1, 2, 3)], abs=1e-6)


def tremolo(hz, depth=0.6):
    return shaped(1.0 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * hz * TIME)))


def test_each_scale_of_movement_has_its_own_descriptor():
    fast, middle, slow = (describe(tremolo(hz), RATE) for hz in (30.0, 5.0, 0.7))
    assert fast.texture_db > 2.0 > max(fast.rhythm_db, fast.phrase_db)
    assert middle.rhythm_db > 1.5 > max(middle.texture_db, middle.phrase_db)
    assert slow.phrase_db > 1.0 > slow.texture_db
    assert slow.phrase_db > slow.rhythm_db
    for still in (noise(), saw(110.0), sine(440.0)):
        found = describe(still, RATE)
        assert max(found.texture_db, found.rhythm_db, found.phrase_db) < 0.6
    # Change of brightness counts as well.
    assert describe(np.where(TIME % 0.2 < 0.1, sine(300.0), sine(900.0)), RATE).rhythm_db > 1.5


def test_a_fast_tremolo_is_heard_and_so_is_a_slow_one():
    assert describe(sine(440.0), RATE).activity < 0.02
    assert describe(noise(), RATE).activity < 0.2
    assert describe(tremolo(5.0), RATE).activity > 0.5
    half = np.where(TIME < 1.0, tremolo(5.0), saw(220.0))
    assert 0.25 < describe(half, RATE).activity < describe(tremolo(5.0), RATE).activity
    # What is too faint to be heard beside the rest is no activity, and the tail does not count.
    faint = 0.5 + np.where(TIME < 0.5, 1.0, 0.003) * (tremolo(5.0) - 0.5)
    assert describe(faint, RATE).activity == pytest.approx(describe(tremolo(5.0)[: RATE // 2], RATE).activity, abs=0.1)


def test_the_active_share_equals_its_slow_twin():
    rng = np.random.default_rng(5)
    levels, tones = rng.uniform(-48.0, 0.0, 150), rng.normal(0.0, 0.2, 150)
    total, still, longest = 0.0, 0, 0
    for f in range(150):
        part = slice(max(0, f - 30), f + 31)
        moved = max(0.0, levels[part].var() - 2.0) + 16.0 * tones[part].var()
        here = min(1.0, max(0.0, (levels[f] + 36.0) / 24.0)) * (1.0 - math.exp(-math.sqrt(moved) / 2.0))
        total, still = total + here, still + 1 if here < 0.5 else 0
        longest = max(longest, still)
    assert active_share(levels, tones, 2.0) == (pytest.approx(total / 150), (longest, still))


def test_permutation_entropy_is_that_of_bandt_and_pompe():
    rng = np.random.default_rng(6)
    assert permutation_entropy(np.arange(500.0)) == 0.0
    assert permutation_entropy(rng.uniform(size=1500)) > 0.98
    assert permutation_entropy(np.tile([0.0, 2.0, 1.0], 200)) == pytest.approx(math.log(3) / math.log(24), abs=1e-3)
    for values in (rng.uniform(size=700), rng.integers(0, 3, 400).astype(float), np.sin(np.arange(900) * 0.3)):
        patterns = {}
        for t in range(values.size - 3):
            order = tuple(np.argsort(values[t : t + 4], kind="stable"))
            patterns[order] = patterns.get(order, 0) + 1
        shares = np.array(list(patterns.values())) / (values.size - 3)
        assert permutation_entropy(values) == pytest.approx(-(shares * np.log(shares)).sum() / math.log(24))
    assert permutation_entropy(np.zeros(3)) == permutation_entropy(np.zeros(0)) == 0.0


def test_a_whine_is_a_high_band_that_stays():
    whine = describe(sine(3000.0, 0.3) + noise(amplitude=0.02), RATE)
    assert whine.whine_db > -2.0
    assert describe(sine(300.0), RATE).whine_db < -30.0
    assert describe(np.where(TIME % 0.5 < 0.25, sine(3000.0), sine(300.0)), RATE).whine_db < -10.0


def test_onsets_ends_and_a_click_at_the_start():
    struck = describe(shaped(np.exp(-(TIME % 0.4) / 0.05)), RATE)
    assert struck.onsets == 5.0
    assert describe(saw(220.0), RATE).onsets == 1.0
    ended = describe(0.5 + np.where(TIME < 0.7, 1.0, 0.005) * (saw(220.0) - 0.5), RATE)
    assert ended.tail_s == pytest.approx(1.3, abs=0.05)
    found = describe(saw(220.0), RATE)
    assert found.head_s == found.tail_s == found.hole_s == 0.0
    assert found.still_s == pytest.approx(2.0, abs=0.02)
    assert describe(tremolo(5.0), RATE).still_s < 0.3
    ends = describe(np.where(TIME < 1.0, tremolo(5.0), saw(220.0)), RATE)
    assert ends.last_still_s == ends.still_s == pytest.approx(0.75, abs=0.2)
    assert describe(np.where(TIME > 1.0, tremolo(5.0), saw(220.0)), RATE).last_still_s < 0.1 < ends.still_s
    late = describe(0.5 + np.where(TIME > 0.7, 1.0, 0.005) * (saw(220.0) - 0.5), RATE)
    assert late.head_s == pytest.approx(0.7, abs=0.05)
    holed = describe(0.5 + np.where((TIME < 0.5) | (TIME > 1.3), 1.0, 0.005) * (saw(220.0) - 0.5), RATE)
    assert holed.hole_s == pytest.approx(0.8, abs=0.08)
    assert holed.head_s == holed.tail_s == 0.0
    quiet = saw(220.0, 0.02)
    clicked = describe(np.where(TIME < 0.003, 0.9, quiet), RATE)
    assert clicked.onset_db > 15.0
    assert abs(describe(quiet, RATE).onset_db) < 1.0


def test_the_timbre_does_not_know_how_loud_a_sound_is():
    for sound in (noise(), saw(110.0), tremolo(3.0)):
        loud, soft = describe(sound, RATE).timbre, describe(0.5 + 0.1 * (sound - 0.5), RATE).timbre
        assert soft == pytest.approx(loud, abs=2e-3)
    assert math.dist(describe(noise(), RATE).timbre, describe(saw(110.0), RATE).timbre) > 3.0


def test_late_change_is_that_after_the_first_third():
    early = np.where(TIME < 0.5, noise(), sine(440.0))
    late = np.where((TIME < 1.0) | (TIME > 1.5), noise(), sine(440.0))
    assert describe(early, RATE).late_db < 0.5 < 4.0 < describe(late, RATE).late_db
    # Too fast for the spectra, but not for the curve.
    warble = np.where(TIME % 0.05 < 0.025, sine(400.0), sine(1600.0))
    assert describe(warble, RATE).movement_db < 0.5 < 1.5 < describe(warble, RATE).late_db
    assert not is_static(describe(tremolo(30.0), RATE))
    # What changes only in its first eighth is static, too.
    assert is_static(describe(np.concatenate([early, sine(440.0)]), RATE))
    assert not is_static(describe(late, RATE))
    assert is_static(describe(noise(), RATE))
    assert is_static(describe(saw(80.0), RATE))


def numbers(found):
    """All that a description holds."""
    return [n for v in msgspec.structs.astuple(found) for n in (v if isinstance(v, tuple) else (v,))]


@settings(max_examples=25)
@given(st.integers(0, 8), st.integers(0, 1000), st.integers(1, 8), st.sampled_from(["double", "single"]))
def test_a_description_adds_to_the_measures_and_is_rounded(gap, seed, length, precision):
    recipe = Recipe(length=length, hidden=(4,), gap=gap, seed=seed, seconds=0.7, precision=precision)
    audio = render(recipe)
    found, measures = describe(audio, RATE), measure(audio, RATE)
    for field in measures.__struct_fields__:
        assert getattr(found, field) == round(getattr(measures, field), 4)
    assert all(math.isfinite(number) and number == round(number, 4) for number in numbers(found))
    assert 0.0 <= found.clarity <= 1.0
    assert 0.0 <= found.pulse <= 1.0
    assert 0.0 <= found.center <= 1.0
    assert kind(found) in KINDS
    assert 0.0 <= score(found) <= 1.0


@pytest.mark.parametrize("size", [1, 2, 3, 15, 16, 17, 441, 442, 5000])
def test_very_short_and_silent_sounds_are_described(size):
    for sound in (noise()[:size], np.full(size, 0.7), np.zeros(size)):
        assert all(map(math.isfinite, numbers(describe(sound, RATE))))


@pytest.mark.parametrize("audio", [np.zeros(0), np.zeros((10, 2)), np.full(100, np.nan), np.full(100, np.inf)])
def test_describe_asks_for_one_finite_channel(audio):
    with pytest.raises(ValueError, match="audio"):
        describe(audio, RATE)


@pytest.mark.parametrize(
    ("sound", "wanted"),
    [
        (shaped(np.exp(-TIME / 0.05)), "hit"),
        (shaped(np.exp(-(TIME % 0.4) / 0.08)), "beat"),
        (shaped(TIME**2 / 4), "riser"),
        (shaped(np.where(TIME < 0.03, 1.0, TIME**2 / 5)), "riser"),
        (shaped(np.exp(-TIME / 0.4)), "fall"),
        (np.where((TIME * 7.3 % 2.9 < 1.2) ^ (TIME % 0.61 < 0.2), noise(), sine(200.0, 0.02)), "glitch"),
        (noise(), "noise"),
        (saw(55.0), "bass"),
        (sine(440.0), "drone"),
        (shaped(1 + 0.25 * np.sin(2 * np.pi * 1.1 * TIME), saw(220.0)), "lead"),
        (shaped(1 + 0.25 * np.sin(2 * np.pi * 1.1 * TIME), sine(440.0)), "pad"),
        (0.5 + 0.05 * sum(np.sin(2 * np.pi * 700 * ratio * TIME) for ratio in BELL), "metallic"),
        (signal.lfilter(*signal.butter(2, [60, 500], "band", fs=RATE), noise() - 0.5), "growl"),
        (signal.lfilter(*signal.butter(1, 3000, fs=RATE), noise() - 0.5), "texture"),
    ],
)
def test_kinds_of_known_sounds(sound, wanted):
    assert kind(describe(sound, RATE)) == wanted


def test_a_step_out_of_a_quiet_start_is_no_riser():
    assert kind(describe(np.where(TIME < 1.3, noise(amplitude=0.04), noise()), RATE)) == "riser"
    assert kind(describe(np.where(TIME < 1.3, noise(amplitude=0.004), noise()), RATE)) != "riser"


def test_the_score_prefers_what_a_sound_designer_would():
    wah = shaped(1.0, signal.sawtooth(2 * np.pi * 110 * TIME) * 0.4 + 0.5)
    sweeping = np.concatenate(
        [
            signal.lfilter(*signal.butter(2, 300 + 250 * (i % 8), fs=RATE), part - 0.5)
            for i, part in enumerate(np.array_split(wah, 16))
        ]
    )
    rhythm = shaped(np.exp(-(TIME % 0.25) / 0.08))
    dull = {"static noise": noise(), "static tone": sine(440.0), "static buzz": saw(110.0), "whine": sine(9000.0)}
    dull["click"] = shaped(np.exp(-TIME / 0.0015))
    dull["rumble"] = sine(38.0)
    best_of_dull = max(score(describe(sound, RATE)) for sound in dull.values())
    for fine in (sweeping, rhythm):
        assert score(describe(fine, RATE)) > 2 * best_of_dull


def test_each_virtue_raises_and_each_fault_lowers_the_score():
    better = [
        {"two_cuts_db": 8.0},
        {"bands_db": (-30.0, -3.0, -3.0, -12.0, -9.0, -15.0, -20.0, -30.0)},
        {"heard_s": 0.3},
        {"swing_db": 7.0},
        {"bandwidth_octaves": 1.0},
        {"onsets": 4.0},
        {"activity": 0.6},
        {"late_db": 12.0},
        {"flatness": 0.18},
        {"loudness_lufs": -10.0, "peak_dbfs": 0.0},
        {"clarity": 1.0, "brightness_hz": 1500.0},
    ]
    base = {
        "bands_db": (-30.0, -10.0, -12.0, -12.0, -9.0, -9.0, -20.0, -30.0), "onsets": 1.0, "activity": 0.4,
        "bandwidth_octaves": 0.8, "flatness": 0.15, "clarity": 0.7, "loudness_lufs": -30.0, "peak_dbfs": -6.0,
        "one_cut_db": 3.5,
    }  # fmt: skip
    plain = score(like(**base))
    for change in better:
        assert score(like(**base | change)) > plain, change
    worse = [
        {"one_cut_db": 1.0},
        {"activity": 0.05, "flatness": 0.5, "clarity": 0.5},
        {"activity": 0.05},
        {"flatness": 0.5, "clarity": 0.5},
        {"late_db": 0.0},
        {"brightness_hz": 9000.0},
        {"whine_db": -1.0},
        {"pitch_hz": 1000.0},
        {"brightness_hz": 50.0},
        {"sounding_s": 0.012},
        {"sounding_s": 0.15},
        {"loudness_lufs": -35.0},
        {"onset_db": 20.0, "loudness_lufs": -25.0},
        {"texture_db": 3.0, "rhythm_db": 0.2, "phrase_db": 0.2},
        {"hole_s": 1.0},
        {"heard_s": 4.0, "sounding_s": 3.6},
        {"onset_db": 14.0, "flatness": 0.001, "bands_db": (-40.0, -35.0, -32.0, -6.0, -6.0, -9.0, -9.0, -9.0)},
        {"pitch_hz": 1000.0, "flatness": 0.01},
    ]
    for change in worse:
        assert score(like(**change)) < score(PLAIN), change
    assert len(worse) + len(SETTLED) == len(appraise(PLAIN)[1]) + 1


# Faults of sounds that are all of one piece, what makes them, and what takes them away.
SETTLED = {
    "a thin whistle": ({"pitch_hz": 1000.0, "flatness": 0.01}, {"flatness": 0.2}, {"pitch_hz": 400.0}),
    "silence, then one step of noise": (
        {"head_s": 0.5, "rise_db": 40.0, "attack_s": 0.02, "flatness": 0.5},
        {"head_s": 0.0},
        {"rise_db": 15.0},
        {"attack_s": 0.6},
        {"flatness": 0.1},
    ),
    "noise with hardly an event": ({"onsets": 1.0, "flatness": 0.5}, {"onsets": 5.0}, {"flatness": 0.1}),
    "even noise": ({"flatness": 0.7, "two_cuts_db": 2.0}, {"flatness": 0.2}, {"two_cuts_db": 8.0}),
    "stands still for {still_s:.1f} s": (
        {"still_s": 1.0, "heard_s": 1.5, "rhythm_db": 1.0},
        {"still_s": 0.2},
        {"rhythm_db": 8.0},
        {"tail_s": 1.3},
    ),
    "few states": (
        {"change_db": 8.0, "two_cuts_db": 1.0},
        {"change_db": 2.0, "two_cuts_db": 0.2},
        {"two_cuts_db": 5.0},
    ),
    "much of it is the same": (
        {"sameness": 0.8},
        {"sameness": 0.1},
        {"heard_s": 0.2},
        {"bands_db": (-10.0, -2.0, -6.0, -12.0, -20.0, -30.0, -40.0, -40.0)},
    ),
    "one flat burst": (
        {"heard_s": 0.2, "sounding_s": 0.2, "loud_s": 0.19},
        {"loud_s": 0.05},
        {"heard_s": 1.0},
    ),
    "muffled": (
        {"bands_db": (-30.0, -12.0, -3.0, -6.0, -20.0, -38.0, -40.0, -40.0)},
        {"bands_db": (-30.0, -12.0, -3.0, -6.0, -20.0, -12.0, -20.0, -30.0)},
        {"heard_s": 0.2},
    ),
    "a tone that swells": (
        {"rise_db": 8.0, "clarity": 0.95},
        {"rise_db": 0.0},
        {"clarity": 0.5},
        {"attack_s": 0.5, "center": 0.7},
    ),
}


@pytest.mark.parametrize("text", SETTLED)
def test_a_fault_needs_all_of_what_makes_it(text):
    has, *lacks = SETTLED[text]
    _, faults = appraise(like(**has))
    assert {fault.text: fault.loss for fault in faults}[text] > 0.08
    for change in lacks:
        _, faults = appraise(like(**has | change))
        assert {fault.text: fault.loss for fault in faults}[text] == 0.0, change


def test_virtues_and_faults_stay_within_0_and_1():
    for seed in range(300):
        virtues, faults = appraise(made_up(seed))
        assert sum(weight for weight, _, _ in virtues) == pytest.approx(1.0)
        assert all(0.0 <= amount <= 1.0 for _, amount, _ in virtues)
        assert all(0.0 <= loss < 1.0 for loss, _ in faults)


def test_reasons_name_what_counts():
    assert reasons(PLAIN)[:2] == ["alive 50% of the time", "low end"]
    assert "pitch 220 Hz" in reasons(PLAIN)
    assert not any(reason.startswith("but") for reason in reasons(PLAIN))
    still = reasons(like(late_db=0.0, activity=0.0, one_cut_db=0.5, sounding_s=0.01))
    assert [r for r in still if r.startswith(("but", "and"))] == [
        "but a click",
        "and falls from one state into another",
        "and mostly quiet",
        "and settles early",
        "and static tone",
    ]
    assert "pulse every 0.25 s" in reasons(like(pulse=0.5, pulse_s=0.25, swing_db=6.0, clarity=0.2))


@pytest.mark.parametrize("field", ["late_db", "clarity", "loudness_lufs", "one_cut_db", "activity", "onsets"])
def test_nan_never_scores_high(field):
    broken = like(**{field: math.nan})
    assert not score(broken) > score(PLAIN)
    assert kind(broken) in KINDS


def test_nan_is_static():
    assert is_static(like(late_db=math.nan, activity=math.nan, texture_db=math.nan))


def test_the_nearest_others_are_those_of_all_pairs():
    rng = np.random.default_rng(1)
    first = describe(render(Recipe(seed=35)))
    sounds = [
        msgspec.structs.replace(first, timbre=tuple(rng.normal(size=len(first.timbre)).tolist())) for _ in range(300)
    ]
    sounds[7] = sounds[250] = sounds[100]
    slow = [min((distance(a, b), k) for k, b in enumerate(sounds) if k != i) for i, a in enumerate(sounds)]
    assert nearest_others(sounds) == slow
    assert slow[7] == (0.0, 100)
    assert nearest_others(sounds[:1]) == [None]
    assert nearest_others([]) == []
    equal = nearest_others([first] * 1000)
    assert equal[0] == (0.0, 1)
    assert set(equal[1:]) == {(0.0, 0)}
