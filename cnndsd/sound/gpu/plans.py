"""What the blocks of threads on a GPU are to do: the compiled size for a network, and the work of each block.

A block is one warp, 32 threads. Each network takes one thread or several, which keep its parameters in registers. So
its size must be known to the compiler: a network is computed as one of a compiled size that is as large or larger, and
what it lacks are weights and biases of zero. These change no bit: ``fma(0, x, s)`` is ``s``, and a neuron without a
bias and weights has the output 0.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.recipe import Recipe
from cnndsd.schema import Precision

WARP = 32
STATISTICS = 6
# The inputs and the widths of hidden layers of compiled sizes.
LENGTHS = (2, 4, 6, 8, 10, 12, 16)
WIDTHS = (4, 6, 8, 12, 16, 24, 32, 48, 64)
# How many blocks run on a multiprocessor at a time. Its registers are divided among them: a thread then has 168 in
# single and 255 in double precision.
_BLOCKS: dict[Precision, int] = {"single": 12, "double": 8}
# A thread keeps all its parameters in registers if they are no more than this (a double takes two registers) ...
_ALL_KEPT: dict[Precision, int] = {"single": 140, "double": 88}
# Otherwise it keeps so many there, and the others in shared memory, which is large enough for networks of so many
# parameters (``_MOST_PARAMETERS``).
_SOME_KEPT: dict[Precision, int] = {"single": 104, "double": 88}
_MOST_PARAMETERS: dict[Precision, int] = {"single": 212, "double": 160}
_NUMBERS: dict[Precision, type[np.float32] | type[np.float64]] = {"single": np.float32, "double": np.float64}
CUDA_NUMBERS: dict[Precision, str] = {"single": "float", "double": "double"}

_ITEMS = ("parameters", "outputs", "sounds", "statistics")
# The structure ``Work`` of kernels.cu.
WORK = np.dtype(
    [
        *((name, np.uint64) for name in (*_ITEMS, "seeds", "variations")),
        ("biases", np.float64, 2),
        ("weights", np.float64, 2),
        ("amount", np.float64),
        *((name, np.uint32) for name in ("every", "count", "steps", "frame", "varied", "layers")),
        ("widths", np.uint32, 6),
    ]
)


class Size(NamedTuple):
    """A compiled size: all hidden layers have one width. ``threads``: how many share a network."""

    precision: Precision
    length: int
    width: int
    layers: int
    threads: int
    adjusting: bool

    @property
    def networks(self) -> int:
        """Networks of a block."""
        return WARP // self.threads

    @property
    def number(self) -> type[np.float32] | type[np.float64]:
        """The number type of the precision."""
        return _NUMBERS[self.precision]

    @property
    def kernel(self) -> tuple[str, str]:
        """The line that makes its kernel, to stand behind kernels.cu, and the kernel's name."""
        network = f"{self.length}, {self.width}, {self.layers}, {self.threads}"
        name = re.sub(r"\W+", "_", f"render_{self.precision}_{network}{'_adjusting' * self.adjusting}")
        rest = f"{_BLOCKS[self.precision]}, {self.registers}, {str(self.adjusting).lower()}"
        return f"RENDER({name}, {CUDA_NUMBERS[self.precision]}, {network}, {rest})\n", name

    @property
    def registers(self) -> int:
        """How many of its parameters a thread keeps in registers."""
        count = thread_parameters(self.length, self.width, self.layers, self.threads)
        fit = _ALL_KEPT[self.precision] < count <= _MOST_PARAMETERS[self.precision]
        return _SOME_KEPT[self.precision] if fit else count


def fitting_size(template: Recipe, threads: int | None = None) -> Size:
    """The compiled size for a network. ``threads``: as few as have room for all its parameters, if not given."""
    layers = len(template.hidden)
    length = next(n for n in LENGTHS if n >= template.length)
    width = next(n for n in WIDTHS if n >= max(template.hidden, default=0))
    possible = [n for n in (1, 2, 4, 8, 16, 32) if width % n == 0] if layers else [1]
    most = _MOST_PARAMETERS[template.precision]
    fitting = [n for n in possible if thread_parameters(length, width, layers, n) <= most]
    threads = threads or next(iter(fitting), possible[-1])
    return Size(template.precision, length, width, layers, threads, is_adjusting(template))


def thread_parameters(length: int, width: int, layers: int, threads: int) -> int:
    """Parameters that each thread of a network keeps: those of its share of the neurons, and of the output."""
    if layers == 0:
        return length + 1
    return width // threads * (length + 1 + (layers - 1) * (width + 1)) + width + 1


def is_adjusting(template: Recipe) -> bool:
    """Whether the parameters move while the sound goes on."""
    return template.adjusting is not None and template.adjusting.amount > 0.0


