"""The one door to the compiler: how every kernel of this project is compiled, and where the result is kept."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.codegen import get_host_cpu_features

# fastmath stays off: it lets the compiler reorder and contract, and one rounding makes another sound.
# error_model "numpy" drops the test for division by zero from the loops.
# nogil lets threads render side by side; cache spares every later process the compile.
_OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True, "cache": True}
# The rooms whose code ends up in a kernel.
_ROOMS = ("compiler", "simd", "schedule", "kernel", "measure", "describe", "choose", "bench")


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays, on its first call, with the project's settings."""
    return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that kernels call; it is cached as a part of them."""
    return numba.njit(fastmath=False, error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]


def wide_registers() -> bool:
    """Whether the processor that is compiled for has 32 registers of 64 bytes, as those with AVX-512 have."""
    features = numba.config.CPU_FEATURES
    return "+avx512f" in (get_host_cpu_features() if features is None else features).split(",")


def _cache_folder() -> Path:
    """A folder of this very code: numba alone looks only at the file a function stands in, not at what it calls."""
    code = hashlib.sha256(numba.__version__.encode())
    for room in _ROOMS:
        code.update(Path(__file__).with_name(f"{room}.py").read_bytes())
    name = f"kernels-{code.hexdigest()[:16]}"
    beside = Path(__file__).parent / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside / name
    personal = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    if os.access(Path(personal).parent, os.W_OK):
        return Path(personal) / "cnndsd" / name
    return Path(tempfile.gettempdir()) / f"cnndsd-{os.getuid() if hasattr(os, 'getuid') else 0}" / name


if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = str(_cache_folder())
