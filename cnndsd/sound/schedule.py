"""In which order the neurons of networks that are rendered side by side are computed.

A core reaches its limit only while sums and sines are computed at once: sums need a load for each multiply-add and
sines none, and each waits for its own last result. So neurons are taken in blocks of up to eight, and while the sums of
one block are added up, the sines of the block before are taken, as a rule in another group of lanes. The output, a
single neuron that everything waits for, is computed for several groups together; the second half of the groups runs
half a step behind the first, so that something is there to be computed meanwhile. docs/kernel.md has an example.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Enough sums in flight, those of the sines beside them, and few enough for 32 registers.
BLOCK_NEURONS = 8
# As many groups may have their outputs computed together.
OUTPUT_GROUPS = 4

# What a slot does, plus its neurons less one: the sums of a block while the sines of the one before are taken; sums
# alone; sines alone; a block from sums to sines, where nothing is done at once; the outputs of several groups.
BOTH, SUMS, SINES, WHOLE, OUTPUTS = range(0, 5 * BLOCK_NEURONS, BLOCK_NEURONS)
# Numbers in a row of a plan, as many as a line of the cache holds; a slot leaves the last unused.
SLOT = 8


class Block(NamedTuple):
    """Neighbouring neurons of a layer. ``weights``, ``x`` and ``y`` are rows: its first bias, input and output."""

    layer: int
    inputs: int
    neurons: int
    weights: int
    x: int
    y: int


class Slot(NamedTuple):
    """What ``kernel.render_lanes`` does at once: the fields of a row of its plan.

    ``does``: one of ``BOTH`` to ``OUTPUTS``, plus its neurons less one. ``inputs``: how many. ``weights``, ``x``,
    ``y``: rows of the first bias, of the first input and of the first output, in the first of its groups. ``ring``: 1
    when the inputs are past outputs, and ``x`` begins their ring. ``late``: 1 for groups that are one step behind.
    Sines alone need only ``does``: the sums are at hand, and where they go was told with them.
    """

    does: int
    inputs: int
    weights: int
    x: int
    y: int
    ring: int
    late: int


def blocks(widths: Sequence[int], history: int) -> tuple[list[Block], NDArray[np.uint64]]:
    """The blocks of a network and ``places``, the row of every parameter in the order of the definition.

    A layer's neurons are divided into blocks as equal as can be. A block's rows of parameters follow one another: its
    biases, then for each input in order the weights of all its neurons. Values begin with ``history`` rows, the ring of
    past outputs; those of every other layer stand in the same rows behind it, ``2 * max(widths[1:])`` in all.
    """
    layers, widest = len(widths) - 1, max(widths[1:])
    found, places = [], []
    row = 0
    for layer, (inputs, neurons) in enumerate(itertools.pairwise(widths)):
        x = 0 if layer == 0 else history + (layer - 1) % 2 * widest
        y = 0 if layer == layers - 1 else history + layer % 2 * widest
        count = -(-neurons // BLOCK_NEURONS)
        for b in range(count):
            size = (neurons + b) // count
            found.append(Block(layer, inputs, size, row, x, y))
            rows = size * (inputs + 1)
            places.append((row + np.arange(rows).reshape(inputs + 1, size)).T.ravel())
            row += rows
            y += size
    return found, np.concatenate(places).astype(np.uint64)


class Plan(NamedTuple):
    """``slots``: shape ``(slots, SLOT)``. The first step takes those from ``parts[0]`` on, every other step those from
    ``parts[1]`` on, and what is late after the last step those from ``parts[2]`` to ``parts[3]``.
    """

    slots: NDArray[np.uint64]
    parts: NDArray[np.uint64]


# A layer of some groups, and 1 where these are one step behind.
_Turn = tuple[int, range, int]
# A block whose sums are there and whose sines are not, and its group.
_Pending = tuple[Block, int]


def plan(found: list[Block], groups: int, group_weights: int, group_values: int, beside: bool, staggered: bool) -> Plan:
    """All slots of ``groups`` groups, from one to the next of which it is so many rows of weights and of values.

    ``beside``: sums and sines of hidden layers are computed at once, for a kernel that is told the same; else each
    block is computed whole. ``staggered``: the second half of the groups may run half a step behind, which it does
    where there is something to compute meanwhile. Else a step is over in all groups before the next begins, as weights
    that walk ask for.
    """
    by_layer = [list(some) for _, some in itertools.groupby(found, lambda block: block.layer)]
    alike = len({block.neurons for block in found[:-1]}) == 1
    turns = _turns(len(by_layer), groups, staggered and beside and alike)
    on_time = [turn for turn in turns if not turn[2]]

    def part(turns: list[_Turn], pending: _Pending | None) -> tuple[list[Slot], _Pending | None]:
        slots = []
        for layer, some, late in turns:
            last = layer == len(by_layer) - 1
            for block in by_layer[layer]:
                for group in some[:: OUTPUT_GROUPS if last else 1]:
                    neurons = min(OUTPUT_GROUPS, some.stop - group) if last else block.neurons
                    fits = last or (pending and pending[0].neurons == neurons)
                    if pending and (not fits or _awaited(pending, layer, some if last else [group])):
                        slots.append(Slot(SINES + pending[0].neurons - 1, 0, 0, 0, 0, 0, 0))
                        pending = None
                    does = OUTPUTS if last else WHOLE if not beside else BOTH if pending else SUMS
                    w, values = group * group_weights + block.weights, group * group_values
                    place = w, values + block.x, values + block.y
                    slots.append(Slot(does + neurons - 1, block.inputs, *place, int(layer == 0), late))
                    if does in (SUMS, BOTH):
                        pending = block, group
        return slots, pending

    opening, pending = part(on_time, None)
    steady, _ = part(turns, pending)
    closing, _ = part([turn for turn in turns if turn[2]], pending)
    parts = np.cumsum([0, len(opening), len(steady), len(closing)])
    slots = np.zeros((parts[-1], SLOT), np.uint64)
    slots[:, : len(Slot._fields)] = [*opening, *steady, *closing]
    return Plan(slots, parts.astype(np.uint64))


def _turns(layers: int, groups: int, staggered: bool) -> list[_Turn]:
    """What one step is made of."""
    if not staggered or layers == 1 or groups == 1:
        return [(layer, range(groups), 0) for layer in range(layers)]
    early, others = range((groups + 1) // 2), range((groups + 1) // 2, groups)
    return [
        turn for layer in range(layers) for turn in ((layer, early, 0), ((layer - 1) % layers, others, int(layer == 0)))
    ]


def _awaited(pending: _Pending, layer: int, groups: Sequence[int]) -> bool:
    """Whether the layer takes in what is pending."""
    block, group = pending
    return block.layer == layer - 1 and group in groups
