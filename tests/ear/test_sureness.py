"""A pitch is sure when a plain tuner shows it, too: everywhere, most of the energy, and without moving."""

import librosa
import numpy as np
import pytest

from cnndsd.ear import sureness, tuning
from cnndsd.ear.sureness import Reading, is_sure, partials_off, sure_pitch, tune_in

RATE = 44_100


def tone(hz, seconds=1.5, partials=(1.0, 0.5, 0.3, 0.2), sharp=0.0):
    """``sharp``: how many cents higher it is, one number or one for each sample."""
    hz = hz * 2 ** (np.broadcast_to(sharp, int(seconds * RATE)) / 1200)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    return sum(level * np.sin((n + 1) * phase) for n, level in enumerate(partials))


def held_pulses(hz):
    """Steps that are held, with a short pulse once a period: strong harmonics up to the highest."""
    return np.where((np.arange(2 * RATE) * hz / RATE) % 1.0 < 0.12, 1.0, -0.13)


def frames(*groups, periodic=1.0):
    """What a tuner shows: groups of so many frames, so many cents off, with so much of the energy of what it shows.

    ``periodic``: the share of all energy that it shows.
    """
    cents = np.concatenate([np.full(count, off) for count, off, _ in groups])
    energy = np.concatenate([np.full(count, share / count) for count, _, share in groups])
    return Reading(cents, periodic * energy / energy.sum())


# Of each rule, what it just allows, and what it alone does not allow.
BOUNDS = {
    "the middle half spreads": (
        frames((50, -0.74, 0.5), (50, 0.74, 0.5)),
        frames((50, -0.76, 0.5), (50, 0.76, 0.5)),
    ),
    "so many frames are near": (frames((86, 0.0, 0.86), (14, 9.0, 0.14)), frames((84, 0.0, 0.84), (16, 9.0, 0.16))),
    "they are as near": (frames((80, 0.0, 0.8), (20, 4.9, 0.2)), frames((80, 0.0, 0.8), (20, 5.1, 0.2))),
    "the middle is right": (frames((45, 0.3, 0.8), (55, 1.4, 0.2)), frames((45, 0.3, 0.8), (55, 1.6, 0.2))),
    "the middle is not flat": (frames((45, -0.3, 0.8), (55, -1.4, 0.2)), frames((45, -0.3, 0.8), (55, -1.6, 0.2))),
    "the loud ones are right": (frames((55, 0.3, 0.2), (45, 1.4, 0.8)), frames((55, 0.3, 0.2), (45, 1.6, 0.8))),
    "half of the energy": (frames((100, 0.0, 1.0), periodic=0.51), frames((100, 0.0, 1.0), periodic=0.49)),
    "energy that agrees": (
        frames((90, 0.0, 0.6), (10, 11.9, 0.4), periodic=0.8),
        frames((90, 0.0, 0.6), (10, 12.1, 0.4), periodic=0.8),
    ),
}


