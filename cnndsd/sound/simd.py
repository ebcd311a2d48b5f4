"""Rows of lanes as a numba type: load, store, arithmetic, fma and rint, one LLVM instruction for each row.

A row is as wide as the widest register. A value of several rows keeps several sums in flight, which hides the latency
of an fma. ``fma`` and ``rint`` also take plain floats, so that one function serves a single number and rows.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

from cnndsd.sound.target import ROW_BYTES


class Rows(types.Type):  # type: ignore[misc]
    """``rows`` times ``lanes`` numbers of one type."""

    def __init__(self, element: Any, lanes: int, rows: int = 1) -> None:
        self.element = element
        self.lanes = lanes
        self.rows = rows
        super().__init__(name=f"Rows({element} x {lanes} x {rows})")


@register_model(Rows)
class _RowsModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, rows_type: Rows) -> None:
        super().__init__(manager, rows_type, ir.ArrayType(_row_type(rows_type), rows_type.rows))


def _row_type(rows_type: Rows) -> ir.VectorType:
    return ir.VectorType(_number(rows_type.element), rows_type.lanes)


def _number(element: Any) -> ir.Type:
    if isinstance(element, types.Float):
        return ir.DoubleType() if element.bitwidth == 64 else ir.FloatType()
    return ir.IntType(element.bitwidth)


def lane_count(dtype: Any) -> int:
    """Numbers of a numpy type in a row."""
    return ROW_BYTES // int(np.dtype(dtype).itemsize)


def empty_rows(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """An uninitialised array of shape ``(*shape, lanes)`` that begins where a row may."""
    shape = (*shape, lane_count(dtype))
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.empty(size + ROW_BYTES, np.uint8)
    start = -buffer.ctypes.data % ROW_BYTES
    aligned: np.ndarray[Any, Any] = buffer[start : start + size].view(dtype).reshape(shape)
    return aligned


@intrinsic
def address(typing_context: Any, array: Any) -> Any:
    """The address of an array's data, for ``load``, ``store`` and ``turn``; ``[i]`` reads or writes item i.

    Numba counts references each time an array is passed on, even inside a loop. It does not count addresses, so the
    array must outlive its address.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate  # type: ignore[attr-defined]


@intrinsic
def lanes_of(typing_context: Any, pointer: Any) -> Any:
    """The number of lanes in a row of the numbers at an address: a constant of the compiled code."""
    count = ROW_BYTES * 8 // pointer.dtype.bitwidth

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.IntType(64), count)

    return types.uint64(pointer), generate


@intrinsic
def ahead(typing_context: Any, pointer: Any, items: Any) -> Any:
    """The address so many items on."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.uintp), generate


@intrinsic
def opaque(typing_context: Any, x: Any) -> Any:
    """The same 64-bit number or address, hidden from the compiler.

    The loop that depends on it then stays as it is written: LLVM does not unroll it, nor give it index registers.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        same = ir.FunctionType(arguments[0].type, [arguments[0].type])
        return builder.call(ir.InlineAsm(same, "", "=r,0"), arguments)

    return x(x), generate


@intrinsic
def remade(typing_context: Any, number: Any) -> Any:
    """The same 64-bit number, made again wherever it is used, so that it keeps no register that loops need."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        same = ir.FunctionType(arguments[0].type, [arguments[0].type])
        return builder.call(ir.InlineAsm(same, "", "=r,0", side_effect=True), arguments)

    return number(number), generate


def _place(builder: ir.IRBuilder, pointer: Any, item: Any, item_type: ir.Type) -> Any:
    return builder.bitcast(builder.gep(pointer, [item]), item_type.as_pointer())


@intrinsic
def load(typing_context: Any, pointer: Any, item: Any, rows: Any) -> Any:
    """As many rows as the tuple ``rows`` has members, from item ``item`` (unsigned) on; a row begins there."""
    rows_type = Rows(pointer.dtype, ROW_BYTES * 8 // pointer.dtype.bitwidth, rows.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer, item, _ = arguments
        loaded = []
        for r in range(rows_type.rows):
            place = _place(
                builder, pointer, builder.add(item, ir.Constant(item.type, r * rows_type.lanes)), _row_type(rows_type)
            )
            loaded.append(builder.load(place, align=ROW_BYTES))
        return _together(builder, loaded)

    return rows_type(pointer, types.uintp, rows), generate


@intrinsic
def store(typing_context: Any, pointer: Any, item: Any, value: Any) -> Any:
    """Write rows from item ``item`` (unsigned) on; a row begins there."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer, item, value = arguments
        rows_type = signature.args[2]
        for r in range(rows_type.rows):
            place = _place(
                builder, pointer, builder.add(item, ir.Constant(item.type, r * rows_type.lanes)), _row_type(rows_type)
            )
            builder.store(builder.extract_value(value, r), place, align=ROW_BYTES)
        return context.get_dummy_value()

    return types.void(pointer, types.uintp, value), generate


