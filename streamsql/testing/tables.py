"""Batches as text tables, so that a test shows its data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql.schema import ROWTIME, Schema
from streamsql.types import parse_type

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY = "1970-01-01"


def table(text: str) -> pa.Table:
    """A table written as text: a line of names, a line of SQL types, then rows; cells separated by `|`.

    `null` is NULL, text may be quoted with single quotes, a time of day in a TIMESTAMP column is on 1970-01-01. Column
    ROWTIME becomes `timestamp[us]`.

    >>> table('''
    ...     ROWTIME   | K          | V
    ...     TIMESTAMP | VARCHAR(4) | INTEGER
    ...     00:00:01  | a          | 1
    ...     00:00:02  | null       | 2
    ... ''').column("V").to_pylist()
    [1, 2]
    """
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip()]
    names, kinds, cells = lines[0], lines[1], lines[2:]
    arrays = []
    for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        arrow_type = pa.timestamp("us") if name == ROWTIME else parse_type(kind).arrow
        arrays.append(_array([row[index] for row in cells], arrow_type))
    return pa.table(arrays, names=names)


def chunk(text: str) -> ChangeBatch:
    """A batch written as the text table of `table`; ROWTIME is its first column.

    A first column called `+/-` before it holds the weights, `+` or `-`.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    weights = None
    if lines[0].split("|")[0].strip() == "+/-":
        signs = [line.split("|", 1)[0].strip() for line in lines[2:]]
        weights = pa.array([{"+": 1, "-": -1}[sign] for sign in signs], pa.int64())
        lines = [line.split("|", 1)[1] for line in lines]
    data = table("\n".join(lines)).combine_chunks()
    columns = [pa.concat_arrays(column.chunks) if column.num_chunks else _empty(column.type) for column in data.columns]
    if data.column_names[0] != ROWTIME:
        raise ValueError("the first column of a chunk is ROWTIME")
    return ChangeBatch(columns[0], tuple(columns[1:]), weights)


def rows(batches: ChangeBatch | Iterable[ChangeBatch], schema: Schema) -> list[tuple[Any, ...]]:
    """The rows of batches as tuples, ROWTIME first as microseconds, then the columns as Python values."""
    if isinstance(batches, ChangeBatch):
        batches = [batches]
    result: list[tuple[Any, ...]] = []
    for batch in batches:
        columns = [batch.rowtime.cast(pa.int64()).to_pylist(), *(column.to_pylist() for column in batch.columns)]
        if len(columns) != len(schema) + 1:
            raise ValueError(f"{len(columns) - 1} columns, the schema has {len(schema)}")
        result.extend(zip(*columns, strict=True))
    return result


def _empty(arrow_type: pa.DataType) -> pa.Array:
    return pa.array([], arrow_type)


def _array(cells: list[str], arrow_type: pa.DataType) -> pa.Array:
    values: list[Any] = [_value(cell, arrow_type) for cell in cells]
    if pa.types.is_timestamp(arrow_type):
        return pa.array(values, pa.int64()).cast(arrow_type)
    array = pa.array(values, pa.string())
    if pa.types.is_string(arrow_type):
        return array
    return array.cast(arrow_type)


def _value(cell: str, arrow_type: pa.DataType) -> Any:
    if cell == "null":
        return None
    if len(cell) >= 2 and cell[0] == cell[-1] == "'":
        return cell[1:-1]
    if pa.types.is_timestamp(arrow_type):
        text = cell if "-" in cell else f"{_DAY} {cell}"
        moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        unit = dt.timedelta(microseconds=1) if arrow_type.unit == "us" else dt.timedelta(milliseconds=1)
        return (moment - _EPOCH) // unit
    return cell
