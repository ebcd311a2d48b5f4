"""The public functions take what numpy users have, and refuse the rest in one line."""

import array
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import cnndsd
from cnndsd import Invalid, Recipe, Spec, describe, distance, judge, kind, master, measure, render, score
from cnndsd.sound.audio import checked_audio

RAW = render(Recipe(length=6, hidden=(8, 8), gap=2, seed=35, seconds=0.5))
FUNCTIONS = [measure, describe, master]


@pytest.mark.parametrize(
    "recipe",
    [
        {"seed": np.uint64(3), "gap": np.int8(5), "seconds": np.float32(2.0), "length": np.array(6)},
        {"hidden": np.array([8, 8]), "weights": np.array([0.0, 1.0]), "seed": 3},
        {"hidden": [np.int64(8), 8], "biases": [np.float64(0), 1], "seed": np.int32(3)},
        {"hidden": [8, 8], "precision": np.str_("double"), "seed": 3},
    ],
)
def test_a_recipe_takes_numpys_numbers_and_arrays(recipe):
    made = Recipe(**recipe)
    assert made == Recipe(seed=3)
    assert made.to_json() == Recipe(seed=3).to_json()
    assert json.loads(made.to_json())["seed"] == 3


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"seed": np.float64(3.5)}, "seed: "),
        ({"seed": np.int64(-1)}, "seed: "),
        ({"hidden": np.array([8.5])}, "hidden"),
        ({"gap": np.array([1, 2])}, "gap: "),
        ({"seconds": np.float64("nan")}, "seconds: "),
        ({"seconds": np.nan}, "seconds: "),
        ({"hidden": np.zeros((2, 2), int)}, "hidden"),
        ({"seed": np.array("x")}, "seed: "),
        ({"seed": object()}, "seed: "),
    ],
)
def test_what_is_out_of_range_is_one_line_also_as_numpys(recipe, words):
    with pytest.raises(Invalid, match=words) as refusal:
        Recipe(**recipe)
    assert "\n" not in str(refusal.value)


def test_a_spec_takes_them_too():
    assert Spec(name="x", count=np.int64(5), sound={"gap": np.array([2, 7])}) == Spec(name="x", count=5)
    assert type(Spec(name=np.str_("x")).name) is str


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("master", np.array([1.0, 2.0])),
        ("judge", np.float64(3.0)),
        ("recipes", [np.float64(1.0)]),
        ("choose", array.array("d", [1.0])),
        ("sound", np.int64(3)),
        ("search", {"shares": np.array([1.0])}),
        ("choose", {"shares": np.float64(0.5)}),
    ],
)
def test_a_number_is_no_table(key, value):
    with pytest.raises(Invalid, match=f"{key}.*allowed: a (table|list)") as refusal:
        Spec(name="x", **{key: value})
    assert "\n" not in str(refusal.value)


def test_recipes_and_specs_are_made_by_keyword_only():
    for made in (Recipe, Spec, cnndsd.Limits, cnndsd.Mastering, cnndsd.Variation, cnndsd.Adjusting):
        with pytest.raises(TypeError):
            made(1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lists_and_pcm_are_sounds(function):
    pcm16, pcm32 = np.round(RAW * 32767).astype(np.int16), np.round(RAW * (2**31 - 1)).astype(np.int32)
    wanted = function(RAW)
    assert same(function(RAW.tolist()), wanted)
    assert same(function(pcm16), function(pcm16 / 32768))
    assert same(function(pcm32), function(pcm32 / 2**31))
    assert same(function((pcm16 // 256 + 128).astype(np.uint8)), function((pcm16 // 256) / 128))
    assert same(function([0, 1, 0, -1] * 2000), function([0.0, 1.0, 0.0, -1.0] * 2000))
    assert same(function(RAW[::2]), function(RAW[::2].copy()))
    assert same(function(RAW.astype(np.float16)), function(RAW.astype(np.float16).astype(np.float64)))
    assert same(function(RAW.astype(">f8")), wanted)
    read_only = RAW.copy()
    read_only.flags.writeable = False
    assert same(function(read_only), wanted)


def same(a, b):
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("audio", "words"),
    [
        ([], r"shape \(0,\)"),
        (np.zeros((100, 2)), "stereo"),
        (np.zeros((2, 100)), "stereo"),
        (np.zeros((100, 6)), r"shape \(100, 6\)"),
        (np.zeros((10, 10, 10)), "shape"),
        (0.5, r"shape \(\)"),
        ([0.0, np.nan, 1.0], "not finite"),
        ([0.0, np.inf], "not finite"),
        (np.zeros(100, complex), "complex128"),
        (np.zeros(100, bool), "bool"),
        (np.zeros(100, np.int64), "int64"),
        (["a", "b"], "U1"),
        ([0, 12_000, -3], "whole numbers beyond"),
        ([[1.0], [1.0, 2.0]], "not an array of numbers"),
        (None, "shape"),
        ([0.0, 5e-324], "has a peak of"),
        (np.array([0.5, -1e160]), "has a peak of 1e"),
    ],
)
def test_what_is_no_sound_is_refused_by_name(function, audio, words):
    with pytest.raises(Invalid, match=f"audio: .*{words}") as refusal:
        function(audio)
    assert "\n" not in str(refusal.value)
    assert isinstance(refusal.value, ValueError)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "rate", [0, -1, 44_100.5, float("nan"), True, 10**9, "44100", None, np.complex128(1), [44_100]]
)
def test_what_is_no_sample_rate_is_refused_by_name(function, rate):
    with pytest.raises(Invalid, match="sample_rate: "):
        function(RAW, rate)
    assert same(function(RAW, np.int32(44_100)), function(RAW, 44_100.0))
    assert same(function(RAW, np.array(44_100)), function(RAW, 44_100.0))


@settings(max_examples=200)
@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.float16, np.int16, np.int32, np.uint8, np.int64, complex, bool]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    )
)
def test_any_array_is_a_sound_or_one_line(array):
    try:
        sound = checked_audio(array)
    except Invalid as refusal:
        assert str(refusal).startswith("audio: ")
        assert "\n" not in str(refusal)
    else:
        assert sound.ndim == 1
        assert sound.size > 0
        assert sound.dtype in (np.float32, np.float64)
        assert np.isfinite(sound).all()
        if array.dtype.kind in "iu":
            assert np.abs(sound).max() <= 1.0


