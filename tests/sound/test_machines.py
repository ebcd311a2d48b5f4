"""The same bits on every machine: other processors, no optimisation, other kernels of OpenBLAS, other processes."""

import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import llvmlite.binding
import machines
import pytest
from machines import DIGESTS, PACKS
from numpy._core._multiarray_umath import __cpu_dispatch__

from cnndsd.sound.compiler import target_of
from cnndsd.sound.lanes import render_lanes

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
# Where numpy and OpenBLAS do not know newer processors, their sums and logarithms may round otherwise.
OLD_LIBRARIES = {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__), "OPENBLAS_CORETYPE": "Prescott"}
# Kernels of OpenBLAS, and what they need.
KERNELS = {"Prescott": [], "Haswell": ["avx2", "fma"], "SkylakeX": ["avx512f", "avx512dq", "avx512bw", "avx512vl"]}
RAW = ("double", "single")


AVX512, AVX2, SSE, NEON = (32, 64, True), (16, 32, True), (16, 16, True), (32, 16, False)
HOST = llvmlite.binding.get_host_cpu_features()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of processors with x86")
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f"}, AVX512),
        ({"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f"}, AVX2),
        ({"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": ""}, AVX512),
        ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}, AVX2),
        ({"NUMBA_CPU_NAME": "generic"}, SSE),
        ({}, AVX512 if HOST.get("avx512f") else AVX2 if HOST.get("avx") else SSE),
    ],
)
def test_the_target_is_the_processor_that_is_compiled_for(environment, expected):
    code = "from cnndsd.sound.compiler import current_target; print(tuple(current_target()))"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_CPU")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize(
    ("triple", "name", "expected"),
    [
        ("x86_64-unknown-linux-gnu", "skylake-avx512", AVX512),
        ("x86_64-pc-windows-msvc", "znver3", AVX2),
        ("x86_64-apple-darwin", "nehalem", SSE),
        ("aarch64-unknown-linux-gnu", "neoverse-n1", NEON),
        ("arm64-apple-darwin24.0.0", "apple-m1", NEON),
    ],
)
def test_the_registers_of_other_processors_are_known(triple, name, expected):
    assert target_of(triple, name, "") == expected


def register_bytes():
    """The size of the widest vector register that the kernel uses."""
    code = "".join(render_lanes.inspect_asm().values())
    return next((size for name, size in (("zmm", 64), ("ymm", 32)) if f"%{name}" in code), 16)


def elsewhere(environment, cache=None, names=tuple(DIGESTS), before="pass"):
    """What another process finds, with the kernels in the folder ``cache``, or this machine's own.

    It finds the digests of these names, the size of the registers that the kernel uses, and that of the target.
    """
    code = (
        f"{before}\nimport machines, test_machines as t; from cnndsd.sound.compiler import current_target\n"
        f"print(*map(machines.digest, {names}), t.register_bytes(), current_target().register_bytes)"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    variables = {**os.environ, **environment, "PYTHONPATH": path}
    if cache is not None:
        variables["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    *digests, used, size = done.stdout.split()
    return dict(zip(names, digests, strict=True)), used, size


@pytest.mark.parametrize("name", DIGESTS)
def test_this_machine_gives_the_digests_of_all_machines(name):
    assert machines.digest(name) == DIGESTS[name]


def test_the_packs_have_every_feature():
    files, looped, channels, alternates = [], set(), set(), 0
    for name in PACKS:
        manifest = machines.manifest(machines.pack(name))
        channels |= {sound.width.channels for sound in manifest.sounds if sound.width}
        alternates += sum(len(sound.alternates) for sound in manifest.sounds)
        files += [sound.file for sound in manifest.sounds]
        looped |= {(sound.loop.exact, sound.bars is not None) for sound in manifest.sounds if sound.loop}
        assert any(sound.pitch for sound in manifest.sounds) or name == "float"
    assert {name.rpartition(".")[2] for name in files} == {"wav", "flac"}
    assert channels == {1, 2}
    assert alternates > 0
    assert looped == {(False, False), (True, False), (False, True), (True, True)}


@pytest.mark.slow
def test_every_processor_and_every_optimisation_gives_the_same_bits(tmp_path, record_property):
    able = [name for name, (_, needs) in MACHINES.items() if all(HOST.get(feature) for feature in needs)]
    if llvmlite.binding.llvm_version_info < (16,):
        # An older LLVM does not know it, and aborts.
        able = [name for name in able if name != "znver4"]
    assert {"generic", "not optimised"} <= set(able)
    with ThreadPoolExecutor(2) as threads:
        environments = [MACHINES[name][0] for name in able]
        found = dict(zip(able, threads.map(elsewhere, environments, map(tmp_path.joinpath, able)), strict=True))
    assert {name: digests for name, (digests, _, _) in found.items()} == dict.fromkeys(able, DIGESTS)
    record_property("figures", f"{', '.join(able)}: the same digests")
    assert {name: used for name, (_, used, _) in found.items()} == {name: size for name, (_, _, size) in found.items()}


@pytest.mark.slow
def test_every_kernel_of_openblas_gives_the_same_packs(tmp_path, record_property):
    able = [name for name, needs in KERNELS.items() if all(HOST.get(feature) for feature in needs)]
    found = {name: elsewhere({"OPENBLAS_CORETYPE": name}, tmp_path)[0] for name in able}
    record_property("figures", f"{', '.join(able)}: the same digests")
    assert found == dict.fromkeys(able, DIGESTS)


@pytest.mark.slow
def test_two_roundings_in_place_of_one_would_be_noticed(tmp_path):
    """The negative control: kernels built with a product and a sum for every fma."""
    split = "import numba, cnndsd.sound.simd as simd; simd.fma = numba.njit(lambda a, b, c: a * b + c)"
    found = elsewhere({}, tmp_path, RAW, split)[0]
    assert not set(found.items()) & set(DIGESTS.items())


@pytest.mark.slow
def test_fused_roundings_in_the_finishing_would_be_noticed(tmp_path):
    """The other negative control: a compiler that may reorder and contract, as those of C and Fortran may."""
    fast = "import cnndsd.sound.compiler as compiler; compiler._OPTIONS['fastmath'] = True"
    assert elsewhere({}, tmp_path, ("page",), fast)[0] != {"page": DIGESTS["page"]}


def test_all_is_the_same_with_libraries_that_know_no_newer_processor():
    assert elsewhere(OLD_LIBRARIES)[0] == DIGESTS


def test_matrix_products_on_more_threads_are_the_same():
    """As ``import cnndsd`` finds them; the command and these tests have one."""
    assert elsewhere({"OPENBLAS_NUM_THREADS": "2"}, names=("search", "wide"))[0].items() <= DIGESTS.items()


def test_raw_sounds_are_the_same_when_compiled_for_a_lesser_processor(tmp_path):
    found, used, size = elsewhere(MACHINES["generic"][0], tmp_path, ("single",))
    assert found == {"single": DIGESTS["single"]}
    assert used == size == "16"


@pytest.mark.slow
def test_all_is_the_same_on_a_lesser_processor(tmp_path):
    assert elsewhere({**OLD_LIBRARIES, **MACHINES["generic"][0]}, tmp_path)[0] == DIGESTS