class Group(NamedTuple):
    """Networks that differ only in their last seeds. ``frame``: the steps of a frame of statistics, 0 for none."""

    template: Recipe
    seeds: Sequence[int]
    frame: int = 0

    @property
    def frames(self) -> int:
        """Frames of statistics of each network."""
        return -(-self.template.steps // self.frame) if self.frame else 0


class Launch(NamedTuple):
    """Neighbouring works of one size, each for one block. ``steps``: the most of them."""

    size: Size
    first: int
    blocks: int
    steps: int


class Plan(NamedTuple):
    """The work for some groups of one precision.

    ``works``: WORK, shape ``(blocks,)``. Those of one size stand together, the longest first, in works and in launches.
    ``seeds``, ``varied``: uint64, ``amounts``: float64, where the works say. ``sounds``, ``statistics``: the first item
    of each group. ``items``: how many there are of parameters, outputs, sounds and statistics.
    """

    works: NDArray[Any]
    launches: list[Launch]
    seeds: NDArray[np.uint64]
    varied: NDArray[np.uint64]
    amounts: NDArray[np.float64]
    sounds: list[int]
    statistics: list[int]
    items: dict[str, int]


def plan(groups: Sequence[Group], threads: int | None = None) -> Plan:
    """The works of groups of one precision. ``threads``: of each network, in place of as few as fit."""
    sizes = [fitting_size(group.template, threads) for group in groups]
    longest: dict[Size, int] = {}
    for size, group in zip(sizes, groups, strict=True):
        longest[size] = max(longest.get(size, 0), group.template.steps)
    order = sorted(range(len(groups)), key=lambda g: (-longest[sizes[g]], sizes[g], -groups[g].template.steps))
    used = dict.fromkeys(_ITEMS, 0)
    rows, amounts = [], []
    varied: list[int] = []
    launches: list[Launch] = []
    sounds, statistics = [0] * len(groups), [0] * len(groups)
    seed = first = 0
    for g in order:
        (template, seeds, frame), size = groups[g], sizes[g]
        count = len(seeds)
        blocks = -(-count // size.networks)
        moving = template.adjusting if size.adjusting else None
        every, amount = (moving.every, moving.amount) if moving else (0, 0.0)
        numbers = (every, count, template.steps, frame, len(template.variations), len(template.hidden))
        widths = (*template.widths, *[0] * (6 - len(template.widths)))
        rows.append((*used.values(), seed, len(varied), template.biases, template.weights, amount, *numbers, widths))
        sounds[g], statistics[g] = used["sounds"], used["statistics"]
        for name, each in items_of_network(groups[g]).items():
            # Parameters and outputs are there for all networks that a block can have.
            used[name] += each * (blocks * size.networks if name in ("parameters", "outputs") else count)
        varied += [template.seed, *(v.seed for v in template.variations)][:-1]
        amounts += [v.amount for v in template.variations]
        seed += count
        if not launches or launches[-1].size != size:
            launches.append(Launch(size, first, 0, longest[size]))
        launches[-1] = launches[-1]._replace(blocks=launches[-1].blocks + blocks)
        first += blocks
    networks = np.array([sizes[g].networks for g in order])
    blocks_of = -(-np.array([len(groups[g].seeds) for g in order]) // networks)
    works = np.repeat(np.array(rows, WORK), blocks_of)
    # The networks of the group that stand in blocks before this one.
    networks = np.repeat(networks, blocks_of)
    before = networks * (np.arange(first) - np.repeat(np.cumsum(blocks_of) - blocks_of, blocks_of))
    works["count"] = np.minimum(networks, works["count"] - before)
    works["seeds"] += before.astype(np.uint64)
    of_networks = np.array([list(items_of_network(groups[g]).values()) for g in order])
    for name, items in zip(_ITEMS, np.repeat(of_networks, blocks_of, axis=0).T, strict=True):
        works[name] += (before * items).astype(np.uint64)
    all_seeds = np.concatenate([np.array(groups[g].seeds, np.uint64) for g in order])
    arrays = np.array(varied, np.uint64), np.array(amounts, np.float64)
    return Plan(works, launches, all_seeds, *arrays, sounds, statistics, used)


def items_of_network(group: Group) -> dict[str, int]:
    """How many parameters, outputs, samples and statistics a network has."""
    steps = group.template.steps
    return dict(zip(_ITEMS, (group.template.parameters, steps, steps, group.frames * STATISTICS), strict=True))


def batched(groups: Iterable[Group], most_bytes: int) -> Iterator[list[tuple[int, int, Group]]]:
    """Groups of one precision in batches that take at most so many bytes, or one block.

    Yields lists of parts: the group's number, the number of its first seed that is in the part, and the part.
    """
    batch: list[tuple[int, int, Group]] = []
    taken = 0
    for g, group in enumerate(groups):
        networks, number = fitting_size(group.template).networks, np.dtype(_NUMBERS[group.template.precision]).itemsize
        of_network = items_of_network(group)
        block = networks * sum(n * (8 if name == "statistics" else number) for name, n in of_network.items())
        most = max(1, most_bytes // block) * networks
        for first in range(0, len(group.seeds), most):
            part = group._replace(seeds=group.seeds[first : first + most])
            size = -(-len(part.seeds) // networks) * block
            if batch and taken + size > most_bytes:
                yield batch
                batch, taken = [], 0
            batch.append((g, first, part))
            taken += size
    if batch:
        yield batch
