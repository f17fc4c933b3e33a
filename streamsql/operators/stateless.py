"""Operators that look at one row at a time: filter, project, and the named stream.

A row for which an expression fails leaves through `out.fail`, once, as the row the operator was given; the others of
its batch go on. Rows keep their order and their ROWTIME, watermarks pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Operator, Output
from streamsql._core.rowsize import oversized_rows
from streamsql.errors import RowError
from streamsql.expr.compile import compile_expr
from streamsql.operators.context import StepContext
from streamsql.types import TypeKind

if TYPE_CHECKING:
    from streamsql.expr.compile import RowErrors, Value
    from streamsql.plan.physical import FilterExec, ProjectExec, StreamExec
    from streamsql.schema import Schema

#: The largest row of an in-application stream, and what its system columns take of it (language reference §16).
ROW_LIMIT_BYTES = 512 * 1024
ROW_METADATA_BYTES = 1024


class FilterOperator(Operator):
    """Rows for which the predicate is TRUE, cut down to the kept columns."""

    node: FilterExec

    def __init__(self, node: FilterExec, context: StepContext) -> None:
        super().__init__(node)
        self._context = context
        self._predicate = compile_expr(node.predicate)
        self._keep = node.keep
        self._keeps_all = node.keep == tuple(range(len(node.input.schema)))

    def process(self, port: int, batch: ChangeBatch, out: Output) -> int:
        """Emit the rows that pass, in order."""
        value = self._predicate.eval(batch, self._context.current)
        rows_in, rows_error = batch.num_rows, 0
        mask = value.array
        if value.errors is not None:
            failed = value.errors.codes != 0
            rows_error = report_failures(batch, failed, value.errors, out)
            if rows_error:
                mask = pc.and_(pc.fill_null(mask, False), pa.array(~failed))
        passed = mask.true_count
        if passed == rows_in:
            out.emit(batch if self._keeps_all else batch.with_columns(self._kept(batch)))
        elif passed:
            out.emit(
                ChangeBatch(
                    batch.rowtime.filter(mask),
                    tuple([column.filter(mask) for column in self._kept(batch)]),
                    None if batch.weights is None else batch.weights.filter(mask),
                    None if batch.bounds is None else batch.bounds.filter(mask),
                )
            )
        self.count(rows_in, passed, 0, rows_error)
        return 0

    def _kept(self, batch: ChangeBatch) -> tuple[pa.Array, ...]:
        columns = batch.columns
        return tuple([columns[index] for index in self._keep])


class ProjectOperator(Operator):
    """One output column per expression; a row for which any of them fails is reported once and left out."""

    node: ProjectExec

    def __init__(self, node: ProjectExec, context: StepContext) -> None:
        super().__init__(node)
        self._context = context
        self._evals = tuple(compile_expr(item).eval for item in node.items)

    def process(self, port: int, batch: ChangeBatch, out: Output) -> int:
        """Emit the computed rows, in order."""
        context = self._context.current
        values = [evaluate(batch, context) for evaluate in self._evals]
        rows = batch.num_rows
        result = batch.with_columns(tuple([value.array for value in values]))
        rows_error = 0
        if any(value.errors is not None for value in values):
            errors = first_errors(values, rows)
            failed = errors.codes != 0
            rows_error = report_failures(batch, failed, errors, out)
            if rows_error:
                result = result.take(pa.array(np.flatnonzero(~failed)))
        out.emit(result)
        self.count(rows, rows - rows_error, 0, rows_error)
        return 0


class StreamOperator(Operator):
    """A named stream: everything passes, except rows larger than a stream may hold."""

    node: StreamExec

    def __init__(self, node: StreamExec) -> None:
        super().__init__(node)
        self._fixed_bytes, self._text_columns = _row_shape(node.schema)

    def process(self, port: int, batch: ChangeBatch, out: Output) -> int:
        """Emit the rows; an oversized one is reported as ROW_TOO_LARGE."""
        rows = batch.num_rows
        rows_error = 0
        if self._text_columns:
            large = oversized_rows(batch, self._text_columns, ROW_LIMIT_BYTES - ROW_METADATA_BYTES - self._fixed_bytes)
            if large is not None:
                rows_error = len(large)
                message = f"the row is larger than the {ROW_LIMIT_BYTES // 1024} KB a stream's row may have"
                codes = np.full(rows_error, RowError.ROW_TOO_LARGE, dtype=np.uint8)
                out.fail(batch.take(pa.array(large)), codes, [message] * rows_error)
                batch = batch.take(pa.array(np.delete(np.arange(rows), large)))
        out.emit(batch)
        self.count(rows, rows - rows_error, 0, rows_error)
        return 0


def report_failures(batch: ChangeBatch, failed: npt.NDArray[np.bool_], errors: RowErrors, out: Output) -> int:
    """Send the rows marked in `failed` to `out.fail` with their codes and messages; return how many there are."""
    rows = np.flatnonzero(failed)
    if not len(rows):
        return 0
    messages = cast("list[str]", errors.messages[rows].tolist())
    out.fail(batch.take(pa.array(rows)), errors.codes[rows], messages)
    return len(rows)


def first_errors(values: Sequence[Value], rows: int) -> RowErrors:
    """For each row the error of its first failing value (in the order of `values`), or code 0."""
    merged: RowErrors | None = None
    for value in values:
        errors = value.errors
        if errors is None:
            continue
        if merged is None:
            merged = errors._replace(codes=errors.codes.copy(), messages=errors.messages.copy())
            continue
        new = (merged.codes == 0) & (errors.codes != 0)
        merged.codes[new] = errors.codes[new]
        merged.messages[new] = errors.messages[new]
    assert merged is not None, f"no value of these {rows} rows carries errors"
    return merged


_FIXED_BYTES = {
    TypeKind.BOOLEAN: 1,
    TypeKind.TINYINT: 1,
    TypeKind.SMALLINT: 2,
    TypeKind.INTEGER: 4,
    TypeKind.REAL: 4,
    TypeKind.DATE: 4,
    TypeKind.TIME: 4,
    TypeKind.INTERVAL_YEAR: 4,
    TypeKind.DECIMAL: 16,
}


def _row_shape(schema: Schema) -> tuple[int, tuple[int, ...]]:
    """Bytes of the fixed-width columns of a row, and the numbers of the columns whose bytes must be looked at.

    Those are none when even the longest values that the declared lengths allow fit into a row (a character has at most
    four bytes), so that most streams are never checked.
    """
    fixed = sum(_FIXED_BYTES.get(c.type.kind, 8) for c in schema if c.type.length is None)
    text = tuple(i for i, c in enumerate(schema) if c.type.length is not None)
    longest = sum((c.type.length or 0) * (4 if c.type.is_string else 1) for c in schema)
    if fixed + longest + ROW_METADATA_BYTES <= ROW_LIMIT_BYTES:
        text = ()
    return fixed, text
