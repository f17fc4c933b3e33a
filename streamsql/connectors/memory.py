"""Rows that are in memory already: Arrow data, pandas and Polars frames, lists of dicts."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from streamsql.connectors.base import Source, SourceBatch
from streamsql.connectors.coerce import coerce_batch, columns_looked_at, infer_schema
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import ROWTIME, Schema

#: Rows made from dicts at a time.
_BLOCK_ROWS = 65_536


class MemorySource:
    """Rows of Arrow data, in order; ends with them.

    `batches` all have the Arrow schema `arrow_schema`; `schema` is what is declared (None: inferred). Rows that do not
    fit the declared types are bad records. A column called ROWTIME is the rows' ROWTIME.
    """

    is_bounded = True
    is_live = False

    def __init__(
        self,
        batches: Iterable[pa.RecordBatch],
        arrow_schema: pa.Schema,
        schema: Schema | None = None,
        rows: int | None = None,
    ) -> None:
        self.schema = infer_schema(arrow_schema) if schema is None else schema
        self.has_rowtime = ROWTIME in arrow_schema.names
        self._batches: Iterator[pa.RecordBatch] = iter(batches)
        self._columns: tuple[str, ...] | None = None
        self._arrow_schema = arrow_schema
        self._looked_at = list(range(len(arrow_schema)))
        self._waiting: pa.RecordBatch | None = None
        self._total = rows
        self._next = 0

    def project(self, columns: Sequence[str]) -> None:
        """Deliver only these columns, in this order."""
        self._columns = tuple(columns)
        rowtime = ROWTIME if self.has_rowtime else None
        self._looked_at = columns_looked_at(self._arrow_schema, self.schema, columns=self._columns, rowtime=rowtime)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next rows; small batches of the data are put together up to `max_rows`, large ones are cut."""
        gathered: list[pa.RecordBatch] = []
        rows = 0
        while rows < max_rows:
            batch = self._waiting if self._waiting is not None else next(self._batches, None)
            self._waiting = None
            if batch is None:
                break
            room = max_rows - rows
            if batch.num_rows > room:
                self._waiting = batch.slice(room)
                batch = batch.slice(0, room)
            if batch.num_rows:
                gathered.append(batch)
                rows += batch.num_rows
        if not gathered:
            return None
        if len(gathered) > 1:
            # Columns nobody reads are not put together, unless a bad record must be shown whole.
            read = self._coerce(_joined([batch.select(self._looked_at) for batch in gathered]))
            if not read.bad:
                self._next += rows
                return read
        read = self._coerce(_joined(gathered))
        self._next += rows
        return read

    def _coerce(self, batch: pa.RecordBatch) -> SourceBatch:
        first = self._next
        return coerce_batch(
            batch,
            self.schema,
            columns=self._columns,
            rowtime=ROWTIME if self.has_rowtime else None,
            position=lambda row: f"row {first + row}",
        )

    def next_awake(self) -> float | None:
        """At once."""
        return None

    def position(self) -> str:
        """Rows delivered so far."""
        return str(self._next)

    def progress(self) -> float | None:
        """Fraction delivered, when the number of rows is known."""
        if self._total is None:
            return None
        return self._next / self._total if self._total else 1.0

    def close(self) -> None:
        """Let go of the data."""
        self._batches = iter(())
        self._waiting = None


class MemorySink:
    """Keeps everything written, in `batches`; for tests and small results."""

    guarantee = "kept in memory, lost with the process"

    def __init__(self) -> None:
        self.batches: deque[pa.RecordBatch] = deque()
        self.schema: pa.Schema | None = None
        self.is_closed = False

    def open(self, schema: pa.Schema) -> None:
        """Remember the schema."""
        self.schema = schema

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep the rows."""
        self.batches.append(batch)

    def flush(self) -> None:
        """Everything written is visible already."""

    def close(self) -> None:
        """Nothing is held open."""
        self.is_closed = True

    @property
    def table(self) -> pa.Table:
        """Everything written so far."""
        return pa.Table.from_batches(list(self.batches), schema=self.schema)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def is_source(data: object) -> bool:
    """True for an object with the methods of a Source."""
    return hasattr(data, "next_batch") and hasattr(data, "project")


def is_sink(target: object) -> bool:
    """True for an object with the methods of a Sink."""
    return hasattr(target, "write") and hasattr(target, "flush") and hasattr(target, "open")


def is_uri(data: object) -> bool:
    """True for a text or path that names where the data is."""
    return isinstance(data, str | os.PathLike)


def memory_source(data: object, schema: Schema | None, name: str) -> Source:
    """A source over data in memory: Arrow table, batch or reader, pandas or Polars frame, list of dicts.

    `schema` declares the columns (None: inferred). Raises ConnectorError for anything else.
    """
    if isinstance(data, pa.Table):
        return MemorySource(data.to_batches(), data.schema, schema, data.num_rows)
    if isinstance(data, pa.RecordBatch):
        return MemorySource([data], data.schema, schema, data.num_rows)
    reader = _reader(data)
    if reader is not None:
        return MemorySource(reader, reader.schema, schema)
    if _is_rows(data):
        rows: Sequence[Mapping[str, Any]] = data  # type: ignore[assignment]
        batches = rows_to_batches(rows, name)
        arrow_schema = batches[0].schema if batches else _empty_schema(schema)
        return MemorySource(batches, arrow_schema, schema, len(rows))
    raise unknown_form(data, name)


def to_batches(data: object, name: str) -> list[pa.RecordBatch]:
    """The rows of data in any in-memory form, as Arrow batches with the types the data has."""
    if isinstance(data, pa.RecordBatch):
        return [data]
    if isinstance(data, pa.Table):
        return list(data.to_batches())
    reader = _reader(data)
    if reader is not None:
        return list(reader)
    if isinstance(data, Mapping):
        return rows_to_batches([data], name)
    if _is_rows(data):
        return rows_to_batches(data, name)  # type: ignore[arg-type]
    raise unknown_form(data, name)


def rows_to_batches(rows: Sequence[Mapping[str, Any]], name: str) -> list[pa.RecordBatch]:
    """Rows given as dicts, as Arrow batches of one schema. A key that a row lacks is NULL.

    A column whose values have no common Arrow type becomes text, which the declared type then parses row by row.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ConnectorError(
                ErrorCode.SCHEMA, f'row {number} for "{name}" is a {type(row).__name__}, a dict was expected'
            )
    if not rows:
        return []
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = [_column([row.get(key) for row in rows]) for key in names]
    return list(pa.table(columns, names=names).to_batches(_BLOCK_ROWS))


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _is_rows(data: object) -> bool:
    return isinstance(data, Sequence) and not isinstance(data, str | bytes)


def _empty_schema(schema: Schema | None) -> pa.Schema:
    return pa.schema([]) if schema is None else schema.arrow


def _reader(data: object) -> pa.RecordBatchReader | None:
    if isinstance(data, pa.RecordBatchReader):
        return data
    if type(data).__module__.partition(".")[0] == "pandas":
        # Through the stream interface pandas would send its index along as a column.
        table = pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
        return table.to_reader()
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    return None


def unknown_form(data: object, name: str) -> ConnectorError:
    """The error for data that is in none of the accepted forms."""
    return ConnectorError(
        ErrorCode.SCHEMA,
        f'the rows for "{name}" are a {type(data).__name__}',
        hint="give a pyarrow Table, RecordBatch or RecordBatchReader, a pandas or Polars frame, or a list of dicts",
    )


