"""Typed expressions as evaluators over batches.

Errors are data: an evaluator never raises for a bad row; it gives a value for every row and says which rows failed. The
value of a failed row is arbitrary. `errors` is None when no row failed, which is the fast path and costs nothing.
CASE, COALESCE, AND and OR evaluate all operands and keep only the failures of operands that a row reaches.
"""

from __future__ import annotations

import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.batch import ChangeBatch
from streamsql._core.elementwise import Elementwise, selected_rows, unset_bits
from streamsql.errors import RowError
from streamsql.expr import nodes
from streamsql.expr.functions import lookup, resolve
from streamsql.expr.kernels.casts import bind_cast
from streamsql.expr.kernels.interface import Kernel, raw
from streamsql.expr.nodes import Expr
from streamsql.expr.render import render
from streamsql.types import BOOLEAN, DATE, TIME, SqlType, TypeKind

Mask = npt.NDArray[np.bool_]
_TIMESTAMP = pa.timestamp("ms")
_DAY_MS = 86_400_000
_REASONS = {
    RowError.DIVISION_BY_ZERO: "division by zero",
    RowError.NUMERIC_OVERFLOW: "numeric overflow",
    RowError.INVALID_CAST: "the value cannot be converted",
    RowError.STRING_TOO_LONG: "the text is too long",
    RowError.INVALID_PATTERN: "the pattern is malformed",
    RowError.INVALID_ARGUMENT: "an argument is outside its range",
}


class RowErrors(NamedTuple):
    """Which rows failed: a RowError code (0: fine) and a message (None: fine) per row."""

    codes: npt.NDArray[np.uint8]
    messages: npt.NDArray[np.object_]


class Value(NamedTuple):
    """One value per row, in the Arrow type of the expression, and the rows that failed (None: none)."""

    array: pa.Array
    errors: RowErrors | None


class Selection(NamedTuple):
    """The numbers (int32, ascending) of the rows that satisfy a predicate, and the rows that failed."""

    rows: pa.Array
    errors: RowErrors | None


@dataclass(frozen=True, slots=True)
class EvalContext:
    """Clock readings in microseconds: when the query started, and of this step.

    `now_us` is None where time is the data's: then it is each row's own ROWTIME, which no cutting into batches changes.
    """

    started_us: int = 0
    now_us: int | None = 0


def first_error(errors: Sequence[RowErrors | None]) -> RowErrors | None:
    """The failures of all operands; the first failing operand of a row gives its code and message."""
    present = [e for e in errors if e is not None]
    if len(present) < 2:
        return present[0] if present else None
    codes, messages = present[-1]
    for earlier in reversed(present[:-1]):
        failed = earlier.codes != 0
        codes = np.where(failed, earlier.codes, codes)
        messages = np.where(failed, earlier.messages, messages)
    return RowErrors(codes, messages)


def only_where(errors: RowErrors | None, reached: Mask) -> RowErrors | None:
    """The failures of the rows in `reached`; None when none is left."""
    if errors is None:
        return None
    codes = np.where(reached, errors.codes, 0).astype(np.uint8)
    if not codes.any():
        return None
    messages = errors.messages.copy()
    messages[codes == 0] = None
    return RowErrors(codes, messages)


class Evaluator(ABC):
    """Computes one expression for a batch."""

    #: The expression computed.
    expr: Expr
    #: The value as an Arrow scalar when it is the same for every row of every batch.
    scalar: pa.Scalar | None = None

    @abstractmethod
    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        """The value of every row."""


class _Column(Evaluator):
    def __init__(self, expr: nodes.Column) -> None:
        self.expr = expr
        self._index = expr.index

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        return Value(batch.columns[self._index], None)


class _Rowtime(Evaluator):
    def __init__(self, expr: nodes.Rowtime) -> None:
        self.expr = expr
        self._to_ms = Elementwise("us_ms", _TIMESTAMP)

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        return Value(self._to_ms(batch.rowtime)[0], None)


