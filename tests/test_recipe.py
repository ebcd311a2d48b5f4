"""The fields of a recipe that concern the finished sound alone: as if they were not there where they are not set."""

import json
import pickle
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Invalid, Recipe, render
from cnndsd.farm.breeding import NEAR, relative
from cnndsd.finishing.naming import words
from cnndsd.recipe import MAX_VARIATIONS, Wide, from_json
from cnndsd.sound.rendering import raw_sha256
from cnndsd.spec import Family

PLAIN = (
    '{"length":6,"hidden":[8,8],"gap":5,"seed":0,"seconds":2.0,"sample_rate":44100,"precision":"double",'
    '"weights":[0.0,1.0],"biases":[0.0,1.0],"adjusting":null,"variations":[],"definition":1}'
)
BOTH = Recipe(seed=35, seconds=0.1, interpolation="bandlimited", wide=Wide(seed=3, amount=1e-6))
RECIPES = st.builds(
    Recipe,
    seed=st.integers(0, 2**63 - 1),
    gap=st.integers(0, 12),
    precision=st.sampled_from(["double", "single"]),
    interpolation=st.sampled_from(["hold", "bandlimited"]),
    wide=st.none() | st.builds(Wide, seed=st.integers(0, 2**63 - 1), amount=st.floats(0.0, 1.0)),
)


def test_a_recipe_without_them_is_written_as_ever():
    assert Recipe().to_json() == PLAIN
    assert from_json(PLAIN) == Recipe()
    assert Recipe(interpolation="hold", wide=None).to_json() == PLAIN
    assert from_json(f'{PLAIN[:-1]},"interpolation":"hold","wide":null}}').to_json() == PLAIN
    # Not the very object that the default is.
    assert Recipe(interpolation="".join(["ho", "ld"])).to_json() == PLAIN
    assert msgspec.to_builtins(Recipe()).keys() == json.loads(PLAIN).keys()


def test_a_recipe_with_them_says_so_at_its_end():
    wanted = f'{PLAIN[:-1]},"interpolation":"bandlimited","wide":{{"seed":3,"amount":1e-6}}}}'
    assert msgspec.structs.replace(BOTH, seed=0, seconds=2.0).to_json() == wanted


@settings(max_examples=100)
@given(RECIPES)
def test_on_every_way_a_recipe_stays_what_it_is_and_is_written_alike(recipe):
    ways = [
        from_json(recipe.to_json()),
        pickle.loads(pickle.dumps(recipe)),
        msgspec.msgpack.decode(msgspec.msgpack.encode(recipe), type=Recipe),
        msgspec.convert(msgspec.to_builtins(recipe), Recipe),
    ]
    for made in ways:
        assert made == recipe
        assert made.to_json() == recipe.to_json()


def test_they_change_no_raw_sample_and_no_word():
    assert (
        raw_sha256(render(BOTH)) == raw_sha256(render(BOTH.network)) == raw_sha256(render(Recipe(seed=35, seconds=0.1)))
    )
    assert next(words(BOTH)) == next(words(Recipe(seed=35, seconds=0.1)))


def test_they_stay_at_another_rate_and_with_another_seed():
    for other in (BOTH.at_rate(48_000), BOTH.reseeded(4)):
        assert (other.interpolation, other.wide) == (BOTH.interpolation, BOTH.wide)


def test_the_relative_has_one_variation_more_and_nothing_else():
    assert Recipe().relative is None
    relative = BOTH.relative
    assert relative.wide is None
    assert [(v.seed, v.amount) for v in relative.variations] == [(3, 1e-6)]
    assert msgspec.structs.replace(relative, variations=(), wide=BOTH.wide) == BOTH


def test_there_is_nothing_to_join_at_gap_0():
    assert [Recipe(gap=gap, interpolation="bandlimited").joined_hold for gap in (0, 1, 5)] == [1, 2, 32]
    assert Recipe(gap=5).joined_hold == 1
    assert [Recipe(gap=gap, interpolation="bandlimited").is_smooth for gap in (0, 1)] == [False, True]


@pytest.mark.parametrize(
    "fields",
    [
        {"variations": [{"seed": 1, "amount": 0.1}] * MAX_VARIATIONS},
        {"variations": [{"seed": 1, "amount": 0.1}] * (MAX_VARIATIONS - 1), "wide": {"seed": 1, "amount": 0.1}},
        {
            "variations": [
                {"seed": 1, "amount": 0.1, "mate": {"seed": 2, "variations": [{"seed": 1, "amount": 0.1}] * 62}},
                {"seed": 1, "amount": 0.1},
            ]
        },
    ],
)
def test_a_full_recipe_has_no_family_and_its_relatives_lose_a_variation(fields):
    full = Recipe(**fields)
    assert full.variations_left == 0
    with pytest.raises(Invalid, match=r"recipe\.variations: 64, .* leave no room for one more"):
        Family(recipe=full, amount=(0.1, 0.1))
    shape = relative(full, NEAR, random.Random(1))
    assert shape.variations_left == 0
    assert shape.variations[:-1] == full.variations[:-1]
    assert shape.wide == full.wide


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"interpolation": "smooth"}, 'interpolation: "smooth" is not allowed; allowed: "bandlimited", "hold"'),
        ({"wide": 0.5}, "wide: 0.5 is not allowed; allowed: a table of seed, amount"),
        ({"wide": {"seed": 1}}, 'wide: the key "amount" is missing'),
        ({"wide": {"seed": 1, "amount": 2}}, "wide.amount: 2 is not allowed; allowed: a number, 0 to 1"),
        ({"wide": {"seed": -1, "amount": 0.1}}, "wide.seed: -1 is not allowed; allowed: a whole number, 0 to"),
        (
            {"wide": {"seed": 1, "amount": 0.1}, "variations": [{"seed": 1, "amount": 0.1}] * MAX_VARIATIONS},
            "wide: 64 variations leave no room for one more; allowed: fewer",
        ),
    ],
)
def test_what_is_not_allowed_is_told_in_one_line(fields, line):
    with pytest.raises(Invalid) as told:
        Recipe(**fields)
    assert str(told.value).startswith(line)
    assert "\n" not in str(told.value)
