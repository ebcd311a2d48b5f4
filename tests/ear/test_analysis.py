"""Hearing many sounds together: what is found of each is what a slow twin finds of it alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Limits, Recipe, Spec
from cnndsd.ear.analysis import judge_and_describe, rounded
from cnndsd.ear.description import from_row, to_row
from cnndsd.ear.kinds import KINDS, kind, kind_number
from cnndsd.ear.measuring import PLACES, Clock, hold_images, take_statistics
from cnndsd.ear.scoring import score, score_row
from cnndsd.farm import units
from cnndsd.farm.shelf import appraise_all, cell, cell_number
from cnndsd.sound.rendering import render_batches, render_steps

SEEDS = list(range(100, 119))


def shape(gap, seconds, precision="double"):
    return Recipe(length=4, hidden=(5, 3), gap=gap, seconds=seconds, precision=precision)


@settings(max_examples=12)
@given(
    st.integers(0, 8),
    st.sampled_from([0.05, 0.3, 1.5]),
    st.sampled_from(["double", "single"]),
    st.randoms(use_true_random=False),
)
def test_what_is_found_of_a_sound_depends_on_no_other(gap, seconds, precision, rng):
    recipe = shape(gap, seconds, precision)
    clock = Clock(recipe.sample_rate, recipe.hold)
    alone = {}
    for seed in SEEDS:
        steps = render_steps(recipe.reseeded(seed))
        reasons, rows = judge_and_describe(steps[None], take_statistics(steps, clock)[None], clock, Limits())
        alone[seed] = reasons[0], rows[0].tolist()
    seeds = rng.sample(SEEDS, len(SEEDS))
    found = {}
    for streams, statistics in render_batches(recipe, seeds, clock.frame_steps):
        reasons, rows = judge_and_describe(streams, statistics, clock, Limits())
        found.update(zip(seeds[len(found) :], zip(reasons, rows.tolist(), strict=True), strict=False))
    assert found == alone


def slow_spectrum(part, clock):
    """The twin: audible share, brightness and flatness of the heard part, by numpy."""
    size = max(16, 2 ** round(np.log2(0.1 * clock.step_rate_hz)))
    count = max(1, min(12, -(-part.size // size)))
    if part.size <= size:
        segments = np.zeros((1, size))
        segments[0, : part.size] = (part - part.mean()) * np.hanning(part.size + 2)[1:-1]
    else:
        starts = (part.size - size) * np.arange(count) // (count - 1)
        segments = np.stack([part[start : start + size] for start in starts])
        segments = (segments - segments.mean(axis=1, keepdims=True)) * np.hanning(size + 1)[:-1]
    power = (np.abs(np.fft.rfft(segments, axis=1)) ** 2)[:, 1:].sum(axis=0)
    hz, shares = hold_images(size // 2, clock)
    audible = power[:, None] * shares * ((hz >= 30.0) & (hz <= 16_000.0))
    flatness = np.exp(np.log(np.maximum(power, power.mean() * 1e-12)).mean()) / power.mean()
    return audible.sum() / power.sum(), (audible * hz).sum() / audible.sum(), flatness


@pytest.mark.parametrize("gap", [1, 3, 5, 7])
@pytest.mark.parametrize("seconds", [0.06, 0.4, 2.0])
def test_spectra_of_many_sounds_equal_their_slow_twins(gap, seconds):
    recipe = shape(gap, seconds)
    clock = Clock(recipe.sample_rate, recipe.hold)
    compared = 0
    for streams, statistics in render_batches(recipe, SEEDS, clock.frame_steps):
        _, rows = judge_and_describe(streams, statistics, clock)
        for steps, row in zip(streams, rows, strict=True):
            first = round(row[PLACES.heard_from_s] * clock.step_rate_hz)
            part = steps[first : first + round(row[PLACES.heard_s] * clock.step_rate_hz)]
            if part.size:
                found = row[[PLACES.audible_share, PLACES.brightness_hz, PLACES.flatness]]
                assert found == pytest.approx(slow_spectrum(part, clock), rel=1e-6)
                compared += 1
    assert compared > 5


def test_scores_kinds_and_cells_of_rows_are_those_of_descriptions():
    spec = Spec(name="x")
    rows = []
    for drawn in units.draw_blocks(spec, 1, 0, 512):
        rows += [row for row in units.judge_drawn(spec, drawn, units.scratch()) if not isinstance(row, str)]
    sounds = [from_row(row.tolist()) for row in rows]
    assert len({kind(sound) for sound in sounds}) > 6
    for sound, row in zip(sounds, rows, strict=True):
        assert to_row(sound).tolist() == rounded(row).tolist() == row.tolist()
        assert KINDS[kind_number(row)] == kind(sound)
        assert score_row(row) == score(sound) == round(score(sound), 4)
    assert appraise_all(rows) == ([score(s) for s in sounds], [cell_number(cell(s)) for s in sounds])
    assert appraise_all([]) == ([], [])