class _Literal(Evaluator):
    def __init__(self, expr: nodes.Literal) -> None:
        self.expr = expr
        self.scalar = to_scalar(expr)
        self._array = pa.nulls(0, expr.type.arrow)

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        rows = batch.num_rows
        if len(self._array) < rows:
            self._array = pa.repeat(self.scalar, rows)
        return Value(self._array.slice(0, rows), None)


def to_scalar(literal: nodes.Literal) -> pa.Scalar:
    """The Arrow scalar of a literal.

    Taken out of an array over its bytes: `pa.scalar` imports pandas where it is installed, a third of a second of every
    command that only compiles.
    """
    arrow, value = literal.type.arrow, literal.value
    if value is None:
        return pa.nulls(1, arrow)[0]
    if isinstance(value, str | bytes):
        data = value.encode("utf-8") if isinstance(value, str) else value
        offsets = struct.pack("=2i", 0, len(data))
        return pa.Array.from_buffers(arrow, 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])[0]
    return pa.Array.from_buffers(arrow, 1, [None, pa.py_buffer(_value_bytes(literal))])[0]


def _value_bytes(literal: nodes.Literal) -> bytes:
    """The value of a fixed-width literal as Arrow stores it."""
    arrow, value = literal.type.arrow, literal.value
    if literal.type.is_approximate:
        return struct.pack("=d" if arrow.bit_width == 64 else "=f", value)
    if literal.type.is_decimal:
        return int(Decimal(value).scaleb(literal.type.scale or 0)).to_bytes(16, sys.byteorder, signed=True)
    return int(value).to_bytes(max(arrow.bit_width // 8, 1), sys.byteorder, signed=True)


class _Clock(Evaluator):
    def __init__(self, expr: nodes.Clock) -> None:
        self.expr = expr
        self._is_row = expr.function == "CURRENT_ROW_TIMESTAMP"
        self._rowtime = _Rowtime(nodes.Rowtime())

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        now_us = context.now_us if self._is_row else context.started_us
        if now_us is None:
            return self._rowtime.eval(batch, context)
        ms = now_us // 1000
        if self.expr.type == DATE:
            ms //= _DAY_MS
        elif self.expr.type == TIME:
            ms %= _DAY_MS
        scalar = to_scalar(nodes.Literal(ms, self.expr.type))
        return Value(pa.repeat(scalar, batch.num_rows), None)


class _Kernel(Evaluator):
    """A kernel applied to the operands that are not constant."""

    def __init__(self, expr: Expr, operands: Sequence[Evaluator], kernel: Kernel) -> None:
        self.expr = expr
        self._operands = tuple(operands)
        self._kernel = kernel

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        values = [operand.eval(batch, context) for operand in self._operands]
        array, codes = self._kernel(*[value.array for value in values])
        errors = first_error([value.errors for value in values])
        if codes is not None:
            errors = first_error([errors, self._describe(codes)])
        return Value(array, errors)

    def _describe(self, codes: npt.NDArray[np.uint8]) -> RowErrors:
        messages = np.full(len(codes), None, dtype=object)
        place = render(self.expr)
        for code in np.unique(codes[codes != 0]).tolist():
            messages[codes == code] = f"{_REASONS[RowError(code)]} in {place}"
        return RowErrors(codes, messages)


class _Null(Evaluator):
    """NULL for every row, after the operands had their chance to fail."""

    def __init__(self, expr: Expr, operands: Sequence[Evaluator]) -> None:
        self.expr = expr
        self._operands = tuple(operands)

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        errors = first_error([operand.eval(batch, context).errors for operand in self._operands])
        return Value(pa.nulls(batch.num_rows, self.expr.type.arrow), errors)


def _true(array: pa.Array) -> Mask:
    """Rows that are TRUE."""
    result: Mask = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    return result


def _valid(array: pa.Array) -> Mask:
    result: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return result


class _Logic(Evaluator):
    """AND and OR: an operand that is FALSE (TRUE for OR) decides, and failures of the others then do not count."""

    def __init__(self, expr: nodes.Call, operands: Sequence[Evaluator]) -> None:
        self.expr = expr
        self._operands = tuple(operands)
        self._is_and = expr.function == "AND"
        self._combine = pc.and_kleene if self._is_and else pc.or_kleene

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        values = [operand.eval(batch, context) for operand in self._operands]
        array = values[0].array
        for value in values[1:]:
            array = self._combine(array, value.array)
        if all(value.errors is None for value in values):
            return Value(array, None)
        decided = np.zeros(batch.num_rows, dtype=bool)
        for value in values:
            decides = _true(pc.invert(value.array) if self._is_and else value.array)
            decided |= decides if value.errors is None else decides & (value.errors.codes == 0)
        return Value(array, only_where(first_error([value.errors for value in values]), ~decided))


class _Coalesce(Evaluator):
    def __init__(self, expr: nodes.Call, operands: Sequence[Evaluator]) -> None:
        self.expr = expr
        self._operands = tuple(operands)

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        values = [operand.eval(batch, context) for operand in self._operands]
        array = values[0].array if len(values) == 1 else pc.coalesce(*[value.array for value in values])
        if all(value.errors is None for value in values):
            return Value(array, None)
        pending = np.ones(batch.num_rows, dtype=bool)
        errors = []
        for value in values:
            errors.append(only_where(value.errors, pending))
            pending &= ~_valid(value.array)
            if value.errors is not None:
                pending &= value.errors.codes == 0
        return Value(array, first_error(errors))


class _Case(Evaluator):
    def __init__(self, expr: nodes.Case, whens: Sequence[tuple[Evaluator, Evaluator]], otherwise: Evaluator) -> None:
        self.expr = expr
        self._whens = tuple(whens)
        self._otherwise = otherwise

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        conditions = [condition.eval(batch, context) for condition, _ in self._whens]
        results = [_operand(result, batch, context) for _, result in self._whens]
        default = _operand(self._otherwise, batch, context)
        if len(conditions) == 1:
            array = pc.if_else(pc.fill_null(conditions[0].array, False), results[0][0], default[0])
        else:
            tests = pa.StructArray.from_arrays(
                [pc.fill_null(c.array, False) for c in conditions], [str(i) for i in range(len(conditions))]
            )
            array = pc.case_when(tests, *[result[0] for result in results], default[0])
        if all(value[1] is None for value in (*conditions, *results, default)):
            return Value(array, None)
        pending = np.ones(batch.num_rows, dtype=bool)
        errors = []
        for condition, result in zip(conditions, results, strict=True):
            errors.append(only_where(condition.errors, pending))
            if condition.errors is not None:
                pending &= condition.errors.codes == 0
            hit = pending & _true(condition.array)
            errors.append(only_where(result[1], hit))
            pending &= ~hit
        errors.append(only_where(default[1], pending))
        return Value(array, first_error(errors))


def _operand(evaluator: Evaluator, batch: ChangeBatch, context: EvalContext) -> tuple[pa.Array, RowErrors | None]:
    """A scalar for a constant, else the array; with the failures."""
    if evaluator.scalar is not None:
        return evaluator.scalar, None
    return evaluator.eval(batch, context)


class _IsForm(Evaluator):
    """IS [NOT] NULL, TRUE, FALSE, UNKNOWN."""

    def __init__(self, expr: nodes.Call, operand: Evaluator) -> None:
        self.expr = expr
        self._operand = operand
        self._form = expr.function

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        array, errors = self._operand.eval(batch, context)
        match self._form:
            case "IS NULL" | "IS UNKNOWN":
                result = pc.is_null(array)
            case "IS NOT NULL" | "IS NOT UNKNOWN":
                result = pc.is_valid(array)
            case "IS TRUE":
                result = pc.fill_null(array, False)
            case "IS NOT TRUE":
                result = pc.invert(pc.fill_null(array, False))
            case "IS FALSE":
                result = pc.invert(pc.fill_null(array, True))
            case _:
                result = pc.fill_null(array, True)
        return Value(result, errors)


class _Distinct(Evaluator):
    """IS [NOT] DISTINCT FROM, from the result of `=` (UNKNOWN where a side is NULL)."""

    def __init__(self, expr: nodes.Call, operands: Sequence[Evaluator], equal: Evaluator) -> None:
        self.expr = expr
        self._operands = tuple(operands)
        self._equal = equal
        self._negated = expr.function == "IS NOT DISTINCT FROM"

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        equal, errors = self._equal.eval(batch, context)
        if equal.null_count:
            left, right = (operand.eval(batch, context).array for operand in self._operands)
            both_null = pc.and_(pc.is_null(left), pc.is_null(right))
            equal = pc.coalesce(equal, both_null)
        return Value(equal if self._negated else pc.invert(equal), errors)


class _InConstants(Evaluator):
    """`x IN (constants)` through one hash lookup. A NULL element turns "not found" into UNKNOWN."""

    def __init__(self, expr: nodes.Call, operand: Evaluator, elements: Sequence[nodes.Literal]) -> None:
        self.expr = expr
        self._operand = operand
        self._is_string = operand.expr.type.is_string
        values = [e.value.rstrip(" ") if self._is_string else raw(e) for e in elements if e.value is not None]
        self._has_null = len(values) < len(elements)
        arrow = operand.expr.type.arrow
        if operand.expr.type.is_decimal:
            self._set = pa.array([e.value for e in elements if e.value is not None], arrow)
        else:
            storage = arrow if arrow.id in _PLAIN_IDS else (pa.int32() if arrow.bit_width == 32 else pa.int64())
            self._set = pa.array(values, storage).cast(arrow)

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        array, errors = self._operand.eval(batch, context)
        searched = pc.utf8_rtrim(array, characters=" ") if self._is_string else array
        found = pc.is_in(searched, value_set=self._set)
        if self._has_null:
            found = pc.if_else(found, True, pa.scalar(None, pa.bool_()))
        if array.null_count:
            found = pc.if_else(pc.is_valid(array), found, pa.scalar(None, pa.bool_()))
        return Value(found, errors)


_PLAIN_IDS = {
    t.id
    for t in (
        pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string(), pa.binary()
    )
}  # fmt: skip


class _NotNull(Evaluator):
    def __init__(self, expr: nodes.NotNull, operand: Evaluator) -> None:
        self.expr = expr
        self._operand = operand
        self._message = f'NULL in column "{expr.column}", which is NOT NULL'

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Value:
        array, errors = self._operand.eval(batch, context)
        if array.null_count == 0:
            return Value(array, errors)
        is_null = ~_valid(array)
        codes = np.where(is_null, RowError.NOT_NULL_VIOLATION, 0).astype(np.uint8)
        messages = np.full(len(array), None, dtype=object)
        messages[is_null] = self._message
        return Value(array, first_error([errors, RowErrors(codes, messages)]))


class Predicate:
    """A condition that picks rows: those where it is TRUE and did not fail."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def eval(self, batch: ChangeBatch, context: EvalContext) -> Selection:
        """The rows picked, and the rows that failed."""
        array, errors = self._evaluator.eval(batch, context)
        if errors is not None:
            array = unset_bits(array, errors.codes)
        return Selection(selected_rows(array), errors)


def compile_expr(expr: Expr) -> Evaluator:
    """The evaluator of a typed expression, constant parts computed once. Raises TypeError for aggregates."""
    from streamsql.expr.fold import fold

    return compile_unfolded(fold(expr))


def compile_predicate(expr: Expr) -> Predicate:
    """The row picker for a BOOLEAN expression; raises TypeError for another type."""
    if expr.type != BOOLEAN:
        raise TypeError(f"a predicate is BOOLEAN, not {expr.type}")
    return Predicate(compile_expr(expr))


def compile_unfolded(expr: Expr) -> Evaluator:
    """As `compile_expr`, without computing constant parts first; folding itself uses it."""
    match expr:
        case nodes.Column():
            return _Column(expr)
        case nodes.Rowtime():
            return _Rowtime(expr)
        case nodes.Literal():
            return _Literal(expr)
        case nodes.Clock():
            return _Clock(expr)
        case nodes.Case():
            whens = [(compile_unfolded(c), compile_unfolded(r)) for c, r in expr.whens]
            return _Case(expr, whens, compile_unfolded(expr.otherwise))
        case nodes.Cast():
            if expr.arg.type.kind is TypeKind.NULL:
                return _Null(expr, [compile_unfolded(expr.arg)])
            if needs_clock(expr.arg.type, expr.type):
                return compile_unfolded(_time_on_current_date(expr))
            return _Kernel(expr, [compile_unfolded(expr.arg)], bind_cast(expr))
        case nodes.NotNull():
            return _NotNull(expr, compile_unfolded(expr.arg))
        case nodes.Call():
            return _compile_call(expr)
        case _:
            raise TypeError(f"{type(expr).__name__} is not a scalar expression")


def needs_clock(source: SqlType, target: SqlType) -> bool:
    """Whether a CAST depends on the present: TIME to TIMESTAMP is that time on CURRENT_DATE."""
    return source == TIME and target.kind is TypeKind.TIMESTAMP


def _time_on_current_date(expr: nodes.Cast) -> Expr:
    today = nodes.Cast(nodes.Clock("CURRENT_DATE", DATE), expr.type)
    return nodes.Call("TIME ON DATE", (today, expr.arg), expr.type, expr.span)


def _compile_call(expr: nodes.Call) -> Evaluator:
    operands = [compile_unfolded(arg) for arg in expr.args]
    match expr.function:
        case "AND" | "OR":
            return _Logic(expr, operands)
        case "COALESCE":
            return _Coalesce(expr, operands)
        case "IN":
            return _compile_in(expr, operands)
        case "IS DISTINCT FROM" | "IS NOT DISTINCT FROM":
            return _Distinct(expr, operands, compile_unfolded(resolve("=", expr.args)))
        case name if name.startswith("IS "):
            return _IsForm(expr, operands[0])
        case "NOT":
            return _Kernel(expr, operands, lambda array: (pc.invert(array), None))
        case "TIME ON DATE":
            return _Kernel(expr, operands, _add_time)
    return _compile_kernel(expr, operands)


def _add_time(date: pa.Array, time: pa.Array) -> tuple[pa.Array, None]:
    """Midnight of a day plus a time of day."""
    ms = pc.add(date.view(pa.int64()), time.view(pa.int32()).cast(pa.int64()))
    return ms.view(_TIMESTAMP), None


def _compile_in(expr: nodes.Call, operands: list[Evaluator]) -> Evaluator:
    value, *elements = expr.args
    literals = [e for e in elements if isinstance(e, nodes.Literal)]
    same_type = all(e.type == value.type or (e.type.is_string and value.type.is_string) for e in elements)
    if len(literals) == len(elements) and same_type and len(elements) > 3 and not isinstance(value, nodes.Literal):
        return _InConstants(expr, operands[0], literals)
    tests = [resolve("=", (value, element)) for element in elements]
    if len(tests) == 1:
        return compile_unfolded(tests[0])
    return compile_unfolded(nodes.Call("OR", tuple(tests), BOOLEAN, expr.span))


#: Arguments that are part of the grammar and never a column: the unit of EXTRACT, the mode of TRIM.
_STRUCTURAL = {"EXTRACT": (0,), "TRIM": (0,), "FLOOR_TO": (1,), "CEIL_TO": (1,), "STEP": (1,)}


def _compile_kernel(expr: nodes.Call, operands: list[Evaluator]) -> Evaluator:
    spec = lookup(expr.function)
    if spec is None:
        raise KeyError(f"no function is called {expr.function!r}")
    constants = [arg if isinstance(arg, nodes.Literal) else None for arg in expr.args]
    if spec.nulls == "propagate" and any(c is not None and c.value is None for c in constants):
        return _Null(expr, [o for o, c in zip(operands, constants, strict=True) if c is None])
    if all(c is not None for c in constants):
        # Only a constant that fails gets here (the others are folded): one operand becomes a column.
        structural = _STRUCTURAL.get(expr.function, ())
        constants[next(i for i in range(len(constants)) if i not in structural)] = None
    columns = [o for o, c in zip(operands, constants, strict=True) if c is None]
    return _Kernel(expr, columns, spec.kernel(expr, tuple(constants)))
