"""SQL values as the test files write them: text in, Python values for Arrow out, and comparison of results."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from streamsql.schema import Column, Schema
from streamsql.types import TypeKind, parse_type

EPOCH = dt.datetime(1970, 1, 1)


def schema_of(columns: Sequence[tuple[str, str]]) -> Schema:
    """A schema from (name, SQL type) pairs."""
    return Schema(tuple(Column(name, parse_type(type_text)) for name, type_text in columns))


def timestamp_ms(text: str) -> int:
    """Milliseconds since 1970 of `yyyy-MM-dd HH:mm:ss[.SSS]`."""
    return round((dt.datetime.fromisoformat(text) - EPOCH) / dt.timedelta(milliseconds=1))


def _time_ms(text: str) -> int:
    moment = dt.time.fromisoformat(text)
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000


def to_python(value: Any, kind: TypeKind) -> Any:
    """The Python value pyarrow wants for a column of this kind."""
    if value is None:
        return None
    match kind:
        case TypeKind.TIMESTAMP:
            return timestamp_ms(value)
        case TypeKind.DATE:
            return (dt.date.fromisoformat(value) - dt.date(1970, 1, 1)).days
        case TypeKind.TIME:
            return _time_ms(value)
        case TypeKind.DECIMAL:
            return Decimal(str(value))
        case TypeKind.REAL | TypeKind.DOUBLE:
            return float(value)
        case _:
            return value


def table_of(schema: Schema, rows: Sequence[Sequence[Any]], *, has_rowtime: bool = True) -> pa.Table:
    """An input table: ROWTIME first (from the rows' first value) when `has_rowtime`, then the columns."""
    arrays, names = [], []
    if has_rowtime:
        arrays.append(pa.array([timestamp_ms(row[0]) for row in rows], pa.int64()).cast(pa.timestamp("ms")))
        names.append("ROWTIME")
    first = 1 if has_rowtime else 0
    for index, column in enumerate(schema):
        values = [to_python(row[first + index], column.type.kind) for row in rows]
        arrow_type = column.type.arrow
        if column.type.is_datetime:
            storage = pa.int64() if column.type.kind is TypeKind.TIMESTAMP else pa.int32()
            arrays.append(pa.array(values, storage).cast(arrow_type))
        else:
            arrays.append(pa.array(values, arrow_type))
        names.append(column.name)
    return pa.table(arrays, names=names)


def rows_of(table: pa.Table, *, with_rowtime: bool) -> list[tuple[Any, ...]]:
    """The rows of a result as comparable Python values: datetimes as integers of ms (days for DATE)."""
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name == "ROWTIME" and not with_rowtime and not columns:
            with_rowtime = True
            continue
        arrow_type = column.type
        if pa.types.is_timestamp(arrow_type):
            column = column.cast(pa.int64())
        elif pa.types.is_date32(arrow_type) or pa.types.is_time32(arrow_type):
            column = column.cast(pa.int32())
        columns.append(column.to_pylist())
    return list(zip(*columns, strict=True)) if columns else [() for _ in range(table.num_rows)]


def same_value(actual: Any, expected: Any, arrow_type: pa.DataType) -> bool:
    """Compare as the conformance files say: REAL within 1e-6 relative, DOUBLE within 1e-9, DECIMAL numerically."""
    if actual is None or expected is None:
        return actual is None and expected is None
    if pa.types.is_timestamp(arrow_type):
        return bool(actual == timestamp_ms(expected))
    if pa.types.is_date32(arrow_type):
        return bool(actual == to_python(expected, TypeKind.DATE))
    if pa.types.is_time32(arrow_type):
        return bool(actual == _time_ms(expected))
    if pa.types.is_decimal(arrow_type):
        return bool(Decimal(str(expected)) == actual)
    if pa.types.is_floating(arrow_type):
        tolerance = 1e-6 if pa.types.is_float32(arrow_type) else 1e-9
        return math.isclose(actual, float(expected), rel_tol=tolerance)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    return bool(actual == expected)


def same_row(actual: Sequence[Any], expected: Sequence[Any], types: Sequence[pa.DataType]) -> bool:
    """Whether two rows agree in every column."""
    return len(actual) == len(expected) and all(map(same_value, actual, expected, types))


def compare_rows(
    table: pa.Table, expected: Sequence[Sequence[Any]], *, ordered: bool, with_rowtime: bool
) -> str | None:
    """None when the table holds the expected rows, else what differs."""
    actual = rows_of(table, with_rowtime=with_rowtime)
    types = list(table.schema.types if with_rowtime else table.schema.types[1:])
    if ordered:
        matches = len(actual) == len(expected) and all(
            same_row(a, e, types) for a, e in zip(actual, expected, strict=True)
        )
    else:
        rest = list(expected)
        matches = len(actual) == len(expected)
        for row in actual:
            found = next((e for e in rest if same_row(row, e, types)), None)
            if found is None:
                matches = False
                break
            rest.remove(found)
    return None if matches else f"expected {list(map(tuple, expected))}\n     got {actual}"


def inputs_of(streams: Mapping[str, Schema], rows: Mapping[str, Sequence[Sequence[Any]]]) -> dict[str, pa.Table]:
    """Input tables in the order the streams are listed."""
    return {name: table_of(schema, rows.get(name, ())) for name, schema in streams.items()}
