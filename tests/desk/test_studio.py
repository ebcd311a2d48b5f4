"""The studio without a browser: what is done to it, what it remembers, and what it writes."""

import base64
import contextlib
import json
import os
import random
import sqlite3
import time
import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sounds import REAL_LOOP
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from cnndsd.desk.studio import actions, files, service, sessions
from cnndsd.desk.studio.history import History, Marks, State, Tile
from cnndsd.desk.studio.knobs import Knobs, Locks, note_name, note_of, tempo_of
from cnndsd.desk.studio.opening import Opening, opened_with
from cnndsd.desk.studio.session import Session
from cnndsd.desk.studio.specfile import toml_text
from cnndsd.farm import breeding, units, verification
from cnndsd.farm.factory import pack
from cnndsd.farm.production import entry_of
from cnndsd.finishing import audiofile, zipfiles
from cnndsd.finishing.audiofile import read_recipe
from cnndsd.finishing.manifest import read_manifest
from cnndsd.recipe import Recipe, Variation
from cnndsd.schema import Failed, Invalid
from cnndsd.shipped import shipped_specs, spec_path
from cnndsd.sound.rendering import render, render_steps
from cnndsd.spec import Choice, Music, Ranges, Spec, load_spec

SHORT = Spec(name="s", sound=Ranges(seconds=(0.3, 0.6), width=(2, 6), layers=(1, 2)))


FAVOURITE = Marks(is_star=True)