@intrinsic
def load_apart(typing_context: Any, pointer: Any, stride: Any, rows: Any) -> Any:
    """As ``load`` from an address, rows ``stride`` items from one another."""
    rows_type = Rows(pointer.dtype, ROW_BYTES * 8 // pointer.dtype.bitwidth, rows.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer, stride, _ = arguments
        loaded = []
        for r in range(rows_type.rows):
            item = builder.mul(stride, ir.Constant(stride.type, r))
            loaded.append(builder.load(_place(builder, pointer, item, _row_type(rows_type)), align=ROW_BYTES))
        return _together(builder, loaded)

    return rows_type(pointer, types.uintp, rows), generate


@intrinsic
def store_apart(typing_context: Any, pointer: Any, stride: Any, value: Any) -> Any:
    """As ``store`` to an address, rows ``stride`` items from one another."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer, stride, value = arguments
        rows_type = signature.args[2]
        for r in range(rows_type.rows):
            place = _place(builder, pointer, builder.mul(stride, ir.Constant(stride.type, r)), _row_type(rows_type))
            builder.store(builder.extract_value(value, r), place, align=ROW_BYTES)
        return context.get_dummy_value()

    return types.void(pointer, types.uintp, value), generate


@intrinsic
def first_rows(typing_context: Any, value: Any, rows: Any) -> Any:
    """As many of the first rows as the tuple ``rows`` has members."""
    rows_type = Rows(value.element, value.lanes, rows.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return _together(builder, [builder.extract_value(arguments[0], r) for r in range(rows_type.rows)])

    return rows_type(value, rows), generate


@intrinsic
def padded_rows(typing_context: Any, value: Any, rows: Any) -> Any:
    """As many rows as the tuple ``rows`` has members: first those of ``value``, then anything."""
    rows_type = Rows(value.element, value.lanes, rows.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        given = [builder.extract_value(arguments[0], r) for r in range(value.rows)]
        return _together(
            builder, given + [ir.Constant(_row_type(rows_type), ir.Undefined)] * (rows_type.rows - value.rows)
        )

    return rows_type(value, rows), generate


def _turned(builder: ir.IRBuilder, rows: list[Any]) -> list[Any]:
    """As many rows as they have lanes, made columns.

    First every square of 16 bytes by interleaving, which is cheap within 16 bytes, then the squares as a whole.
    """
    side = len(rows)
    quad = side // 4
    indices = ir.VectorType(ir.IntType(32), side)

    def shuffle(a: Any, b: Any, picks: list[int]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(indices, picks))

    def interleaved(a: Any, b: Any, run: int) -> list[Any]:
        """The lower and the upper halves of each 16 bytes: runs of lanes of ``a`` and ``b`` in turns."""
        runs = [q + k for q in range(0, side, quad) for k in range(0, quad // 2, run)]
        low = [source + start + lane for start in runs for source in (0, side) for lane in range(run)]
        return [shuffle(a, b, low), shuffle(a, b, [i + quad // 2 for i in low])]

    def halves(a: Any, b: Any) -> list[Any]:
        """The even and the odd 16 bytes of ``a``, then of ``b``."""
        even = [source + q + k for source in (0, side) for q in range(0, side, 2 * quad) for k in range(quad)]
        return [shuffle(a, b, even), shuffle(a, b, [i + quad for i in even])]

    if quad == 4:
        pairs = [interleaved(rows[r], rows[r + 1], 1) for r in range(0, side, 2)]
        rows = [x for p in range(0, side // 2, 2) for k in (0, 1) for x in interleaved(pairs[p][k], pairs[p + 1][k], 2)]
    else:
        rows = [x for r in range(0, side, 2) for x in interleaved(rows[r], rows[r + 1], 1)]
    columns = [None] * side
    for m in range(quad):
        even, odd = zip(halves(rows[m], rows[m + quad]), halves(rows[m + 2 * quad], rows[m + 3 * quad]), strict=True)
        columns[m], columns[m + 2 * quad] = halves(*even)
        columns[m + quad], columns[m + 3 * quad] = halves(*odd)
    return columns


@intrinsic
def turn(typing_context: Any, pointer: Any, item: Any, out: Any, start: Any, stride: Any) -> Any:
    """Write a square of as many rows as they have lanes, from item ``item`` on, turned: lane c goes to item
    ``start + c * stride`` of ``out``, where a row may begin.

    The stores are non-temporal, past the caches: those hold what the kernel computes with, and a sound is longer than
    they are. Rows of ``out`` that do not begin on a boundary of ``ROW_BYTES`` fault.
    """
    side = ROW_BYTES * 8 // pointer.dtype.bitwidth
    rows_type = Rows(pointer.dtype, side)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        source, item, target, start, stride = arguments
        size = item.type
        rows = []
        for r in range(side):
            place = _place(builder, source, builder.add(item, ir.Constant(size, r * side)), _row_type(rows_type))
            rows.append(builder.load(place, align=ROW_BYTES))
        rows = _turned(builder, rows)
        for c, value in enumerate(rows):
            item = builder.add(start, builder.mul(stride, ir.Constant(size, c)))
            written = builder.store(value, _place(builder, target, item, _row_type(rows_type)), align=ROW_BYTES)
            written.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    u = types.uintp
    return types.void(pointer, u, out, u, u), generate


def _spread(builder: ir.IRBuilder, value: Any, row: ir.VectorType) -> Any:
    """A number in every lane of a row."""
    one = builder.insert_element(ir.Constant(row, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), row.count), [0] * row.count)
    return builder.shuffle_vector(one, ir.Constant(row, ir.Undefined), zeros)


def _together(builder: ir.IRBuilder, rows: list[Any]) -> Any:
    """LLVM rows as one value."""
    value = ir.Constant(ir.ArrayType(rows[0].type, len(rows)), ir.Undefined)
    for r, row in enumerate(rows):
        value = builder.insert_value(value, row, r)
    return value


def _operation(arguments: tuple[Any, ...], emit: Callable[..., Any]) -> Any:
    """Typing and code of an operation, row by row: a single row stands for all rows, a number for all lanes."""
    several = [a for a in arguments if isinstance(a, Rows)]
    if not several:
        number = arguments[0]
        return number(*arguments), lambda context, builder, signature, values: emit(builder, *values)
    widest = max(several, key=lambda a: a.rows)
    signature = widest(*[a if isinstance(a, Rows) else widest.element for a in arguments])

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        given = []
        for argument, value in zip(signature.args, values, strict=True):
            if isinstance(argument, Rows):
                given.append([builder.extract_value(value, r) for r in range(argument.rows)])
            else:
                given.append([_spread(builder, value, _row_type(widest))])
        made = [emit(builder, *[rows[r] if len(rows) > 1 else rows[0] for rows in given]) for r in range(widest.rows)]
        return _together(builder, made)

    return signature, generate


def _named(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic over floats or vectors of them; llvmlite itself declares it for scalars only."""

    def emit(builder: ir.IRBuilder, *values: Any) -> Any:
        value_type = values[0].type
        scalar = value_type.element if isinstance(value_type, ir.VectorType) else value_type
        suffix = {"float": "f32", "double": "f64"}[str(scalar)]
        prefix = f"v{value_type.count}" if isinstance(value_type, ir.VectorType) else ""
        function_type = ir.FunctionType(value_type, [value_type] * len(values))
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
def high_product(typing_context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two unsigned 64-bit numbers."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*[builder.zext(number, wide) for number in arguments])
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def spread(typing_context: Any, value: Any, like: Any) -> Any:
    """A number in the type of ``like``; in every lane where that is rows."""
    several = isinstance(like, Rows)
    element = like.element if several else like

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        number = context.cast(builder, values[0], value, element)
        return _together(builder, [_spread(builder, number, _row_type(like))] * like.rows) if several else number

    return like(value, like), generate


@intrinsic
def where_greater(typing_context: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """``x`` where ``a > b``, else ``y``."""

    def emit(builder: ir.IRBuilder, a: Any, b: Any, x: Any, y: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", a, b), x, y)

    return _operation((a, b, x, y), emit)


@intrinsic
def to_double(typing_context: Any, x: Any) -> Any:
    """A row of floats as rows of doubles, as many as that takes."""
    lanes = ROW_BYTES // 8
    result = Rows(types.float64, lanes, x.lanes // lanes)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        row = builder.extract_value(values[0], 0)
        parts = []
        for start in range(0, x.lanes, lanes):
            picks = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(start, start + lanes)))
            part = builder.shuffle_vector(row, row, picks)
            parts.append(part if x.element == types.float64 else builder.fpext(part, _row_type(result)))
        return _together(builder, parts)

    return result(x), generate


@intrinsic
def to_float(typing_context: Any, x: Any, like: Any) -> Any:
    """Rows of integers below 2**31 as floats of the type of ``like``: the first of a row, as many as that one has."""
    result = Rows(like.element, like.lanes, x.rows)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        first = ir.Constant(ir.VectorType(ir.IntType(32), result.lanes), list(range(result.lanes)))
        rows = [builder.extract_value(values[0], r) for r in range(result.rows)]
        rows = [builder.shuffle_vector(row, row, first) for row in rows]
        return _together(builder, [builder.sitofp(row, _row_type(result)) for row in rows])

    return result(x, like), generate


def _operator(function: Any, of_floats: str, of_integers: str) -> None:
    @intrinsic
    def instruction(typing_context: Any, a: Any, b: Any) -> Any:
        element = next(x for x in (a, b) if isinstance(x, Rows)).element
        name = of_floats if isinstance(element, types.Float) else of_integers
        return _operation((a, b), lambda builder, x, y: getattr(builder, name)(x, y))

    @overload(function)
    def typed(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, Rows) or isinstance(b, Rows):
            return lambda a, b: instruction(a, b)
        return None


_operator(operator.add, "fadd", "add")
_operator(operator.sub, "fsub", "sub")
_operator(operator.mul, "fmul", "mul")
_operator(operator.xor, "", "xor")
_operator(operator.rshift, "", "lshr")


@overload(min)
def _min(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, Rows):
        return lambda a, b: where_greater(a, b, b, a)
    return None


@overload(max)
def _max(a, b):  # type: ignore[no-untyped-def]
    if isinstance(a, Rows):
        return lambda a, b: where_greater(b, a, b, a)
    return None
