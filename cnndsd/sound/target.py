"""The vector registers of a processor, and how many neurons it computes together so that they fit in these."""

from typing import NamedTuple

# Numbers are stored and computed in rows of so many bytes: one of the widest registers, or several narrower ones.
# Arrays of rows begin at a multiple of it, because the widest registers are slow to load from elsewhere.
ROW_BYTES = 64
# With smaller blocks than this, sums together with sines are slower than one after the other.
_FEWEST_TOGETHER = 4


class Target(NamedTuple):
    """A processor with so many vector registers of so many bytes.

    ``memory_operands``: whether a multiply-add can read one of its numbers from memory.
    """

    registers: int
    register_bytes: int
    memory_operands: bool

    @property
    def overlaps(self) -> bool:
        """Whether the sums of one block of neurons are computed together with the sines of another."""
        return self._together >= _FEWEST_TOGETHER

    @property
    def largest_block(self) -> int:
        """The most neurons of a block: as many as leave the loop that computes them without a spilled register."""
        return self._together if self.overlaps else self._rows - 1 - (not self.memory_operands)

    def block_sizes(self, neurons: int) -> list[int]:
        """In which blocks a layer's neurons are computed: as few as can be, and as equal as can be.

        >>> Target(registers=16, register_bytes=32, memory_operands=True).block_sizes(16)
        [5, 5, 6]
        """
        count = -(-neurons // self.largest_block)
        return [(neurons + b) // count for b in range(count)]

    @property
    def _rows(self) -> int:
        """Rows that all registers together hold. A block's sums take one for each neuron, and one for the input."""
        return self.registers * self.register_bytes // ROW_BYTES

    @property
    def _together(self) -> int:
        """Neurons in a block where each takes three rows: its sum, and the square and the polynomial of a sine."""
        return (self._rows - 1) // 3
