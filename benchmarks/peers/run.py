"""Compare cnndsd with the reference network in other languages: ``run.py [--json FILE] [--rounds 5]``.

Builds every peer that is installed, compares its first samples with ``cnndsd.render``, and runs all in turn, round by
round. Prints how many times faster than real time they are: median and min..max.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peer import CORES

from cnndsd import Recipe, render
from cnndsd.sound.network import parameters

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NETWORKS = 1024
# The network is chaotic: rounding errors grow, so correct peers differ in later samples.
CHECKED = 8
TOLERANCE = {"single": 1e-3, "double": 1e-6}
GCC = ("gcc", "-O3", "-march=native", "-fopenmp-simd")
FAST = "-ffast-math"


@dataclass(frozen=True)
class Peer:
    """One row of the table. ``seconds``: length of the sound that each network renders."""

    name: str
    networks: int
    seconds: float
    run: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / script))


ALL_CORES = Peer("cnndsd render_many", 128 * CORES, 4, (*python("own_network.py"), "all"))
PEERS = [
    Peer("cnndsd render_many", 128, 4, (*python("own_network.py"), "one")),
    ALL_CORES,
    Peer("cnndsd in the farm", 128, 4, (*python("own_network.py"), "again")),
    Peer("C", 1, 30, build=("c",), tools=("gcc",)),
    Peer("C -ffast-math", 1, 60, build=("c", FAST), tools=("gcc",)),
    Peer("C", 32, 2, build=("c",), tools=("gcc",)),
    Peer("C -ffast-math", 32, 20, build=("c", FAST), tools=("gcc",)),
    Peer("Faust -ffast-math", 1, 40, build=("faust", FAST), tools=("faust", "gcc")),
    Peer("JavaScript", 1, 20, ("node", str(HERE / "network.js")), tools=("node",)),
    Peer("numpy one", 1, 0.5, (*python("numpy_network.py"), "one")),
    Peer("numpy einsum", 1024, 0.05, (*python("numpy_network.py"), "many")),
    Peer("torch bmm", 1024, 0.1, (*python("torch_network.py"), "bmm"), modules=("torch",)),
    Peer("torch sum", 1024, 0.1, (*python("torch_network.py"), "sum"), modules=("torch",)),
    Peer("torch compiled", 1024, 0.1, (*python("torch_network.py"), "compiled"), tools=("g++",), modules=("torch",)),
    Peer("jax scan vmap", 1024, 0.1, python("jax_network.py"), modules=("jax",)),
]


def missing(peer: Peer) -> str:
    """Return what a peer needs and this machine lacks; empty when it can run."""
    if peer is ALL_CORES and CORES == 1:
        return "second core"
    tools = [tool for tool in peer.tools if not shutil.which(tool)]
    return " ".join([*tools, *(m for m in peer.modules if not importlib.util.find_spec(m))])


def command(peer: Peer, precision: str, folder: Path) -> list[str]:
    """Return the command that runs a peer; a peer that must be built is built in ``folder``."""
    given = [str(folder / "parameters"), str(peer.seconds)]
    if not peer.build:
        program, script, *form = peer.run
        return [program, script, *given, precision, *form]
    language, *flags = peer.build
    number = "float" if precision == "single" else "double"
    name = "-".join([language, str(peer.networks), number, *(f.strip("-") for f in flags)])
    binary = str(folder / name)
    if language == "c":
        source = [f"-DREAL={number}", f"-DNETWORKS={peer.networks}", str(HERE / "network.c")]
    else:
        made = str(folder / f"{name}.c")
        subprocess.run(["faust", "-lang", "c", f"-{precision}", str(HERE / "network.dsp"), "-o", made], check=True)
        source = [f"-DFAUSTFLOAT={number}", f'-DNETWORK="{made}"', str(HERE / "faust_main.c")]
    subprocess.run([*GCC, *flags, *source, "-o", binary, "-lm"], check=True)
    return [binary, *given]


def environment(folder: Path) -> dict[str, str]:
    """Return environment variables that keep all files of a run in ``folder``, and numpy on one core."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "OPENBLAS_NUM_THREADS": "1",
    }


def measure(words: list[str], env: dict[str, str]) -> dict:
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True, env=env).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[tuple[Peer, str], list[dict]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = environment(folder)
        drawn = np.array([parameters(Recipe(gap=0, seed=seed)) for seed in range(NETWORKS)])
        drawn.astype("<f8").tofile(folder / "parameters")
        commands = {}
        for peer in PEERS:
            if lacking := missing(peer):
                print(f"{peer.name} left out: no {lacking}", file=sys.stderr)
                continue
            for precision in TOLERANCE:
                commands[peer, precision] = command(peer, precision, folder)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for key, words in commands.items():
                found.setdefault(key, []).append(measure(words, env))
    print(f"{'peer':20}{'networks':>9}{'cores':>6}{'x real time':>13}{'per core':>10}   min..max", end="")
    lines = []
    for precision, tolerance in TOLERANCE.items():
        print(f"\n{precision}")
        expected = render(Recipe(gap=0, seconds=0.01, precision=precision))[:CHECKED]
        for (peer, its_precision), runs in found.items():
            if its_precision != precision:
                continue
            error = max(float(np.abs(np.array(run["first_samples"]) - expected).max()) for run in runs)
            if not error <= tolerance:
                sys.exit(f"{peer.name}, {precision}: first samples are off by {error:.2g}; allowed: {tolerance}")
            speeds = [run["seconds_of_audio"] / run["wall_s"] for run in runs]
            cores, speed = runs[0]["cores"], statistics.median(speeds)
            lines.append(
                {
                    "peer": peer.name,
                    "precision": precision,
                    "networks": peer.networks,
                    "cores": cores,
                    "times_real_time": speed,
                    "spread": (min(speeds), max(speeds)),
                    "times_real_time_per_core": speed / cores,
                    "first_samples_error": error,
                    "runs": runs,
                }
            )
            print(
                f"{peer.name:20}{peer.networks:9}{cores:6}{speed:13.1f}{speed / cores:10.1f}"
                f"   {min(speeds):.1f}..{max(speeds):.1f}",
                flush=True,
            )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(lines, file, indent=1)


if __name__ == "__main__":
    main()
