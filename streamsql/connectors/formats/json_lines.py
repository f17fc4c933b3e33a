"""JSON lines: rows from blocks of bytes."""

from __future__ import annotations

from collections.abc import Sequence

from streamsql._core.json_decode import JsonDecoder
from streamsql.connectors.base import SourceBatch
from streamsql.connectors.formats.bad import bad_record
from streamsql.schema import Schema
from streamsql.types import SqlType


def split_columns(schema: Schema, columns: Sequence[str]) -> tuple[list[tuple[str, SqlType]], int]:
    """Name and type of the columns to build: `columns`, then those that can refuse a value; and how many are delivered.

    A string column takes every value, so one that nobody reads need not be built. All others are checked whoever reads
    them: which records are bad must not depend on the plan.
    """
    types = {column.name: column.type for column in schema}
    wanted = [(name, types[name]) for name in columns]
    checked = [(c.name, c.type) for c in schema if c.name not in columns and not c.type.is_string]
    return wanted + checked, len(wanted)


class JsonLinesDecoder:
    """Lines of one file or stream after another into rows of `columns` of `schema` (see `_core.json_decode`)."""

    def __init__(self, schema: Schema, columns: Sequence[str], rowtime: str | None) -> None:
        built, delivered = split_columns(schema, columns)
        self._types = {column.name: column.type for column in schema}
        self._core = JsonDecoder(built, delivered, rowtime)
        self._name = "input"

    def restart(self, name: str) -> None:
        """Begin the file or stream called `name`; lines count from 1 again and buffered bytes are forgotten."""
        self._name = name
        self._core.restart()

    @property
    def needs_more(self) -> bool:
        """True when every whole line given so far is decoded."""
        return self._core.needs_more

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the current file that decoded lines took up."""
        return self._core.decoded_bytes

    def space(self, size: int) -> memoryview:
        """A view to read the next `size` bytes into; say how many came with `filled`."""
        return self._core.space(size)

    def filled(self, size: int) -> None:
        """Take the first `size` bytes of the last `space`."""
        self._core.filled(size)

    def feed(self, data: bytes) -> None:
        """Take a block of bytes, cut anywhere."""
        self._core.feed(data)

    def decode(self, max_rows: int, is_last: bool) -> SourceBatch:
        """At most `max_rows` rows of the whole lines there are, and of the unfinished last one with `is_last`."""
        rows, spans = self._core.decode(max_rows, is_last)
        if not spans:
            return SourceBatch(rows)
        return SourceBatch(rows, tuple(bad_record(span, self._types, self._position) for span in spans))

    def _position(self, line: int) -> str:
        return f"{self._name} line {line}"
