"""Smooth and wide sounds are drawn beside all else: no network and no other draw changes."""

import hashlib
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Recipe, Spec, load_spec, render
from cnndsd.farm import runs
from cnndsd.farm.drawing import BLOCK, SIBLINGS, can_be, draw, draw_child_template, draw_template, draw_wide
from cnndsd.recipe import Wide
from cnndsd.shipped import spec_path
from cnndsd.sound.rendering import raw_sha256

SHIPPED = load_spec(spec_path("sample_pack"))
NARROW = msgspec.structs.replace(SHIPPED, sound=msgspec.structs.replace(SHIPPED.sound, bandlimited=0.0, wide=0.0))
PARENT = draw(NARROW, 1, 77)


def shares(bandlimited=0.0, wide=0.0):
    return msgspec.structs.replace(
        NARROW, sound=msgspec.structs.replace(NARROW.sound, bandlimited=bandlimited, wide=wide)
    )


@settings(max_examples=60)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(0, 2**40), st.integers(0, 2**60))
def test_with_any_shares_the_same_networks_are_drawn(bandlimited, wide, block, seed):
    spec = shares(bandlimited, wide)
    assert spec.digest == NARROW.digest
    assert draw_template(spec, seed, block).network == draw_template(NARROW, seed, block)
    assert draw(spec, seed, block * BLOCK + 3).network == draw(NARROW, seed, block * BLOCK + 3)
    assert draw_child_template(spec, seed, block, PARENT).network == draw_child_template(NARROW, seed, block, PARENT)


def test_a_spec_without_shares_draws_what_it_always_drew():
    for index in range(0, 64_000, 777):
        recipe = draw(NARROW, 1, index)
        assert (recipe.interpolation, recipe.wide) == ("hold", None)
        assert draw_wide(NARROW, 1, index) is None
    # The digest of the section before there were shares.
    sound = msgspec.to_builtins(NARROW.sound)
    assert set(sound) >= {"bandlimited", "wide"}
    old = {name: value for name, value in sound.items() if name not in ("bandlimited", "wide")}
    assert NARROW.digest == hashlib.sha256(msgspec.json.encode(old, order="sorted")).digest()


def test_a_share_of_the_blocks_is_smooth_where_something_is_left():
    spec = shares(bandlimited=0.3)
    shapes = [draw_template(spec, 1, block) for block in range(3000)]
    fit = [shape for shape in shapes if 1 <= shape.gap <= 6]
    assert np.mean([shape.is_smooth for shape in fit]) == pytest.approx(0.3, abs=0.03)
    # Half of 44,100 / 2**7 is 172 Hz.
    assert {shape.gap for shape in shapes} - {shape.gap for shape in fit} == {7}
    assert not any(shape.is_smooth for shape in shapes if shape.gap == 7)
    everywhere = msgspec.structs.replace(spec, sound={"bandlimited": 1.0, "gap": (0, 12)})
    drawn = {
        (shape.gap, shape.interpolation) for shape in (draw_template(everywhere, 1, block) for block in range(300))
    }
    assert drawn == {(gap, "bandlimited" if 1 <= gap <= 6 else "hold") for gap in range(13)}


def test_children_join_their_steps_mostly_as_their_parent_does():
    spec = shares(bandlimited=0.5)
    at_5 = msgspec.structs.replace(PARENT, gap=5)
    for parent, other in (("hold", "bandlimited"), ("bandlimited", "hold")):
        of = msgspec.structs.replace(at_5, interpolation=parent)
        children = [draw_child_template(spec, 1, block, of) for block in range(2000)]
        fit = [child for child in children if child.gap <= 6]
        # One in eight is drawn anew, half of them otherwise.
        assert np.mean([child.interpolation == other for child in fit]) == pytest.approx(1 / 16, abs=0.02)
        assert not any(child.is_smooth for child in children if child.gap == 7)
        assert any(child.gap == 7 for child in children)


def test_a_share_of_the_candidates_is_asked_to_be_wide():
    spec = shares(wide=0.4)
    drawn = [draw_wide(spec, 1, index) for index in range(3000)]
    wide = [one for one in drawn if one is not None]
    assert len(wide) / len(drawn) == pytest.approx(0.4, abs=0.03)
    assert len({one.seed for one in wide}) == len(wide)
    exponents = np.log10([one.amount for one in wide])
    assert -9.0 <= exponents.min() < -8.8
    assert -3.2 < exponents.max() <= -3.0
    assert np.histogram(exponents, 3)[0].min() > 0.28 * len(wide)
    assert all(one.seed < 2**53 for one in wide)
    # Of other shares the same relatives.
    assert [one for one in (draw_wide(shares(0.9, 1.0), 1, i) for i in range(3000)) if one in wide] == wide


