"""Arrow data of any compatible type becomes rows of a declared schema; rows that do not fit become bad records.

The rules are those of ingest (language reference §3.3): a number that does not fit, or has a fraction where an integer
is declared, is a COERCION_ERROR of that row alone; texts are parsed; long texts are cut without an error. Columns that
already have the declared type pass through without being copied; rows are looked at one by one only when a whole column
fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from streamsql._core.ingest import BatchChecks
from streamsql.connectors.base import BadRecord, SourceBatch
from streamsql.connectors.conversions import (
    Conversion,
    conversion,
    fit_check,
    json_value,
    plain,
    rowtime_conversion,
)
from streamsql.errors import ConnectorError, ErrorCode, RowError
from streamsql.schema import ROWTIME, Column, Schema
from streamsql.types import MAX_LENGTH, ROWTIME_ARROW, from_arrow, varchar

Position = Callable[[int], str]

_MAX_CACHED = 64
_MAX_SHOWN = 80


def infer_schema(arrow_schema: pa.Schema) -> Schema:
    """The columns in which data of this Arrow schema is held without loss; a field called ROWTIME is left out.

    Lists, structs and maps become VARCHAR (their JSON text). Raises ConnectorError for a type that has no SQL type.
    """
    columns = []
    for field in arrow_schema:
        if field.name == ROWTIME:
            continue
        sql_type = varchar(MAX_LENGTH) if pa.types.is_nested(field.type) else from_arrow(field.type)
        if sql_type is None:
            raise ConnectorError(
                ErrorCode.SCHEMA,
                f'no SQL type holds every value of column "{field.name}" of Arrow type {field.type}',
                hint=f"declare the columns, for example schemas={{...: '\"{field.name}\" BIGINT, ...'}}",
            )
        columns.append(Column(field.name, sql_type))
    return Schema(tuple(columns))


def coerce_batch(
    batch: pa.RecordBatch,
    schema: Schema,
    *,
    columns: Sequence[str] | None,
    rowtime: str | None,
    position: Position,
) -> SourceBatch:
    """The rows of `batch` in the declared types of `schema`, and the rows that do not fit as bad records.

    `columns` are the columns to deliver, in this order (None: all of them). Every declared column that is present is
    checked, so that which rows are bad does not depend on what is read. A declared column the data lacks is NULL; data
    columns nobody declared are ignored. `rowtime` names the column that becomes ROWTIME (any timestamp unit, zoned ones
    in UTC, or integer epoch milliseconds); a NULL in it makes a bad record. `position(row)` says where a row stood.
    """
    wanted = schema.names if columns is None else tuple(columns)
    # The key holds the schema's identity, not its value, because hashing it would cost more than the coercion; the
    # entry keeps the schema alive, so its identity is not given to another.
    key = (id(schema), wanted, rowtime)
    coercer = _coercers.get(key)
    if coercer is None:
        if len(_coercers) >= _MAX_CACHED:
            _coercers.clear()
        coercer = _coercers[key] = _Coercer(schema, wanted, rowtime)
    return coercer.coerce(batch, position)


def columns_looked_at(
    arrow_schema: pa.Schema, schema: Schema, *, columns: Sequence[str] | None, rowtime: str | None
) -> list[int]:
    """The numbers of the data's columns that `coerce_batch` reads; the others may be left out of good batches."""
    wanted = schema.names if columns is None else tuple(columns)
    return _Coercer(schema, wanted, rowtime).columns_looked_at(arrow_schema)


@dataclass(frozen=True, slots=True)
class _Input:
    """One declared column, given the data's schema. `index` is None when the data lacks it.

    `convert` brings values into the declared type; None when no value ever fits. `as_is` says that the data has the
    declared type; then `check`, if there is one, is what must hold for the column to be good as it is.
    """

    name: str
    index: int | None
    as_is: bool
    check: tuple[str, int] | None
    convert: Conversion | None
    target: pa.DataType
    is_delivered: bool
    is_nullable: bool
    type_text: str

    @property
    def is_skipped(self) -> bool:
        """True when the column is neither delivered nor able to make a row bad: texts of the declared type are cut."""
        can_fail = self.index is not None and not (
            self.as_is and (self.check is None or self.check[0] == "short")
        )
        return not self.is_delivered and self.is_nullable and not can_fail