@pytest.mark.parametrize("keep", [np.array([], int), np.array([1, 2]), {np.int64(2), 1}, [2, 1, 1]])
def test_what_is_kept_may_be_an_array(keep, tmp_path):
    spec = Spec(name="x", recipes=[Recipe(seed=seed, seconds=0.2) for seed in (35, 36, 37)])
    assert cnndsd.pack(spec, tmp_path, keep=keep, jobs=np.int64(1)).sounds == (2 if len(keep) else 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda spec, out: cnndsd.pack(spec, out, keep=[1.5]), "keep: "),
        (lambda spec, out: cnndsd.pack(spec, out, keep=["1"]), "keep: "),
        (lambda spec, out: cnndsd.pack(spec, out, jobs=2.0), "jobs: 2.0"),
        (lambda spec, out: cnndsd.search(spec, jobs="2"), "jobs: '2'"),
        (lambda spec, out: cnndsd.search(spec, jobs=0), "jobs: 0"),
        (lambda spec, out: cnndsd.search(spec, jobs=np.array([1, 2])), "jobs: "),
        (lambda spec, out: cnndsd.pack(spec, out, keep=np.array([[1, 2]])), "keep: "),
        (lambda spec, out: cnndsd.vary(Recipe(), out, amount="a"), "amount"),
        (lambda spec, out: cnndsd.vary(Recipe(), out, keep=np.array([0.5])), "keep: "),
        (lambda spec, out: cnndsd.vary(Recipe(), out, count="3"), "count: '3'"),
        (lambda spec, out: cnndsd.pack(spec, out, keep=[-1]), "keep: -1"),
        (lambda spec, out: cnndsd.pack(spec, out, keep=[10**20]), "keep: 1000"),
        (lambda spec, out: cnndsd.pack(spec, out, seconds=float("nan")), "seconds: nan"),
        (lambda spec, out: cnndsd.search(spec, seconds=-1), "seconds: -1"),
        (lambda spec, out: cnndsd.search(spec, until_s="5"), "until_s: '5'"),
        (lambda spec, out: cnndsd.repack("no.zip", [], out), "keep: is empty"),
    ],
)
def test_what_a_call_cannot_take_is_one_line(call, words, tmp_path):
    with pytest.raises(Invalid, match=words) as refusal:
        call(Spec(name="x"), tmp_path / "out")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.rglob("*.zip"))


def test_descriptions_have_a_kind_a_score_and_distances():
    one, other = describe(RAW), describe(render(Recipe(seed=2, seconds=0.5)))
    assert isinstance(kind(one), str)
    assert 0.0 <= score(one) <= 1.0
    assert distance(one, one) == 0.0
    assert distance(one, other) == distance(other, one) > 0.0
    assert judge(one) is None


def test_the_typed_example_runs(tmp_path):
    example = Path(__file__).with_name("typed_example.py")
    done = subprocess.run([sys.executable, str(example), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_says_that_it_is_typed():
    assert (Path(cnndsd.__file__).parent / "py.typed").exists()
    assert importlib.metadata.version("cnndsd") == cnndsd.__version__
