"""A spec that lists its recipes: the pack holds these very sounds."""

import msgspec
import pytest
from small_runs import packed, write_spec

from cnndsd import search
from cnndsd.desk import cli
from cnndsd.farm import verification
from cnndsd.farm.drawing import can_be, draw
from cnndsd.finishing.manifest import read_manifest
from cnndsd.recipe import Recipe
from cnndsd.schema import Invalid
from cnndsd.spec import Family, Spec, load_spec

LISTED = (
    Recipe(length=9, hidden=(2, 2), gap=5, seed=276, seconds=5.0),
    # On another clock, and with neurons of another network.
    Recipe(length=4, hidden=(6,), gap=4, seed=9, seconds=0.8, sample_rate=32_000),
    Recipe(
        length=6, hidden=(4, 4), gap=3, seed=5, seconds=0.7,
        variations=({"seed": 3, "amount": 0.5, "mate": {"seed": 11}}, {"seed": 8, "amount": 0.02}),
    ),
)  # fmt: skip
TEXT = """name = "s"
recipes = [
  {length = 9, hidden = [2, 2], gap = 5, seed = 276, seconds = 5.0},
  {length = 4, hidden = [6], gap = 4, seed = 9, seconds = 0.8, sample_rate = 32000},
  {length = 6, hidden = [4, 4], gap = 3, seed = 5, seconds = 0.7, variations = [
    {seed = 3, amount = 0.5, mate = {seed = 11}}, {seed = 8, amount = 0.02}]},
]
"""


def test_the_pack_holds_what_is_listed_and_is_proven(tmp_path, in_process, capsys):
    (tmp_path / "s.toml").write_text(TEXT, encoding="utf-8")
    assert load_spec(tmp_path / "s.toml").recipes == LISTED
    packed(tmp_path)
    assert capsys.readouterr().err.endswith("cnndsd: 3 sounds, those that were listed\n")
    manifest = read_manifest(tmp_path / "s.zip")
    found = {sound.candidate: sound.recipe for sound in manifest.sounds}
    assert {i: r.at_rate(LISTED[i].sample_rate) for i, r in found.items()} == dict(enumerate(LISTED))
    assert manifest.by_hand
    assert verification.verify(tmp_path / "s.zip") == []
    # No run was begun, and the same again makes the same bytes.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.toml", "s.zip"]
    before = (tmp_path / "s.zip").read_bytes()
    assert packed(tmp_path) == before
    assert packed(tmp_path, "--keep", "2") == before
    assert [s.candidate for s in read_manifest(tmp_path / "s_kept.zip").sounds] == [2]
    assert verification.verify(tmp_path / "s_kept.zip") == []
    packed(tmp_path, "--keep", "3", code=2)
    assert "3 is no recipe of the spec; allowed: 0 to 2" in capsys.readouterr().err


def test_nothing_that_needs_a_search_is_made_of_a_list(tmp_path, in_process, capsys):
    (tmp_path / "s.toml").write_text(TEXT, encoding="utf-8")
    for option in ("--seeds", "--only-kept"):
        assert cli.main(["pack", str(tmp_path / "s.toml"), option]) == 2
        assert "this spec lists its recipes; allowed: keep\n" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["s.toml"]
    with pytest.raises(Invalid, match="recipes: are listed, and nothing is searched for"):
        search(Spec(name="s", recipes=LISTED, candidates=3))


def test_shares_of_drawn_networks_are_refused_where_none_are_drawn(tmp_path, in_process, capsys):
    (tmp_path / "list.toml").write_text(TEXT, encoding="utf-8")
    family = "[family]\namount = [0.1, 0.1]\nrecipe = { seed = 5, seconds = 0.5 }\n"
    (tmp_path / "family.toml").write_text(family, encoding="utf-8")
    for name in ("list", "family"):
        for option in ("--wide", "--bandlimited"):
            assert cli.main(["pack", str(tmp_path / f"{name}.toml"), option, "0"]) == 2
            assert f"cnndsd: {option}: is a share of drawn networks; allowed" in capsys.readouterr().err


def test_another_recipe_at_a_listed_place_is_found():
    spec = Spec(name="s", recipes=LISTED)
    assert [draw(spec, 1, i) for i in range(3)] == list(LISTED)
    assert all(can_be(spec, 1, i, True, recipe) for i, recipe in enumerate(LISTED))
    assert can_be(spec, 1, 0, True, LISTED[0].at_rate(40_000))
    assert not can_be(spec, 1, 1, True, LISTED[0])
    assert not can_be(spec, 1, 0, True, LISTED[0].reseeded(7))
    assert not can_be(spec, 1, 3, True, LISTED[0])
    # The shortest has 44 samples, which last less than a recipe may.
    shortest = Recipe(seed=3, seconds=0.001)
    assert can_be(Spec(name="s", recipes=(shortest,)), 1, 0, True, shortest)
    assert not can_be(Spec(name="s", recipes=(shortest,)), 1, 0, True, shortest.reseeded(4))


def test_what_a_list_may_not_hold():
    for more, message in (
        ({"family": Family(recipe=Recipe(), amount=(0.1, 0.1))}, "recipes: are not allowed beside family"),
        (
            {"recipes": (LISTED[0], msgspec.structs.replace(LISTED[1], precision="single"))},
            r"recipes\[1\]: has another",
        ),
        ({"recipes": (msgspec.structs.replace(LISTED[0], seconds=300.0),)}, r"recipes\[0\]: .* too long"),
        ({"recipes": (Recipe(gap=0, hidden=(64, 64), seconds=50.0),)}, r"recipes\[0\]: asks for"),
    ):
        with pytest.raises(Invalid, match=message):
            Spec(**{"name": "s", "recipes": LISTED, **more})


def test_a_spec_without_a_list_is_searched_as_ever(tmp_path):
    write_spec(tmp_path, 100)
    assert load_spec(tmp_path / "s.toml").recipes == ()
