"""A card that is none: kernels.cu compiled for the processor, the threads of each block one after the other."""

import ctypes
import itertools
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np

from cnndsd.sound.gpu.batches import own_kernel, source
from cnndsd.sound.gpu.plans import fitting_size

# threads.hpp switches between threads with calls that other systems lack.
COMPILER = (shutil.which("g++") or shutil.which("clang++")) if sys.platform == "linux" else None
_ARGUMENTS = {int: ctypes.c_void_p, np.uint32: ctypes.c_uint32, np.float32: ctypes.c_float, np.float64: ctypes.c_double}


class Simulation:
    """A ``batches.Device`` for the kernels of some recipes, built in a folder."""

    name, processors, batch_bytes = "a simulation", 1, 2**20

    def __init__(self, folder, recipes, threads=None, defines=()):
        sizes = {fitting_size(recipe, threads) for recipe in recipes}
        kernels = {size.kernel for size in sizes}
        kernels |= {own_kernel(s.precision, n) for s in sizes for n in ("draw", "measure", "chain")}
        lines = [*{line for line, _ in kernels}, *(f"RUNNER({name})\n" for _, name in kernels)]
        text = Path(folder, "kernels.cpp")
        header = Path(__file__).with_name("threads.hpp")
        text.write_text("".join([f'#include "{header}"\n', *defines, source(), *lines]), encoding="utf-8")
        options = ["-std=c++17", "-O1", "-ffp-contract=off", "-w", "-shared", "-fPIC"]
        subprocess.run([COMPILER, *options, str(text), "-o", str(Path(folder, "kernels.so"))], check=True)
        self._library = ctypes.CDLL(str(Path(folder, "kernels.so")))
        self._memory = {}

    def memory(self, name, size):
        if name not in self._memory or self._memory[name].nbytes < size:
            # Numbers that are no result; those who read before they write would be noticed.
            self._memory[name] = np.full(size // 8 + 1, np.nan)
        return self._memory[name].ctypes.data

    def write(self, name, array):
        address = self.memory(name, array.nbytes)
        ctypes.memmove(address, array.ctypes.data, array.nbytes)
        return address

    def read(self, name, number, first, count):
        self.memory(name, (first + count) * np.dtype(number).itemsize)
        return self._memory[name].view(number)[first : first + count]

    def launch(self, queue, kernel, grid, threads, *arguments):
        find = getattr(self._library, f"runner_{kernel[1]}")
        find.restype = ctypes.c_void_p
        types = [_ARGUMENTS[type(argument)] for argument in arguments]
        run = ctypes.CFUNCTYPE(None, *itertools.repeat(ctypes.c_uint, 3), *types)(find())
        run(*grid, threads, *arguments)

    def resident(self, kernel, threads):
        return 1

    def wait(self):
        pass


class Nvidia:
    """What ``card`` uses of NVIDIA's packages, over a simulation. Its memory is that of the processor."""

    def __init__(self, simulation):
        self._simulation = simulation
        self.LaunchConfig = lambda *, grid, block: (grid, block)

    def Device(self, number):
        assert number == 0
        return types.SimpleNamespace(
            name="a simulation",
            arch="90",
            properties=types.SimpleNamespace(multiprocessor_count=2),
            set_current=lambda: None,
            create_stream=object,
            sync=lambda: None,
            allocate=lambda size, *, stream: Buffer(np.full(size, 255, np.uint8)),
        )

    def LegacyPinnedMemoryResource(self):
        return types.SimpleNamespace(allocate=lambda size: Buffer(np.full(size, 255, np.uint8)))

    def compiled(self, line, arch):
        assert arch == "sm_90"
        return types.SimpleNamespace(get_kernel=lambda name: (line, name))

    def launch(self, stream, config, kernel, *arguments):
        (grid, threads) = config
        assert all(type(argument) in _ARGUMENTS for argument in arguments)
        self._simulation.launch(0, kernel, grid, threads, *arguments)

    class Buffer:
        @staticmethod
        def from_handle(address, size):
            return Buffer(np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)))


class Buffer:
    """As ``cuda.core.Buffer``: copies take as many bytes as the other buffer has."""

    def __init__(self, memory):
        self.memory, self.size, self.handle = memory, memory.nbytes, memory.ctypes.data

    def __dlpack__(self, **given):
        return self.memory.__dlpack__(**given)

    def __dlpack_device__(self):
        return self.memory.__dlpack_device__()

    def copy_from(self, source, *, stream):
        assert (source.size, stream is None) == (self.size, False)
        self.memory[:] = source.memory

    def close(self, stream):
        self.memory = self.handle = None
