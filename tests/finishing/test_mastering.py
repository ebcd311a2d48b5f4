"""What leaves the mastering is centered, starts and ends at zero, and is as loud as asked, under the ceiling."""

import math
import tracemalloc

import numpy as np
import pyloudnorm
import pytest
from scipy import signal

from cnndsd import Mastering, Recipe, describe, kind, master, render
from cnndsd.finishing import mastering
from cnndsd.finishing.mastering import condition, loudness_rule, tame_onset, trim
from cnndsd.finishing.metering import loudness, true_peak
from cnndsd.finishing.pictures import depict

RATE = 44_100


def db(x):
    return 20 * np.log10(max(x, 1e-12))


def tone(seconds, hz=300.0, amplitude=0.3, offset=0.6):
    t = np.arange(round(seconds * RATE)) / RATE
    return offset + amplitude * np.sin(2 * np.pi * hz * t)


SOUNDS = {
    "tone": tone(2.0),
    "short": tone(0.1),
    "shortest": tone(0.02),
    "one block and a bit": tone(0.47),
    "quiet": tone(1.0, amplitude=1e-4),
    "hit": np.concatenate([tone(0.08), np.full(RATE, 0.9)]),
    "late": np.concatenate([np.full(RATE, 0.2), tone(0.5)]),
    "network": render(Recipe(length=7, hidden=(3,), gap=6, seed=3, seconds=1.5)),
    "noise": np.random.default_rng(1).uniform(0, 1, RATE),
}


