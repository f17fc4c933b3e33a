"""Rows that wait between the engine and the world, counted in rows and bytes."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import pyarrow as pa

from streamsql.connectors.base import BadRecord


class Arrival(NamedTuple):
    """Rows of one input that wait for a step.

    `arrival_us` is when they arrived by the live clock. `is_coerced`: they already have the declared types, as rows of
    a Source do; pushed rows get them when the step takes them.
    """

    rows: pa.RecordBatch
    bad: tuple[BadRecord, ...]
    arrival_us: int
    is_coerced: bool


class InputQueue:
    """First in, first out; full when a limit is reached (one item may exceed it, or nothing large could ever enter)."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._items: deque[tuple[Arrival, int]] = deque()
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self.rows = 0
        self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def is_full(self) -> bool:
        """True when nothing more should be added."""
        return self.rows >= self._max_rows or self.bytes >= self._max_bytes

    def put(self, item: Arrival) -> None:
        """Add rows."""
        size = item.rows.nbytes
        self._items.append((item, size))
        self.rows += item.rows.num_rows
        self.bytes += size

    def take(self, max_rows: int) -> list[Arrival]:
        """The oldest rows that can become one batch: of one Arrow schema and at most `max_rows` in all.

        A single item that is larger is returned alone.
        """
        taken: list[Arrival] = []
        rows = 0
        while self._items:
            item, size = self._items[0]
            if taken and (
                rows + item.rows.num_rows > max_rows
                or item.is_coerced is not taken[0].is_coerced
                or not item.rows.schema.equals(taken[0].rows.schema)
            ):
                break
            self._items.popleft()
            self.rows -= item.rows.num_rows
            self.bytes -= size
            rows += item.rows.num_rows
            taken.append(item)
        return taken


class OutputQueue:
    """Rows of one stream that wait for whoever fetches them.

    A stream that `is_wanted` (a sink or a reader takes it, or nothing else in the application does) holds the engine
    back when it is full. Another one is given up when it is full: its rows are counted in `lost_rows`, and whoever
    asks for them later is told.
    """

    def __init__(self, is_wanted: bool, max_rows: int, max_bytes: int) -> None:
        self._items: deque[tuple[pa.RecordBatch, int]] = deque()
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self.is_wanted = is_wanted
        self.rows = 0
        self.bytes = 0
        self.total_rows = 0
        self.lost_rows = 0

    @property
    def is_full(self) -> bool:
        """True when a limit is reached."""
        return self.rows >= self._max_rows or self.bytes >= self._max_bytes

    def put(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self.total_rows += batch.num_rows
        if not self.is_wanted and self.is_full:
            self.lost_rows += self.rows
            self._items.clear()
            self.rows = self.bytes = 0
        size = batch.nbytes
        self._items.append((batch, size))
        self.rows += batch.num_rows
        self.bytes += size

    def take(self) -> list[pa.RecordBatch]:
        """All rows that wait."""
        batches = [batch for batch, _ in self._items]
        self._items.clear()
        self.rows = self.bytes = 0
        return batches

    def take_one(self) -> pa.RecordBatch | None:
        """The oldest batch, or None."""
        if not self._items:
            return None
        batch, size = self._items.popleft()
        self.rows -= batch.num_rows
        self.bytes -= size
        return batch
