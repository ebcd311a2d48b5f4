"""What the peers in Python have in common: their arguments, the parameters by layer, and the line that they print."""

import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 44_100
WIDTHS = (6, 8, 8, 1)
HISTORY = 2 ** (WIDTHS[0] - 1)
# The rows of the ring that step t reads, by t modulo its size: delays 1, 2, 4, …
PLACES = (np.arange(HISTORY)[:, None] - (1 << np.arange(WIDTHS[0]))) % HISTORY
CORES = len(os.sched_getaffinity(0))

Layers = list[tuple[NDArray[Any], NDArray[Any]]]


def arguments() -> tuple[str, int, type]:
    """Read ``PARAMETERS SECONDS single|double``; return path, steps and number type."""
    path, seconds, precision = sys.argv[1:4]
    return path, int(float(seconds) * RATE), np.float32 if precision == "single" else np.float64


def layers(path: str, networks: int, number: type) -> Layers:
    """Return weights, shape ``(networks, neurons, inputs)``, and biases, ``(networks, neurons)``, of every layer.

    Both are scaled by pi / 2, so that a neuron is ``sin(sum) ** 2``.
    """
    shapes = [(neurons, inputs + 1) for inputs, neurons in itertools.pairwise(WIDTHS)]
    count = sum(neurons * size for neurons, size in shapes)
    rest = np.fromfile(path, "<f8", networks * count).reshape(networks, count) * (np.pi / 2)
    found = []
    for neurons, size in shapes:
        block = rest[:, : neurons * size].reshape(networks, neurons, size).astype(number)
        found.append((block[:, :, 1:].copy(), block[:, :, 0].copy()))
        rest = rest[:, neurons * size :]
    return found


def last_axis(found: Layers) -> Layers:
    """Move the networks to the last axis: weights get the shape ``(neurons, inputs, networks)``."""
    return [(np.ascontiguousarray(np.moveaxis(w, 0, -1)), np.ascontiguousarray(b.T)) for w, b in found]


def report(networks: int, steps: int, wall_s: float, cores: int, samples: Callable[[], NDArray[Any]]) -> None:
    """Print the line of JSON; ``samples`` returns the samples of all networks, shape ``(steps, networks)``."""
    heard = samples()
    line = {
        "peer": Path(sys.argv[0]).stem,
        "precision": sys.argv[3],
        "cores": cores,
        "seconds_of_audio": networks * steps / RATE,
        "wall_s": wall_s,
        "checksum": float(heard.sum(dtype=np.float64)),
        "first_samples": heard[:8, 0].tolist(),
    }
    print(json.dumps(line))
