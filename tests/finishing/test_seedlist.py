"""The seed list: a page of recipes, which renders what it plays and of which packs are made."""

import os
import re
import shlex

import msgspec
import pytest
from small_runs import packed, small_generations, without_workers, write_spec

from cnndsd import verify
from cnndsd.desk import cli
from cnndsd.desk.paths import pack_file
from cnndsd.farm import production, runs
from cnndsd.finishing.manifest import read_manifest
from cnndsd.finishing.seedlist import read_seed_list
from cnndsd.schema import Invalid
from cnndsd.spec import load_spec


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """The folder of a run with its seed list."""
    folder = tmp_path_factory.mktemp("seeds")
    write_spec(folder, 400)
    with small_generations(), pytest.MonkeyPatch.context() as patch:
        without_workers(patch)
        assert cli.main(["pack", str(folder / "s.toml"), "--seeds"]) == 0
    return folder


@pytest.fixture
def tab(chromium, listed):
    context = chromium.new_context()
    tab = context.new_page()
    tab.said, tab.asked = [], []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("request", lambda asked: tab.asked.append(asked.url))
    tab.goto((listed / "s_seeds.html").as_uri())
    yield tab
    context.close()


def test_it_lists_the_recipes_of_the_run_and_is_the_same_again(listed, tmp_path, in_process, capsys):
    path = listed / "s_seeds.html"
    spec, candidates, recipes = read_seed_list(path)
    found = runs.read(listed / "s.run")[2]
    assert spec == load_spec(listed / "s.toml")
    assert candidates == 400
    assert len(recipes) > spec.count
    chosen = production.choose_sounds(msgspec.structs.replace(spec, count=10_000), found)
    assert recipes == {entry.index: entry.recipe for entry in chosen}
    before = path.read_bytes()
    assert cli.main(["pack", str(listed / "s.toml"), "--seeds"]) == 0
    out, said = capsys.readouterr()
    assert out == f"{path}\n"
    assert f"{path} is there, and will be replaced" in said
    assert said.endswith(f"cnndsd: {len(recipes)} recipes of 400 candidates\n")
    assert path.read_bytes() == before
    # The pack of the same run is what it would be without.
    write_spec(tmp_path / "other", 400)
    assert packed(listed) == packed(tmp_path / "other")


def test_fewer_recipes_are_listed_where_fewer_are_asked_for(listed, tmp_path, in_process):
    write_spec(tmp_path / "few", 400)
    with small_generations():
        assert cli.main(["pack", str(tmp_path / "few" / "s.toml"), "--seeds", "--count", "5"]) == 0
    assert len(read_seed_list(tmp_path / "few" / "s_seeds.html").recipes) == 5


def test_a_list_may_be_longer_than_a_pack_with_exports(listed, tmp_path):
    spec, _, recipes = read_seed_list(listed / "s_seeds.html")
    spec = msgspec.structs.replace(spec, exports=("strudel",), alternates=2)
    found = runs.read(listed / "s.run")[2]
    path = tmp_path / "s_seeds.html"
    assert production.make_seed_list(path, spec, found, 10_000) == len(recipes)
    # Packs that are made of it have them.
    assert read_seed_list(path).spec == spec


def test_its_sounds_are_rendered_when_they_are_seen_or_played(tab):
    tab.wait_for_function("() => inView.length && inView.every((sound) => sound.wave)")
    tab.keyboard.press("r")
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("() => grown && grown.sound === sounds[0]")
    tab.wait_for_function("() => Number(sounds[0].head.style.opacity) > 0")
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("() => grown && grown.sound === sounds[1]")
    tab.keyboard.press("Escape")
    assert tab.evaluate("() => grown") is None
    assert not tab.locator("#file").is_visible()
    assert tab.said == []
    assert [url for url in tab.asked if not url.startswith("blob:")] == tab.asked[:1]


