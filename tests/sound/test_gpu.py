"""The kernels of the GPU give the bits of the processor's, whatever size they were compiled for.

Where a C++ compiler is installed, kernels.cu runs here, as plain C++. On a card the same tests run where there is one.
"""

import json
import random
import re
import sys
from fractions import Fraction
from types import SimpleNamespace

import msgspec
import naive
import numpy as np
import pytest
import simulation
from simulation import Nvidia, Simulation

from cnndsd import Failed, Invalid, Recipe, render, render_many
from cnndsd.desk.cli import main
from cnndsd.sound import card_speed, rendering
from cnndsd.sound.gpu import batches, card
from cnndsd.sound.gpu.batches import own_kernel, render_groups, source
from cnndsd.sound.gpu.plans import (
    LENGTHS,
    STATISTICS,
    WIDTHS,
    WORK,
    Group,
    batched,
    fitting_size,
    items_of_network,
    plan,
    thread_parameters,
)
from cnndsd.sound.rendering import render_batches
from cnndsd.sound.speed import SHAPES

compiler_needed = pytest.mark.skipif(simulation.COMPILER is None, reason="needs Linux and a C++ compiler")


def random_group(rng, widest=20, steps=(1, 37, 100, 333)):
    """Networks of any shape, some of which move, with a few or many seeds and frames of any length."""
    layers = rng.choice([0, 1, 1, 2, 2, 3, 4])
    wide = rng.randint(3, rng.choice([8, widest]))
    gap = rng.randrange(4)
    recipe = {
        "length": rng.randint(1, rng.choice([4, 10, 16])),
        "hidden": tuple(rng.randint(1, wide) for _ in range(layers)),
        "gap": gap,
        "seed": rng.getrandbits(63),
        "precision": rng.choice(["single", "double"]),
        "sample_rate": 8000,
        "seconds": max(8, rng.choice(steps) * 2**gap) / 8000,
    }
    if rng.random() < 0.3:
        recipe["adjusting"] = {"every": rng.choice([1, 2, 7, 50]), "amount": rng.choice([0.0, 0.01, 0.3, 5.0])}
    if rng.random() < 0.3:
        recipe["variations"] = [{"seed": rng.getrandbits(63), "amount": rng.random()} for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.4:
        recipe["weights"] = sorted((rng.uniform(-9, 9), rng.uniform(-9, 9)))
        recipe["biases"] = sorted((rng.uniform(-100, 100), rng.uniform(-9, 9)))
    seeds = [rng.getrandbits(63) for _ in range(rng.choice([1, 2, 7, 33]))]
    return Group(Recipe(**recipe), seeds, rng.choice([0, 1, 5, 64, 1000]))


def check(groups, device, threads=None):
    """Compare the bits of all steps and statistics with those of the processor; returns how many networks there are."""
    seen = [0] * len(groups)
    for part in render_groups(groups, device, threads):
        template, seeds, frame = groups[part.group]
        assert part.first == seen[part.group]
        seen[part.group] += len(part.steps)
        batch = list(render_batches(template, seeds[part.first : part.first + len(part.steps)], frame))
        for name, got, at in (("steps", part.steps, 0), ("statistics", part.statistics, 1)):
            wanted = np.concatenate([both[at] for both in batch])
            assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
            assert got.tobytes() == wanted.tobytes(), f"{name} of {template.to_json()}, frames of {frame}"
    assert seen == [len(group.seeds) for group in groups]
    return sum(seen)


GROUPS = [random_group(random.Random(seed)) for seed in range(48)]
BENCHED = [
    Recipe(length=length, hidden=hidden, gap=0, precision=precision, seconds=0.01)
    for length, hidden in SHAPES
    for precision in ("single", "double")
]


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    recipes = [*(group.template for group in GROUPS), *BENCHED]
    return Simulation(tmp_path_factory.mktemp("kernels"), recipes)


@compiler_needed
def test_random_networks_have_the_bits_of_the_processor(device):
    assert check(GROUPS, device) > 350
    assert len({fitting_size(group.template) for group in GROUPS}) > 25


@compiler_needed
@pytest.mark.parametrize("batch_bytes", [1, 60_000, 10**9])
def test_batches_of_any_size_have_the_same_bits(batch_bytes, device, monkeypatch):
    monkeypatch.setattr(device, "batch_bytes", batch_bytes)
    monkeypatch.setattr(batches, "_READ_BYTES", batch_bytes // 2)
    seeds = list(range(70))
    check([Group(recipe, seeds, 100) for recipe in BENCHED[::3]], device)


@compiler_needed
@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_any_number_of_threads_has_the_same_bits(threads, tmp_path):
    templates = [Recipe(length=6, hidden=(8, 8, 7), gap=0, seconds=0.003, precision=p) for p in ("single", "double")]
    templates += [msgspec.structs.replace(template, adjusting={"every": 3, "amount": 0.2}) for template in templates]
    check([Group(template, range(40), 50) for template in templates], Simulation(tmp_path, templates, threads), threads)


@compiler_needed
def test_long_memories_and_wide_layers_have_the_same_bits(tmp_path):
    templates = [
        Recipe(length=16, hidden=(3,), gap=0, seconds=1.0, precision="single"),
        Recipe(length=16, hidden=(64, 50), gap=5, seconds=0.1, adjusting={"every": 20, "amount": 0.1}),
        Recipe(length=3, hidden=(33, 2, 64, 40), gap=5, seconds=0.1, weights=(-100.0, 100.0), biases=(99.0, 100.0)),
    ]
    check([Group(template, [5, 6], 441) for template in templates], Simulation(tmp_path, templates))


@compiler_needed
@pytest.mark.parametrize("precision", ["single", "double"])
def test_the_slow_twin_agrees(precision, device, monkeypatch):
    monkeypatch.setattr(rendering, "first_card", lambda: device)
    recipes = [recipe.reseeded(7) for recipe in BENCHED if recipe.precision == precision]
    recipes = [msgspec.structs.replace(recipe, seconds=0.002) for recipe in recipes]
    for recipe, sound in zip(recipes, render_many(recipes, device="cuda"), strict=True):
        assert sound.tolist() == naive.render(recipe)


@compiler_needed
def test_what_is_not_fused_would_be_noticed(tmp_path):
    apart = ["template <class T> static T rounded_twice(T a, T b, T c) { volatile T ab = a * b; return ab + c; }\n"]
    broken = Simulation(tmp_path, BENCHED[6:8], defines=[*apart, "#define fma rounded_twice\n"])
    for recipe in BENCHED[6:8]:
        with pytest.raises(AssertionError, match="steps of"):
            check([Group(recipe, [1], 0)], broken)


@compiler_needed
def test_render_many_gives_sounds_in_order_on_any_device(device, monkeypatch):
    monkeypatch.setattr(rendering, "first_card", lambda: device)
    recipes = [group.template.reseeded(seed) for group in GROUPS[:12] for seed in group.seeds[:3]]
    # Recipes of two networks, which the processor renders.
    mate = {"seed": 1, "variations": [{"seed": 2, "amount": 0.1}]}
    recipes += [Recipe(seconds=0.01, variations=[{"seed": seed, "amount": 0.5, "mate": mate}]) for seed in range(3)]
    random.Random(1).shuffle(recipes)
    monkeypatch.setattr(batches, "_READ_BYTES", 1)
    for one, other in zip(render_many(recipes, device="cuda"), render_many(recipes), strict=True):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    assert render(recipes[0], device="cuda").tobytes() == render(recipes[0]).tobytes()
    assert render_many([], device="cuda") == []


@compiler_needed
def test_a_card_does_what_the_simulation_does(device, monkeypatch):
    nvidia = Nvidia(device)
    driver = SimpleNamespace(cuMemGetInfo=lambda: (0, 400_000, 800_000))
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(core=nvidia))
    monkeypatch.setitem(sys.modules, "cuda.bindings", SimpleNamespace(driver=driver))
    monkeypatch.setattr(card, "compiled", nvidia.compiled)
    card.made_once.cache_clear()
    made = card.first_card()
    card.made_once.cache_clear()
    assert (made.name, made.processors, made.batch_bytes) == ("a simulation", 2, 200_000)
    assert check(GROUPS, made) > 350
    assert made.read("sounds", np.float64, 0, 0).size == 0


def test_nvidias_packages_have_what_a_card_uses():
    core = pytest.importorskip("cuda.core", reason="NVIDIA's packages are not installed")
    for name in ("Device", "LaunchConfig", "launch", "LegacyPinnedMemoryResource", "Buffer"):
        assert hasattr(core, name)
    assert {"name", "arch", "properties", "set_current", "create_stream", "sync", "allocate"} <= set(dir(core.Device))
    assert {"handle", "size", "copy_from", "close", "from_handle", "__dlpack__"} <= set(dir(core.Buffer))
    assert hasattr(pytest.importorskip("cuda.bindings.driver"), "cuMemGetInfo")


@compiler_needed
def test_the_command_line_renders_on_the_card(device, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(rendering, "first_card", lambda: device)
    monkeypatch.setattr("cnndsd.sound.gpu.card.first_card", lambda: device)
    options = ["--length", "6", "--hidden", "8,8", "--gap", "3", "--seconds", "0.5"]
    digests = []
    for where in ("cpu", "cuda"):
        assert main(["render", *options, "--device", where, "-o", str(tmp_path / f"{where}.wav")]) == 0
        digests.append(re.search("raw sha256 ([0-9a-f]+)", capsys.readouterr().err)[1])
    assert digests[0] == digests[1]
    assert (tmp_path / "cpu.wav").read_bytes() == (tmp_path / "cuda.wav").read_bytes()


@compiler_needed
def test_the_benchmark_measures_every_shape_on_the_card(device, monkeypatch, capsys):
    monkeypatch.setattr(card_speed, "first_card", lambda: device)
    monkeypatch.setattr("cnndsd.sound.gpu.card.first_card", lambda: device)
    monkeypatch.setattr(card_speed, "_MOST_STEPS", 50)
    monkeypatch.setattr(card_speed, "_CHAIN_LENGTH", 3)
    assert main(["bench", "--device", "cuda", "--rounds", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = [(length, list(hidden), p) for p in ("single", "double") for length, hidden in SHAPES]
    assert [(f["length"], f["hidden"], f["precision"]) for f in found] == expected
    assert {f["card"] for f in found} == {"a simulation"}
    assert all(f["times_real_time"] > f["with_transfer"] > 0 for f in found)
    assert main(["bench", "--device", "cuda", "--rounds", "1"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1 + len(expected)
    assert captured.err == "cnndsd: a simulation\n"


# ---- Plans ----


def test_every_network_finds_a_size_and_the_smallest():
    rng = random.Random(3)
    for _ in range(300):
        template = random_group(rng, widest=64).template
        size = fitting_size(template)
        assert size.length in LENGTHS
        assert size.width in WIDTHS
        assert size.length == min(n for n in LENGTHS if n >= template.length)
        assert size.width == min(n for n in WIDTHS if n >= max(template.hidden, default=0))
        assert (size.layers, size.precision) == (len(template.hidden), template.precision)
        assert size.width % size.threads == 0
        assert 32 % size.threads == 0
        assert size.adjusting == bool(template.adjusting and template.adjusting.amount)
    assert fitting_size(Recipe(length=16, hidden=(64,) * 4)).threads == 32


def test_a_network_takes_as_few_threads_as_have_room_for_it():
    single = [fitting_size(Recipe(length=n, hidden=h, precision="single")).threads for n, h in SHAPES]
    double = [fitting_size(Recipe(length=n, hidden=h, precision="double")).threads for n, h in SHAPES]
    assert single == [1, 1, 1, 1, 1, 4, 1]
    assert double == [1, 1, 1, 1, 2, 4, 2]
    # 6,[8,8] has 8 * 7 + 8 * 9 + 9 parameters.
    assert thread_parameters(6, 8, 2, 1) == 137
    assert thread_parameters(6, 8, 2, 4) == 2 * 7 + 2 * 9 + 9


def test_works_share_nothing_that_they_write():
    rng = random.Random(4)
    for precision in ("single", "double"):
        groups = [random_group(rng) for _ in range(40)]
        groups = [g._replace(template=msgspec.structs.replace(g.template, precision=precision)) for g in groups]
        planned = plan(groups)
        blocks = [launch.blocks for launch in planned.launches]
        assert [launch.first for launch in planned.launches] == np.cumsum([0, *blocks[:-1]]).tolist()
        networks = np.repeat([launch.size.networks for launch in planned.launches], blocks)
        parameters = planned.works["widths"].astype(int)
        parameters = ((parameters[:, :-1] + 1) * parameters[:, 1:]).sum(axis=1)
        steps, count = planned.works["steps"].astype(int), planned.works["count"].astype(int)
        frame = planned.works["frame"].astype(int)
        frames = np.where(frame > 0, -(-steps // np.maximum(frame, 1)), 0)
        sizes = {
            "parameters": parameters * networks,
            "outputs": steps * networks,
            "sounds": steps * count,
            "statistics": frames * count * STATISTICS,
        }
        for name, size in sizes.items():
            order = np.argsort(planned.works[name], kind="stable")
            first = planned.works[name][order].astype(int)
            filled = size[order] > 0
            ends = np.cumsum(size[order][filled])
            assert first[filled].tolist() == [0, *ends[:-1].tolist()]
            assert planned.items[name] == (ends[-1] if ends.size else 0)
        assert count.sum() == planned.seeds.size == sum(len(g.seeds) for g in groups)
        assert (np.diff([launch.steps for launch in planned.launches]) <= 0).all()


def test_batches_keep_their_bound_and_lose_no_seed():
    rng = random.Random(5)
    groups = [random_group(rng) for _ in range(30)]
    groups = [g._replace(template=msgspec.structs.replace(g.template, precision="double")) for g in groups]
    for most in (1, 100_000, 10_000_000):
        seeds = [[] for _ in groups]
        for batch in batched(groups, most):
            items = plan([part for _, _, part in batch]).items
            assert sum(items.values()) * 8 <= most or sum(len(part.seeds) for _, _, part in batch) <= 32
            for g, first, part in batch:
                assert first == len(seeds[g])
                seeds[g] += part.seeds
        assert seeds == [list(group.seeds) for group in groups]


def test_the_layout_of_a_work_is_that_of_the_kernels():
    fields = re.search(r"struct Work \{(.*?)\n\};", source(), re.DOTALL)[1]
    fields = re.sub(r"//.*", "", fields)
    kinds = {"uint64": np.uint64, "double": np.float64, "unsigned": np.uint32}
    expected = []
    for kind, names in re.findall(r"(\w+) ([^;]+);", fields):
        for name in names.split(","):
            word, count = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", name.strip()).groups()
            expected.append((word, kinds[kind], (int(count),)) if count else (word, kinds[kind]))
    # No field needs a gap before it, and the whole none behind it.
    assert np.dtype(expected) == WORK == np.dtype(WORK.descr, align=True)
    assert items_of_network(Group(Recipe(seconds=1.0, gap=0), [1], 100)).keys() <= set(WORK.names)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(("length", "hidden"), [(1, (3,)), (3, (5, 7, 3)), (5, ()), (7, (9, 2))])
def test_zeros_up_to_a_compiled_size_change_no_bit(length, hidden, precision):
    """The slow twin's arithmetic over the inputs and neurons of the compiled size, in the order of the kernels."""
    recipe = Recipe(length=length, hidden=hidden, gap=0, seed=3, seconds=0.001, precision=precision)
    size = fitting_size(recipe)
    ar, table = naive.Arithmetic(precision), naive.coefficients(precision)
    values = iter(naive.drawn(ar, recipe)[0])
    layers = []
    inner = [size.width] * size.layers
    for inputs, neurons, all_inputs, all_neurons in zip(
        recipe.widths, recipe.widths[1:], [size.length, *inner], [*inner, 1], strict=False
    ):
        layer = [[Fraction(0)] * (all_inputs + 1) for _ in range(all_neurons)]
        for n in range(neurons):
            for i in range(inputs + 1):
                layer[n][i] = next(values)
        layers.append(layer)
    y = []
    for t in range(recipe.steps):
        x = [y[t - 2**i] if t >= 2**i else Fraction(0) for i in range(size.length)]
        for layer in layers:
            outputs = []
            for bias, *weights in layer:
                h = bias
                for weight, value in zip(weights, x, strict=True):
                    h = ar.fma(weight, value, h)
                outputs.append(naive.act(ar, h, table))
            x = outputs
        y.append(x[0])
    assert [float(value) for value in y] == naive.render(recipe)


# ---- NVIDIA's compiler ----


def ptx(line):
    """What NVIDIA's compiler makes of a line, with the options of ``card``; it needs no card."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVIDIA's packages are not installed")
    core = pytest.importorskip("cuda.core", reason="NVIDIA's packages are not installed")
    options = core.ProgramOptions(arch="compute_90", **card.OPTIONS).as_bytes("nvrtc")
    _, program = nvrtc.nvrtcCreateProgram((source() + line).encode(), b"kernels.cu", 0, [], [])
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    log = b" " * nvrtc.nvrtcGetProgramLogSize(program)[1]
    nvrtc.nvrtcGetProgramLog(program, log)
    assert int(error) == 0, log.decode()
    text = b" " * nvrtc.nvrtcGetPTXSize(program)[1]
    nvrtc.nvrtcGetPTX(program, text)
    return text.decode()


MOVING = {"every": 1, "amount": 1.0}
LINES = [
    *(fitting_size(Recipe(precision=p)).kernel[0] for p in ("single", "double")),
    *(fitting_size(Recipe(hidden=(3,), precision=p, adjusting=MOVING)).kernel[0] for p in ("single", "double")),
    *(own_kernel(p, "draw")[0] for p in ("single", "double")),
]


@pytest.mark.parametrize("line", LINES)
def test_nvidias_compiler_fuses_nothing_and_rounds_to_nearest(line):
    operations = r"^\s+(?:@\S+ )?((?:fma|mad|mul|add|sub|div|sqrt)\.\S*f(?:32|64))\s"
    words = set(re.findall(operations, ptx(line), re.MULTILINE))
    # What has .rn is not fused by the assembler; .ftz would flush small numbers to zero.
    assert words
    assert words <= {f"{name}.rn.{number}" for name in ("fma", "mul", "add", "sub") for number in ("f32", "f64")}


def test_kernels_are_compiled_once_and_kept(tmp_path, monkeypatch):
    pytest.importorskip("cuda.core", reason="NVIDIA's packages are not installed")
    monkeypatch.setattr(card, "cache_folder", lambda _: tmp_path)
    code = bytes(card.compiled(LINES[0], "sm_90").code)
    assert code.startswith(b"\x7fELF")
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size >= len(code)]
    written = kept.stat().st_mtime_ns
    assert bytes(card.compiled(LINES[0], "sm_90").code) == code
    assert kept.stat().st_mtime_ns == written


def test_the_kernel_has_one_fma_for_each_weight_and_coefficient():
    # A step stands there three times: for the first and last steps, and twice in the loop over all others. It has
    # 6 * 8 + 8 * 8 + 8 weights, and 17 neurons with 5 or 9 fmas each.
    assert ptx(LINES[0]).count("fma.rn.f32") == 3 * (120 + 17 * 5)
    assert ptx(LINES[1]).count("fma.rn.f64") == 3 * (120 + 17 * 9)


# ---- What is missing ----


def test_without_nvidias_packages_one_line_names_the_extra(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "cuda", None)
    card.made_once.cache_clear()
    with pytest.raises(Failed, match=r'cnndsd\[cuda\]"') as failure:
        render_many([Recipe()], device="cuda")
    assert "\n" not in str(failure.value)
    for command in (["render", "--device", "cuda", "-o", str(tmp_path / "x.wav")], ["bench", "--device", "cuda"]):
        assert main(command) == 1
        assert capsys.readouterr().err == f"cnndsd: {failure.value}\n"
    assert list(tmp_path.iterdir()) == []


def test_without_a_driver_one_line_says_so(monkeypatch):
    pytest.importorskip("cuda.core", reason="NVIDIA's packages are not installed")
    card.made_once.cache_clear()
    monkeypatch.setattr("cuda.core.Device", no_driver)
    with pytest.raises(Failed, match=r"device cuda: no NVIDIA card with a driver is found \(no driver, install one\)"):
        card.first_card()
    card.made_once.cache_clear()


def no_driver(_):
    raise RuntimeError("no driver,\ninstall one")


def test_another_device_is_one_line(capsys):
    with pytest.raises(Invalid, match="device: gpu is not allowed; allowed: cpu, cuda"):
        render_many([Recipe()], device="gpu")
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--device", "gpu"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


# ---- Where there is a card ----


@pytest.fixture(scope="module")
def real_card():
    card.made_once.cache_clear()
    try:
        return card.first_card()
    except Failed as failure:
        pytest.skip(str(failure))


def test_2000_random_recipes_on_the_card(real_card):
    rng = random.Random(6)
    groups = []
    while sum(len(group.seeds) for group in groups) < 2000:
        groups.append(random_group(rng, widest=64, steps=(1, 100, 333, 5001)))
    assert check(groups, real_card) >= 2000


def test_batches_on_the_card(real_card, monkeypatch):
    monkeypatch.setattr(real_card, "batch_bytes", 10**6)
    check([Group(recipe, range(70), 100) for recipe in BENCHED], real_card)
