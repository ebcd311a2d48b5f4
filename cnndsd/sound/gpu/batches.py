"""Renders groups of networks on a card, batch by batch."""

import functools
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cnndsd.schema import Precision
from cnndsd.sound import kernel
from cnndsd.sound.gpu.plans import CUDA_NUMBERS, STATISTICS, WARP, Group, Plan, batched, plan

# What is read from the card at once, if it is more than one sound.
_READ_BYTES = 2**28
# Threads of a block, and most blocks for each work, of the kernels around those that render.
_THREADS, _MOST_ROWS = 256, 64


class Device(Protocol):
    """Runs kernels. Addresses are of its own memory. ``Failed``, with one line, when it cannot.

    ``batch_bytes``: how much memory a batch may take.
    """

    batch_bytes: int

    def memory(self, name: str, size: int) -> int:
        """The address of at least ``size`` bytes. Those of one name are the same memory."""

    def write(self, name: str, array: NDArray[Any]) -> int:
        """The address of a copy of an array, in the memory of this name."""

    def read(self, name: str, number: Any, first: int, count: int) -> NDArray[Any]:
        """Numbers from the memory of a name, when all that was launched is done; valid until it is read again."""

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
        numbers = [g for g, group in enumerate(groups) if group.template.precision == precision]
        for batch in batched((groups[g] for g in numbers), device.batch_bytes):
            planned = plan([part for _, _, part in batch], threads)
            render_planned(planned, device)
            for place, (g, first, part) in enumerate(batch):
                for start, steps, statistics in read_group(planned, place, part, device):
                    yield Rendered(numbers[g], first + start, steps, statistics)


def read_group(
    planned: Plan, place: int, group: Group, device: Device
) -> Iterator[tuple[int, NDArray[Any], NDArray[np.float64]]]:
    """The results of the group at a place of a plan, some networks at a time.

    Yields the number of the first one, their steps and their statistics, as in ``Rendered``.
    """
    steps, numbers = group.template.steps, group.frames * STATISTICS
    number = planned.launches[0].size.number
    some = max(1, _READ_BYTES // (steps * np.dtype(number).itemsize + numbers * 8))
    for start in range(0, len(group.seeds), some):
        count = min(some, len(group.seeds) - start)
        sounds = device.read("sounds", number, planned.sounds[place] + start * steps, count * steps)
        first = planned.statistics[place] + start * numbers
        statistics = device.read("statistics", np.float64, first, count * numbers)
        yield start, sounds.reshape(count, steps), statistics.reshape(count, group.frames, STATISTICS)


def render_planned(planned: Plan, device: Device) -> None:
    """Launch all work of a plan: the results are then in the memory "sounds" and "statistics"."""
    works = device.write("works", planned.works)
    seeds, varied = device.write("seeds", planned.seeds), device.write("varied", planned.varied)
    amounts = device.write("amounts", planned.amounts)
    item = np.dtype(planned.launches[0].size.number).itemsize
    memory = {n: device.memory(n, count * (8 if n == "statistics" else item)) for n, count in planned.items.items()}
    parameters, outputs, sounds, statistics = memory.values()
    # Of the measuring kernel, so many blocks for each work that most threads have one frame of one network.
    rows = min(_MOST_ROWS, -(-planned.items["statistics"] // (STATISTICS * _THREADS * len(planned.works))))
    for queue, (size, first, blocks, _) in enumerate(planned.launches):
        some, networks = works + first * planned.works.itemsize, np.uint32(size.networks)
        draw, measure = (own_kernel(size.precision, name) for name in ("draw", "measure"))
        device.launch(queue, draw, (blocks, 1), _THREADS, some, seeds, varied, amounts, networks, parameters)
        device.launch(queue, size.kernel, (blocks, 1), WARP, some, parameters, seeds, varied, outputs, sounds)
        if rows:
            device.launch(queue, measure, (blocks, rows), _THREADS, some, outputs, networks, statistics)


def own_kernel(precision: Precision, name: str) -> tuple[str, str]:
    """The line and the name of a kernel that all sizes of a precision share: draw, measure or chain."""
    return f"LINE({precision}, {CUDA_NUMBERS[precision]})\n", f"{name}_{precision}"
