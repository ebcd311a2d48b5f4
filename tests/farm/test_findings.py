"""Findings: any parts, in any order, some of them twice, make the same; what is missing is exactly what is missing."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import entry

from cnndsd.farm.findings import SET_ASIDE, Aside, Findings, UnitResult, refusals_in_words
from cnndsd.farm.shelf import Shelf
from cnndsd.recipe import Recipe

TOTAL = 40
cuts = st.sets(st.integers(1, TOTAL - 1), max_size=8).map(lambda inner: [0, *sorted(inner), TOTAL])


def part(first, stop):
    """Every third candidate silent, every seventh set aside, the others kept."""
    kept = [entry(i, i) for i in range(first, stop) if i % 3 and i % 7]
    aside = {i: Aside("died", Recipe(seed=i)) for i in range(first, stop) if i % 3 and not i % 7}
    silent = sum(not i % 3 for i in range(first, stop))
    return UnitResult(first, stop - first, {"silent": silent}, Shelf(TOTAL, kept).over(None), aside)


def state(findings):
    return findings.done, +findings.refused, findings.entries, findings.aside


@settings(max_examples=100)
@given(cuts, st.randoms(use_true_random=False), st.integers(1, 3))
def test_any_parts_in_any_order_some_twice(cuts, rng, depth):
    whole = Findings(depth)
    whole.add(part(0, TOTAL))
    parts = [part(a, b) for a, b in itertools.pairwise(cuts)]
    found = Findings(depth)
    for judged in rng.sample(parts, len(parts)) + rng.choices(parts, k=2):
        found.add(judged)
    assert state(found) == state(whole)
    assert found.candidates == found.reach == TOTAL
    assert found.passed == TOTAL - found.refused.total()
    assert found.refused[SET_ASIDE] == len(found.aside) == sum(bool(i % 3) and not i % 7 for i in range(TOTAL))


@settings(max_examples=200)
@given(st.sets(st.integers(0, TOTAL - 1)), st.integers(0, TOTAL + 5), st.integers(1, 9))
def test_what_is_missing_is_what_was_not_judged(judged, stop, most):
    found = Findings()
    for index in judged:
        found.add(UnitResult(index, 1, {}))
    missing = list(found.missing(stop, most))
    assert all(1 <= count <= most for _, count in missing)
    candidates = [i for first, count in missing for i in range(first, first + count)]
    assert candidates == [i for i in range(stop) if i not in judged]
    assert found.reach == max(judged, default=-1) + 1


def test_a_part_that_is_known_in_part_is_an_error():
    found = Findings()
    found.add(part(10, 20))
    with pytest.raises(ValueError, match=r"15\.\.24 overlap 10\.\.19"):
        found.add(part(15, 25))


def test_setting_aside_leaves_out_what_was_found_already():
    found = Findings(8)
    found.add(part(0, 12))
    passed, kept = found.passed, [e.index for e in found.entries]
    found.set_aside(kept[0], Aside("died", Recipe()))
    found.set_aside(kept[0], Aside("died again", Recipe()))
    assert [e.index for e in found.entries] == kept[1:]
    assert found.passed == passed - 1
    assert found.done == [(0, 12)]


def test_tallies_in_words():
    assert refusals_in_words({}) == "none"
    assert refusals_in_words({"silent": 2, "clipped": 1}) == "clipped 1, silent 2"