# Hits that the ceiling keeps from being as loud as they may be.
AT_THE_CEILING = {"short", "shortest", "hit", "network"}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_finished_sound(name):
    sound = master(SOUNDS[name], RATE)
    assert db(abs(sound.mean())) < -60
    assert db(abs(sound[0])) < -60
    assert db(abs(sound[-1])) < -60
    # An independent, finer interpolation: 16x by FFT.
    fine = signal.resample(np.pad(sound, 4096), 16 * (sound.size + 8192))
    assert db(np.abs(fine).max()) <= -1.0
    padded = np.pad(sound, (0, max(0, round(0.4 * RATE) - sound.size)))
    # The last partial block is cut off, which pyloudnorm misreads.
    whole = padded[: round(0.4 * RATE) + (padded.size - round(0.4 * RATE)) // 4410 * 4410]
    measured = pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(whole)
    if name in AT_THE_CEILING:
        assert db(true_peak(sound)) == pytest.approx(-1.3, abs=0.01)
    else:
        assert measured == pytest.approx(-16.0, abs=1.0)
    assert np.isfinite(sound).all()


def test_center_oscillates_about_zero():
    sound = master(tone(2.0, offset=0.7), RATE)
    settled = sound[RATE // 5 : -RATE // 5]
    assert settled.max() == pytest.approx(-settled.min(), rel=0.01)


def test_raw_leaves_every_sample_alone():
    audio = SOUNDS["network"]
    untouched = Mastering(dc="raw", trim=False, fade_in_s=0.0, fade_out_s=0.0, level="none")
    assert master(audio, RATE, untouched).tobytes() == audio.tobytes()


def test_rescale_fills_minus_one_to_one():
    untouched = Mastering(dc="rescale", trim=False, fade_in_s=0.0, fade_out_s=0.0, level="none")
    sound = master(SOUNDS["network"], RATE, untouched)
    assert (sound.min(), sound.max()) == (-1.0, 1.0)
    assert not master(np.full(100, 0.3), RATE, untouched).any()


def test_silence_stays_silence():
    assert not master(np.full(RATE, 0.5), RATE).any()


def test_silent_ends_are_trimmed_but_60_ms_remain():
    assert master(SOUNDS["hit"], RATE).size < 0.3 * RATE
    assert master(SOUNDS["late"], RATE).size < 0.6 * RATE
    click = np.full(RATE, 0.5)
    click[100] = 1.0
    assert master(click, RATE, Mastering(highpass_hz=200.0)).size >= round(0.06 * RATE)
    late = np.zeros(RATE)
    late[-3] = 1.0
    start, stop = trim(late, RATE)
    assert stop - start == math.ceil(0.06 * RATE)


@pytest.mark.parametrize("dc", ["raw", "rescale"])
def test_a_tail_that_rests_off_zero_is_silent_too(dc):
    assert master(SOUNDS["hit"], RATE, Mastering(dc=dc)).size < 0.1 * RATE


def test_without_fades_the_offset_still_goes():
    sound = master(SOUNDS["network"], RATE, Mastering(fade_in_s=0.0, fade_out_s=0.0))
    assert db(abs(sound.mean())) < -100


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_sounds_of_a_few_samples_come_out_finite(size):
    assert np.isfinite(master(np.linspace(0.1, 0.9, size), 9000)).all()


def test_quiet_ends_are_cut_and_the_rest_stays():
    t = np.arange(3 * RATE) / RATE
    shape = np.where((t > 1.0) & (t < 1.5), 1.0, 0.004)  # 48 dB down
    sound = 0.5 + 0.4 * shape * np.sin(2 * np.pi * 300 * t)
    made = master(sound, RATE)
    assert made.size / RATE == pytest.approx(0.5 + 0.01 + 0.12, abs=0.06)
    assert master(sound, RATE, Mastering(quiet_db=0.0)).size / RATE == pytest.approx(3.0, abs=0.1)
    assert master(sound, RATE, Mastering(quiet_db=55.0)).size / RATE == pytest.approx(3.0, abs=0.1)
    # Pauses, and ends of less than a quarter of a second, stay.
    pause = np.where((t < 0.5) | (t > 2.8), 1.0, 0.004)
    assert master(0.5 + 0.4 * pause * np.sin(2 * np.pi * 300 * t), RATE).size / RATE == pytest.approx(3.0, abs=0.02)
    brief = np.where(t < 2.85, 1.0, 0.004)
    assert master(0.5 + 0.4 * brief * np.sin(2 * np.pi * 300 * t), RATE).size / RATE == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize(("quiet_s", "left_s"), [(0.0, 0.0), (0.01, 0.01), (0.03, 0.01), (0.1, 0.01), (1.0, 0.01)])
def test_a_quiet_start_of_20_ms_is_cut(quiet_s, left_s):
    rng = np.random.default_rng(1)
    sound = np.concatenate([1e-3 * rng.normal(size=round(quiet_s * RATE)), rng.normal(size=RATE)])
    first, stop = mastering.quiet_ends(sound, RATE, 36.0)
    assert round(quiet_s * RATE) - first == pytest.approx(left_s * RATE, abs=2)
    assert stop == sound.size


def test_a_static_end_is_cut_and_a_held_tone_is_not():
    t = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(2)
    stutter = np.where(t % 0.3 < 0.15, rng.uniform(-1.0, 1.0, t.size), 0.05 * np.sin(2 * np.pi * 2000 * t))
    whine = np.sin(2 * np.pi * 1900 * t)
    falls = 0.5 + 0.3 * np.where(t < 1.2, stutter, whine)
    assert kind(describe(falls, RATE)) not in ("bass", "lead", "pad", "drone")
    made = master(falls, RATE)
    assert 1.2 < made.size / RATE < 2.1
    assert master(falls, RATE, Mastering(still_s=0.0)).size / RATE == pytest.approx(3.0, abs=0.02)
    assert master(falls, RATE, Mastering(still_s=2.5)).size / RATE == pytest.approx(3.0, abs=0.02)
    # What comes last may be alive, and what is static all along stays whole.
    rises = 0.5 + 0.3 * np.where(t > 1.8, stutter, whine)
    for whole in (rises, 0.5 + 0.3 * whine, 0.5 + 0.3 * signal.sawtooth(2 * np.pi * 110 * t)):
        assert master(whole, RATE).size / RATE == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize(("seconds", "quiet", "wanted"), [(3.0, 1.0, 0.02), (1.5, 0.004, 0.12)])
def test_the_length_of_the_fade_is_told_since_loops_end_before_it(seconds, quiet, wanted):
    t = np.arange(3 * RATE) / RATE
    sound = 0.5 + 0.4 * np.where(t < seconds, 1.0, quiet) * np.sin(2 * np.pi * 300 * t)
    made, _, fade_out_s = condition(sound, RATE, Mastering(), describe(sound, RATE))
    assert fade_out_s == wanted
    fade = round(fade_out_s * RATE)
    whole, _, _ = condition(sound, RATE, Mastering(fade_out_s=0.0, quiet_db=0.0), describe(sound, RATE))
    assert made[RATE:-fade] == pytest.approx(whole[RATE : made.size - fade], abs=1e-3)
    assert np.abs(made[-fade // 4 :]).max() < 0.2 * max(quiet, np.abs(whole[made.size - fade : made.size]).max())


def clicked(click_db, seconds=2.0):
    """A tone after a burst of 2 ms that is so far above it."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = 0.02 * np.sin(2 * np.pi * 220 * t)
    return 0.5 + np.where(t < 0.002, 0.02 * 10 ** (click_db / 20) * np.sin(2 * np.pi * 2000 * t), tone)


def test_a_click_at_the_start_does_not_set_the_level():
    alone = {level: Mastering(onset_db=level, limit_db=0.0) for level in (3.0, 60.0)}
    loud = {level: loudness(master(clicked(20.0), RATE, alone[level]), RATE)[0] for level in alone}
    assert loud[60.0] < -22.0
    assert loud[3.0] == pytest.approx(-16.0, abs=0.1)
    made = master(clicked(20.0), RATE)
    onset, rest = np.abs(made[: round(0.004 * RATE)]).max(), np.abs(made[round(0.008 * RATE) :]).max()
    assert db(onset / rest) == pytest.approx(3.0, abs=0.7)


def test_attacks_that_are_more_than_a_click_stay_as_they_are():
    t = np.arange(2 * RATE) / RATE
    for decay_s in (0.02, 0.1, 0.5):
        pluck = np.exp(-t / decay_s) * np.sin(2 * np.pi * 440 * t) + 0.05 * np.sin(2 * np.pi * 220 * t)
        assert np.array_equal(tame_onset(pluck, RATE, 3.0), pluck)
    # A click within the wanted level stays as well, and nothing after 8 ms is ever touched.
    low, high = clicked(1.0) - 0.5, clicked(20.0) - 0.5
    assert np.array_equal(tame_onset(low, RATE, 3.0), low)
    assert np.array_equal(tame_onset(high, RATE, 3.0)[round(0.008 * RATE) :], high[round(0.008 * RATE) :])


def test_fades_do_not_click():
    sound = master(SOUNDS["tone"], RATE)
    steepest_inside = np.abs(np.diff(sound[2000:-2000])).max()
    assert np.abs(np.diff(sound[:200])).max() <= 1.2 * steepest_inside
    assert np.abs(np.diff(sound[-200:])).max() <= 1.2 * steepest_inside


@pytest.mark.parametrize("wanted", [-30.0, -20.0])
def test_the_wanted_loudness_is_reached(wanted):
    sound = master(SOUNDS["tone"], RATE, Mastering(loudness_lufs=wanted))
    assert loudness(sound, RATE)[0] == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize("dc", ["rescale", "center"])
def test_an_unlevelled_sound_never_passes_full_scale(dc):
    rng = np.random.default_rng(4)
    for _ in range(50):
        low, high = rng.uniform(0.0, 0.4) * (dc == "rescale"), 1.0 - rng.uniform(0.0, 0.1) * (dc == "rescale")
        steps = np.repeat(rng.choice([low, high], 60), 900)
        sound = master(steps, RATE, Mastering(dc=dc, level="none"))
        assert np.abs(sound).max() <= 1.0


@pytest.mark.parametrize(
    ("seconds", "rule", "wanted"),
    [
        (0.05, "hit", {"peak": -1.3}),
        (0.3, "hit", {"momentary": -10.0}),
        (0.5, "loudness", {"integrated": -16.0}),
        (2.0, "loudness", {"integrated": -16.0}),
    ],
)
def test_hits_go_by_peak_and_the_rest_by_loudness(seconds, rule, wanted):
    t = np.arange(int(2.5 * RATE)) / RATE
    sound = np.where(t < seconds, np.sin(2 * np.pi * 300 * t), 0.0) * 0.3
    made = master(sound, RATE, Mastering())
    assert loudness_rule(made, RATE, Mastering()) == rule
    integrated, momentary = loudness(made, RATE)
    found = {"peak": db(true_peak(made)), "momentary": momentary, "integrated": integrated}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=0.05)
    assert found["peak"] <= -1.0
    assert rule != "hit" or momentary <= -10.0 + 0.05


def test_the_cap_of_hits_is_kept_and_can_be_moved():
    t = np.arange(int(0.35 * RATE)) / RATE
    dense = np.sign(np.sin(2 * np.pi * 300 * t)) * 0.5
    for cap in (-10.0, -14.0):
        made = master(dense, RATE, Mastering(hit_lufs=cap))
        assert loudness(made, RATE)[1] == pytest.approx(cap, abs=0.1)


def test_a_spec_may_want_one_rule_for_all():
    short = master(SOUNDS["hit"], RATE, Mastering(level="loudness"))
    assert loudness_rule(short, RATE, Mastering(level="loudness")) == "loudness"
    assert loudness_rule(short, RATE, Mastering(level="peak")) == "peak"


def test_the_ends_of_a_long_sound_are_found_in_stretches(monkeypatch):
    rng = np.random.default_rng(1)
    for _ in range(50):
        sound = np.concatenate([np.zeros(rng.integers(3000)), rng.normal(size=rng.integers(1, 3000)), np.zeros(50)])
        frames = mastering._powers(sound, 441)
        ends, silence = trim(sound, RATE), (float(sound[0]), float(sound[-1]))
        from_start = np.abs(sound - silence[0])
        assert mastering._first_beyond(sound, silence[0], 0.1) == np.argmax(from_start > 0.1)
        with monkeypatch.context() as patch:
            patch.setattr(mastering, "_STRETCH", 500)
            assert trim(sound, RATE) == ends
            assert (mastering._powers(sound, 441) == frames).all()
        assert (frames == np.add.reduceat(np.square(sound), np.arange(0, sound.size, 441))).all()


def test_long_sounds_are_copied_seldom():
    """Of the longest, each copy takes 212 MB."""
    sound = np.random.default_rng(1).random(4_000_000)
    heard = describe(sound, RATE)

    def copies(work):
        work()
        tracemalloc.start()
        try:
            work()
            return tracemalloc.get_traced_memory()[1] / sound.nbytes
        finally:
            tracemalloc.stop()

    # The sound itself and the window that fades it, and no picture as large as a sound.
    assert copies(lambda: condition(sound, RATE, Mastering(), heard)) < 2.6
    assert copies(lambda: depict(sound, RATE)) < 0.9
