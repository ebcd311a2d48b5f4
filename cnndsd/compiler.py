"""The one door to the compiler: how every kernel of this project is compiled."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

# fastmath stays off: it lets the compiler reorder and contract, and one rounding makes another sound.
# error_model "numpy" drops the test for division by zero from the loops.
# nogil lets threads render side by side; cache spares every later process the compile.
_OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True, "cache": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays, on its first call, with the project's settings."""
    return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that kernels call; it is cached as a part of them."""
    return numba.njit(fastmath=False, error_model="numpy", inline="never")(function)  # type: ignore[no-any-return]


def _float_operation(name: str, arity: int) -> Any:
    """One LLVM instruction over floats of one type, which numba itself does not offer."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        llvm_type = arguments[0].type
        suffix = {"float": "f32", "double": "f64"}[str(llvm_type)]
        declared = builder.module.declare_intrinsic(
            f"llvm.{name}.{suffix}", (), ir.FunctionType(llvm_type, [llvm_type] * arity)
        )
        return builder.call(declared, arguments)

    def typed(*arguments: Any) -> Any:
        first = arguments[0]
        if isinstance(first, types.Float) and all(a == first for a in arguments):
            return first(*arguments), generate
        return None

    return typed


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` with one rounding; the three have one type."""
    return _float_operation("fma", 3)(a, b, c)


@intrinsic
def rint(typing_context: Any, x: Any) -> Any:
    """The nearest whole number, halves to even."""
    return _float_operation("rint", 1)(x)
