"""Loops in time: found when all onsets are on the grid, cut to the sample, and joined without a step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import REAL_LOOP

from cnndsd import describe, render
from cnndsd.finishing import bars
from cnndsd.finishing.bars import BarLoop, beat_margin, cut_bars, find_bars, loop_samples
from cnndsd.finishing.resampling import handy_rate
from cnndsd.spec import Music

RATE = 44_100
AT_120 = Music(bpm=120.0)
# Strokes on sixteenths of a bar, the beats louder.
PATTERN = {0: 1.0, 3: 0.4, 4: 0.8, 6: 0.4, 8: 1.0, 11: 0.4, 12: 0.8, 14: 0.4}


def rhythm(place_s, off_s=None, before_s=0.2, rounds=3, rate=RATE):
    """Strokes of noise and tone on a grid of ``place_s`` seconds; ``off_s``: how late those at some places are."""
    rng = np.random.default_rng(5)
    t = np.arange(int(0.07 * rate)) / rate
    sound = 1e-4 * rng.standard_normal(int((before_s + (16 * rounds + 2) * place_s) * rate))
    for place, level in PATTERN.items():
        one = level * np.exp(-t / 0.012) * (rng.standard_normal(t.size) + np.sin(2 * np.pi * 150 * t))
        one *= np.minimum(1.0, np.arange(t.size)[::-1] / 200)
        for beats in range(rounds):
            at = round((before_s + (16 * beats + place) * place_s + (off_s or {}).get(place, 0.0)) * rate)
            sound[at : at + t.size] += one
    return 0.5 + 0.15 * sound


def found(audio, music=AT_120, rate=RATE):
    return find_bars(audio, rate, describe(audio, rate), music)


@pytest.mark.parametrize("factor", [0.75, 0.9, 1.0, 1.2, 1.35])
def test_a_rhythm_is_found_at_its_tempo(factor):
    """``factor``: how much faster than 120 BPM the raw sound is."""
    loop = found(rhythm(0.125 / factor))
    assert loop is not None
    assert abs(loop.sample_rate / (RATE / factor) - 1) < 0.001
    assert loop.cycle == 0
    assert loop.bars in AT_120.bars
    # It begins with one of the beats.
    place = (loop.start / RATE - 0.2) / (0.125 / factor)
    assert abs(place - round(place)) * 0.125 < 0.002


def test_a_loop_begins_with_a_stroke():
    """A first stroke that is too soft is none: another one begins the loop, or there is none."""
    audio = render(REAL_LOOP)
    loop = find_bars(audio, REAL_LOOP.sample_rate, describe(audio, REAL_LOOP.sample_rate), AT_120)
    cut = bars.cut_bars(audio, loop, AT_120, RATE, 20.0)
    assert bars._begins_with_a_stroke(cut, RATE)
    for db, begins in ((14.0, True), (16.0, False)):
        steady = np.sin(np.arange(RATE) / 10.0)
        steady[: RATE // 10] *= 10 ** (-db / 20)
        assert bars._begins_with_a_stroke(steady, RATE) is begins
    assert bars._begins_with_a_stroke(np.zeros(3), RATE)


def test_a_soft_beginning_is_no_loop(monkeypatch):
    audio = rhythm(0.125)
    assert found(audio) is not None
    monkeypatch.setattr(bars, "_begins_with_a_stroke", lambda *_: False)
    assert found(audio) is None


def test_more_bars_are_better():
    assert found(rhythm(0.125, rounds=3)).bars == 2
    assert found(rhythm(0.125, rounds=3), Music(bpm=120.0, bars=(1,))).bars == 1
    assert found(rhythm(0.125, rounds=1)) is None or found(rhythm(0.125, rounds=1)).bars == 1


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.2])
def test_what_is_off_the_grid_is_no_loop(factor):
    late = {3: 0.015 / factor, 8: -0.015 / factor, 14: 0.015 / factor}
    assert found(rhythm(0.125 / factor, late)) is None


def test_a_stroke_that_begins_early_is_off_the_grid():
    """A weaker stroke 16 ms before a beat: some detectors of onsets find that, and not the beat that follows it."""
    sound = rhythm(0.125)
    assert found(sound) is not None
    stroke = sound[round(0.2 * RATE) : round(0.218 * RATE)] - 0.5
    for beats in range(3):
        at = round((0.2 + (16 * beats + 8) * 0.125 - 0.016) * RATE)
        sound[at : at + stroke.size] += 0.5 * stroke
    assert found(sound) is None


def test_what_has_no_pulse_is_no_loop():
    rng = np.random.default_rng(3)
    t = np.arange(4 * RATE) / RATE
    assert found(rng.random(4 * RATE)) is None
    assert found(0.5 + 0.4 * np.sin(2 * np.pi * 220 * t)) is None
    assert found(np.full(RATE, 0.5)) is None
    assert found(rhythm(0.125), Music()) is None


def test_what_is_too_far_away_is_no_loop():
    assert found(rhythm(0.125 / 1.5), Music(bpm=120.0, bars=(4,))) is None


def test_an_exact_cycle_is_cut_in_whole_cycles():
    sound = rhythm(0.11, rounds=1)
    cycle = sound[int(0.1 * RATE) : int(0.1 * RATE) + round(16 * 0.11 * RATE)]
    audio = np.concatenate([np.random.default_rng(1).random(3000), np.tile(cycle, 4)])
    loop = found(audio)
    assert loop.cycle == cycle.size
    assert abs(loop.sample_rate * 2.0 / cycle.size - 1) < 1e-4
    cut = cut_bars(audio, loop, AT_120, RATE, 20.0)
    assert cut.size == loop_samples(loop.bars, AT_120, RATE)
    # Seamless by construction: the end goes on into the start as the sound does one cycle before.
    assert step_at_join(cut) <= step_within(cut)
    assert abs(attack_s(cut)) < 0.002


@settings(max_examples=40)
@given(
    st.floats(40.0, 240.0), st.integers(1, 4), st.integers(2, 7), st.sampled_from([8000, 11_025, 44_100]), st.booleans()
)
def test_the_length_is_exact(bpm, count, beats, file_rate, cyclic):
    music = Music(bpm=bpm, bars=(count,), beats=beats)
    rate = 9000
    length = count * beats * 60 * rate / bpm
    audio = np.random.default_rng(1).random(200 + math.ceil(length) + 200)
    loop = BarLoop(rate, 150, count, round(length) if cyclic else 0)
    cut = cut_bars(audio, loop, music, file_rate, 20.0)
    assert cut.shape == (round(count * beats * 60 * file_rate / bpm),)
    assert np.isfinite(cut).all()


def step_at_join(cut):
    return abs(cut[0] - cut[-1])


def step_within(cut):
    """The largest step of the second of four rounds, without its joins."""
    return np.abs(np.diff(np.tile(cut, 4)[cut.size + 1 : 2 * cut.size - 1])).max()


def attack_s(cut, rate=RATE):
    """When a loop that is repeated first rises above a third of its peak, after the quiet before its downbeat."""
    quiet = round(0.02 * rate)
    around = np.concatenate([cut[-quiet:], cut[:quiet]])
    return (int(np.argmax(np.abs(around) > 0.3 * np.abs(cut[:quiet]).max())) - quiet) / rate


@pytest.mark.parametrize("file_rate", [44_100, 48_000])
def test_a_loop_begins_with_its_downbeat_and_joins_itself(file_rate):
    audio = rhythm(0.125 / 1.1)
    loop = found(audio)
    cut = cut_bars(audio, loop, AT_120, file_rate, 20.0)
    assert abs(attack_s(cut, file_rate)) < 0.002
    assert step_at_join(cut) <= step_within(cut)
    # No fade: the first stroke is as loud as in the sound.
    assert np.abs(cut[: file_rate // 50]).max() > 0.05


def test_the_end_goes_over_into_what_was_before_the_start():
    """Of a tone that does not fit the loop, both the value and the slope go on."""
    t = np.arange(3 * RATE) / RATE
    audio = 0.5 + 0.4 * np.sin(2 * np.pi * 331.7 * t)
    cut = cut_bars(audio, BarLoop(RATE, 4000, 1, 0), AT_120, RATE, 20.0)
    repeated = np.tile(cut, 2)
    steepest = 0.4 * 2 * np.pi * 331.7 / RATE
    assert np.abs(np.diff(repeated)).max() < 1.05 * steepest
    assert np.abs(np.diff(repeated, 2)).max() < 1.5 * steepest * 2 * np.pi * 331.7 / RATE


def test_a_real_network_is_in_time_to_an_independent_ear():
    librosa = pytest.importorskip("librosa")
    audio = render(REAL_LOOP)
    loop = find_bars(audio, REAL_LOOP.sample_rate, describe(audio, REAL_LOOP.sample_rate), AT_120)
    assert loop is not None
    cut = cut_bars(audio, loop, AT_120, RATE, 20.0)
    strength = librosa.onset.onset_strength(y=np.tile(cut, 4), sr=RATE, hop_length=128)
    times = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE, hop_length=128, units="time")
    length_s = cut.size / RATE
    times = times[(times > length_s - 0.03) & (times < 3 * length_s - 0.03)]
    errors = times - np.round(times / 0.125) * 0.125
    assert times.size >= 8 * loop.bars
    # Long windows tell all of them some milliseconds late.
    assert np.abs(errors - np.median(errors)).max() < 0.010
    assert abs(np.median(errors)) < 0.010
    tempo = librosa.feature.tempo(onset_envelope=strength, sr=RATE, hop_length=128)[0]
    assert min(abs(tempo / (120 * times_) - 1) for times_ in (0.5, 1, 2)) < 0.01


def test_the_same_sound_is_the_same_loop():
    audio = rhythm(0.13)
    before = audio.copy()
    loop = found(audio)
    first = cut_bars(audio, loop, AT_120, RATE, 20.0)
    assert found(audio) == loop
    assert np.array_equal(cut_bars(audio, loop, AT_120, RATE, 20.0), first)
    assert np.array_equal(audio, before)
    # The raw samples decide, not the gain or the offset of what they are measured with.
    assert found(audio.astype(np.float32)).start == pytest.approx(loop.start, abs=2)


@pytest.mark.parametrize("off", [1.0, 4 / 3, 3 / 4, 3 / 2, 4 / 5])
def test_the_beat_is_that_of_the_tempo_and_not_of_another(off):
    """Strokes on every third sixteenth of many bars are a beat of 160, not of 120."""
    length_s = 6.0
    curve = np.zeros(1200)
    curve[np.round(np.arange(0, 1200, 100 / off)).astype(int) % 1200] = 1.0
    curve = np.convolve(curve, [0.5, 1.0, 0.5], "same")
    assert (beat_margin(curve, length_s, 120.0) > 1.1) == (off == 1.0)


@settings(max_examples=60)
@given(st.floats(31_200.0, 62_300.0), st.sampled_from([44_100, 48_000]), st.floats(0.0, 0.001))
def test_a_handy_rate_is_near_and_resamples_fast(wanted_hz, file_rate, tolerance):
    rate = handy_rate(wanted_hz, file_rate, tolerance)
    assert abs(rate - wanted_hz) <= max(0.5, tolerance * wanted_hz)
    assert math.gcd(rate, file_rate) >= math.gcd(round(wanted_hz), file_rate)


odd = st.sampled_from([0.0, 1.0, 0.5, 1e-20])


@settings(max_examples=40)
@given(st.lists(odd, min_size=1, max_size=9), st.integers(1, 200_000), st.integers(1, 6000))
def test_whatever_a_sound_is_nothing_fails(pattern, size, stretch):
    """Steps, clicks, silence, a single sample: a loop, or none."""
    audio = np.resize(np.repeat(pattern, stretch), size)
    loop = found(audio)
    if loop is not None:
        assert cut_bars(audio, loop, AT_120, RATE, 20.0).size == loop_samples(loop.bars, AT_120, RATE)
