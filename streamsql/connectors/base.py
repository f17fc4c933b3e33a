"""What a source and a sink are. A connector sees schemas and bytes, never a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from streamsql.errors import RowError
from streamsql.schema import Schema


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A source record that could not become a row: its raw bytes, why, and where it stood.

    `error` is COERCION_ERROR, PARSE_ERROR, or ROW_TOO_LARGE (then `data` is only its first 64 KB); `position` is what a
    person needs to find it ("ticks.jsonl line 17").
    """

    data: bytes
    error: RowError
    message: str
    position: str


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Rows and bad records of one reading, in source order.

    `rows` has the requested columns of the source's schema in order, with their declared Arrow types, and first a
    column `ROWTIME` (`timestamp[us]`, UTC without zone, no nulls) when the data carries its own rowtime; without that
    column the engine assigns it on arrival.
    """

    rows: pa.RecordBatch
    bad: Sequence[BadRecord] = field(default=())


class Source(Protocol):
    """A finite or endless supply of rows. One thread; no call blocks."""

    #: The columns a row has, ROWTIME excluded.
    schema: Schema
    #: True when the data carries its own rowtime (a ROWTIME column is delivered).
    has_rowtime: bool
    #: True when the source ends by itself.
    is_bounded: bool
    #: True when rows come as time passes: those without a rowtime of their own arrive by the clock. False for data that
    #: is there already, whose rows arrive on a virtual clock.
    is_live: bool

    def project(self, columns: Sequence[str]) -> None:
        """Deliver only these columns, in this order. Called once, before the first reading."""
        ...

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next rows (at most `max_rows`, possibly none), or None when the source has ended."""
        ...

    def next_awake(self) -> float | None:
        """Seconds until asking again makes sense; 0 or None for at once."""
        ...

    def position(self) -> str:
        """Where the source stands, after the last row returned; opaque, ordered within a split."""
        ...

    def progress(self) -> float | None:
        """Fraction read of a finite source, from 0 to 1, or None when unknown."""
        ...

    def close(self) -> None:
        """Release everything. May be called twice."""
        ...


class Sink(Protocol):
    """A destination of one stream's rows: ROWTIME (`timestamp[ms]`) first, then the declared columns."""

    #: What a crash can do to delivered rows, in words for EXPLAIN and the documentation.
    guarantee: str

    def open(self, schema: pa.Schema) -> None:
        """Called once before the first write, with ROWTIME first."""
        ...

    def write(self, batch: pa.RecordBatch) -> None:
        """Deliver rows in order."""
        ...

    def flush(self) -> None:
        """Make everything written so far visible to readers."""
        ...

    def close(self) -> None:
        """Flush and release everything. May be called twice."""
        ...
