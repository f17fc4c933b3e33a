"""`error_stream`: one row for every row or record that failed, with the reason and the data."""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Failure
from streamsql.connectors.base import BadRecord
from streamsql.errors import RowError
from streamsql.schema import Column, Schema
from streamsql.types import TIMESTAMP, varchar

ERROR_STREAM = "error_stream"
MESSAGE_LENGTH = 4096
DATA_LENGTH = 49152
PUMP_LENGTH = 128

#: The columns of the error stream (language reference §15).
ERROR_SCHEMA = Schema(
    (
        Column("ERROR_TIME", TIMESTAMP, nullable=False),
        Column("ERROR_LEVEL", varchar(10), nullable=False),
        Column("ERROR_NAME", varchar(32), nullable=False),
        Column("MESSAGE", varchar(MESSAGE_LENGTH)),
        Column("DATA_ROWTIME", TIMESTAMP),
        Column("DATA_ROW", varchar(DATA_LENGTH)),
        Column("PUMP_NAME", varchar(PUMP_LENGTH)),
    )
)
_NAMES = {int(error): error.name for error in RowError}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows failed: the pump (None for inputs), the layouts failed rows may have, the place in the graph.

    An operator reports rows as it was given them, or, when a result cannot be computed, as it would have emitted them.
    """

    pump: str | None
    layouts: tuple[pa.Schema, ...]
    position: int

    def names(self, rows: ChangeBatch) -> list[str]:
        """The names of the rows' columns: of the first layout with their types, else by number."""
        types = [column.type for column in rows.columns]
        for layout in self.layouts:
            if layout.types == types:
                return list(layout.names)
        return [f"C{number}" for number in range(1, len(types) + 1)]


class ErrorLog:
    """Collects failures as rows of `error_stream`, in the order in which they are found.

    Holds at most `limit` rows (None: all); beyond that the oldest are dropped and counted in `dropped`.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._rows: deque[tuple[Any, ...]] = deque()
        self.total = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add_failure(self, origin: Origin, failure: Failure, times_us: int | Sequence[int] | None) -> None:
        """One row per failed row. `times_us` is when (one time for all, or one each); None: each row's own ROWTIME."""
        rowtimes = failure.rows.rowtime.cast(pa.int64()).to_pylist()
        if times_us is None:
            times: Sequence[int] = rowtimes
        elif isinstance(times_us, int):
            times = [times_us] * len(rowtimes)
        else:
            times = times_us
        rows = failure.rows.to_record_batch(origin.names(failure.rows)).to_pylist()
        for row, rowtime, time, code, message in zip(
            rows, rowtimes, times, failure.codes.tolist(), failure.messages, strict=True
        ):
            self._add(time, _NAMES[code], message, rowtime // 1000, row_bytes(row), origin.pump, origin.position)

    def add_records(self, records: Sequence[BadRecord], source: str, time_us: int) -> None:
        """One row per record of `source` that could not become a row."""
        for record in records:
            place = f" ({record.position})" if record.position else ""
            message = f'{record.message}{place} in input "{source}"'
            self._add(time_us, record.error.name, message, None, record.data, None, -1)

    def _add(
        self,
        time_us: int,
        name: str,
        message: str,
        rowtime_ms: int | None,
        data: bytes,
        pump: str | None,
        position: int,
    ) -> None:
        shown = data[: DATA_LENGTH // 2].hex()
        pump = None if pump is None else pump[:PUMP_LENGTH]
        self._rows.append(
            (time_us // 1000, "ERROR", name, message[:MESSAGE_LENGTH], rowtime_ms, shown, pump, position)
        )
        self.total += 1
        if self._limit is not None and len(self._rows) > self._limit:
            self._rows.popleft()
            self.dropped += 1

    def take(self, *, sort: bool = False) -> pa.RecordBatch | None:
        """The rows collected since the last call, or None.

        With `sort` by ERROR_TIME and then by place in the graph, which does not depend on how the input was cut into
        batches; else in the order found.
        """
        if not self._rows:
            return None
        rows = sorted(self._rows, key=lambda row: (row[0], row[-1])) if sort else list(self._rows)
        self._rows.clear()
        columns = list(zip(*rows, strict=True))[:-1]
        arrays = [
            pa.array(values, type=field.type) for values, field in zip(columns, ERROR_SCHEMA.arrow, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=ERROR_SCHEMA.arrow)


def row_bytes(row: dict[str, Any]) -> bytes:
    """A row as UTF-8 JSON, for `DATA_ROW`: bytes as hex, everything that JSON has no form for as text."""
    return json.dumps(row, default=_json_value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _json_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
    return str(value)