def began(folder, begin=None, ahead=False):
    folder.mkdir(exist_ok=True)
    history = History(folder / "history.sqlite")
    return Session(folder, history, begin or Opening(SHORT), again=False, seeds=random.Random(5), ahead=ahead)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Kernels that are loaded: a studio waits for networks as long as a person would, and no longer."""
    units.warm(SHORT)


@pytest.fixture
def studio(tmp_path):
    """A studio with a first sheet."""
    made = began(tmp_path / "kept")
    do(made, actions.Roll())
    yield made
    made.close()


def do(studio, action):
    """Do something: the sounds that came, and whatever else was told."""
    told = list(studio.do(action))
    errors = [one.error for one in told if one.error]
    assert not errors, errors
    return [one.tile for one in told if one.tile is not None]


def refused(studio, action):
    before = studio.view()
    (error,) = [one.error for one in studio.do(action) if one.error]
    assert studio.view() == before
    assert "\n" not in error
    return error


def test_a_roll_shows_twelve_different_sounds_and_each_is_in_the_history(studio):
    view = studio.view()
    assert len(view.sheet) == 12
    tiles = studio.tiles(view.sheet)
    assert len({tile.recipe for tile in tiles}) == len({tile.word for tile in tiles}) == 12
    assert len({tile.kind for tile in tiles}) >= 4
    for tile in tiles:
        heard = entry_of(0, tile.recipe)
        assert (tile.score, tile.parents, tile.done) == (heard.score, (), "rolled")
        assert 0.3 <= tile.recipe.seconds <= 0.6
    # The seeds are fresh: the same roll again has other sounds.
    again = do(studio, actions.Roll())
    assert not {tile.recipe for tile in again} & {tile.recipe for tile in tiles}
    assert studio.view().count == 24


def test_undo_goes_back_to_the_first_sheet_and_redo_forward_again(studio):
    first = studio.view()
    seen = [first]
    for action in (
        actions.Roll(), actions.Vary(tile=first.sheet[0]), actions.Star(tile=first.sheet[1]),
        actions.Turn(sound=msgspec.structs.replace(SHORT.sound, gap=(4, 4))), actions.Roll(far=True),
    ):  # fmt: skip
        do(studio, action)
        seen.append(studio.view())
    states = [view.state for view in seen]
    assert len(set(states)) == 6
    for before in reversed(seen[:-1]):
        do(studio, actions.Undo(state=studio.view().state))
        now = studio.view()
        assert (now.state, now.sheet, now.knobs, now.stars) == (before.state, before.sheet, before.knobs, before.stars)
    assert now.sheet == first.sheet
    assert not now.can_undo
    assert refused(studio, actions.Undo(state=now.state)) == "this is the first sheet; there is nothing before it"
    while studio.view().state != seen[-1].state:
        do(studio, actions.Redo(state=studio.view().state))
    now = studio.view()
    assert (now.sheet, now.knobs, now.stars) == (seen[-1].sheet, seen[-1].knobs, seen[-1].stars)
    # What is done after an undo takes nothing away: the sounds stay in the history, and redo goes the newer way.
    count = now.count
    do(studio, actions.Undo(state=now.state))
    do(studio, actions.Roll())
    assert studio.view().count == count + 12
    assert {tile.id for tile in studio.tiles(now.sheet)} == set(now.sheet)
    newer = studio.view().state
    do(studio, actions.Undo(state=newer))
    do(studio, actions.Redo(state=studio.view().state))
    assert studio.view().state == newer


def test_a_tab_that_shows_an_earlier_state_is_told_the_present_one(studio):
    old = studio.view().state
    do(studio, actions.Roll())
    now = studio.view()
    (told,) = studio.do(actions.Undo(state=old))
    assert told.stale
    assert told.view == now == studio.view()


def test_more_like_this_is_nearer_than_further_away(studio):
    parent = studio.tiles(studio.view().sheet)[2]
    near, far = (do(studio, actions.Vary(tile=parent.id, far=is_far)) for is_far in (False, True))
    for tile in (*near, *far):
        assert tile.parents == (parent.id,)
        assert tile.recipe.seed == parent.recipe.seed
        assert tile.recipe.variations[:-1] == parent.recipe.variations
    amounts = [[tile.recipe.variations[-1].amount for tile in tiles] for tiles in (near, far)]
    assert max(amounts[0]) <= breeding.NEAR[1] < breeding.FAR[0] <= min(amounts[1])
    assert len({tile.recipe.last_seed for tile in (*near, *far)}) == len(near) + len(far)
    again = do(studio, actions.Vary(tile=parent.id))
    assert not {tile.recipe for tile in again} & {tile.recipe for tile in near}
    assert studio.lineage(near[0].id)[0] == [parent]
    assert {tile.id for tile in studio.lineage(parent.id)[1]} >= {tile.id for tile in near}


def test_two_of_one_shape_breed_and_others_do_not(studio):
    one = studio.tiles(studio.view().sheet)[0]
    partners = do(studio, actions.Partners(tile=one.id))
    assert all(breeding.may_breed(one.recipe, tile.recipe) for tile in partners)
    assert {tile.recipe.seed for tile in partners}.isdisjoint({one.recipe.seed})
    children = do(studio, actions.Breed(one=one.id, other=partners[3].id))
    for child in children:
        assert child.parents == (one.id, partners[3].id)
        (variation,) = child.recipe.variations
        assert {child.recipe.seed, variation.mate.seed} == {one.recipe.seed, partners[3].recipe.seed}
    # Children of children, and relatives of these.
    (grandchild, *_) = do(studio, actions.Breed(one=children[0].id, other=children[1].id))
    (relative, *_) = do(studio, actions.Vary(tile=grandchild.id))
    assert relative.recipe.variations[:-1] == grandchild.recipe.variations
    assert {tile.id for tile in studio.lineage(relative.id)[0]} >= {grandchild.id, children[0].id, one.id}
    sheet = do(studio, actions.Roll(far=True))
    other = next(tile for tile in sheet if tile.recipe.widths != one.recipe.widths)
    assert "cannot breed; allowed: two of the same shape" in refused(studio, actions.Breed(one=one.id, other=other.id))


def test_the_same_network_at_another_gap_length_clock_and_adjusting(studio):
    view = studio.view()
    tile = studio.tiles(view.sheet)[4]
    steps = render(msgspec.structs.replace(tile.recipe, gap=0, seconds=0.05, sample_rate=8000)).tolist()
    (lower,) = do(studio, actions.Change(tile=tile.id, gap=9))
    assert (lower.recipe.gap, lower.parents) == (9, (tile.id,))
    assert lower.done == f"gap {tile.recipe.gap} → 9"
    assert studio.view().sheet == [*view.sheet[:4], lower.id, *view.sheet[5:]]
    assert render(msgspec.structs.replace(lower.recipe, gap=0, seconds=0.05, sample_rate=8000)).tolist() == steps
    (deeper,) = do(studio, actions.Change(tile=lower.id, clock=22_050))
    assert deeper.recipe.samples == lower.recipe.samples
    (longer,) = do(studio, actions.Change(tile=deeper.id, seconds=2.5))
    assert longer.recipe.seconds == 2.5
    (adjusts,) = do(studio, actions.Change(tile=longer.id, adjusting={"every": 4, "amount": 0.01}))
    assert adjusts.recipe.adjusting.every == 4
    (stays,) = do(studio, actions.Change(tile=adjusts.id, adjusting=None))
    assert stays.recipe == longer.recipe
    assert len(studio.view().sheet) == 12
    wide = Recipe(length=16, hidden=(64, 64), gap=5, seconds=1.0)
    studio._history.add([Tile(900, wide, (), "", "hit", "x", None, None, 0.0)])
    assert "too much work" in refused(studio, actions.Change(tile=900, gap=0, seconds=60.0))


def test_ranges_are_set_and_new_networks_are_drawn_from_them(studio):
    wider = msgspec.structs.replace(SHORT.sound, gap=(8, 8), width=(3, 3), layers=(2, 2))
    tiles = do(studio, actions.Turn(sound=wider))
    assert {(tile.recipe.gap, tile.recipe.hidden) for tile in tiles} == {(8, (3, 3))}
    assert studio.view().what == "set gap 8 to 8, layers 2 to 2, width 3 to 3"
    nothing = msgspec.structs.replace(SHORT.sound, weights=(0.0, 0.0), biases=(0.0, 0.0))
    assert "no network passed" in refused(studio, actions.Turn(sound=nothing))
    assert "is too short to be heard" in refused(
        studio, actions.Turn(sound=msgspec.structs.replace(SHORT.sound, seconds=(0.01, 0.02)))
    )


def test_what_is_locked_is_held_in_new_sounds(studio):
    tile = next(t for t in studio.tiles(studio.view().sheet) if len(t.recipe.hidden) == 2)
    for name in ("layers", "length", "gap", "seconds", "clock", "adjusting"):
        assert do(studio, actions.Hold(lock=name, tile=tile.id)) == []
    for new in (*do(studio, actions.Roll()), *do(studio, actions.Roll(far=True))):
        assert (new.recipe.widths, new.recipe.gap) == (tile.recipe.widths, tile.recipe.gap)
        assert (new.recipe.seconds, new.recipe.adjusting) == (tile.recipe.seconds, tile.recipe.adjusting)
    do(studio, actions.Hold(lock="gap"))
    far = [t for _ in range(2) for t in do(studio, actions.Vary(tile=new.id, far=True))]
    assert len({t.recipe.gap for t in far}) > 1
    assert {t.recipe.seconds for t in far} == {tile.recipe.seconds}
    assert studio.view().knobs.locks.gap is None
    assert studio.view().knobs.locks.layers == tile.recipe.hidden


def test_a_locked_tune_is_the_note_of_all_that_have_one_and_a_rhythm_their_tempo(tmp_path):
    studio = began(tmp_path / "kept", Opening(msgspec.structs.replace(SHORT, sound=Ranges(seconds=(1.5, 2.0)))))
    tiles = [t for _ in range(3) for t in do(studio, actions.Roll())]
    tuned = next(t for t in tiles if t.note)
    (told,) = studio.do(actions.Hold(lock="tune", tile=tuned.id))
    assert told.said == "locked tune"
    new = [t for _ in range(3) for t in do(studio, actions.Roll())]
    notes = [t.note[:-1] for t in new if t.note]
    # The clarity of a pitch may change with the clock, and the pitch is estimated anew.
    assert len(notes) >= 5
    assert sum(note == tuned.note[:-1] for note in notes) >= 0.8 * len(notes)
    do(studio, actions.Hold(lock="tune"))
    timed = next(t for t in (*tiles, *new) if tempo_of(entry_of(0, t.recipe)))
    wanted = tempo_of(entry_of(0, timed.recipe))
    do(studio, actions.Hold(lock="rhythm", tile=timed.id))
    tempos = [tempo_of(entry_of(0, t.recipe)) for _ in range(4) for t in do(studio, actions.Roll())]
    tempos = [tempo for tempo in tempos if tempo is not None]
    assert len(tempos) >= 4
    assert sum(min(abs(t / wanted * k - 1.0) for k in (0.5, 1.0, 2.0)) < 0.03 for t in tempos) >= 0.8 * len(tempos)
    silent = next(t for t in (*tiles, *new) if note_of(entry_of(0, t.recipe)) is None)
    assert "no clear pitch" in refused(studio, actions.Hold(lock="tune", tile=silent.id))
    studio.close()


def test_keep_writes_the_finished_file_at_once_and_replaces_none(studio):
    tile = studio.tiles(studio.view().sheet)[0]
    name, data, _ = studio.finished(tile.id)
    (studio.folder / name).write_bytes(b"made by a person")
    (*_, told) = studio.do(actions.Choose(tile=tile.id, pick="keep"))
    path = studio.folder / told.path.rpartition("/")[2]
    assert path.read_bytes() == data
    assert path.name != name
    assert (studio.folder / name).read_bytes() == b"made by a person"
    assert read_recipe(path).at_rate(44_100).samples == tile.recipe.samples
    view = studio.view()
    assert view.picks == {tile.id: "keep"}
    assert view.files == {tile.id: str(path)}
    # Taken back, its file stays; kept again, it is the same file.
    do(studio, actions.Choose(tile=tile.id))
    assert studio.view().picks == {}
    assert path.exists()
    do(studio, actions.Choose(tile=tile.id, pick="keep"))
    assert studio.view().files == {tile.id: str(path)}
    path.unlink()
    do(studio, actions.Choose(tile=tile.id, pick="drop"))
    do(studio, actions.Choose(tile=tile.id, pick="keep"))
    assert path.read_bytes() == data
    assert len(list(studio.folder.glob("*.wav"))) == 2


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_kept(studio, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device", "x.wav")

    monkeypatch.setattr(files, "atomic_write", fail)
    tile = studio.view().sheet[0]
    assert refused(studio, actions.Choose(tile=tile, pick="keep")) == "x.wav: No space left on device"
    assert studio.view().picks == {}


def test_a_favourite_is_a_mark_beside_keep_and_drop(studio):
    one, two, three = studio.view().sheet[:3]
    do(studio, actions.Star(tile=one))
    do(studio, actions.Choose(tile=one, pick="keep"))
    do(studio, actions.Star(tile=two))
    do(studio, actions.Choose(tile=two, pick="drop"))
    view = studio.view()
    assert (view.picks, view.stars) == ({one: "keep", two: "drop"}, [one, two])
    assert [tile.id for tile in studio.page(None, 9, "star")] == [two, one]
    assert [tile.id for tile in studio.page(None, 9, "keep")] == [one]
    # Each is taken back by itself, and undone by itself.
    do(studio, actions.Star(tile=one, is_star=False))
    assert (studio.view().picks, studio.view().stars) == ({one: "keep", two: "drop"}, [two])
    for stars in ([one, two], [one, two], [one]):
        do(studio, actions.Undo(state=studio.view().state))
        assert studio.view().stars == stars
    assert studio.view().picks == {one: "keep"}
    # Rolls go near what is kept or a favourite, and not near what is dropped.
    do(studio, actions.Redo(state=studio.view().state))
    do(studio, actions.Redo(state=studio.view().state))
    do(studio, actions.Star(tile=three))
    assert {tile.id for tile in studio._wish().near} == {one, three}


def test_a_history_of_the_first_format_is_read(tmp_path):
    studio = began(tmp_path / "kept")
    do(studio, actions.Roll())
    one, two = studio.view().sheet[:2]
    do(studio, actions.Choose(tile=one, pick="drop"))
    do(studio, actions.Star(tile=two))
    state = studio.view().state
    studio.close()
    # As it was written when a favourite was one of the picks.
    book = sqlite3.connect(tmp_path / "kept" / "history.sqlite")
    with book:
        book.execute("UPDATE facts SET value = '1' WHERE name = 'format'")
        assert book.execute("SELECT pick FROM picks ORDER BY tile").fetchall() == [("drop",), ("star",)]
        book.execute("INSERT OR REPLACE INTO picks VALUES (?, 'star')", (one,))
        book.execute(
            "INSERT INTO states (id, before, what, sheet, at, knobs, picked) SELECT id + 1, id, 'starred x', sheet, at,"
            " knobs, ? FROM states WHERE id = ?",
            (json.dumps({one: ["drop", "star"]}), state),
        )
        book.execute("UPDATE facts SET value = ? WHERE name = 'cursor'", (str(state + 1),))
    book.close()
    again = began(tmp_path / "kept")
    assert (again.view().picks, again.view().stars) == ({}, [one, two])
    do(again, actions.Undo(state=state + 1))
    assert (again.view().picks, again.view().stars) == ({one: "drop"}, [two])
    do(again, actions.Undo(state=state))
    assert again.view().stars == []
    do(again, actions.Roll())
    again.close()
    with contextlib.closing(History(tmp_path / "kept" / "history.sqlite")) as history:
        assert history.fact("format") == "2"


def test_half_of_a_roll_is_near_what_was_kept(studio):
    kept = studio.view().sheet[:2]
    for tile in kept:
        do(studio, actions.Choose(tile=tile, pick="keep"))
    do(studio, actions.Choose(tile=studio.view().sheet[5], pick="drop"))
    for _ in range(2):
        parents = [tile.parents for tile in do(studio, actions.Roll())]
        assert len(parents) == 12
        assert 5 <= sum(bool(p) for p in parents) <= 7
        assert {p[0] for p in parents if p} <= set(kept)
    assert all(not tile.parents for tile in do(studio, actions.Roll(far=True)))


def test_a_sheet_is_rolled_ahead_and_is_what_the_next_roll_shows(tmp_path):
    studio = began(tmp_path, ahead=True)
    do(studio, actions.Roll())

    def ahead():
        for _ in range(400):
            now = studio._rolls._ahead
            if now is not None and now.wish == studio._wish():
                return now
            time.sleep(0.02)
        raise AssertionError("nothing was rolled ahead")

    expected = [one.entry.recipe for one in ahead().found]
    assert [tile.recipe for tile in do(studio, actions.Roll())] == expected
    # What it depends on has changed: it is not shown.
    before = [one.entry.recipe for one in ahead().found]
    do(studio, actions.Star(tile=studio.view().sheet[0]))
    assert not {tile.recipe for tile in do(studio, actions.Roll())} & set(before)
    studio.close()


def test_the_pack_of_the_kept_holds_their_files_and_is_proven(studio):
    assert "no sound is kept" in refused(studio, actions.Pack())
    kept = studio.view().sheet
    for tile in kept:
        do(studio, actions.Choose(tile=tile, pick="keep"))
    told = list(studio.do(actions.Pack()))
    assert [one.done for one in told if one.of] == list(range(13))
    path = studio.folder / "s_01.zip"
    assert told[-1].path == str(path)
    assert verification.verify(path) == []
    manifest = read_manifest(path)
    assert len(manifest.sounds) == 12
    with zipfiles.opened(path) as archive:
        packed = {archive.read(sound.file) for sound in manifest.sounds}
    assert packed == {p.read_bytes() for p in studio.folder.glob("*.wav")}
    # Another one takes another name.
    list(studio.do(actions.Pack()))
    assert (studio.folder / "s_02.zip").exists()
    assert path.read_bytes() != b""


def test_a_pack_that_was_asked_for_is_made_before_the_studio_ends(tmp_path):
    studio = began(tmp_path / "kept")
    do(studio, actions.Roll())
    do(studio, actions.Choose(tile=studio.view().sheet[0], pick="keep"))
    studio.do(actions.Pack())
    studio.close()
    assert verification.verify(tmp_path / "kept" / "s_01.zip") == []


def test_the_saved_spec_is_one_that_pack_takes(studio, tmp_path, in_process):
    ranges = msgspec.structs.replace(SHORT.sound, gap=(5, 6), sample_rate=32_000, adjusting={"share": 0.5})
    do(studio, actions.Turn(sound=ranges))
    (told,) = studio.do(actions.Save())
    spec = load_spec(told.path)
    assert spec == msgspec.structs.replace(SHORT, name="s_01", sound=ranges, file_rate=44_100)
    made = pack(msgspec.structs.replace(spec, candidates=200, count=3), tmp_path / "out")
    assert made.sounds == 3


def test_specs_survive_as_text():
    specs = [load_spec(spec_path(name)) for name in shipped_specs()]
    specs.append(
        Spec(
            name="x",
            title='quotes " and \\ and ü',
            count=3,
            plain=True,
            choose=Choice(shares={"beat": 0.25}),
            music=Music(key="A minor", bpm=93.5, bars=(1, 3)),
            recipes=(
                Recipe(hidden=(), weights=(-1e-7, 2.0)),
                Recipe(variations=({"seed": 2**62, "amount": 0.5, "mate": {"seed": 1}},)),
            ),
        )
    )
    for spec in specs:
        text = toml_text(spec, "about")
        assert text.startswith("# about\n\n")
        assert msgspec.convert(tomllib.loads(text), Spec) == spec


def test_a_killed_studio_goes_on_where_it_was(tmp_path):
    studio = began(tmp_path / "kept")
    do(studio, actions.Roll())
    do(studio, actions.Vary(tile=studio.view().sheet[3]))
    do(studio, actions.Star(tile=studio.view().sheet[1]))
    do(studio, actions.Select(tile=studio.view().sheet[6]))
    do(studio, actions.Undo(state=studio.view().state))
    before = studio.view()
    # Not closed: as if it had been killed.
    again = began(tmp_path / "kept", Opening(Spec(name="other")))
    assert again.view() == before
    assert again._spec == SHORT
    do(again, actions.Redo(state=before.state))
    assert again.view().stars == [again.view().sheet[1]]
    # New numbers are those of no sound that was, nor of one that a sheet only named.
    again._history.add([], State(0, again.view().state, None, "cut short", again._history.numbers(12), None, "{}", {}))
    again.close()
    third = History(tmp_path / "kept" / "history.sqlite")
    named = third.state(third.cursor).sheet
    assert third.tiles(named) == []
    assert third.numbers(1)[0] == named[-1] + 1
    third.close()
    studio.close()


def test_a_sound_of_the_history_comes_back(studio):
    first = studio.view().sheet
    do(studio, actions.Roll())
    do(studio, actions.Select(tile=studio.view().sheet[2]))
    do(studio, actions.Recall(tile=first[7]))
    view = studio.view()
    assert (view.sheet[2], view.at, len(view.sheet)) == (first[7], first[7], 12)
    assert "sound 999999 is not in the history" in refused(studio, actions.Recall(tile=999_999))
    assert [tile.id for tile in studio.page(None, 5, None)] == sorted(range(1, view.count + 1), reverse=True)[:5]
    assert [tile.id for tile in studio.page(6, 3, None)] == [5, 4, 3]


def test_what_a_studio_is_opened_with(tmp_path, studio):
    for tile in studio.view().sheet[:3]:
        do(studio, actions.Choose(tile=tile, pick="keep"))
    list(studio.do(actions.Pack()))
    (sound, *_) = studio.folder.glob("*.wav")
    for named, count in ((str(studio.folder / "s_01.zip"), 3), (str(sound), 1), (None, 0), ("loops", 0)):
        begin = opened_with(named)
        assert len(begin.recipes) == count
        other = began(tmp_path / f"other{count}{named is None}", begin)
        view = other.view()
        assert (view.what, len(view.sheet)) == (f"opened {begin.name}", count)
        assert do(other, actions.Roll())
        other.close()
    for named, message in (
        ("nowhere.toml", "there is no such file"),
        (str(studio.folder), "holds no run"),
        (str(studio.folder / "history.sqlite"), "is none of these"),
    ):
        with pytest.raises(Invalid, match=message):
            opened_with(named)


def test_paths_are_whole_wherever_the_studio_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studio = began(Path("kept"))
    do(studio, actions.Roll())
    do(studio, actions.Choose(tile=studio.view().sheet[0], pick="keep"))
    (path,) = studio.view().files.values()
    assert Path(path).parent == tmp_path / "kept" == Path(studio.view().folder)
    studio.close()


def test_one_studio_at_a_time_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "_prepare", lambda _: None)
    with sessions.opened(tmp_path / "x", None) as first:
        while len(first.view().sheet) < 12:
            time.sleep(0.02)
        with pytest.raises(Failed, match="a studio is open here"), sessions.opened(tmp_path / "x", None):
            pass
        state = first.view().state
    # Opened with the same, or with nothing, it goes on; with something else, that is a state of its own.
    for named, is_same in ((None, True), ("loops", False), ("loops", True)):
        with sessions.opened(tmp_path / "x", named) as again:
            while len(again.view().sheet) < 12:
                time.sleep(0.02)
            assert (again.view().state == state) == is_same, named
            state = again.view().state
            assert again.view().can_undo == (named is not None)
    # Undo and redo do not stop between what was opened and its first sheet.
    with sessions.opened(tmp_path / "x", None) as last:
        do(last, actions.Undo(state=state))
        assert len(last.view().sheet) == 12
        assert not last.view().can_undo
        do(last, actions.Redo(state=last.view().state))
        assert last.view().state == state


def test_a_spec_that_was_changed_is_opened_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "_prepare", lambda _: None)
    path = tmp_path / "my.toml"
    states = []
    for gap in (3, 3, 6):
        path.write_text(f"[sound]\ngap = [{gap}, {gap}]\n", encoding="utf-8")
        with sessions.opened(tmp_path / "kept", str(path)) as studio:
            while len((view := studio.view()).sheet) < 12:
                time.sleep(0.02)
            assert {tile.recipe.gap for tile in studio.tiles(view.sheet)} == {gap}
            states.append(view.state)
    assert states[0] == states[1] < states[2]


def test_a_history_whose_making_was_cut_short_is_made(tmp_path, monkeypatch):
    class Killed(sqlite3.Connection):
        def executescript(self, script):
            raise KeyboardInterrupt

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **n: connect(*a, factory=Killed, **n))
        with pytest.raises(KeyboardInterrupt):
            History(tmp_path / "history.sqlite")
    assert (tmp_path / "history.sqlite").exists()
    history = History(tmp_path / "history.sqlite")
    assert (history.cursor, history.count()) == (None, 0)
    history.close()


def test_ten_thousand_sounds_are_no_burden(tmp_path):
    history = History(tmp_path / "history.sqlite")
    knobs = msgspec.json.encode(Knobs(sound=SHORT.sound)).decode()
    for first in range(1, 10_001, 1000):
        numbers = history.numbers(1000)
        tiles = [Tile(n, Recipe(seed=n), (n - 1,), "rolled", "hit", "x", None, None, 0.5) for n in numbers]
        history.add(
            tiles,
            State(
                0,
                history.cursor,
                None,
                "rolled",
                numbers[-12:],
                numbers[0],
                knobs,
                {first: (Marks(), Marks(is_star=True))},
            ),
        )
    history.close()
    studio = began(tmp_path)
    assert studio.view().count == 10_000
    assert len(studio.view().stars) == 10
    assert len(do(studio, actions.Roll())) == 12
    assert [tile.id for tile in studio.page(5001, 2, None)] == [5000, 4999]
    assert [tile.id for tile in studio.page(None, 3, "star")] == [9001, 8001, 7001]
    assert len(studio.lineage(10_000)[0]) == 100
    while studio.view().can_undo:
        do(studio, actions.Undo(state=studio.view().state))
    assert studio.view().sheet == list(range(989, 1001))
    assert studio.view().count == 10_012
    studio.close()


def test_a_history_that_is_none_is_refused_and_not_left_open(tmp_path, monkeypatch):
    opened = []

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            opened.append(self)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **n: connect(*a, factory=Connection, **n))
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"this is no database, and long enough to be none" * 50)
    with pytest.raises(Invalid, match="is damaged"):
        History(path)
    assert path.read_bytes().startswith(b"this is no database")
    path.unlink()
    history = History(path)
    history.note("format", "9")
    history.close()
    with pytest.raises(Invalid, match="another version"):
        History(path)
    assert len(opened) == 3
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.mark.parametrize(
    "change",
    [
        f"DROP TABLE facts; CREATE VIEW facts AS {ENDLESS} hex(i) AS name, hex(i) AS value FROM n",
        f"DROP TABLE tiles; CREATE VIEW tiles AS {ENDLESS} i AS id FROM n",
        f"CREATE TRIGGER t BEFORE INSERT ON facts BEGIN {ENDLESS} count(*) FROM n; END",
        "CREATE TABLE more (number INTEGER)",
        "".join(f"CREATE TABLE more{n} (number INTEGER);" for n in range(20)),
        f"DROP TABLE facts; {''.join(f'CREATE TABLE more{n} (number INTEGER);' for n in range(20))}"
        f"CREATE VIEW facts AS {ENDLESS} hex(i) AS name, hex(i) AS value FROM n",
    ],
)
def test_a_history_that_never_ends_is_refused_before_it_is_read(change, tmp_path):
    path = tmp_path / "history.sqlite"
    History(path).close()
    with sqlite3.connect(path) as connection:
        connection.executescript(change)
    connection.close()
    with pytest.raises(Invalid, match=r"history\.sqlite: is no history of this version;"):
        History(path)


@pytest.mark.skipif(os.name == "nt", reason="has no named pipes in folders")
@pytest.mark.parametrize("name", ["history.sqlite", "history.sqlite-journal", "history.sqlite-wal"])
def test_a_pipe_is_no_history(name, tmp_path):
    if name != "history.sqlite":
        History(tmp_path / "history.sqlite").close()
    os.mkfifo(tmp_path / name)
    with pytest.raises(Invalid, match=rf"{name}: is no file;"):
        History(tmp_path / "history.sqlite")


def test_notes_have_names():
    assert [note_name(n) for n in (0, 60, 69, 70)] == ["C-1", "C4", "A4", "A#4"]
    assert Locks() == Locks(**msgspec.to_builtins(Locks()))


# Its second channel differs from the first, and its steps are joined smoothly.
SOFT = Recipe(
    length=9,
    hidden=(3,),
    gap=4,
    seed=7410822276570695,
    seconds=2.017,
    interpolation="bandlimited",
    wide={"seed": 6412482024972338, "amount": 0.000702},
)


def test_a_wide_and_smooth_sound_is_heard_kept_and_packed_as_it_is(tmp_path):
    studio = began(tmp_path / "kept", Opening(SHORT, (SOFT, msgspec.structs.replace(SOFT, wide=None))))
    wide, narrow = studio.tiles(studio.view().sheet)
    for tile, channels in ((wide, 2), (narrow, 1)):
        assert audiofile.decode_channels(studio.finished(tile.id)[1]).shape[0] == channels
        do(studio, actions.Choose(tile=tile.id, pick="keep"))
        heard = service.shown(tile)
        assert (heard.hold, heard.second is not None) == (16, channels == 2)
        sent = [np.frombuffer(base64.b64decode(one), "<f4") for one in (heard.steps, heard.second) if one]
        for one, recipe in zip(sent, (SOFT, SOFT.relative), strict=False):
            assert one.tolist() == render_steps(recipe).astype("<f4").tolist()
    path = list(studio.do(actions.Pack()))[-1].path
    with zipfiles.opened(Path(path)) as archive:
        packed = {archive.read(sound.file) for sound in read_manifest(Path(path)).sounds}
    assert packed == {file.read_bytes() for file in studio.folder.glob("*.wav")}
    # Relatives and children of such sounds are such sounds.
    for tile in do(studio, actions.Vary(tile=wide.id)):
        assert (tile.recipe.interpolation, tile.recipe.wide) == ("bandlimited", SOFT.wide)
    studio.close()


def test_a_loop_in_time_is_told_with_its_file(tmp_path):
    spec = msgspec.structs.replace(SHORT, music=Music(bpm=120.0, key="A minor"))
    studio = began(tmp_path / "kept", Opening(spec, (REAL_LOOP, SOFT)))
    app = service.Studio(studio)
    for number, name, is_loop in zip(studio.view().sheet, ("_120bpm.wav", ".wav"), (True, False), strict=True):
        answer = app._file(Request(EnvironBuilder().get_environ()), number)
        assert answer.headers["Content-Disposition"].endswith(name)
        assert ("Loop" in answer.headers) == is_loop
    studio.close()


def test_files_are_called_as_the_spec_has_their_format(tmp_path):
    studio = began(tmp_path / "kept", Opening(msgspec.structs.replace(SHORT, format="flac"), (SOFT,)))
    assert studio.view().ending == "flac"
    do(studio, actions.Choose(tile=studio.view().sheet[0], pick="keep"))
    assert len(list(studio.folder.glob("*.flac"))) == 1
    studio.close()


def test_new_sounds_are_wide_where_the_spec_asks_for_it(tmp_path):
    studio = began(tmp_path / "kept", Opening(msgspec.structs.replace(SHORT, sound=Ranges(seconds=(0.3, 0.6), wide=1))))
    recipes = [tile.recipe for tile in do(studio, actions.Roll())]
    assert len({recipe.wide.seed for recipe in recipes}) == 12
    tile = studio.tiles(studio.view().sheet)[0]
    (*_, told) = studio.do(actions.Choose(tile=tile.id, pick="keep"))
    assert read_recipe(Path(told.path)) == tile.recipe
    studio.close()


def test_a_wide_sound_with_as_many_variations_as_fit_still_has_relatives():
    parent = msgspec.structs.replace(SOFT, variations=tuple(Variation(seed=n, amount=0.01) for n in range(63)))
    (*before, last) = breeding.relative(parent, breeding.NEAR, random.Random(1)).variations
    assert tuple(before) == parent.variations[:-1]
    assert last.seed == 0
