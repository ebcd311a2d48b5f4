"""Names: a kind, a word of the recipe's own, a note or a tempo; by the rule, and never two alike."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Recipe
from cnndsd.ear.kinds import KINDS
from cnndsd.ear.tuning import Pitch
from cnndsd.finishing import naming
from cnndsd.finishing.naming import Names
from cnndsd.spec import Spec

pitches = st.none() | st.builds(Pitch, st.just(100.0), st.integers(12, 119), st.just(0.0))
tempos = st.none() | st.floats(70, 140)


@settings(max_examples=60)
@given(
    st.sampled_from(["kind", "hardware"]),
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(KINDS), pitches, tempos), max_size=80),
    st.sampled_from([60, 60, 44, 32, 25, 20]),
)
def test_every_name_keeps_the_rule_and_none_comes_twice(scheme, sounds, length):
    names = Names(Spec(name="x", names=scheme, prefix="sixteen-letters0", name_length=length))
    made = [names.name(Recipe(seed=seed), kind, pitch, tempo) for seed, kind, pitch, tempo in sounds]
    files = [name.partition("/")[2] for name in made]
    assert len({name.casefold() for name in files}) == len(files)
    most = min(length, 32 if scheme == "hardware" else 60)
    for name, (_, kind, pitch, tempo) in zip(made, sounds, strict=True):
        folder, file = name.split("/")
        assert folder == kind
        assert len(file) + len(".flac") <= most
        assert re.fullmatch(r"[A-Za-z0-9_-]+" if scheme == "hardware" else r"[A-Za-z0-9_#-]+", file)
        if most == 60:
            assert file.startswith(f"sixteen-letters0_{kind}_")
        if most >= 32:
            assert (tempo is not None) == file.endswith("bpm")
            if pitch is not None and tempo is None and scheme == "kind":
                assert file.endswith(f"_{pitch.name}")


def test_a_word_belongs_to_its_recipe():
    recipes = [Recipe(seed=seed) for seed in range(40)]
    alone = [next(naming.words(recipe)) for recipe in recipes]
    assert alone == [next(naming.words(recipe)) for recipe in recipes]
    names = Names(Spec(name="x"))
    together = [names.name(recipe, "hit", None, None).split("_")[2] for recipe in recipes]
    assert all(word.split("-")[0] == own for word, own in zip(together, alone, strict=True))
    assert len(set(alone)) > 30


def test_ten_thousand_sounds_have_names():
    names = Names(Spec(name="x", count=10_000))
    assert len({names.name(Recipe(seed=seed), "hit", None, None) for seed in range(10_000)}) == 10_000
    numbered = Names(Spec(name="x", count=10_000, names="numbered"))
    assert [numbered.name(Recipe(), "hit", None, None) for _ in range(2)] == ["x_00001", "x_00002"]


def test_the_words_are_fit_for_any_file_system():
    words = naming._known_words()
    assert len(words) == len(set(words)) > 800
    assert all(re.fullmatch("[a-z]{3,6}", word) for word in words)
    # What Windows keeps for its devices.
    assert not {"con", "prn", "aux", "nul"} & set(words)