def finished(spec, index, recipe):
    """The recipe of a candidate as it is in a pack."""
    return msgspec.structs.replace(recipe, wide=draw_wide(spec, 1, index))


def test_only_what_was_drawn_can_be_a_candidate():
    spec = shares(0.5, 0.5)
    seen = set()
    for index in range(0, 64 * 400, 91):
        recipe = finished(spec, index, draw(spec, 1, index))
        seen.add((recipe.interpolation, recipe.wide is None))
        assert can_be(spec, 1, index, True, recipe)
        assert can_be(spec, 1, index, True, recipe.at_rate(45_000))
        other = "hold" if recipe.interpolation == "bandlimited" else "bandlimited"
        assert not can_be(spec, 1, index, True, msgspec.structs.replace(recipe, interpolation=other))
        wide = None if recipe.wide is not None else Wide(seed=1, amount=1e-6)
        assert not can_be(spec, 1, index, True, msgspec.structs.replace(recipe, wide=wide))
    assert len(seen) == 4


def test_a_child_can_be_one_with_any_interpolation_that_its_parent_may_have():
    spec = shares(0.5, 0.5)
    for group in range(300):
        index = group * SIBLINGS
        shape = draw_child_template(spec, 1, group, msgspec.structs.replace(PARENT, interpolation="bandlimited"))
        recipe = finished(spec, index, shape.reseeded(draw(NARROW, 1, index).last_seed))
        assert can_be(spec, 1, index, False, recipe)
        # Without smooth sounds there is no such parent.
        if recipe.is_smooth:
            assert not can_be(shares(0.0, 0.5), 1, index, False, recipe)


@pytest.mark.parametrize(
    "parent",
    [
        {"seed": 2**53},
        {"variations": [{"seed": 2**53, "amount": 0.1}]},
        {"variations": [{"seed": 1, "amount": 0.1, "mate": {"seed": 2}}]},
    ],
)
def test_no_child_has_a_parent_that_no_search_has(parent):
    spec = shares(0.5, 0.5)
    for change, is_one in (({}, True), (parent, False)):
        own = msgspec.structs.replace(PARENT, **change)
        recipe = draw_child_template(spec, 1, 1, own).reseeded(draw(NARROW, 1, SIBLINGS).last_seed)
        assert can_be(spec, 1, SIBLINGS, False, finished(spec, SIBLINGS, recipe)) is is_one


def test_width_is_no_part_of_a_run_and_smooth_sounds_are():
    def known(spec):
        return json.loads(runs.identity(spec))

    assert known(shares(wide=0.7)) == known(NARROW)
    assert "bandlimited" not in known(NARROW)["sound"]
    assert known(shares(bandlimited=0.3))["sound"]["bandlimited"] == 0.3
    family = Spec(name="x", family={"recipe": Recipe(), "amount": (0.1, 0.1)})
    assert set(known(family)["family"]["recipe"]) == set(json.loads(Recipe().to_json()))


def test_the_shipped_pack_draws_the_networks_that_it_always_drew():
    assert (SHIPPED.sound.bandlimited, SHIPPED.sound.wide) == (0.3, 1.0)
    # Candidates of the default pack, and digests of their raw sounds, from before there were smooth and wide sounds.
    before = {
        0: (5, (8, 4, 6), 6, 7315964241890961, "aa224b1b43f14d9354f6f2bef26573689fb218e5ba5a35f8f905b200780d9393"),
        4096: (7, (8, 5), 6, 5450937297075788, "34b75553aa9fb3e00048cbbc5d339fbe3f42dee05f72a8fc237178be59490930"),
        65_535: (10, (2,), 7, 2740977990642178, "4da1aca8a7c1c931c91475aa6142440589c1ccb1073e1b1f565d2b87d9d2281a"),
    }
    for index, (*facts, digest) in before.items():
        drawn = draw(SHIPPED, 1, index)
        assert [drawn.length, drawn.hidden, drawn.gap, drawn.seed] == facts
        assert raw_sha256(render(drawn)) == digest
