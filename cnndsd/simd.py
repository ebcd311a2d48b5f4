"""Vectors of lanes as a numba type: load, store, arithmetic, fma and rint, one LLVM instruction each.

A vector may be wider than a register; LLVM then uses several, which is how a kernel keeps enough sums in flight.
``fma`` and ``rint`` take plain floats as well, so that a function of them serves one value and many alike.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model
from numba.np import numpy_support

# Arrays of lanes must begin on such a boundary: the widest registers load from nowhere else at full speed.
ALIGNMENT = 64


class Vector(types.Type):  # type: ignore[misc]
    """``lanes`` numbers of one type, side by side."""

    def __init__(self, element: Any, lanes: int) -> None:
        self.element = element
        self.lanes = lanes
        super().__init__(name=f"Vector({element} x {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(_llvm(vector.element), vector.lanes))


def _llvm(element: Any) -> ir.Type:
    if isinstance(element, types.Float):
        return ir.DoubleType() if element.bitwidth == 64 else ir.FloatType()
    return ir.IntType(element.bitwidth)


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """An uninitialised array whose data begin on a boundary of ``ALIGNMENT`` bytes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    buffer = np.empty(size + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    aligned: np.ndarray[Any, Any] = buffer[start : start + size].view(dtype).reshape(shape)
    return aligned


@intrinsic
def rows(typing_context: Any, array: Any) -> Any:
    """The rows of an aligned array of shape ``(rows, lanes)``, as ``load`` and ``store`` take them.

    It is the bare address: numba counts references to an array each time it is handed on, even inside a loop. The
    array must outlive it.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate  # type: ignore[attr-defined]


def _row(builder: ir.IRBuilder, pointer: Any, row: Any, vector: Vector) -> Any:
    """Address of a row, as a pointer to a vector."""
    offset = builder.mul(row, ir.Constant(row.type, vector.lanes))
    return builder.bitcast(
        builder.gep(pointer, [offset]), ir.VectorType(_llvm(vector.element), vector.lanes).as_pointer()
    )


def _align(vector: Vector) -> int:
    return int(min(ALIGNMENT, vector.lanes * vector.element.bitwidth // 8))


@intrinsic
def load(typing_context: Any, pointer: Any, row: Any, lanes: Any) -> Any:
    """Row ``row`` (unsigned); ``lanes`` is a tuple of as many."""
    vector = Vector(pointer.dtype, lanes.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.load(_row(builder, arguments[0], arguments[1], vector), align=_align(vector))

    return vector(pointer, types.uintp, lanes), generate


@intrinsic
def store(typing_context: Any, pointer: Any, row: Any, value: Any) -> Any:
    """Write a vector to row ``row`` (unsigned)."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _row(builder, arguments[0], arguments[1], value), align=_align(value))
        return context.get_dummy_value()

    return types.void(pointer, types.uintp, value), generate


@intrinsic
def turn(
    typing_context: Any, pointer: Any, row: Any, column: Any, lanes: Any, out: Any, stride: Any, start: Any
) -> Any:
    """Write a square of 64-byte rows turned: its column c goes to ``out + start + c * stride`` (counted in items).

    Each round interleaves the first half of the rows with the second; after log2(side) rounds rows are columns.
    """
    width, side = lanes.count, _side(pointer.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        source, row, column, _, target, stride, start = arguments
        size = ir.IntType(64)
        kind = ir.VectorType(_llvm(pointer.dtype), side)
        offset = builder.add(builder.mul(row, ir.Constant(size, width)), column)
        held = []
        for i in range(side):
            place = builder.gep(source, [builder.add(offset, ir.Constant(size, i * width))])
            held.append(builder.load(builder.bitcast(place, kind.as_pointer()), align=_item(pointer.dtype)))
        indices = ir.VectorType(ir.IntType(32), side)
        low = ir.Constant(indices, [i // 2 + (i % 2) * side for i in range(side)])
        high = ir.Constant(indices, [side // 2 + i // 2 + (i % 2) * side for i in range(side)])
        for _ in range(side.bit_length() - 1):
            pairs = list(zip(held[: side // 2], held[side // 2 :], strict=True))
            held = [builder.shuffle_vector(a, b, half) for a, b in pairs for half in (low, high)]
        for i, value in enumerate(held):
            place = builder.gep(target, [builder.add(start, builder.mul(stride, ir.Constant(size, i)))])
            builder.store(value, builder.bitcast(place, kind.as_pointer()), align=_item(pointer.dtype))
        return context.get_dummy_value()

    u = types.uintp
    return types.void(pointer, u, u, lanes, out, u, u), generate


def _item(element: Any) -> int:
    return int(element.bitwidth) // 8


def _side(element: Any) -> int:
    return ALIGNMENT // _item(element)


def _spread(builder: ir.IRBuilder, value: Any, like: ir.Type) -> Any:
    """A scalar in every lane; a vector as it is."""
    if isinstance(value.type, ir.VectorType) or not isinstance(like, ir.VectorType):
        return value
    one = builder.insert_element(ir.Constant(like, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), like.count), [0] * like.count)
    return builder.shuffle_vector(one, ir.Constant(like, ir.Undefined), zeros)


def _operation(arguments: tuple[Any, ...], emit: Callable[..., Any]) -> Any:
    """Typing and code of an operation whose arguments have one type, scalars standing for all lanes."""
    vectors = [a for a in arguments if isinstance(a, Vector)]
    kind = vectors[0] if vectors else arguments[0]
    element = kind.element if vectors else kind
    signature = kind(*[kind if isinstance(a, Vector) else element for a in arguments])

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        like = next((v.type for v in values if isinstance(v.type, ir.VectorType)), values[0].type)
        return emit(builder, *[_spread(builder, v, like) for v in values])

    return signature, generate


def _named(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic over floats or vectors of them; llvmlite itself declares it for scalars only."""

    def emit(builder: ir.IRBuilder, *values: Any) -> Any:
        kind = values[0].type
        scalar = kind.element if isinstance(kind, ir.VectorType) else kind
        suffix = {"float": "f32", "double": "f64"}[str(scalar)]
        prefix = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
        function_type = ir.FunctionType(kind, [kind] * len(values))
        function = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.{name}.{prefix}{suffix}")
        return builder.call(function, values)

    return emit


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` with one rounding."""
    return _operation((a, b, c), _named("fma"))


@intrinsic
def rint(typing_context: Any, x: Any) -> Any:
    """The nearest whole number, halves to even."""
    return _operation((x,), _named("rint"))


@intrinsic
def spread(typing_context: Any, value: Any, like: Any) -> Any:
    """A number in the type of ``like``; in every lane where that is a vector."""
    element = like.element if isinstance(like, Vector) else like

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        return _spread(builder, context.cast(builder, values[0], value, element), values[1].type)

    return like(value, like), generate


@intrinsic
def where_greater(typing_context: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """``x`` where ``a > b``, else ``y``."""

    def emit(builder: ir.IRBuilder, a: Any, b: Any, x: Any, y: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", a, b), x, y)

    return _operation((a, b, x, y), emit)


@intrinsic
def to_float(typing_context: Any, x: Any, like: Any) -> Any:
    """Integers below 2**31 as floats of the type of ``like``."""
    result = Vector(like.element, x.lanes)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        return builder.sitofp(values[0], ir.VectorType(_llvm(result.element), result.lanes))

    return result(x, like), generate


def _operator(function: Any, of_floats: str, of_integers: str) -> None:
    @intrinsic
    def instruction(typing_context: Any, a: Any, b: Any) -> Any:
        element = next(x for x in (a, b) if isinstance(x, Vector)).element
        name = of_floats if isinstance(element, types.Float) else of_integers
        return _operation((a, b), lambda builder, x, y: getattr(builder, name)(x, y))

    @overload(function)
    def typed(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, Vector) or isinstance(b, Vector):
            return lambda a, b: instruction(a, b)
        return None


_operator(operator.add, "fadd", "add")
_operator(operator.sub, "fsub", "sub")
_operator(operator.mul, "fmul", "mul")
_operator(operator.xor, "", "xor")
_operator(operator.rshift, "", "lshr")


@overload(min)
def _min(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, Vector):
        return lambda a, b: where_greater(a, b, b, a)
    return None


@overload(max)
def _max(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, Vector):
        return lambda a, b: where_greater(b, a, b, a)
    return None


def lane_type(dtype: Any, lanes: int) -> Vector:
    """The numba type of ``lanes`` numbers of a numpy type."""
    return Vector(numpy_support.from_dtype(np.dtype(dtype)), lanes)
