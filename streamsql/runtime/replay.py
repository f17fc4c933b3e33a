"""Runs a plan over inputs that all end: every window is flushed; how rows are read does not change the result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MIN_WATERMARK
from streamsql.connectors.base import Source
from streamsql.plan.physical import ApplicationPlan
from streamsql.runtime.error_stream import ERROR_SCHEMA, ErrorLog
from streamsql.runtime.executor import Executor
from streamsql.runtime.inputs import InputStream
from streamsql.runtime.outputs import stream_schema, to_record_batch
from streamsql.spec import RuntimeOptions

#: Rows read from a source at a time; they are cut to `max_batch_rows` afterwards, which costs less than reading little.
_READ_ROWS = 65_536


class _Reader:
    """One finite input, cut into batches."""

    def __init__(self, stream: InputStream, source: Source, max_rows: int) -> None:
        self.name = stream.name
        self.bound_us = MIN_WATERMARK
        self._stream = stream
        self._source = source
        self._max_rows = max_rows
        self._batches = self._read()
        source.project(stream.columns)

    def next_batch(self) -> ChangeBatch | None:
        """The next rows, None at the end."""
        batch = next(self._batches, None)
        if batch is not None:
            self.bound_us = batch.last_us()
        return batch

    def _read(self) -> Iterator[ChangeBatch]:
        max_rows = self._max_rows
        read_rows = max(max_rows, _READ_ROWS)
        take = self._stream.timed if self._source.has_rowtime else None
        while (read := self._source.next_batch(read_rows)) is not None:
            block = self._stream.counted(read) if take is None else take(read, None)
            rows = block.num_rows
            if rows <= max_rows:
                if rows:
                    yield block
                elif delay := self._source.next_awake():
                    time.sleep(delay)
                continue
            for start in range(0, rows, max_rows):
                yield block.slice(start, min(max_rows, rows - start))


def replay(
    plan: ApplicationPlan, sources: Mapping[str, Source], options: RuntimeOptions
) -> tuple[dict[str, pa.Table], pa.Table]:
    """The rows of every stream and of error_stream, after all of `sources` have ended.

    `sources` holds one finite source per input the plan reads; they are merged by ROWTIME, always reading on from the
    one that is furthest behind (at equal times the one given first), so that no more rows wait than have to. Time is
    virtual: the clock shows the ROWTIME of the row at hand. The sources are closed.
    """
    errors = ErrorLog()
    executor = Executor(plan, checks=options.checks)
    streams = {
        node.name: InputStream(node, position, errors)
        for position, node in enumerate(plan.sources)
        if node.name in sources
    }
    readers = [
        _Reader(streams[name], source, options.max_batch_rows) for name, source in sources.items() if name in streams
    ]
    try:
        _run(executor, readers, errors)
    finally:
        for source in sources.values():
            source.close()
    results = {}
    for name, schema in plan.streams:
        arrow_schema = stream_schema(schema)
        batches = [to_record_batch(batch, arrow_schema) for batch in executor.take(name)]
        results[name] = pa.Table.from_batches(batches, schema=arrow_schema)
    failed = errors.take(sort=True)
    return results, pa.Table.from_batches([] if failed is None else [failed], schema=ERROR_SCHEMA.arrow)


def _run(executor: Executor, readers: list[_Reader], errors: ErrorLog) -> None:
    while readers:
        reader = readers[0] if len(readers) == 1 else min(readers, key=lambda each: each.bound_us)
        batch = reader.next_batch()
        if batch is None:
            executor.end(reader.name, None)
            readers.remove(reader)
        else:
            executor.push(reader.name, batch, reader.bound_us, None)
        for origin, failure in executor.take_failures():
            errors.add_failure(origin, failure, None)
