"""How every kernel of this project is compiled, and for which processor."""

import functools
import hashlib
import importlib
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import llvmlite
import llvmlite.binding as binding
import numba
from numba.core.codegen import get_host_cpu_features

from cnndsd import process
from cnndsd.sound.kernelcache import cache_folder, separate_files
from cnndsd.sound.target import ROW_BYTES, Target

# fastmath stays off: it lets the compiler reorder and contract, and one rounding makes another sound.
# error_model "numpy" drops the test for division by zero from the loops.
# nogil lets threads render side by side; cache spares every later process the compile.
_OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True, "cache": True}
COMPILING = "compiling once, which takes half a minute or less; later the result is used again"
_ROW = f"<{ROW_BYTES // 4} x float>"
_SUM_OF_ROWS = f"define {_ROW} @sum({_ROW} %a, {_ROW} %b) {{ %c = fadd {_ROW} %a, %b ret {_ROW} %c }}"


def _load_numba_without_scipy() -> None:
    """Load the part of numba that imports SciPy's linear algebra, a quarter of the CPU time of importing numba.

    Numba only asks whether it is there, for products of matrices in kernels. Other people's kernels may have some. No
    other thread may import it meanwhile.
    """
    asked = "scipy.linalg.cython_blas"
    if asked not in sys.modules:
        sys.modules[asked] = None  # type: ignore[assignment]
        try:
            with suppress(ImportError):
                importlib.import_module("numba.np.arraymath")
        finally:
            if sys.modules.get(asked, asked) is None:
                del sys.modules[asked]


if process.is_own():
    _load_numba_without_scipy()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays, on its first call, with the project's settings, and keep the result on disk."""
    # Numba asks for the folder while it decorates; afterwards it is the user's own setting again.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder(function.__module__))
    try:
        dispatcher = numba.njit(**_OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    separate_files(dispatcher)
    return dispatcher  # type: ignore[no-any-return]


def is_compiled(*modules: str) -> bool:
    """Whether kernels of all these modules were compiled before, and are kept."""
    return all(any(cache_folder(module).rglob("*.nbi")) for module in modules)


def compile_once(module: str, needs: str, compile_all: Callable[[], object]) -> None:
    """Call what compiles all kernels that a module needs, unless that was done with this code and processor before.

    ``needs``: a text that tells apart calls that compile different kernels. Other processes load them from disk.
    """
    name, features = _processor()
    made_of = repr((needs, numba.__version__, llvmlite.__version__, name, features))
    done = cache_folder(module) / f"compiled-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    if not done.exists():
        compile_all()
        with suppress(OSError):
            done.touch()


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that kernels call; it is cached as a part of them."""
    return numba.njit(fastmath=False, error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]


@functools.cache
def current_target() -> Target:
    """The vector registers of the processor that is compiled for.

    It need not be the one that runs: numba takes another from ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES``.
    """
    return target_of(binding.get_process_triple(), *_processor())


def _processor() -> tuple[str, str]:
    """The name and the features of the processor that is compiled for."""
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    return (
        binding.get_host_cpu_name() if name is None else name,
        get_host_cpu_features() if features is None else features,
    )


def target_of(triple: str, name: str, features: str) -> Target:
    """The vector registers of any processor that LLVM has a name for: those that it uses for a sum of two rows.

    ``name`` alone may stand for many features, and ``features`` may take some away, so LLVM has to say.
    """
    if not re.match(r"x86|i\d86", triple):
        return Target(registers=32, register_bytes=16, memory_operands=False)
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=name, features=features)
    code = machine.emit_assembly(binding.parse_assembly(_SUM_OF_ROWS))
    if "%zmm" in code:
        return Target(registers=32, register_bytes=64, memory_operands=True)
    return Target(registers=16, register_bytes=32 if "%ymm" in code else 16, memory_operands=True)
