"""The same bits whatever the compiler makes of the kernels: other processors, no optimisation, other processes."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import llvmlite.binding
import msgspec
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from cnndsd import Recipe, Spec, render_many
from cnndsd.farm import production, units
from cnndsd.farm.findings import Findings
from cnndsd.sound import kernel

SHAPES = [
    {"length": 1, "hidden": (4,)},
    {"length": 2, "hidden": ()},
    {"length": 3, "hidden": (5, 7, 3)},
    {"length": 6, "hidden": (8, 8)},
    {"length": 4, "hidden": (16,), "adjusting": {"every": 2, "amount": 0.05}},
]
# What a processor must have to run code for each of these; numba is told by its environment. Without the empty list it
# would add what the host has.
MACHINES = {
    "generic": ({"NUMBA_CPU_NAME": "generic"}, []),
    "haswell": ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, ["avx2", "fma", "bmi2"]),
    "skylake-avx512": (
        {"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": ""},
        ["avx512f", "avx512dq", "avx512bw", "avx512vl"],
    ),
    "znver4": (
        {"NUMBA_CPU_NAME": "znver4", "NUMBA_CPU_FEATURES": ""},
        ["avx512f", "avx512vbmi2", "avx512bf16", "vaes"],
    ),
    "not optimised": ({"NUMBA_OPT": "0"}, []),
}


# Where registers are many and wide, and where the compiler does not optimise, sums are computed beside sines.
BESIDE = {"skylake-avx512", "znver4", "not optimised"}


@pytest.mark.parametrize(
    ("environment", "wide"),
    [
        ({"NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f"}, True),
        ({"NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f"}, False),
        ({"NUMBA_CPU_NAME": "generic"}, False),
        ({"NUMBA_ENABLE_AVX": "0"}, False),
        ({}, bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))),
    ],
)
def test_wide_registers_are_those_of_the_processor_that_is_compiled_for(environment, wide):
    code = "from cnndsd.sound.compiler import wide_registers; print(wide_registers())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{wide}\n"


def digest(precision):
    """Of some sounds of every shape, more than fill a row of lanes."""
    recipes = [
        Recipe(**shape, gap=0, seconds=0.02, precision=precision, seed=seed) for shape in SHAPES for seed in range(19)
    ]
    return hashlib.sha256(b"".join(audio.tobytes() for audio in render_many(recipes))).hexdigest()


def widest_register():
    """The widest vector register of x86 that the kernel uses."""
    code = "".join(kernel.render_lanes.inspect_asm().values())
    return next((name for name in ("zmm", "ymm", "xmm") if f"%{name}" in code), "none")


def choice():
    """What is found and chosen among some hundred candidates, descriptions and all."""
    small = Spec(name="x", count=8, candidates=512)
    found = Findings(4)
    found.add(units.judge_unit(small, 1, 0, 512))
    return hashlib.sha256(msgspec.json.encode([found.entries, production.choose_sounds(small, found)])).hexdigest()


def on(machine, cache):
    """The digests of a machine, which computes in its own order."""
    beside = machine in BESIDE or None
    return elsewhere(MACHINES[machine][0], cache, f"import cnndsd.sound.rendering as r; r._BESIDE = {beside}")


def elsewhere(environment, cache, before="pass"):
    """The digests of both precisions and the widest register, by a process with nothing compiled before."""
    code = f"{before}\nimport test_machines as t; print(t.digest('double'), t.digest('single'), t.widest_register())"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    variables = {**os.environ, **environment, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.slow
def test_every_processor_and_every_optimisation_gives_the_same_bits(tmp_path):
    has = llvmlite.binding.get_host_cpu_features()
    able = [name for name, (_, needs) in MACHINES.items() if all(has.get(feature) for feature in needs)]
    assert {"generic", "not optimised"} <= set(able)
    expected = [digest("double"), digest("single")]
    with ThreadPoolExecutor(2) as threads:
        found = dict(zip(able, threads.map(on, able, map(tmp_path.joinpath, able)), strict=True))
    assert {name: digests for name, (*digests, _) in found.items()} == dict.fromkeys(able, expected)
    widest = {"haswell": "ymm", "skylake-avx512": "zmm", "generic": "xmm"}
    assert {name: found[name][-1] for name in widest if name in found} == {
        n: w for n, w in widest.items() if n in found
    }


@pytest.mark.slow
def test_two_roundings_in_place_of_one_would_be_noticed(tmp_path):
    """The negative control: kernels built with a product and a sum for every fma."""
    split = "import numba, cnndsd.sound.simd as simd; simd.fma = numba.njit(lambda a, b, c: a * b + c)"
    expected = [digest("double"), digest("single")]
    assert not set(elsewhere({}, tmp_path, split)) & set(expected)


def test_bits_and_choice_are_the_same_on_a_lesser_processor(tmp_path):
    """Where numpy, OpenBLAS and numba do not know newer processors, their sums and logarithms may round otherwise."""
    lesser = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__),
        "OPENBLAS_CORETYPE": "Prescott",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    code = "import test_machines as t; print(t.choice(), t.digest('double'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **lesser}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [choice(), digest("double")]