@pytest.mark.parametrize("within", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rule", BOUNDS)
def test_every_rule_decides_where_it_says(rule, within, monkeypatch):
    """``within`` moves all bounds in cents."""
    monkeypatch.setattr(sureness, "partials_off", lambda *_: 0.0)
    for shown, is_right in zip(BOUNDS[rule], (True, False), strict=True):
        monkeypatch.setattr(sureness, "tune_in", lambda *_, shown=shown: shown._replace(cents=within * shown.cents))
        assert is_sure(np.zeros(1), RATE, 220.0, within) is is_right


@pytest.mark.parametrize("hz", [36.0, 110.0, 441.3, 1100.0])
def test_a_steady_tone_is_sure_at_its_pitch_alone(hz):
    sound = tone(hz, 2.5)
    assert is_sure(sound, RATE, hz)
    assert abs(np.median(tune_in(sound, RATE, hz).cents)) < 0.7
    assert abs(tune_in(sound, RATE, hz).share.sum() - 1.0) < 1e-9
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
    assert sure_pitch(sound, RATE) is None
    heard, voiced, _ = librosa.pyin(sound[: RATE // 2], fmin=1500, fmax=2300, sr=RATE, resolution=0.02)
    assert abs(1200 * np.log2(np.median(heard[voiced]) / 1865.0)) > 2.0


def test_a_sure_pitch_is_told_in_the_tuning_and_within_the_bounds_that_are_asked_for():
    t = np.arange(int(1.5 * RATE)) / RATE
    sound = tone(432.0, sharp=0.7 * np.sin(2 * np.pi * 3 * t))
    pitch = sure_pitch(sound, RATE, 432.0)
    assert pitch is not None
    assert (pitch.name, abs(pitch.cents) < 1.0) == ("A4", True)
    assert sure_pitch(sound, RATE, 432.0, 0.5) is None


def test_a_tuner_looks_no_further_than_its_reach():
    """A period beyond it is not taken for the nearest that is within it."""
    for semitones in (-3.3, 3.3):
        shown = tune_in(tone(220.0 * 2 ** (semitones / 12)), RATE, 220.0).cents
        assert np.median(shown) == pytest.approx(100 * semitones, abs=2.0)
    for semitones in (-3.9, 3.9):
        assert tune_in(tone(220.0 * 2 ** (semitones / 12)), RATE, 220.0).cents.size == 0


@pytest.mark.parametrize(("quiet_db", "is_shown"), [(-55, True), (-65, False)])
def test_what_is_not_heard_is_not_shown(quiet_db, is_shown):
    after = 10 ** (quiet_db / 20) * tone(220.0, sharp=100.0)
    shown = tune_in(np.concatenate([tone(220.0), after]), RATE, 220.0)
    assert bool((shown.cents > 50.0).any()) is is_shown
    assert shown.share.sum() > 0.9


@pytest.mark.parametrize(("hz", "seconds", "window", "count"), [(36.0, 1.0, 3675, 25), (441.0, 10.0, 2646, 160)])
def test_frames_hold_three_periods_and_cover_the_whole_sound(hz, seconds, window, count, monkeypatch):
    taken = []
    monkeypatch.setattr(sureness, "_find_period", lambda frame, window, *_: taken.append((frame, window)))
    sound = np.arange(seconds * RATE)
    tune_in(sound, RATE, hz)
    assert {found for _, found in taken} == {window}
    assert len(taken) == count
    assert taken[0][0][0] == sound[0]
    assert taken[-1][0][-1] == sound[-1]


def naive_period(frame, window, shortest, longest):
    """YIN, sum by sum."""
    difference = [sum((frame[t] - frame[t + lag]) ** 2 for t in range(window)) for lag in range(longest + 1)]
    dips = [1.0, *(difference[lag] * lag / sum(difference[1 : lag + 1]) for lag in range(1, longest + 1))]
    lag = min(range(shortest, longest), key=dips.__getitem__)
    if dips[lag] >= 0.6 or lag in (shortest, longest - 1):
        return None
    at = np.polyfit([-1, 0, 1], dips[lag - 1 : lag + 2], 2)
    return lag - at[1] / (2 * at[0])


def test_periods_are_those_of_plain_sums():
    rng = np.random.default_rng(1)
    found = []
    for period in (11.3, 20.4, 33.7):
        for noise in (0.0, 0.5, 4.0):
            frame = tone(RATE / period, 200 / RATE) + noise * rng.standard_normal(200)
            found.append(sureness._find_period(frame, 140, 9, 50))
            assert found[-1] == pytest.approx(naive_period(frame, 140, 9, 50), abs=1e-6)
    assert None in found
    assert sum(period is not None for period in found) > 4


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_whatever_a_sound_is_nothing_fails(size):
    for sound in (np.zeros(size), np.eye(1, size)[0], np.random.default_rng(1).standard_normal(size)):
        for hz in (32.0, 440.0, 4000.0):
            assert not is_sure(sound, 8000, hz)
            assert np.isfinite(tune_in(sound, 8000, hz).share).all()


def test_frames_without_a_period_show_nothing(monkeypatch):
    noise = np.random.default_rng(1).standard_normal(RATE)
    monkeypatch.setattr(sureness, "_DIP", 0.1)
    assert tune_in(noise, RATE, 440.0).cents.size == 0


def slipping(hz, cents):
    """A tone whose periods are exact, but for a small step back every eight of them: its partial is lower by that."""
    period = RATE / hz
    every = round(8 * period)
    n = np.arange(2 * RATE)
    return np.sin(2 * np.pi * (n - every * (1.0 - 2 ** (-cents / 1200)) * (n // every)) / period)


@pytest.mark.parametrize("hz", [41.2, 110.0, 220.0])
def test_partials_tell_how_far_they_are_from_the_harmonics(hz):
    for sharp in (0.0, 5.0, -20.0):
        assert partials_off(tone(hz, 3.0, sharp=sharp), RATE, hz) == pytest.approx(abs(sharp), abs=0.5)
    # The second is off, and has a fifth of the energy.
    sound = tone(hz, 3.0, (2.0,)) + tone(2 * hz, 3.0, (1.0,), sharp=30.0)
    assert partials_off(sound, RATE, hz) == pytest.approx(6.0, abs=0.5)
    # 20 dB below the strongest it does not count.
    assert partials_off(tone(hz, 3.0, (2.0,)) + tone(2 * hz, 3.0, (0.19,), sharp=30.0), RATE, hz) < 0.5
    for size in (0, 1, 2, RATE):
        assert partials_off(np.zeros(size), RATE, hz) == np.inf


def test_a_period_whose_partials_lie_elsewhere_is_not_sure(monkeypatch):
    sound = slipping(110.0, 25.0)
    assert partials_off(sound, RATE, 110.0) > 15.0
    assert not is_sure(sound, RATE, 110.0)
    assert is_sure(slipping(110.0, 0.0), RATE, 110.0)
    monkeypatch.setattr(sureness, "tune_in", lambda *_: frames((100, 0.0, 1.0)))
    assert is_sure(tone(110.0, sharp=5.0), RATE, 110.0)
    assert not is_sure(tone(110.0, sharp=7.0), RATE, 110.0)
    assert not is_sure(tone(110.0, sharp=5.5), RATE, 110.0, 0.85)
