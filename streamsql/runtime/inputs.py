"""Rows as they arrive at an input stream: they get their ROWTIME, and rows behind the input's clock are reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MIN_WATERMARK, Failure
from streamsql._core.rowtime import arrive, constant, counted, on_time
from streamsql.connectors.base import BadRecord, SourceBatch
from streamsql.errors import ErrorCode, RowError, RunError
from streamsql.plan.physical import SourceExec
from streamsql.runtime.error_stream import ErrorLog, Origin


class TimeMode(Enum):
    """Where the ROWTIME of an input comes from: the data, the live clock, or the count of rows (finite inputs)."""

    DATA = "data"
    CLOCK = "clock"
    COUNTED = "counted"


class InputStream:
    """One input: its clock and its counters.

    `clock_us` is the largest ROWTIME or bound so far; a row below it is late, goes to the error stream and not into the
    graph. Everything is decided row by row: where batches are cut changes nothing. `mode` is None until the first rows.
    `is_replayed`: it is finite and carries its own time, so it is read in time order with others of its kind.
    """

    STATE_SCHEMA = pa.schema(
        [
            ("name", pa.string()),
            ("mode", pa.string()),
            ("clock_us", pa.int64()),
            ("rows", pa.int64()),
            ("rows_late", pa.int64()),
            ("bad_records", pa.int64()),
            ("is_ended", pa.bool_()),
        ]
    )

    def __init__(self, node: SourceExec, position: int, errors: ErrorLog) -> None:
        self.name = node.name
        self.schema = node.declared
        #: Columns to ask the source for: those the plan reads, and at least one, since rows are counted by a column.
        self.columns: tuple[str, ...] = node.schema.names or node.declared.names[:1]
        self._width = len(node.schema)
        self._origin = Origin(None, (node.schema.arrow,), position)
        self._errors = errors
        self.clock_us = MIN_WATERMARK
        self.rows = 0
        self.rows_late = 0
        self.bad_records = 0
        self.mode: TimeMode | None = None
        self.is_replayed = False

    def set_mode(self, mode: TimeMode) -> None:
        """Fix where ROWTIME comes from; raises RunError when it came from elsewhere before."""
        if self.mode is None:
            self.mode = mode
        elif self.mode is not mode:
            found = "have" if mode is TimeMode.DATA else "do not have"
            raise RunError(
                ErrorCode.APPLICATION_STATE,
                f'these rows of input "{self.name}" {found} a ROWTIME column, unlike its earlier ones',
            )

    def timed(self, batch: SourceBatch, now_us: int | None) -> ChangeBatch:
        """The rows of a source whose data carries ROWTIME. `now_us` is when, for the error stream (None: own time)."""
        self.report(batch.bad, now_us)
        columns = batch.rows.columns
        rowtime = columns[0]
        before_us = self.clock_us
        self.rows += len(rowtime)
        rowtime, late, self.clock_us = arrive(rowtime, before_us)
        rows = ChangeBatch(rowtime, tuple(columns[1 : 1 + self._width]))
        if late:
            rows = self._without_late(rows, before_us, now_us)
        return rows

    def arriving(self, batch: SourceBatch, arrival_us: int) -> ChangeBatch:
        """Rows without a time of their own that all arrive now, by the live clock."""
        self.clock_us = max(self.clock_us, arrival_us)
        self.report(batch.bad, arrival_us)
        self.rows += batch.rows.num_rows
        return self._rows(batch.rows, constant(self.clock_us, batch.rows.num_rows))

    def arrived(self, batch: SourceBatch, rowtime: pa.Array, now_us: int) -> ChangeBatch:
        """Rows without a time of their own whose arrival was noted in `rowtime` (`timestamp[us]`)."""
        self.report(batch.bad, now_us)
        rows = self._rows(batch.rows, rowtime)
        self.rows += rows.num_rows
        if rows.num_rows:
            self.clock_us = max(self.clock_us, rows.last_us())
        return rows

    def counted(self, batch: SourceBatch) -> ChangeBatch:
        """Rows without a time of their own on the virtual clock: row i of the input arrives i ms after 1970 began."""
        self.report(batch.bad, None)
        rows = batch.rows.num_rows
        rowtime = counted(self.rows, rows)
        self.rows += rows
        if rows:
            self.clock_us = (self.rows - 1) * 1000
        return self._rows(batch.rows, rowtime)

    def advance(self, bound_us: int) -> None:
        """Assert that later rows have at least this ROWTIME."""
        self.clock_us = max(self.clock_us, bound_us)

    def report(self, bad: Sequence[BadRecord], now_us: int | None) -> None:
        """Send records that could not become rows to the error stream."""
        if bad:
            self.bad_records += len(bad)
            virtual_us = max(self.clock_us, 0)
            self._errors.add_records(bad, self.name, virtual_us if now_us is None else now_us)

    def _rows(self, rows: pa.RecordBatch, rowtime: pa.Array) -> ChangeBatch:
        return ChangeBatch(rowtime, tuple(rows.columns[: self._width]))

    def _without_late(self, rows: ChangeBatch, clock_us: int, now_us: int | None) -> ChangeBatch:
        good, late, clocks = on_time(rows.rowtime, clock_us)
        self.rows_late += len(late)
        message = f'the row is behind the clock of input "{self.name}"'
        failed = rows.take(pa.array(late))
        codes = np.full(len(late), RowError.LATE_ROW, dtype=np.uint8)
        failure = Failure(failed, codes, [message] * len(late))
        self._errors.add_failure(self._origin, failure, clocks if now_us is None else now_us)
        return rows.take(pa.array(good, pa.int64()))

    def to_row(self) -> dict[str, Any]:
        """Clock and counters, for a snapshot."""
        mode = None if self.mode is None else self.mode.value
        return {
            "name": self.name,
            "mode": mode,
            "clock_us": self.clock_us,
            "rows": self.rows,
            "rows_late": self.rows_late,
            "bad_records": self.bad_records,
        }

    def from_row(self, row: Mapping[str, Any]) -> None:
        """Put back what `to_row` gave."""
        self.mode = None if row["mode"] is None else TimeMode(row["mode"])
        self.clock_us = row["clock_us"]
        self.rows = row["rows"]
        self.rows_late = row["rows_late"]
        self.bad_records = row["bad_records"]