class _Coercer:
    """Coercion to one schema, with the plan for the data's schema last seen."""

    def __init__(self, schema: Schema, wanted: tuple[str, ...], rowtime: str | None) -> None:
        self._schema = schema
        self._rowtime = rowtime
        fields = [schema.arrow.field(name) for name in wanted]
        if rowtime is not None:
            fields.insert(0, pa.field(ROWTIME, ROWTIME_ARROW, nullable=False))
        self._output = pa.schema(fields)
        self._wanted = wanted
        self._seen: pa.Schema | None = None
        self._inputs: tuple[_Input, ...] = ()
        self._rowtime_input: _Input | None = None
        #: When these checks hold, the columns of these numbers are the result; None when some must be converted.
        self._checks: BatchChecks | None = None
        self._selected: list[int] = []

    def _plan(self, seen: pa.Schema) -> None:
        inputs = (self._input(seen, column) for column in self._schema)
        self._inputs = tuple(each for each in inputs if not each.is_skipped)
        if self._rowtime is not None:
            self._rowtime_input = _rowtime_input(seen, self._rowtime)
        self._plan_selection()
        self._seen = seen

    def columns_looked_at(self, seen: pa.Schema) -> list[int]:
        """The numbers of the columns of data of this schema that make a difference, ascending."""
        self._plan(seen)
        inputs = self._inputs if self._rowtime_input is None else (*self._inputs, self._rowtime_input)
        return sorted({each.index for each in inputs if each.index is not None})

    def _input(self, seen: pa.Schema, column: Column) -> _Input:
        index = _find(seen, column.name)
        target = column.type.arrow
        source = pa.null() if index is None else seen.field(index).type
        return _Input(
            column.name,
            index,
            as_is=source == target,
            check=fit_check(column.type),
            convert=conversion(_plain_type(source), column.type),
            target=target,
            is_delivered=column.name in self._wanted,
            is_nullable=column.nullable,
            type_text=str(column.type),
        )

    def _plan_selection(self) -> None:
        needed = {each.name: each for each in self._inputs}
        selected = [needed[name] for name in self._wanted]
        if self._rowtime_input is not None:
            selected.insert(0, self._rowtime_input)
        checked = [*needed.values(), *selected[: 1 if self._rowtime_input else 0]]
        self._checks = None
        self._selected = []
        for each in checked:
            if each.index is None or not each.as_is:
                return
        checks = [(each.index, *each.check) for each in checked if each.index is not None and each.check is not None]
        checks += [(each.index, "no null", 0) for each in checked if each.index is not None and not each.is_nullable]
        self._selected = [each.index for each in selected if each.index is not None]
        if self._rowtime in (None, ROWTIME):        # any other name is changed, and that is no selection
            self._checks = BatchChecks(checks)

    def coerce(self, batch: pa.RecordBatch, position: Position) -> SourceBatch:
        if self._seen is None or not batch.schema.equals(self._seen):
            self._plan(batch.schema)
        if self._checks is not None and self._checks.hold(batch):
            return SourceBatch(batch.select(self._selected))
        problems: dict[int, str] = {}
        columns = {each.name: _column(batch, each, problems) for each in self._inputs}
        arrays = [columns[name] for name in self._wanted]
        if self._rowtime_input is not None:
            arrays.insert(0, _column(batch, self._rowtime_input, problems))
        # A batch made from no arrays would lose its number of rows, which COUNT(*) wants.
        rows = pa.RecordBatch.from_arrays(arrays, schema=self._output) if arrays else batch.select([])
        if not problems:
            return SourceBatch(rows)
        return SourceBatch(*_separate(batch, rows, problems, position))


_coercers: dict[tuple[int, tuple[str, ...], str | None], _Coercer] = {}