def test_packs_are_made_of_it(tab, listed, tmp_path, in_process, capsys, monkeypatch):
    for key in ("ArrowRight", "k", "ArrowRight", "ArrowRight", "k", "l"):
        tab.keyboard.press(key)
    command = tab.input_value("#picks-text")
    wanted = tab.evaluate("() => [sounds[0].candidate, sounds[2].candidate]")
    assert command == f'cnndsd pack s_seeds.html --keep "{wanted[0]},{wanted[1]}"'
    # Elsewhere, without the run.
    (tmp_path / "s_seeds.html").write_bytes((listed / "s_seeds.html").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == "s_kept.zip\n"
    recipes = read_seed_list("s_seeds.html").recipes
    made = read_manifest("s_kept.zip")
    # One that is tuned runs at another clock.
    assert sorted(sound.candidate for sound in made.sounds) == sorted(wanted)
    assert all(sound.recipe.at_rate(44_100) == recipes[sound.candidate].at_rate(44_100) for sound in made.sounds)
    assert made.candidates == 400
    assert cli.main(["pack", "s_seeds.html", "--keep", "399999"]) == 2
    assert capsys.readouterr().err.endswith("s_seeds.html: has no candidate 399999; allowed: those that it lists\n")


def test_a_list_with_another_network_makes_no_pack_that_is_proven(listed, tmp_path, in_process, capsys):
    text = (listed / "s_seeds.html").read_text(encoding="utf-8")
    seed = re.search(r'"seed":"(\d+)"', text)[1]
    number = re.search(rf'"candidate":(\d+)(?:(?!"candidate").)*"seed":"{seed}"', text)[1]
    path = tmp_path / "s_seeds.html"
    keep = ["pack", str(path), "--keep", number]
    for other, fault in ((seed, None), (str(int(seed) + 1), f"candidate {number} of seed 1 has another recipe")):
        path.write_text(text.replace(f'"seed":"{seed}"', f'"seed":"{other}"'), encoding="utf-8")
        assert cli.main(keep) == 0, capsys.readouterr().err
        faults = verify(tmp_path / "s_kept.zip")
        (tmp_path / "s_kept.zip").unlink()
        assert [line.partition(": ")[2] for line in faults] == ([fault] if fault else [])


def test_some_of_a_long_list_may_have_exports(listed, tmp_path, in_process, capsys):
    """A pack of as many sounds as the list was asked for may have none."""
    text = (listed / "s_seeds.html").read_text(encoding="utf-8")
    (tmp_path / "s_seeds.html").write_text(text.replace('"count":6', '"count":3000'), encoding="utf-8")
    kept = next(iter(read_seed_list(tmp_path / "s_seeds.html").recipes))
    keep = ["pack", str(tmp_path / "s_seeds.html"), "--keep", str(kept)]
    assert cli.main([*keep, "--export", "strudel", "--alternates", "1"]) == 0, capsys.readouterr().err
    assert verify(tmp_path / "s_kept.zip") == []


def test_what_makes_no_sense_is_refused_in_one_line(listed, tmp_path, capsys):
    spec = str(listed / "s.toml")
    assert cli.main(["pack", spec, "--seeds", "--keep", "3"]) == 2
    assert cli.main(["pack", spec, "--seeds", "--only-kept"]) == 2
    assert cli.main(["pack", str(listed / "s_seeds.html"), "--seeds"]) == 2
    assert cli.main(["pack", str(listed / "s_seeds.html")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["cnndsd: --seeds: lists all that was found; allowed without --keep and --only-kept"] * 2
    assert "--seeds: is for a search" in said[2]
    assert "is a pack already" in said[3]
    assert len(said) == 4


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"recipe":{', '"recipe":{"precision":"half",', r"candidate \d+: recipe: precision"),
        ('"seed":"', '"seed":"x', "is no seed list"),
        ('"candidate":', '"number":', "is no seed list"),
        ('"count":6', '"count":0', "spec: count: 0 is not allowed"),
        ('id="data"', 'id="date"', "is no seed list"),
        ('"sounds":[', '"sounds":[' + "[]," * 3_000_000, "holds too much"),
        ('"recipe":{', '"recipe":{"hidden":[64,64,64,64],"gap":0,', "is too much work"),
        ('"recipe":{', '"recipe":[{', "is no seed list"),
    ],
)
def test_a_damaged_list_is_refused_in_one_line(listed, tmp_path, old, new, fault):
    text = (listed / "s_seeds.html").read_text(encoding="utf-8")
    assert old in text
    if "too much work" in fault:
        text = re.sub(r'"(hidden|gap|seconds)":(\[[^]]*\]|[\d.]+),?', "", text)
        new += '"seconds":60.0,'
        text = text.replace(",}", "}")
    path = tmp_path / "damaged.html"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Invalid, match=fault) as refused:
        read_seed_list(path)
    assert "\n" not in str(refused.value)


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(Invalid, match="cannot be read"):
        read_seed_list(tmp_path / "missing.html")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_no_seed_list_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.html")
    with pytest.raises(Invalid, match=r"x\.html: is not a file"):
        read_seed_list(tmp_path / "x.html")
    os.mkfifo(tmp_path / "x.zip")
    with pytest.raises(Invalid, match=r"x\.zip: is not a file"):
        pack_file(tmp_path / "x.zip")
