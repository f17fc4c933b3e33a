"""What a terminal shows of a running application: the latest rows of its streams, counts and rates."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: Rows of one write that are turned into Python values for the screen, at most.
_SHOWN_OF_A_WRITE = 500


def cell(value: Any, arrow_type: pa.DataType) -> str:
    """One value as a short text; NULL is shown as `-`."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1e12 else f"{value:.6g}"
    if pa.types.is_timestamp(arrow_type):
        text = value.isoformat(sep=" ", timespec="milliseconds")
        return str(text)
    return value.hex() if isinstance(value, bytes) else str(value)


def _is_number(arrow_type: pa.DataType) -> bool:
    return any(test(arrow_type) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))


class Rate:
    """Rows per second over the last few seconds, from the totals it is shown."""

    def __init__(self, seconds: float = 3.0) -> None:
        self._seconds = seconds
        self._readings: deque[tuple[float, int]] = deque()

    def reading(self, total: int, now: float) -> float:
        """Take in a total at a time (in seconds) and give the rate."""
        self._readings.append((now, total))
        while len(self._readings) > 2 and self._readings[0][0] < now - self._seconds:
            self._readings.popleft()
        start, before = self._readings[0]
        return (total - before) / (now - start) if now > start else 0.0


class StreamView:
    """A sink that keeps what a screen can show: the last `limit` rows, or the last row of each value of `key`.

    Written by the engine, drawn by the thread of the display; both take the lock.
    """

    guarantee = "shown, not stored"

    def __init__(self, name: str, *, limit: int = 10, key: str | None = None, title: str | None = None) -> None:
        self.name = name
        self.limit = limit
        self.rows = 0
        self._title = title or name
        self._key = key
        self._schema: pa.Schema | None = None
        self._tail: deque[tuple[Any, ...]] = deque(maxlen=limit)
        self._by_key: dict[Any, tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self._rate = Rate()

    def open(self, schema: pa.Schema) -> None:
        """Learn the columns."""
        self._schema = schema

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep the last rows."""
        shown = _SHOWN_OF_A_WRITE if self._key else self.limit
        part = batch.slice(max(0, batch.num_rows - shown))
        rows = list(zip(*(column.to_pylist() for column in part.columns), strict=True))
        with self._lock:
            self.rows += batch.num_rows
            if self._key is None:
                self._tail.extend(rows)
            else:
                index = batch.schema.get_field_index(self._key)
                self._by_key.update((row[index], row) for row in rows)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What was written stays to be drawn."""

    def latest(self) -> list[tuple[Any, ...]]:
        """The rows a screen shows, oldest first, or in order of the key."""
        with self._lock:
            if self._key is None:
                return list(self._tail)
            return [self._by_key[key] for key in sorted(self._by_key, key=str)][: self.limit]

    def draw(self, now: float) -> RenderableType:
        """A title with the count and the rate, and a table of the latest rows."""
        rate = self._rate.reading(self.rows, now)
        title = Text(no_wrap=True, overflow="ellipsis").append(self._title, "bold")
        title.append(f"  {self.rows:,} rows, {rate:,.0f}/s", "dim")
        # No frame: on a screen of 24 lines three tables with their titles must fit.
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
        if self._schema is None:
            return title
        for field in self._schema:
            table.add_column(field.name, justify="right" if _is_number(field.type) else "left", no_wrap=True)
        types = self._schema.types
        for row in self.latest():
            table.add_row(*(Text(cell(value, t)) for value, t in zip(row, types, strict=True)))
        return Group(title, table)


class FirstRows(StreamView):
    """Shows the first `limit` rows in the order they came."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep rows until there are `limit`."""
        super().write(batch.slice(0, max(0, self.limit - self.rows)))


def screen(views: Sequence[StreamView], status: Callable[[float], str]) -> Callable[[], RenderableType]:
    """A function that draws all views and a status line; for `rich.live.Live(get_renderable=...)`."""

    def draw() -> RenderableType:
        now = time.monotonic()
        tables = (part for view in views for part in (view.draw(now), ""))
        return Group(*tables, Text(status(now), style="dim"))

    return draw


def rows_per_view(console: Console, views: int) -> int:
    """How many rows each of several tables may have so that all fit on the screen."""
    return max(3, (console.size.height - 2) // max(1, views) - 3)


def default_views(streams: Sequence[str]) -> list[StreamView]:
    """One table per stream, as tall as the terminal allows."""
    from rich.console import Console

    limit = rows_per_view(Console(), len(streams))
    return [StreamView(name, limit=limit) for name in streams]
