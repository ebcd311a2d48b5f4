"""Renders groups of networks on a card, batch by batch."""

import functools
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cnndsd.schema import Precision
from cnndsd.sound import kernel
from cnndsd.sound.gpu.plans import STATISTICS, WARP, Group, Plan, batched, plan

# The results of a batch, in the memory of the card and as many again for the sounds one after the other.
BATCH_BYTES = 2**30
# Threads of a block, and most blocks for each work, of all kernels but those that render.
_THREADS, _MOST_ROWS = 256, 64


class Device(Protocol):
    """Runs kernels. Addresses are of its own memory. ``Failed``, with one line, when it cannot."""

    def memory(self, name: str, size: int) -> int:
        """The address of at least ``size`` bytes. Those of one name are the same memory."""

    def write(self, name: str, array: NDArray[Any]) -> int:
        """The address of a copy of an array, in the memory of this name."""

    def read(self, name: str, number: Any, count: int) -> NDArray[Any]:
        """What the memory of a name holds, when all that was launched is done; valid until the name is read again."""

    def launch(self, queue: int, kernel: tuple[str, str], grid: tuple[int, int], threads: int, *arguments: Any) -> None:
        """Run a kernel: its line behind kernels.cu, and its name. Those of one queue run in the order of the calls."""


class Rendered(NamedTuple):
    """A part of a group.

    ``group``, ``first``: the numbers of the group and of its first seed that is in the part. ``steps``: the networks'
    outputs, shape ``(candidates, steps)``. ``statistics``: those of ``kernel.frame_statistics``, shape
    ``(candidates, frames, STATISTICS)``. The arrays are valid until the next iteration.
    """

    group: int
    first: int
    steps: NDArray[Any]
    statistics: NDArray[np.float64]


@functools.cache
def source() -> str:
    """The code of all kernels, without the lines that say which are wanted."""
    tables = (("SINE_SINGLE", kernel.SINE_SINGLE, "f"), ("SINE_DOUBLE", kernel.SINE_DOUBLE, ""))
    texts = (f"#define {name} {', '.join(float(c).hex() + end for c in numbers)}\n" for name, numbers, end in tables)
    return "".join(texts) + resources.files(__package__).joinpath("kernels.cu").read_text(encoding="utf-8")


def render_groups(groups: Sequence[Group], device: Device, threads: int | None = None) -> Iterator[Rendered]:
    """Render every network of every group, in parts of any order. ``threads``: as in ``plans.plan``."""
    precisions: tuple[Precision, ...] = ("single", "double")
    for precision in precisions:
        numbers = [g for g, group in enumerate(groups) if group.shape.precision == precision]
        for batch in batched((groups[g] for g in numbers), BATCH_BYTES):
            some = [part for _, _, part in batch]
            planned = plan(some, threads)
            render_planned(planned, device)
            sounds, statistics = read_results(planned, device)
            for i, (g, first, part) in enumerate(batch):
                count, steps = len(part.seeds), part.shape.steps
                a, b = planned.sounds[i], planned.statistics[i]
                rows = sounds[a : a + count * steps].reshape(count, steps)
                of_frames = statistics[b : b + count * part.frames * STATISTICS]
                yield Rendered(numbers[g], first, rows, of_frames.reshape(count, part.frames, STATISTICS))


def render_planned(planned: Plan, device: Device) -> None:
    """Launch all work of a plan: the results are then in the memory "sounds" and "statistics"."""
    works = device.write("works", planned.works)
    seeds, varied = device.write("seeds", planned.seeds), device.write("varied", planned.varied)
    amounts = device.write("amounts", planned.amounts)
    item = np.dtype(planned.launches[0].size.number).itemsize
    memory = {n: device.memory(n, count * (8 if n == "statistics" else item)) for n, count in planned.items.items()}
    parameters, outputs, sounds, statistics = memory.values()
    for queue, (size, first, count) in enumerate(planned.launches):
        some, networks = works + first * planned.works.itemsize, np.uint32(size.networks)
        steps = int(planned.works["steps"][first])
        rows = min(_MOST_ROWS, -(-steps * size.networks // 1024))
        draw, measure, part = (own_kernel(size.precision, name) for name in ("draw", "measure", "part"))
        grid, threads = (count, rows), _THREADS
        device.launch(queue, draw, (count, 1), threads, some, seeds, varied, amounts, networks, parameters)
        device.launch(queue, (size.line, size.name), (count, 1), WARP, some, parameters, seeds, varied, outputs)
        if planned.items["statistics"]:
            device.launch(queue, measure, grid, threads, some, outputs, networks, statistics)
        device.launch(queue, part, grid, threads, some, outputs, networks, sounds)


def read_results(planned: Plan, device: Device) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The sounds and the statistics of a plan, flat, as ``planned`` places them."""
    number = planned.launches[0].size.number
    statistics = device.read("statistics", np.float64, planned.items["statistics"])
    return device.read("sounds", number, planned.items["sounds"]), statistics


def own_kernel(precision: Precision, name: str) -> tuple[str, str]:
    """The line and the name of a kernel that all sizes of a precision share: draw, measure, part or chain."""
    number = "float" if precision == "single" else "double"
    return f"LINE({precision}, {number})\n", f"{name}_{precision}"
