"""Kernels that are written for vector instructions equal the formulas that they stand for."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd.ear.arithmetic import to_exp, to_log2, total
from cnndsd.ear.complexity import permutation_entropy
from cnndsd.ear.description import COEFFICIENTS, COURSES, TIMBRE, TIMBRE_BANDS
from cnndsd.ear.envelope import around, running_sums, smooth, soften
from cnndsd.ear.timbre import MEL_BANDS_HZ, WHINE_HZ, cuts, fill_timbre, whine
from cnndsd.sound.kernel import STATISTICS, part_lanes


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100])
def test_total_is_the_sum(size):
    values = np.random.default_rng(size).normal(size=size)
    assert total(values) == pytest.approx(math.fsum(values), abs=1e-13)


def test_logarithms_are_those_of_the_c_library():
    rng = np.random.default_rng(1)
    values = np.concatenate([2.0 ** rng.uniform(-1000, 1000, 2000), rng.uniform(0.5, 2.0, 2000), [1.0, 2.0, 1e-307]])
    wanted = np.log2(values)
    to_log2(values)
    assert values == pytest.approx(wanted, rel=1e-14, abs=1e-14)
    assert values[-3:-1].tolist() == [0.0, 1.0]


def test_exponentials_are_those_of_the_c_library():
    values = np.concatenate([np.random.default_rng(1).uniform(-700, 700, 4000), [0.0, 1.0, -700.0, 700.0]])
    wanted = np.exp(values)
    to_exp(values)
    # The rounding of its argument alone makes 700 times 1e-16.
    assert values == pytest.approx(wanted, rel=2e-13)
    near = np.linspace(-10.0, 1.0, 999)
    wanted = np.exp(near)
    to_exp(near)
    assert near == pytest.approx(wanted, rel=2e-14)


@pytest.mark.parametrize("size", [1, 2, 5, 50, 301])
@pytest.mark.parametrize("reach", [2, 25])
def test_means_around_each_place_are_those_of_their_windows(size, reach):
    values, other = np.random.default_rng(size).normal(size=(2, size))
    sums, means = np.empty((4, size + 1)), np.empty(size)
    running_sums(values, other, sums)
    for series, row in zip((values, other, values**2, other**2), sums, strict=True):
        smooth(row, reach, means)
        windows = [series[max(0, f - reach) : f + reach + 1].mean() for f in range(size)]
        assert means == pytest.approx(windows, abs=1e-12)
        assert [around(row, f, reach) for f in range(size)] == pytest.approx(windows, abs=1e-12)
    soften(values, means)
    padded = np.pad(values, 1, mode="edge")
    assert means == pytest.approx(0.25 * padded[:-2] + 0.5 * values + 0.25 * padded[2:])


def slow_cuts(levels, weights, noise):
    """The twin: every cut is tried, and each part measured anew."""

    def within(part):
        spread = ((part - part.mean(axis=0)) ** 2).sum(axis=0) - noise * (len(part) - 1)
        return (weights * np.maximum(0.0, spread)).sum()

    places = range(2, len(levels) - 1)
    whole = within(levels)
    one = min([whole, *(within(levels[:a]) + within(levels[a:]) for a in places)])
    pairs = [(a, b) for a, b in itertools.combinations(places, 2) if b - a >= 2]
    two = min([one, *(within(levels[:a]) + within(levels[a:b]) + within(levels[b:]) for a, b in pairs)])
    return [math.sqrt(value / len(levels) / weights.sum()) for value in (whole, one, two)]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.0, 20.0))
def test_cuts_equal_their_slow_twin(seed, segments, step):
    rng = np.random.default_rng(seed)
    levels = rng.normal(-20.0, 2.0, (segments, TIMBRE_BANDS))
    levels[segments // 2 :] += step * rng.normal(size=TIMBRE_BANDS)
    weights, noise = rng.uniform(0.0, 1.0, TIMBRE_BANDS), rng.uniform(0.0, 3.0, TIMBRE_BANDS)
    assert cuts(levels, weights, noise) == pytest.approx(slow_cuts(levels, weights, noise), abs=1e-6)


@pytest.mark.parametrize("segments", range(1, 13))
def test_whine_is_the_most_that_a_high_band_has_four_fifths_of_the_time(segments):
    energy = np.random.default_rng(segments).exponential(size=(segments, TIMBRE_BANDS))
    energy[:, -2] *= 9.0
    shares = np.sort(energy / energy.sum(axis=1, keepdims=True), axis=0)
    high = [b for b in range(TIMBRE_BANDS) if MEL_BANDS_HZ[b] >= WHINE_HZ]
    wanted = shares[int((1.0 - 0.8) * (segments - 1)), high].max()
    assert whine(energy, energy.sum(axis=1)) == pytest.approx(10.0 * math.log10(wanted))
    assert whine(np.eye(1, TIMBRE_BANDS), np.ones(1)) == -40.0


@pytest.mark.parametrize("segments", [1, 2, 7, 12])
def test_the_timbre_is_the_cosine_transform_of_the_levels(segments):
    levels = np.random.default_rng(segments).normal(-30.0, 10.0, (segments, TIMBRE_BANDS))
    found, flat = np.zeros(TIMBRE), np.zeros(TIMBRE)
    fill_timbre(levels, found)
    # Transforms are linear: the ratio to those of one level in one band has no scale.
    bands = np.arange(TIMBRE_BANDS) + 0.5
    angles = np.pi * (np.arange(segments) + 0.5) / segments
    for c in range(COEFFICIENTS):
        basis = np.cos(np.pi * c * bands / TIMBRE_BANDS)
        fill_timbre(np.tile(basis, (segments, 1)), flat)
        values = levels @ basis / (basis @ basis)
        assert found[c] / flat[c] == pytest.approx(values.mean())
        if segments > 1:
            alternating = np.outer(np.where(np.arange(segments) % 2, 1.0, -1.0), basis)
            fill_timbre(alternating, flat)
            deviation = values.std() / np.where(np.arange(segments) % 2, 1.0, -1.0).std()
            assert found[COEFFICIENTS + c] / flat[COEFFICIENTS + c] == pytest.approx(deviation)
    for c, order in itertools.product(range(COURSES), range(2)):
        basis = np.cos(np.pi * c * bands / TIMBRE_BANDS)
        course = np.cos((order + 1) * angles)
        place = 2 * COEFFICIENTS + order * COURSES + c
        if course @ course > 1e-9:
            fill_timbre(np.outer(course, basis), flat)
            wanted = (levels @ basis / (basis @ basis)) @ course / (course @ course)
            assert found[place] / flat[place] == pytest.approx(wanted)


@pytest.mark.parametrize("size", [1, 3, 4, 50, 1536, 1537, 9001])
def test_permutation_entropy_equals_its_slow_twin(size):
    rng = np.random.default_rng(size)
    part = np.round(rng.uniform(0.0, 1.0, size) + np.sin(np.arange(size) / 5.0), 1)
    starts = [(size - 192) * s // 7 for s in range(8)] if size > 1536 else [0]
    stretches = [part[start : start + (192 if size > 1536 else size)] for start in starts]
    orders = [tuple(np.argsort(s[t : t + 4], kind="stable")) for s in stretches for t in range(s.size - 3)]
    shares = np.array([orders.count(order) for order in set(orders)]) / max(1, len(orders))
    wanted = -(shares * np.log(shares)).sum() / math.log(24.0)
    assert permutation_entropy(part) == pytest.approx(wanted, abs=1e-12)
    assert permutation_entropy(part.astype(np.float32)) == pytest.approx(wanted, abs=1e-12)


def test_statistics_of_lanes_are_parted_by_candidate():
    lanes = np.random.default_rng(1).normal(size=(3, 5, STATISTICS, 8))
    parted = np.empty((24, 5, STATISTICS))
    part_lanes(lanes, parted)
    assert parted.tolist() == lanes.transpose(0, 3, 1, 2).reshape(24, 5, STATISTICS).tolist()