def _find(seen: pa.Schema, name: str) -> int | None:
    found = seen.get_all_field_indices(name)
    if len(found) > 1:
        raise ConnectorError(ErrorCode.SCHEMA, f'the data has {len(found)} columns called "{name}"')
    return found[0] if found else None


def _plain_type(source: pa.DataType) -> pa.DataType:
    return plain(pa.array([], source)).type


def _rowtime_input(seen: pa.Schema, name: str) -> _Input:
    index = _find(seen, name)
    if index is None:
        raise ConnectorError(
            ErrorCode.SCHEMA,
            f'the data has no column "{name}" to take ROWTIME from',
            detail=f"its columns are {', '.join(seen.names)}",
        )
    source = seen.field(index).type
    return _Input(
        name,
        index,
        as_is=source == ROWTIME_ARROW,
        check=None,
        convert=rowtime_conversion(_plain_type(source)),
        target=ROWTIME_ARROW,
        is_delivered=True,
        is_nullable=False,
        type_text=ROWTIME,
    )


def _column(batch: pa.RecordBatch, each: _Input, problems: dict[int, str]) -> pa.Array:
    """One column in its declared type; a row whose value does not fit is null and gets an entry in `problems`."""
    if each.index is None:
        column = pa.nulls(batch.num_rows, each.target)
    else:
        column = batch.column(each.index)
        if not each.as_is or each.check is not None:
            column = _convert(column, each, problems)
    if not each.is_nullable and column.null_count:
        for row, is_null in enumerate(column.is_null().to_pylist()):
            if is_null:
                problems.setdefault(row, f'NULL in column "{each.name}", which takes no NULL')
    return column


def _convert(column: pa.Array, each: _Input, problems: dict[int, str]) -> pa.Array:
    if each.convert is None:
        for row, is_valid in enumerate(column.is_valid().to_pylist()):
            if is_valid:
                problems.setdefault(row, _message(_python(column[row]), each))
        return pa.nulls(len(column), each.target)
    pieces: list[pa.Array] = []
    _convert_rows(column, 0, each, each.convert, problems, pieces)
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)


def _convert_rows(
    column: pa.Array,
    first: int,
    each: _Input,
    convert: Conversion,
    problems: dict[int, str],
    pieces: list[pa.Array],
) -> None:
    """Convert, halving what fails until the failing rows stand alone."""
    try:
        pieces.append(convert(plain(column)))
        return
    except (ValueError, OverflowError):     # pa.ArrowInvalid is a ValueError
        if len(column) == 1:
            problems.setdefault(first, _message(_python(column[0]), each))
            pieces.append(pa.nulls(1, each.target))
            return
    half = len(column) // 2
    _convert_rows(column[:half], first, each, convert, problems, pieces)
    _convert_rows(column[half:], first + half, each, convert, problems, pieces)


def _message(value: object, each: _Input) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=json_value, ensure_ascii=False)
    if len(text) > _MAX_SHOWN:
        text = text[:_MAX_SHOWN] + "…"
    return f'value {text} of column "{each.name}" does not fit {each.type_text}'


def _python(scalar: pa.Scalar) -> object:
    """The value for showing it: as Python if Python has such values, else the bare number (far years, nanoseconds)."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return scalar.value if hasattr(scalar, "value") else str(scalar.type)


def _separate(
    batch: pa.RecordBatch, rows: pa.RecordBatch, problems: dict[int, str], position: Position
) -> tuple[pa.RecordBatch, tuple[BadRecord, ...]]:
    """The good rows, and the others as bad records in order."""
    bad = []
    keep = [True] * batch.num_rows
    for row in sorted(problems):
        keep[row] = False
        record = {name: _python(column[row]) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        data = json.dumps(record, default=json_value, ensure_ascii=False).encode()
        bad.append(BadRecord(data, RowError.COERCION_ERROR, problems[row], position(row)))
    if not rows.num_columns:
        return rows.slice(0, rows.num_rows - len(bad)), tuple(bad)
    return rows.filter(pa.array(keep, pa.bool_())), tuple(bad)
