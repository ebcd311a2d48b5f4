"""The sound is what docs/definition.md says, to the bit."""

import hashlib
import itertools
import re

import msgspec
import naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsd import Recipe, Spec, render, render_many
from cnndsd.farm.drawing import BLOCK, draw, draw_wide
from cnndsd.recipe import Variation, from_json
from cnndsd.schema import Invalid
from cnndsd.sound import kernel, rendering
from cnndsd.sound.lanes import dispatch_source
from cnndsd.sound.network import parameters, ranges
from cnndsd.sound.rendering import raw_sha256, render_batches, render_steps, scratch
from cnndsd.sound.schedule import blocks, operations, plan
from cnndsd.sound.simd import lane_count
from cnndsd.sound.target import Target

SHAPES = [
    {"length": 1, "hidden": ()},
    {"length": 1, "hidden": (4,)},
    {"length": 2, "hidden": (4, 4)},
    {"length": 3, "hidden": (5, 7, 3)},
    {"length": 4, "hidden": (6,), "gap": 3},
    {"length": 5, "hidden": (2, 3, 2, 4), "gap": 1},
    {"length": 6, "hidden": (8, 8)},
    {"length": 9, "hidden": (2, 2), "gap": 2},
    {"length": 16, "hidden": (3,)},
    {"length": 3, "hidden": (4,), "weights": (-2.0, 3.0), "biases": (-1.0, 0.5)},
    {"length": 3, "hidden": (4,), "weights": (90.0, 100.0)},
    {"length": 2, "hidden": (3,), "weights": (0.0, 1e-9), "biases": (0.0, 0.0)},
    {"length": 4, "hidden": (3, 2), "adjusting": {"every": 1, "amount": 0.3}},
    {"length": 4, "hidden": (3, 2), "gap": 2, "adjusting": {"every": 3, "amount": 0.05}},
    {"length": 2, "hidden": (3,), "weights": (0.4, 0.5), "adjusting": {"every": 2, "amount": 5.0}},
    {"length": 2, "hidden": (1, 1)},
    {"length": 3, "hidden": (9,)},
    {"length": 2, "hidden": (33, 10)},
]
TARGETS = {
    "AVX-512": Target(registers=32, register_bytes=64, memory_operands=True),
    "AVX2": Target(registers=16, register_bytes=32, memory_operands=True),
    "NEON": Target(registers=32, register_bytes=16, memory_operands=False),
    "SSE": Target(registers=16, register_bytes=16, memory_operands=True),
}


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s['length']}-{'.'.join(map(str, s['hidden']))}")
def test_the_kernel_agrees_with_the_slow_twin_to_the_bit(shape, precision):
    for seed in (0, 7, 2**63 - 1):
        recipe = Recipe(**{"gap": 0, **shape}, seed=seed, seconds=0.012, sample_rate=8000, precision=precision)
        assert render(recipe).tolist() == naive.render(recipe)


def streams(recipe, seeds, memory=None):
    return [steps.copy() for batch, _ in render_batches(recipe, seeds, memory=memory) for steps in batch]


