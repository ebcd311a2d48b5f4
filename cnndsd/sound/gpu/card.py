"""A card that computes by CUDA, through NVIDIA's packages, which the extra ``cuda`` installs."""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsd.schema import Failed
from cnndsd.sound.gpu.batches import source
from cnndsd.sound.kernelcache import cache_folder

# Contraction off: nothing is fused but what says fma. No number is flushed to zero.
OPTIONS: dict[str, Any] = {"std": "c++17", "fma": False, "ftz": False}


def compiled(line: str, arch: str) -> Any:
    """The kernels of a line for an architecture such as ``"sm_90"``, kept on disk like those of the processor.

    It needs NVIDIA's packages, but no card.
    """
    from cuda.core import Program, ProgramOptions
    from cuda.core.utils import FileStreamProgramCache

    with FileStreamProgramCache(cache_folder(__name__)) as cache:
        return Program(source() + line, "c++", ProgramOptions(arch=arch, **OPTIONS)).compile("cubin", cache=cache)


def first_card() -> "Card":
    """The first card of this machine, for one thread at a time.

    ``Failed``, with one line that says what is missing, when there is none.
    """
    card = made_once()
    card.enter()
    return card


@functools.cache
def made_once() -> "Card":
    """The card of this process."""
    return Card()


class Card:
    """A ``batches.Device``. ``name``: that of the card; ``processors``: how many multiprocessors it has."""

    batch_bytes: int

    def __init__(self) -> None:
        try:
            from cuda import core
            from cuda.bindings import driver
        except ImportError:
            raise Failed('device cuda: NVIDIA\'s packages are missing; pip install "cnndsd[cuda]" adds them') from None
        self._core = core
        with _in_one_line("no NVIDIA card with a driver is found"):
            self._device = core.Device(0)
            self.enter()
            self.name, self._arch = str(self._device.name), f"sm_{self._device.arch}"
            self.processors = int(self._device.properties.multiprocessor_count)
            self._queues: list[Any] = [self._device.create_stream()]
            # Half of the memory that is free now.
            self.batch_bytes = int(driver.cuMemGetInfo()[1]) // 2
        self._kept: dict[str, Any] = {}
        self._staged: dict[str, Any] = {}
        self._programs: dict[str, Any] = {}

    def enter(self) -> None:
        """Let the current thread use the card."""
        self._device.set_current()

    def memory(self, name: str, size: int) -> int:
        """As ``batches.Device``."""
        if name not in self._kept or self._kept[name].size < size:
            if name in self._kept:
                self._kept.pop(name).close(self._queues[0])
            with _in_one_line(f"{size / 2**30:.2g} GiB of its memory are not free"):
                self._kept[name] = self._device.allocate(max(size, 1), stream=self._queues[0])
                self.wait()
        return int(self._kept[name].handle)

    def write(self, name: str, array: NDArray[Any]) -> int:
        """As ``batches.Device``."""
        address = self.memory(name, array.nbytes)
        if array.nbytes:
            staged = self._stage(name, array.nbytes)
            # Not by DLPack, as below: with numpy 2.0 that is read only.
            ctypes.memmove(int(staged.handle), np.ascontiguousarray(array).ctypes.data, array.nbytes)
            self._copy(int(staged.handle), address, array.nbytes)
        return address

    def read(self, name: str, number: Any, first: int, count: int) -> NDArray[Any]:
        """As ``batches.Device``."""
        item = np.dtype(number).itemsize
        if count == 0:
            return np.empty(0, number)
        staged = self._stage(name, count * item)
        self._copy(self.memory(name, (first + count) * item) + first * item, int(staged.handle), count * item)
        return np.from_dlpack(staged).view(np.uint8)[: count * item].view(number)

    def resident(self, kernel: tuple[str, str], threads: int) -> int:
        """How many blocks of a kernel one multiprocessor computes at a time."""
        with _in_one_line(f"its kernel {kernel[1]} cannot be had"):
            return int(self._kernel(kernel).occupancy.max_active_blocks_per_multiprocessor(threads, 0))

    def launch(self, queue: int, kernel: tuple[str, str], grid: tuple[int, int], threads: int, *arguments: Any) -> None:
        """As ``batches.Device``."""
        while queue >= len(self._queues):
            self._queues.append(self._device.create_stream())
        with _in_one_line(f"its kernel {kernel[1]} cannot run"):
            config = self._core.LaunchConfig(grid=grid, block=threads)
            self._core.launch(self._queues[queue], config, self._kernel(kernel), *arguments)

    def wait(self) -> None:
        """Wait for all that was launched."""
        with _in_one_line("its kernels failed"):
            self._device.sync()

    def _kernel(self, kernel: tuple[str, str]) -> Any:
        line, name = kernel
        if line not in self._programs:
            self._programs[line] = compiled(line, self._arch)
        return self._programs[line].get_kernel(name)

    def _stage(self, name: str, size: int) -> Any:
        """Memory of the processor that the card can read and write."""
        if name not in self._staged or self._staged[name].size < size:
            with _in_one_line(f"{size / 2**30:.2g} GiB of memory for its results are not free"):
                self._staged[name] = self._core.LegacyPinnedMemoryResource().allocate(size)
        return self._staged[name]

    def _copy(self, origin: int, target: int, size: int) -> None:
        self.wait()
        with _in_one_line("data cannot be copied"):
            view = self._core.Buffer.from_handle
            view(target, size).copy_from(view(origin, size), stream=self._queues[0])
        self.wait()


@contextmanager
def _in_one_line(what: str) -> Iterator[None]:
    try:
        yield
    except Failed:
        raise
    except Exception as error:
        # NVIDIA's packages raise errors of many types, with the log of the compiler or some lines of advice.
        reason = " ".join(str(error).split())[:200]
        raise Failed(f"device cuda: {what} ({reason})") from error
