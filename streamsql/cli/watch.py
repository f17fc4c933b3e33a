"""Wrappers around sources and sinks that let the command line see what goes through."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from streamsql.clock import Clock
    from streamsql.connectors.base import Sink, Source, SourceBatch
    from streamsql.schema import Schema

#: How often a source is asked again at least, so that its time limit is noticed, in seconds.
_LIMIT_CHECK_SECONDS = 0.1


class WatchedSource:
    """A source that knows whether it has ended, and ends after `seconds` of the clock when that is given.

    The time runs from the first reading. Ending by time is an end of input like any other: open windows are flushed.
    """

    def __init__(self, source: Source, clock: Clock, seconds: float | None) -> None:
        self._source = source
        self._clock = clock
        self._seconds = seconds
        self._started_us: int | None = None
        self.has_ended = False
        self.schema: Schema = source.schema
        self.has_rowtime = source.has_rowtime
        self.is_bounded = source.is_bounded
        self.is_live = source.is_live

    def project(self, columns: Sequence[str]) -> None:
        """Pass on."""
        self._source.project(columns)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The source's next rows; None once it has ended or its time is over."""
        if self._started_us is None:
            self._started_us = self._clock.now_us()
        batch = None if self._is_over() else self._source.next_batch(max_rows)
        self.has_ended = batch is None
        return batch

    def next_awake(self) -> float | None:
        """As the source says, but soon enough to notice the end of its time."""
        delay = self._source.next_awake()
        if self._seconds is None or delay is None:
            return delay
        return min(delay, _LIMIT_CHECK_SECONDS)

    def _is_over(self) -> bool:
        if self._seconds is None or self._started_us is None:
            return False
        return self._clock.now_us() - self._started_us >= self._seconds * 1e6

    def position(self) -> str:
        """Pass on."""
        return self._source.position()

    def progress(self) -> float | None:
        """Pass on."""
        return self._source.progress()

    def close(self) -> None:
        """Pass on."""
        self._source.close()


class LineSink:
    """Hands rows to a sink on standard output whole: streams that share it take turns by `lock`.

    With `stream` the rows get a first column `stream` with its name.
    """

    def __init__(self, sink: Sink, lock: threading.Lock, stream: str | None) -> None:
        self._sink = sink
        self._lock = lock
        self._stream = None if stream is None else pa.scalar(stream)
        self.guarantee = sink.guarantee

    def open(self, schema: pa.Schema) -> None:
        """Open the sink, with the wider schema."""
        if self._stream is not None:
            schema = schema.insert(0, pa.field("stream", pa.string(), nullable=False))
        self._sink.open(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write and flush, so that no line is cut by one of another stream."""
        if self._stream is not None:
            names = ["stream", *batch.schema.names]
            columns = [pa.repeat(self._stream, batch.num_rows), *batch.columns]
            batch = pa.RecordBatch.from_arrays(columns, names=names)
        with self._lock:
            self._sink.write(batch)
            self._sink.flush()

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()


class LimitedSink:
    """Hands on the first `max_rows` rows, then calls `when_full` once and drops what still comes."""

    def __init__(self, sink: Sink, max_rows: int, when_full: Callable[[], None]) -> None:
        self._sink = sink
        self._left = max_rows
        self._when_full = when_full
        self.guarantee = sink.guarantee

    def open(self, schema: pa.Schema) -> None:
        """Pass on."""
        self._sink.open(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Pass on what there is room for."""
        if self._left:
            self._sink.write(batch.slice(0, self._left))
            self._left -= min(self._left, batch.num_rows)
            if not self._left:
                self._when_full()

    def flush(self) -> None:
        """Pass on."""
        self._sink.flush()

    def close(self) -> None:
        """Pass on."""
        self._sink.close()


class ErrorSummary:
    """A sink of `error_stream` that counts the reasons, keeps the first few, and hands the rows on to `sink`."""

    guarantee = "counted"

    def __init__(self, sink: Sink | None = None, keep: int = 5) -> None:
        self._sink = sink
        self._keep = keep
        self.rows = 0
        self.names: Counter[str] = Counter()
        self.first: list[str] = []

    def open(self, schema: pa.Schema) -> None:
        """Open the sink behind."""
        if self._sink is not None:
            self._sink.open(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Count."""
        self.rows += batch.num_rows
        for entry in batch.column("ERROR_NAME").value_counts():
            self.names[entry["values"].as_py()] += entry["counts"].as_py()
        for row in batch.slice(0, self._keep - len(self.first)).to_pylist():
            where = f"{row['PUMP_NAME']}: " if row["PUMP_NAME"] else ""
            self.first.append(f"{row['ERROR_NAME']}: {where}{row['MESSAGE']}")
        if self._sink is not None:
            self._sink.write(batch)

    def flush(self) -> None:
        """Flush the sink behind."""
        if self._sink is not None:
            self._sink.flush()

    def close(self) -> None:
        """Close the sink behind."""
        if self._sink is not None:
            self._sink.close()

    def lines(self) -> list[str]:
        """What to tell at the end; nothing when no row failed."""
        if not self.rows:
            return []
        counts = ", ".join(f"{count:,} {name}" for name, count in self.names.most_common())
        more = self.rows - len(self.first)
        return [
            f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} went to error_stream ({counts}):",
            *(f"  {line}" for line in self.first),
            *([f"  ... and {more:,} more"] if more else []),
        ]