# That of this processor; for the others all is compiled once more.
OWN = next((name for name, target in TARGETS.items() if target == rendering.current_target()), None)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == OWN else [pytest.mark.slow]) for n in TARGETS])
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_every_lane_of_every_group_is_the_scalar_kernels_sound(groups, precision, name, monkeypatch):
    monkeypatch.setattr(rendering, "current_target", lambda: TARGETS[name])
    monkeypatch.setattr(rendering, "_FEW_GROUPS", groups)
    monkeypatch.setattr(rendering, "_MANY_GROUPS", groups)
    at_once = groups * lane_count(np.float64 if precision == "double" else np.float32)
    memory = scratch()
    for shape in SHAPES:
        recipe = Recipe(**{"gap": 0, **shape}, seconds=0.04, sample_rate=8000, precision=precision)
        seeds = [2**61 * (i % 3) + 977 * i for i in range(2 * at_once - 3)]  # two batches, the last one not full
        if recipe.parameters < 40:
            assert [len(batch) for batch, _ in render_batches(recipe, seeds)] == [at_once, at_once - 3]
        for seed, steps in zip(seeds, streams(recipe, seeds, memory), strict=True):
            alone = render_steps(msgspec.structs.replace(recipe, seed=seed))
            assert steps.tobytes() == alone.tobytes(), (shape, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_the_shapes_that_are_compared_meet_every_slot(name):
    target = TARGETS[name]
    met = set()
    for recipe, groups in itertools.product((Recipe(**shape) for shape in SHAPES), [1, 2, 3, 4, 8]):
        divided, _ = blocks(recipe.widths, 64, target)
        slots = plan(divided, groups, recipe.parameters, 100, target, recipe.adjusting is None).slots
        met |= set(slots[:, 0].tolist())
    assert met == set(range(len(operations(target.overlaps, target.largest_block))))


@pytest.mark.parametrize("name", TARGETS)
def test_every_slot_of_the_table_has_code_of_its_own(name):
    target = TARGETS[name]
    text = dispatch_source(target.overlaps, target.largest_block)
    table = operations(target.overlaps, target.largest_block)
    assert len(set(table)) == len(table)
    tests = [f"if code == {code}:" for code in range(len(table) - 1)] + ["else:"]
    found = re.findall(r"    (?:el)?(if code == \d+:|else:)\n        rows = (.*)\n        (?:h = )?(\w+)\(", text)
    assert found == [(test, str((True,) * size), name) for test, (name, size) in zip(tests, table, strict=True)]


@pytest.mark.parametrize("batch_bytes", [1_000, 100_000, 2**27])
@pytest.mark.parametrize("frame", [1, 3, 7, 16, 100, 441])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_levels_of_the_lanes_are_those_of_each_sound(frame, precision, batch_bytes, monkeypatch):
    monkeypatch.setattr(rendering, "BATCH_BYTES", batch_bytes)
    recipe = Recipe(length=4, hidden=(5,), gap=0, seconds=0.04, sample_rate=8000, precision=precision)
    for batch, tallies in render_batches(recipe, list(range(19)), frame, scratch()):
        for steps, tally in zip(batch, tallies, strict=True):
            alone = np.empty((-(-recipe.steps // frame), kernel.STATISTICS))
            kernel.frame_statistics(steps, frame, alone)
            assert tally.tolist() == alone.tolist()


@pytest.mark.parametrize("count", [1, 3, 8, 70])
def test_a_sound_does_not_keep_the_memory_of_many(count):
    for audio in render_many([Recipe(gap=0, seed=seed, seconds=0.1) for seed in range(count)]):
        root = audio if audio.base is None else audio.base
        assert root.nbytes <= 2 * count * audio.nbytes


def test_no_seeds_are_no_sounds():
    assert streams(Recipe(), []) == []


VARIED = [
    Recipe(length=3, hidden=(4,), gap=1, seed=5, seconds=0.01, sample_rate=8000, variations=variations, **more)
    for variations in (
        ({"seed": 1, "amount": 0.01},),
        ({"seed": 5, "amount": 1.0},),
        ({"seed": 1, "amount": 0.3}, {"seed": 2**63 - 1, "amount": 0.05}),
    )
    for more in (
        {},
        {"precision": "single"},
        {"weights": (-2.0, 3.0), "biases": (0.5, 0.5)},
        {"adjusting": {"every": 2, "amount": 0.1}},
    )
]


@pytest.mark.parametrize("recipe", VARIED)
def test_variations_are_what_the_definition_says(recipe):
    assert render(recipe).tolist() == naive.render(recipe)


def test_variations_of_one_sound_are_rendered_side_by_side():
    recipes = [recipe.reseeded(seed) for recipe in VARIED for seed in range(11)]
    for recipe, sound in zip(recipes, render_many(recipes), strict=True):
        assert sound.tolist() == render(recipe).tolist()


def test_a_variation_moves_every_parameter_a_little_and_none_out_of_its_range():
    base = Recipe(length=9, hidden=(8, 8), weights=(-1.0, 2.0), biases=(0.0, 0.5), seed=3)
    low, high = ranges(base).T
    for amount in (0.001, 0.1, 1.0):
        for seed in range(20):
            varied = msgspec.structs.replace(base, variations=(Variation(seed=seed, amount=amount),))
            moves = np.abs(parameters(varied) - parameters(base))
            assert (moves <= amount * (high - low) + 1e-12).all()
            assert (moves > 0).mean() > 0.95
            assert ((low <= parameters(varied)) & (parameters(varied) <= high)).all()
    still = msgspec.structs.replace(base, variations=(Variation(seed=1, amount=0.0),))
    assert parameters(still).tolist() == parameters(base).tolist()


MATE = {"seed": 9, "variations": [{"seed": 4, "amount": 0.2}]}
BRED = [
    Recipe(length=3, hidden=(4, 2), gap=1, seed=5, seconds=0.01, sample_rate=8000, variations=variations, **more)
    for variations in (
        ({"seed": 1, "amount": 0.5, "mate": MATE},),
        (
            {"seed": 1, "amount": 0.3},
            {"seed": 2**60, "amount": 0.4, "mate": {"seed": 7}},
            {"seed": 3, "amount": 0.1},
        ),
        ({"seed": 6, "amount": 0.5, "mate": {"seed": 8, "variations": [{"seed": 2, "amount": 0.6, "mate": MATE}]}},),
    )
    for more in (
        {"weights": (-1.0, 2.0)},
        {"precision": "single", "adjusting": {"every": 2, "amount": 0.1}},
    )
]


@pytest.mark.parametrize("recipe", BRED)
def test_a_sound_of_two_networks_is_what_the_definition_says(recipe):
    assert render(recipe).tolist() == naive.render(recipe)
    # Alone and among others; also where only a variation after the mate is another.
    relatives = [recipe.reseeded(seed) for seed in range(21)]
    assert [a.tolist() for a in render_many(relatives)] == [render(r).tolist() for r in relatives]
    assert from_json(recipe.to_json()) == recipe


def test_each_neuron_of_a_child_is_one_of_its_parents():
    one, other = Recipe(length=3, hidden=(5, 4), seed=1), Recipe(length=3, hidden=(5, 4), seed=2)
    sizes = [4] * 5 + [6] * 4 + [5]
    shares = []
    for amount in (0.0, 0.3, 1.0):
        taken = 0
        for seed in range(200):
            child = msgspec.structs.replace(one, variations=({"seed": seed, "amount": amount, "mate": {"seed": 2}},))
            p = 0
            for size in sizes:
                neuron = parameters(child)[p : p + size].tolist()
                assert neuron in (parameters(one)[p : p + size].tolist(), parameters(other)[p : p + size].tolist())
                taken += neuron == parameters(other)[p : p + size].tolist()
                p += size
        shares.append(taken / (200 * len(sizes)))
    assert shares[0] == 0.0
    assert 0.25 < shares[1] < 0.35
    assert shares[2] == 1.0


def test_variations_of_mates_count():
    whole = tuple({"seed": seed, "amount": 0.1} for seed in range(63))
    mate = {"seed": 1, "amount": 0.5, "mate": {"seed": 1, "variations": whole}}
    assert Recipe(variations=(mate,)).variations[0].size == 64
    for variations in ((mate, {"seed": 1, "amount": 0.1}), ({**mate, "mate": {"seed": 1, "variations": [mate]}},)):
        with pytest.raises(Invalid, match="up to 64, with those of mates"):
            Recipe(variations=variations)
    nested = '{"seed":1,"amount":0.5,"mate":{"seed":1,"variations":[' * 400 + "]}}" * 400
    with pytest.raises(Invalid):
        from_json('{"variations":[' + nested + "]}")


def test_a_variation_without_a_mate_is_written_as_ever():
    varied = Recipe(variations=({"seed": 1, "amount": 0.5},))
    assert varied.to_json().count('"variations":[{"seed":1,"amount":0.5}]') == 1
    assert msgspec.to_builtins(varied)["variations"] == ({"seed": 1, "amount": 0.5},)


def test_a_recipe_without_the_key_has_no_variations():
    plain = Recipe(seed=4)
    assert from_json('{"seed": 4}') == plain
    assert from_json(plain.to_json()) == plain
    assert plain.last_seed == 4
    assert plain.reseeded(9) == Recipe(seed=9)
    assert from_json(VARIED[-1].to_json()) == VARIED[-1]
    assert VARIED[-1].reseeded(8).variations[-1].seed == 8
    assert VARIED[-1].reseeded(8).seed == VARIED[-1].seed


def test_a_sine_of_the_c_library_would_be_noticed():
    """The negative control: the same network with numpy's sine for its activation parts within these lengths."""
    recipe = Recipe(length=6, hidden=(8, 8), gap=0, seed=7, seconds=0.04, sample_rate=8000)
    exact = render(recipe)
    weights = parameters(recipe)
    y = np.zeros(recipe.samples)
    for t in range(recipe.samples):
        x = np.array([y[t - 2**i] if t >= 2**i else 0.0 for i in range(6)])
        p = 0
        for neurons in (8, 8, 1):
            rows = weights[p : p + neurons * (x.size + 1)].reshape(neurons, -1)
            p += rows.size
            x = np.sin(np.pi / 2 * (rows[:, 0] + rows[:, 1:] @ x)) ** 2
        y[t] = x[0]
    assert np.allclose(y[:10], exact[:10], atol=1e-12)
    assert not np.array_equal(y, exact)


@pytest.mark.parametrize("size", [1_000, 20_000, 100_000, 1_000_000])
def test_sounds_that_fill_the_memory_are_the_same(size, monkeypatch):
    """Less than one sound, one, a few, and all of them in the memory of a batch."""
    recipe = Recipe(gap=0, seconds=0.05)
    seeds = list(range(40))
    alone = [render_steps(msgspec.structs.replace(recipe, seed=seed)).tolist() for seed in seeds]
    monkeypatch.setattr(rendering, "BATCH_BYTES", size)
    assert [s.tolist() for s in streams(recipe, seeds, scratch())] == alone


def test_an_addition_and_multiplication_in_place_of_fma_would_be_noticed():
    recipe = Recipe(length=6, hidden=(8, 8), gap=0, seed=7, seconds=0.007)

    class Contracted(naive.Arithmetic):
        def fma(self, a, b, c):
            return self.round(self.round(a * b) + c)

    exact = naive.render(recipe)
    original, naive.Arithmetic = naive.Arithmetic, Contracted
    try:
        assert naive.render(recipe)[:300] != exact[:300]
    finally:
        naive.Arithmetic = original


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_holding_equals_evaluating_the_network_at_every_sample(gap):
    recipe = Recipe(length=4, hidden=(3, 2), gap=gap, seed=5, seconds=0.01, sample_rate=8000)
    assert render(recipe).tolist() == naive.every_sample(recipe)


@numba.njit
def _activate(h, sine, out):
    for i in range(h.size):
        out[i] = kernel.act(h[i], sine, sine)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no longer than double here")
@pytest.mark.parametrize(("sine", "bound"), [(kernel.SINE_SINGLE, 2e-7), (kernel.SINE_DOUBLE, 4e-16)])
def test_the_sine_stays_within_its_error_and_0_to_1(sine, bound):
    rng = np.random.default_rng(1)
    near_the_top = 0.5 - np.exp(rng.uniform(np.log(1e-17), np.log(0.1), 200_000))
    h = np.concatenate([rng.uniform(0, 0.5, 200_000), near_the_top, rng.uniform(-50, 50, 100_000), [0.5, 0.0]])
    h = h.astype(type(sine[0]))
    out = np.empty_like(h)
    _activate(h, sine, out)
    wide = h.astype(np.longdouble)
    exact = np.sin((wide - np.rint(wide)) * np.longdouble("3.14159265358979323846264338327950288")) ** 2
    assert np.abs(out - exact).max() <= bound
    assert out.min() >= 0.0
    assert out.max() <= 1.0


def test_the_definition_prints_the_kernels_coefficients():
    assert [float(c) for c in naive.coefficients("double")] == list(kernel.SINE_DOUBLE)
    assert [float(c) for c in naive.coefficients("single")] == [float(c) for c in kernel.SINE_SINGLE]


def test_the_worked_example():
    table = naive.DEFINITION.split("<!-- example -->")[1].split("<!-- end -->")[0]
    printed = [float.fromhex(h) for h in re.findall(r"`(0x[^`]+)`", table)]
    recipe = Recipe(length=2, hidden=(2,), gap=0, seed=7, seconds=0.001)
    assert len(printed) == 10
    assert render(recipe)[:10].tolist() == printed
    numbers = re.findall(r"\(([\d., ]+)\)", naive.DEFINITION.rpartition("Its parameters")[2])
    assert [float(n) for group in numbers for n in group.split(",")] == parameters(recipe).tolist()


def test_bits_of_a_second_of_sound_stay_what_they_are():
    """Long renders that the slow twin is too slow for; a change here is a new version of the definition."""
    recipes = [
        Recipe(length=6, hidden=(8, 8), gap=2, seed=7, seconds=1.0),
        Recipe(length=6, hidden=(8, 8), gap=2, seed=7, seconds=1.0, precision="single"),
        Recipe(length=9, hidden=(3,), gap=5, seed=11, seconds=1.0, adjusting={"every": 4, "amount": 0.01}),
    ]
    digests = [raw_sha256(audio)[:16] for audio in render_many(recipes)]
    assert digests == ["31aed6b64eda5be2", "611c793b72da5335", "42c2044aff96a017"]


recipes = st.builds(
    Recipe,
    length=st.integers(1, 10),
    hidden=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    gap=st.integers(0, 6),
    seed=st.integers(0, 2**63 - 1),
    seconds=st.floats(0.001, 0.05),
    sample_rate=st.sampled_from([8000, 44_100]),
    precision=st.sampled_from(["double", "single"]),
    weights=st.sampled_from([(0.0, 1.0), (-1.0, 2.0)]),
    adjusting=st.sampled_from([None, {"every": 1, "amount": 0.1}, {"every": 7, "amount": 2.0}]),
)


def lists_of(elements, least, most):
    """Lists of every length as often; those of hypothesis itself are mostly short."""
    return st.integers(least, most).flatmap(lambda n: st.lists(elements, min_size=n, max_size=n))


end = st.floats(-100.0, 100.0) | st.sampled_from([-100.0, -1e-9, 0.0, 1e-40, 1.0, 100.0])
pair = st.sampled_from([(0.0, 1.0), (0.5, 0.5), (-3.0, -2.0)]) | st.tuples(end, end).map(sorted).map(tuple)
variation = st.builds(
    Variation,
    seed=st.integers(0, 2**63 - 1),
    amount=st.sampled_from([0.0, 0.003, 1.0]) | st.floats(0.0, 1.0),
)
families = st.builds(
    msgspec.structs.replace,
    recipes,
    weights=pair,
    biases=pair,
    variations=lists_of(variation, 0, 16).map(tuple),
)


@settings(max_examples=100)
@given(families, lists_of(st.integers(0, 2**63 - 1), 6, 6))
def test_the_lanes_draw_what_the_definition_says(recipe, seeds):
    ar = naive.Arithmetic("double")
    drawn = np.empty((2, recipe.parameters, 3))
    *shared, _ = recipe.seed, *(v.seed for v in recipe.variations)
    kernel.draw_parameters(
        np.array(shared, np.uint64),
        np.array(seeds, np.uint64).reshape(2, 3),
        np.array([v.amount for v in recipe.variations], np.float64),
        ranges(recipe),
        np.arange(recipe.parameters, dtype=np.uint64)[::-1].copy(),
        drawn,
    )
    for lane, seed in zip(drawn[:, ::-1].swapaxes(1, 2).reshape(6, -1), seeds, strict=True):
        exact, _ = naive.drawn(ar, recipe.reseeded(seed))
        assert lane.tolist() == [ar.round(half) for half in exact]  # rounded where a half underflows


def test_a_reflection_that_rounds_to_beyond_the_other_end_is_clipped():
    low, high = -0.4, 72.4
    assert 2.0 * low - (low - (high - low)) > high
    assert kernel.draw_one(low, np.uint64(0), 1, np.ones(1), np.array([[low, high]]), 0) == high


@settings(max_examples=60)
@given(families, lists_of(st.integers(0, 2**63 - 1), 1, 130))
def test_children_in_lanes_are_those_rendered_alone(recipe, seeds):
    for seed, steps in zip(seeds, streams(recipe, seeds), strict=True):
        assert steps.tobytes() == render_steps(recipe.reseeded(seed)).tobytes()


@settings(max_examples=60)
@given(recipes, st.floats(0.001, 0.1))
def test_a_longer_render_begins_with_the_shorter_one(recipe, more):
    longer = render(msgspec.structs.replace(recipe, seconds=recipe.seconds + more))
    assert longer[: recipe.samples].tolist() == render(recipe).tolist()


@settings(max_examples=25)
@given(st.lists(recipes, max_size=6))
def test_render_many_is_render_in_order(batch):
    for recipe, audio in zip(batch, render_many(batch), strict=True):
        alone = render(recipe)
        assert audio.dtype == alone.dtype == (np.float64 if recipe.precision == "double" else np.float32)
        assert audio.shape == (recipe.samples,)
        assert audio.tobytes() == alone.tobytes()


def test_a_candidate_is_a_pure_function_of_spec_seed_and_index():
    spec = Spec(name="x")
    indices = [5, 0, 1_000_000, BLOCK - 1, BLOCK, 5]
    drawn = [draw(spec, 3, i) for i in indices]
    assert drawn[0] == drawn[-1]
    assert len({r.seed for r in drawn}) == 5
    assert drawn[0].hidden == drawn[3].hidden  # one block, one shape
    assert draw(spec, 4, 5) != drawn[0]
    louder = Spec(name="y", count=3, master={"loudness_lufs": -20.0}, judge={"rms_dbfs": -40.0})
    assert draw(louder, 3, 5) == drawn[0]
    darker = Spec(name="x", sound={"gap": (2, 8)})
    assert draw(darker, 3, 5) != drawn[0]


def test_draws_stay_within_the_ranges_and_reach_their_ends():
    spec = Spec(name="x", sound={"adjusting": {}})
    drawn = [draw(spec, 1, BLOCK * block) for block in range(400)]
    for name, (low, high) in {"length": (3, 10), "gap": (2, 7)}.items():
        assert {getattr(r, name) for r in drawn} == set(range(low, high + 1))
    assert {len(r.hidden) for r in drawn} == {1, 2, 3}
    assert {w for r in drawn for w in r.hidden} == set(range(2, 9))
    assert all(1.0 <= r.seconds <= 4.0 for r in drawn)
    assert all(0.001 <= r.adjusting.amount <= 0.05 and 1 <= r.adjusting.every <= 64 for r in drawn)


@pytest.mark.parametrize("block", range(70, 78))
def test_the_drawing_follows_the_definition(block):
    """By the letter of "Candidates of a run", from numpy's generator alone."""
    spec = Spec(name="x", sound={"bandlimited": 0.5, "wide": 0.5})
    lane = 9
    section = msgspec.to_builtins(spec.sound)
    del section["bandlimited"], section["wide"]
    sound = msgspec.json.encode(section, order="sorted")
    key = [5, int.from_bytes(hashlib.sha256(sound).digest()[:8], "little")]

    def stream(tag, number=block):
        bits = np.random.Philox(key=np.array(key, np.uint64), counter=np.array([0, number, tag, 0], np.uint64))
        return iter([(int(b) >> 11) * 2.0**-53 for b in bits.random_raw(100)])

    u = stream(0)
    length = 3 + int(next(u) * 8)
    gap = 2 + int(next(u) * 6)
    hidden = tuple(2 + int(next(u) * 7) for _ in range(1 + int(next(u) * 3)))
    seconds = round(1.0 + next(u) * 3.0, 3)
    seed = int([next(s) for s in [stream(1)] for _ in range(lane + 1)][lane] * 2**53)
    is_smooth = next(stream(4)) < 0.5 and gap > 0 and 44_100 / 2 ** (gap + 1) >= 300
    interpolation = "bandlimited" if is_smooth else "hold"
    assert draw(spec, 5, block * BLOCK + lane) == Recipe(
        length=length, hidden=hidden, gap=gap, seconds=seconds, seed=seed, interpolation=interpolation
    )
    u = stream(5, block * BLOCK + lane)
    wide = None
    if next(u) < 0.5:
        amount = float(f"{1e-9 * 10 ** (6 * next(u)):.3g}")
        wide = {"seed": int(next(u) * 2**53), "amount": amount}
    found = draw_wide(spec, 5, block * BLOCK + lane)
    assert (None if found is None else msgspec.to_builtins(found)) == wide
