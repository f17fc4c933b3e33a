"""An application driven step by step, with its state taken out and put into a new one whenever a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from streamsql.clock import ManualClock
from streamsql.runtime.session import Session
from streamsql.schema import Schema
from streamsql.spec import Dialect, RuntimeOptions
from streamsql.sql.compile import compile_sql
from tests.support.values import rows_of, to_python


class Engine:
    """The engine of one application whose inputs carry their ROWTIME; checks are on."""

    def __init__(self, sql: str, schemas: Mapping[str, Schema], dialect: str, max_batch_rows: int = 65_536) -> None:
        self.schemas = dict(schemas)
        self.plan = compile_sql(sql, dialect=Dialect(dialect), inputs=self.schemas)
        self._options = RuntimeOptions(checks=True, max_batch_rows=max_batch_rows)
        self._session = self._new_session()
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name, _ in self.plan.streams}
        self._taken = dict.fromkeys(self._rows, 0)
        self._errors: list[dict[str, Any]] = []
        self._errors_taken = 0

    def _new_session(self) -> Session:
        streams = [name for name, _ in self.plan.streams]
        return Session(
            self.plan, clock=ManualClock(), options=self._options, outputs=streams, is_virtual=True
        )

    def push_ms(self, stream: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows whose first value is their ROWTIME in milliseconds; the others are Python values, timestamps in ms."""
        if stream not in self._session.inputs:
            return  # declared, and read by no pump
        schema = self.schemas[stream]
        arrays = [pa.array([row[0] for row in rows], pa.int64()).cast(pa.timestamp("ms"))]
        for index, column in enumerate(schema, 1):
            values = [row[index] for row in rows]
            storage = pa.int64() if pa.types.is_timestamp(column.type.arrow) else column.type.arrow
            arrays.append(pa.array(values, storage).cast(column.type.arrow))
        batch = pa.RecordBatch.from_arrays(arrays, names=["ROWTIME", *schema.names])
        self._session.push(stream, [batch])
        self._session.step()
        self._collect()

    def push_text(self, stream: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows as test files write them: the first value the ROWTIME as text."""
        kinds = [column.type.kind for column in self.schemas[stream]]
        parsed = [
            [timestamp, *(to_python(value, kind) for value, kind in zip(values, kinds, strict=True))]
            for timestamp, *values in rows
        ]
        self.push_ms(stream, parsed)

    def advance_ms(self, bound_ms: int) -> None:
        """Assert that later rows of every input have at least this ROWTIME."""
        self._session.advance_to(bound_ms * 1000)
        self._collect()

    def restart(self) -> None:
        """Save the state, throw the engine away, and go on in a new one."""
        state = self._session.snapshot()
        self._session = self._new_session()
        self._session.restore(state)

    def end(self) -> None:
        """End of every input."""
        self._session.end()
        self._collect()

    def rows(self, stream: str) -> list[tuple[Any, ...]]:
        """All rows of a stream so far, ROWTIME (ms) first."""
        return self._rows[stream]

    def take(self, stream: str) -> list[tuple[Any, ...]]:
        """The rows of a stream since the last call."""
        start, self._taken[stream] = self._taken[stream], len(self._rows[stream])
        return self._rows[stream][start:]

    def errors(self) -> list[dict[str, Any]]:
        """All rows of error_stream so far."""
        return self._errors

    def take_errors(self) -> list[dict[str, Any]]:
        """The rows of error_stream since the last call."""
        start, self._errors_taken = self._errors_taken, len(self._errors)
        return self._errors[start:]

    def _collect(self) -> None:
        for name, rows in self._rows.items():
            for batch in self._session.take(name):
                rows.extend(rows_of(pa.Table.from_batches([batch]), with_rowtime=True))
        for batch in self._session.take("error_stream"):
            self._errors.extend(batch.to_pylist())
