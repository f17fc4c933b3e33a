"""Rows as users see them: ROWTIME in milliseconds first, then the declared columns."""

from __future__ import annotations

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.rowtime import to_milliseconds
from streamsql.schema import ROWTIME, Schema


def stream_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema in which rows of a stream are given out."""
    return pa.schema([pa.field(ROWTIME, pa.timestamp("ms"), nullable=False), *schema.arrow])


def to_record_batch(batch: ChangeBatch, arrow_schema: pa.Schema) -> pa.RecordBatch:
    """The rows of a batch in the schema of `stream_schema`."""
    return pa.RecordBatch.from_arrays([to_milliseconds(batch.rowtime), *batch.columns], schema=arrow_schema)
