"""Sounds that someone keeps are made from their recipes, which a pack and a run hold."""

import json
import shutil

import msgspec
import pytest
from small_runs import packed, small_generations, write_spec

from cnndsd import distance, verify
from cnndsd.desk import cli
from cnndsd.farm import factory, production, runs
from cnndsd.farm.drawing import BLOCK, can_be
from cnndsd.farm.generations import is_afresh
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.zipfiles import PackFile
from cnndsd.recipe import Adjusting
from cnndsd.spec import load_spec


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of a run in which many sounds vary others."""
    folder = tmp_path_factory.mktemp("searched")
    write_spec(folder, 2400)
    packed(folder)
    return folder


@pytest.fixture
def folder(searched, tmp_path, in_process):
    shutil.copytree(searched, tmp_path / "s")
    with small_generations():
        yield tmp_path / "s"


def clockless(recipes):
    """Recipes at one sample rate: which one a sound gets hangs on its note."""
    return {index: recipe.at_rate(44_100) for index, recipe in recipes.items()}


def children(listed):
    return [sound for sound in listed if sound.recipe.variations]


def test_some_sounds_of_a_pack_make_a_pack(folder, capsys):
    # Else it may have children alone.
    with runs.opened_for_picks(folder / "s.run") as (_, found, remember):
        remember(next(entry.index for entry in found.entries if not entry.recipe.variations), "keep")
    packed(folder)
    capsys.readouterr()
    whole = read_manifest(folder / "s.zip")
    kept = [children(whole.sounds)[0], next(sound for sound in whole.sounds if not sound.recipe.variations)]
    shutil.rmtree(folder / "s.run")
    (folder / "s.toml").unlink()
    numbers = ",".join(str(sound.candidate) for sound in kept)
    assert cli.main(["pack", str(folder / "s.zip"), "--keep", numbers]) == 0
    out, err = capsys.readouterr()
    assert out == f"{folder / 's_kept.zip'}\n"
    assert err == "cnndsd: 2 sounds, those that were listed\n"
    assert verify(folder / "s_kept.zip") == []
    again = read_manifest(folder / "s_kept.zip")
    assert {s.candidate: (s.recipe, s.measures, s.raw_sha256, s.file_sha256) for s in again.sounds} == {
        s.candidate: (s.recipe, s.measures, s.raw_sha256, s.file_sha256) for s in kept
    }
    assert (again.candidates, again.refused) == (whole.candidates, whole.refused)
    with PackFile(folder / "s_kept.zip") as archive:
        assert "cnndsd pack s_kept.zip --keep " in archive.read("index.html").decode()
    # A pack of a pack of a pack, and nothing is written over.
    assert cli.main(["pack", str(folder / "s_kept.zip"), "--keep", str(kept[0].candidate), "--plain"]) == 0
    assert [s.candidate for s in read_manifest(folder / "s_kept_kept.zip").sounds] == [kept[0].candidate]
    assert read_manifest(folder / "s_kept_kept.zip").spec["plain"]
    assert sorted(path.name for path in folder.iterdir()) == ["s.zip", "s_kept.zip", "s_kept_kept.zip"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "is a pack already; allowed: with --keep"),
        (["--keep", "9999999"], "has no candidate 9999999; allowed: those that it lists"),
        (["--keep", "1", "--seed", "2"], "--seed: is for a search"),
        (["--keep", "1", "--minutes", "2"], "--minutes: is for a search"),
        (["--keep", "1", "--restart"], "--restart: is for a search"),
        (["--keep", "1", "--count", "3"], "--count: is for a search"),
    ],
)
def test_what_a_pack_cannot_do_is_one_line(options, words, folder, capsys):
    assert cli.main(["pack", str(folder / "s.zip"), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err
    assert not (folder / "s_kept.zip").exists()


def test_a_run_has_the_recipes_of_its_shelf(folder):
    found = runs.read(folder / "s.run")[2]
    kept = [entry for entry in found.entries if entry.recipe.variations][-2:]
    assert cli.main(["pack", str(folder / "s.toml"), "--keep", f"{kept[0].index},{kept[1].index}"]) == 0
    sounds = read_manifest(folder / "s_kept.zip").sounds
    assert clockless({s.candidate: s.recipe for s in sounds}) == clockless({e.index: e.recipe for e in kept})
    # The pack of the whole run is as it was.
    assert len(read_manifest(folder / "s.zip").sounds) == 6


def test_a_child_that_is_not_on_the_shelf_is_one_line(folder, capsys):
    found, spec = runs.read(folder / "s.run")[2], load_spec(folder / "s.toml")
    known = {entry.index for entry in found.shelf.stored}
    lost = next(i for i in range(2400) if i not in known and not is_afresh(spec.luck, i // BLOCK))
    assert cli.main(["pack", str(folder / "s.toml"), "--keep", str(lost)]) == 2
    assert capsys.readouterr().err == (
        f"cnndsd: candidate {lost} varies another one, and its recipe is not in this run; allowed: those on the shelf, "
        f"or a pack that has it, as in cnndsd pack PACK.zip --keep {lost}\n"
    )


def test_what_was_kept_by_ear_stays_when_better_ones_take_its_place(folder):
    fresh = folder / "fresh"
    write_spec(fresh, 4000)
    packed(fresh)
    later = runs.read(fresh / "s.run")[2].entries
    with runs.opened_for_picks(folder / "s.run") as (_, found, remember):
        children = [entry for entry in found.entries if entry.recipe.variations]
        off = [entry for entry in children if entry not in later][:12]
        kept = [*off, *[entry for entry in children if entry in later][:2]]
        for entry in kept:
            remember(entry.index, "keep")
        remember(kept[-1].index, None)
    packed(folder, "--candidates", "4000")
    _, spec, found, _ = runs.read(folder / "s.run")
    assert len([entry for entry in off if entry not in found.entries]) == 12
    made = {s.candidate: s.recipe for s in read_manifest(folder / "s.zip").sounds}
    assert len(made) == len(kept) - 1 == 13
    assert clockless(made) == clockless({entry.index: entry.recipe for entry in kept[:-1]})
    assert production.choose_sounds(spec, found) != kept
    # The picks changed nothing that was found.
    assert found.entries == later


def test_show_tells_what_search_brought(folder, capsys):
    assert cli.main(["show", str(folder / "s.run"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = runs.read(folder / "s.run")[2]
    best = found.shelf.best_entries
    assert shown["luck"] == 0.1
    assert shown["generations"] == 2400 // 256
    assert shown["cells"] == len(best)
    assert shown["qd_score"] == pytest.approx(sum(entry.score for entry in best))
    of_children = [entry.score for entry in best if entry.recipe.variations]
    assert shown["best_of_cells"]["children"] == {
        "cells": len(of_children),
        "mean_score": round(sum(of_children) / len(of_children), 4),
    }
    assert shown["best_of_cells"]["drawn_afresh"]["cells"] == len(best) - len(of_children) > 0
    assert cli.main(["show", str(folder / "s.run")]) == 0
    text = capsys.readouterr().out
    assert "generations 9\n" in text
    assert f"cells       {len(best)}, sum of their best scores {shown['qd_score']:.1f}; " in text


def test_show_of_a_run_without_search(tmp_path, in_process, capsys):
    write_spec(tmp_path, 200, "[search]\nluck = 1.0\n")
    packed(tmp_path)
    capsys.readouterr()
    assert cli.main(["show", str(tmp_path / "s.run")]) == 0
    assert "generations none, all are drawn afresh\n" in capsys.readouterr().out


def test_a_child_is_known_by_its_number(folder):
    spec = factory.spec_of_pack(folder / "s.zip")
    listed = read_manifest(folder / "s.zip").sounds

    def can(index, recipe):
        return can_be(spec, spec.seed, index, is_afresh(spec.luck, index // BLOCK), recipe)

    assert all(can(sound.candidate, sound.recipe) for sound in listed)
    assert any(len(sound.recipe.variations) > 1 for sound in listed)
    for sound in children(listed):
        index, recipe = sound.candidate, sound.recipe
        last = recipe.variations[-1]
        others = [
            recipe.reseeded(last.seed + 1),
            changed(recipe, variations=(*recipe.variations[:-1], changed(last, amount=last.amount * 1.01))),
            changed(recipe, variations=recipe.variations[:-1]),
            changed(recipe, variations=(last,) * 17),
            changed(recipe, variations=(changed(last, amount=0.6), last)),
            changed(recipe, precision="single"),
            changed(recipe, weights=(0.0, 1.1)),
            changed(recipe, length=spec.sound.length[1] + 1),
            changed(recipe, hidden=(spec.sound.width[1] + 1,)),
            changed(recipe, hidden=()),
            changed(recipe, gap=spec.sound.gap[1] + 1),
            changed(recipe, seconds=spec.sound.seconds[1] * 44_100 / recipe.sample_rate + 0.01),
            changed(recipe, adjusting=Adjusting(every=1, amount=0.1)),
        ]
        assert not any(can(index, other) for other in others)
        assert not any(can(other, recipe) for other in (index - 1, index + 1, index + BLOCK))
        # As the search has it, at the spec's rate: seconds have three decimals there.
        own = changed(recipe.at_rate(44_100), seconds=round(recipe.samples / 44_100, 3))
        assert own.samples == recipe.samples
        assert can(index, own)
        # Its sample rate is not its own, and of its parent only the ranges are known.
        assert can(index, recipe.at_rate(30_000))
        assert can(index, changed(recipe, seed=recipe.seed + 1))


def changed(structure, **changes):
    return msgspec.structs.replace(structure, **changes)


def test_repacking_takes_another_finish(folder):
    kept = read_manifest(folder / "s.zip").sounds[:2]
    spec = msgspec.structs.replace(factory.spec_of_pack(folder / "s.zip"), format="flac")
    packed_again = factory.repack(folder / "s.zip", [s.candidate for s in kept], folder / "other", spec=spec)
    assert packed_again.path == folder / "other" / "s_kept.zip"
    assert {s.file.partition(".")[2] for s in read_manifest(packed_again.path).sounds} == {"flac"}
    assert verify(packed_again.path) == []


def candidates_of(path):
    return {sound.candidate for sound in read_manifest(path).sounds}


def test_favourites_are_in_the_pack_and_the_rest_is_chosen_around_them(folder, capsys):
    before = candidates_of(folder / "s.zip")
    _, spec, found, _ = runs.read(folder / "s.run")
    # One that the machine would not have chosen, and one that it would.
    other = next(entry.index for entry in found.entries if entry.index not in before)
    dropped = min(before)
    with runs.opened_for_picks(folder / "s.run") as (_, _, remember):
        remember(other, "keep")
        remember(dropped, "drop")
    packed(folder)
    after = candidates_of(folder / "s.zip")
    assert len(after) == 6
    assert other in after
    assert dropped not in after
    assert "6 sounds of 2400 candidates, 1 of them kept by ear; " in capsys.readouterr().err
    packed(folder, "--only-kept")
    assert candidates_of(folder / "s_kept.zip") == {other}
    assert candidates_of(folder / "s.zip") == after
    # The others differ from what is kept: its own shape at hand is not chosen beside it.
    twin = msgspec.structs.replace(spec, choose=msgspec.structs.replace(spec.choose, distance=2.0))
    found = runs.read(folder / "s.run")[2]
    known = found.known([other])
    for entry in production.choose_sounds(twin, found):
        if entry.index != other:
            assert distance(entry.sound, known[other].sound) >= 2.0


def test_more_favourites_than_sounds_are_all_in_the_pack(folder):
    found = runs.read(folder / "s.run")[2]
    kept = {entry.index for entry in found.entries[:9]}
    with runs.opened_for_picks(folder / "s.run") as (_, _, remember):
        for index in kept:
            remember(index, "keep")
    packed(folder)
    assert candidates_of(folder / "s.zip") == kept


def test_a_pack_of_the_kept_alone_needs_some(folder, capsys):
    assert cli.main(["pack", str(folder / "s.toml"), "--only-kept"]) == 2
    assert capsys.readouterr().err == (
        f"cnndsd: {folder / 's.run'}: no sound is kept; allowed: to keep some first, as by cnndsd audition\n"
    )
    (folder / "t.toml").write_text("candidates = 64\n", encoding="utf-8")
    assert cli.main(["pack", str(folder / "t.toml"), "--only-kept"]) == 2
    assert "t.run: holds no run" in capsys.readouterr().err
    assert not (folder / "t.run").exists()


def test_a_pack_says_how_many_of_its_sounds_a_person_chose(folder):
    one = runs.read(folder / "s.run")[2].entries[0].index
    with runs.opened_for_picks(folder / "s.run") as (_, _, remember):
        remember(one, "keep")
    packed(folder)
    assert read_manifest(folder / "s.zip").by_hand == 1
    with PackFile(folder / "s.zip") as archive:
        assert b"6 sounds, 1 chosen by hand and the others by machine out of 2400 candidates" in archive.read(
            "README.txt"
        )
    assert verify(folder / "s.zip") == []


def test_picks_are_shown_and_taken_back(folder, capsys):
    found = runs.read(folder / "s.run")[2]
    one, two, three = (entry.index for entry in found.entries[:3])
    with runs.opened_for_picks(folder / "s.run") as (_, _, remember):
        remember(one, "keep")
        remember(two, "keep")
        remember(three, "drop")
    picks = ["picks", str(folder / "s.run")]
    assert cli.main(picks) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["kept", str(one)], ["kept", str(two)], ["dropped", str(three)],
    ]  # fmt: skip
    assert err == "cnndsd: 2 kept, 1 dropped\n"
    assert cli.main([*picks, "--clear", str(two)]) == 0
    assert capsys.readouterr().err == "cnndsd: 1 pick taken back\ncnndsd: 1 kept, 1 dropped\n"
    assert cli.main([*picks, "--clear", str(two)]) == 2
    assert f"candidate {two} was neither kept nor dropped" in capsys.readouterr().err
    assert cli.main([*picks, "--clear"]) == 0
    assert capsys.readouterr().err == "cnndsd: 2 picks taken back\ncnndsd: 0 kept, 0 dropped\n"
    assert runs.read(folder / "s.run")[2].picks == {}


def test_no_pack_replaces_one_with_other_settings_in_silence(folder, capsys):
    packed(folder)
    assert "will be replaced" not in capsys.readouterr().err
    packed(folder, "--count", "3", "--plain")
    assert (
        "s.zip is there, and will be replaced; other settings: count 6 -> 3, plain false -> true\n"
    ) in capsys.readouterr().err
    # Other devices have files of their own, of the same run.
    packed(folder, "--profile", "digitakt")
    assert "will be replaced" not in capsys.readouterr().err
    assert len(candidates_of(folder / "s_digitakt.zip")) == 6
    assert read_manifest(folder / "s_digitakt.zip").name == "s_digitakt"
    assert not (folder / "s_digitakt.run").exists()
    (folder / "s.zip").write_text("my own", encoding="utf-8")
    packed(folder)
    assert "s.zip is there, and will be replaced; it is not a pack of this version\n" in capsys.readouterr().err
    one, two = list(candidates_of(folder / "s.zip"))[:2]
    packed(folder, "--keep", str(one))
    packed(folder, "--keep", str(one))
    assert "will be replaced" not in capsys.readouterr().err
    packed(folder, "--keep", str(two))
    assert "s_kept.zip is there, and will be replaced; it has other sounds\n" in capsys.readouterr().err


def test_variations_near_and_far_have_files_of_their_own(tmp_path, in_process):
    sound = tmp_path / "growl.json"
    sound.write_text('{"seed": 35, "seconds": 0.5}', encoding="utf-8")
    for amount in ("0.01", "0.1"):
        assert cli.main(["vary", str(sound), "--count", "1", "--amount", amount]) == 0
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == ["growl_family_0-01.zip", "growl_family_0-1.zip"]
