"""The order in which the neurons of networks that are rendered side by side are computed.

A core reaches its limit only where sums and sines overlap: a sum loads a weight for each multiply-add, a sine loads
hardly anything, and in each of them every operation waits for the one before. So neurons are computed in blocks, and
while the sums of one block are added up, the sines of the block before are taken, as a rule in another group of lanes.
The output is a single neuron that everything waits for: it is computed for several groups together, and the second half
of the groups runs half a step behind the first, so that other work fills the wait. docs/kernel.md has an example.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsd.sound.target import Target

# What a slot does: the sums of a block together with the sines of the block before; sums only; sines only; a block from
# sums to sines, where a target does not overlap them; the outputs of several groups, from sums to sines.
Operation = Literal["both", "sums", "sines", "whole", "outputs"]
# The most groups whose outputs are computed together.
OUTPUT_GROUPS = 4
# Numbers in a row of a plan: a line of the cache. The last is unused.
SLOT = 8


def operations(overlaps: bool, largest: int) -> list[tuple[Operation, int]]:
    """The slot table of a target: every operation with every size. The code of a slot is its index in this table.

    The size is the number of neurons, up to ``largest``, or for outputs the number of groups.
    """
    hidden: tuple[Operation, ...] = ("both", "sums", "sines") if overlaps else ("whole",)
    table = [(operation, size) for operation in hidden for size in range(1, largest + 1)]
    return table + [("outputs", groups) for groups in range(1, OUTPUT_GROUPS + 1)]


@functools.cache
def _codes(overlaps: bool, largest: int) -> dict[tuple[Operation, int], int]:
    return {slot: code for code, slot in enumerate(operations(overlaps, largest))}


class Block(NamedTuple):
    """Neighbouring neurons of a layer. ``weights``, ``x``, ``y``: the rows of its first bias, input and output."""

    layer: int
    inputs: int
    neurons: int
    weights: int
    x: int
    y: int


class Slot(NamedTuple):
    """One turn of the kernel: a row of the plan that ``lanes.render_lanes`` follows.

    ``code``: what to do, as an index into ``operations``. ``inputs``, ``weights``, ``x``: of the sums, their number of
    inputs and the rows of the first bias and the first input. ``y``: of the sines, the row where the first one goes.
    Rows are those of the first of the slot's groups. ``ring``: 1 where the inputs are past outputs; ``x`` is then where
    their ring begins. ``late``: 1 for groups that run one step behind.
    """

    code: int
    inputs: int = 0
    weights: int = 0
    x: int = 0
    y: int = 0
    ring: int = 0
    late: int = 0


def blocks(widths: Sequence[int], history: int, target: Target) -> tuple[list[Block], NDArray[np.uint64]]:
    """The blocks of a network, and the row of each parameter, shape ``(parameters,)``, in the definition's order.

    A block's rows of parameters follow one another: its biases, then for each input in order the weights of all its
    neurons. Values begin with ``history`` rows, the ring of past outputs. Behind it are ``2 * max(widths[1:])`` rows
    for the outputs of two layers, which the layers use in turn.
    """
    layers, widest = len(widths) - 1, max(widths[1:])
    divided, places = [], []
    row = 0
    for layer, (inputs, neurons) in enumerate(itertools.pairwise(widths)):
        x = 0 if layer == 0 else history + (layer - 1) % 2 * widest
        y = 0 if layer == layers - 1 else history + layer % 2 * widest
        for size in target.block_sizes(neurons):
            divided.append(Block(layer, inputs, size, row, x, y))
            rows = size * (inputs + 1)
            places.append((row + np.arange(rows).reshape(inputs + 1, size)).T.ravel())
            row += rows
            y += size
    return divided, np.concatenate(places).astype(np.uint64)


class Plan(NamedTuple):
    """The slots of all steps, for one target.

    ``slots``: uint64, shape ``(slots, SLOT)``, each row a ``Slot``. ``parts``: uint64, four rows of ``slots``: the
    first step takes those from ``parts[0]`` on, every other step those from ``parts[1]`` on; those from ``parts[2]`` to
    ``parts[3]`` complete the groups that are still late after the last step.

    The compiler knows types and no values, so types tell it the target: ``overlaps`` is True or None, and ``largest``
    a tuple with as many members as the largest block has neurons.
    """

    slots: NDArray[np.uint64]
    parts: NDArray[np.uint64]
    overlaps: bool | None
    largest: tuple[bool, ...]


# A layer, the groups that compute it, and 1 where these run one step behind.
_Turn = tuple[int, range, int]
# A block whose sums are computed and whose sines are not, and its group.
_Pending = tuple[Block, int]


def plan(
    divided: list[Block], groups: int, group_weights: int, group_values: int, target: Target, staggered: bool
) -> Plan:
    """The slots of ``groups`` groups. One group's weights and values begin so many rows behind those of the one before.

    ``staggered``: the second half of the groups may run half a step behind. It does so where sums and sines overlap and
    all hidden blocks have one size. Otherwise a step ends in all groups before the next one begins, as parameters that
    move between steps require.
    """
    overlaps, largest = target.overlaps, target.largest_block
    codes = _codes(overlaps, largest)
    by_layer = [list(some) for _, some in itertools.groupby(divided, lambda block: block.layer)]
    alike = len({block.neurons for block in divided[:-1]}) == 1
    turns = _turns(len(by_layer), groups, staggered and overlaps and alike)
    on_time = [turn for turn in turns if not turn[2]]

    def outputs_row(block: Block, group: int) -> int:
        return group * group_values + block.y

    def part(turns: list[_Turn], pending: _Pending | None) -> tuple[list[Slot], _Pending | None]:
        slots = []
        for layer, some, late in turns:
            last = layer == len(by_layer) - 1
            for block in by_layer[layer]:
                # Block by block through the groups, so that neighbouring slots have one size.
                for group in some[:: OUTPUT_GROUPS if last else 1]:
                    size = min(OUTPUT_GROUPS, some.stop - group) if last else block.neurons
                    fits = last or (pending and pending[0].neurons == size)
                    if pending and (not fits or _awaited(pending, layer, some if last else [group])):
                        slots.append(Slot(codes["sines", pending[0].neurons], y=outputs_row(*pending)))
                        pending = None
                    operation: Operation
                    if last or not overlaps:
                        operation, y = "outputs" if last else "whole", outputs_row(block, group)
                    else:
                        operation, y = ("both", outputs_row(*pending)) if pending else ("sums", 0)
                        pending = block, group
                    weights, x = group * group_weights + block.weights, group * group_values + block.x
                    slots.append(Slot(codes[operation, size], block.inputs, weights, x, y, int(layer == 0), late))
        return slots, pending

    opening, pending = part(on_time, None)
    steady, _ = part(turns, pending)
    closing, _ = part([turn for turn in turns if turn[2]], pending)
    parts = np.cumsum([0, len(opening), len(steady), len(closing)])
    slots = np.zeros((parts[-1], SLOT), np.uint64)
    slots[:, : len(Slot._fields)] = [*opening, *steady, *closing]
    return Plan(slots, parts.astype(np.uint64), True if overlaps else None, (True,) * largest)


def _turns(layers: int, groups: int, staggered: bool) -> list[_Turn]:
    """The turns of one step."""
    if not staggered or layers == 1 or groups == 1:
        return [(layer, range(groups), 0) for layer in range(layers)]
    early, others = range((groups + 1) // 2), range((groups + 1) // 2, groups)
    return [
        turn for layer in range(layers) for turn in ((layer, early, 0), ((layer - 1) % layers, others, int(layer == 0)))
    ]


def _awaited(pending: _Pending, layer: int, groups: Sequence[int]) -> bool:
    """Whether one of the groups needs the pending block for this layer."""
    block, group = pending
    return block.layer == layer - 1 and group in groups
