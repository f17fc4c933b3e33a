"""Rows as JSON lines on standard output, for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from streamsql.connectors.base import Sink


class TaggedSink:
    """Hands rows on with a first column `stream`, so that several streams can share one output."""

    def __init__(self, sink: Sink, stream: str) -> None:
        self._sink = sink
        self._stream = pa.scalar(stream)
        self.guarantee = sink.guarantee

    def open(self, schema: pa.Schema) -> None:
        """Open the sink with the wider schema."""
        self._sink.open(schema.insert(0, pa.field("stream", pa.string(), nullable=False)))

    def write(self, batch: pa.RecordBatch) -> None:
        """Pass the rows on; flushed at once, so that lines of several streams stay whole and in order."""
        stream = pa.repeat(self._stream, batch.num_rows)
        names = ["stream", *batch.schema.names]
        self._sink.write(pa.RecordBatch.from_arrays([stream, *batch.columns], names=names))
        self._sink.flush()

    def flush(self) -> None:
        """Flush the sink below."""
        self._sink.flush()

    def close(self) -> None:
        """Close the sink below."""
        self._sink.close()
