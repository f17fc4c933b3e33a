"""SQL column lists as text: `TICKER VARCHAR(4), "last price" DOUBLE NOT NULL`."""

from __future__ import annotations

import re

from streamsql.errors import BindError, ErrorCode, Span
from streamsql.schema import ROWTIME, Column, Schema
from streamsql.types import parse_type

_NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*))\s+')
_NULLABILITY = re.compile(r"\s+(NOT\s+NULL|NULL)\s*\Z", re.IGNORECASE)


def parse_columns(text: str) -> Schema:
    """The columns written as in CREATE STREAM: name, type and NOT NULL, separated by commas.

    Names are folded to upper case unless quoted. A column called ROWTIME is left out: every stream has one. Raises
    BindError that points at what is wrong in `text`.

    >>> str(parse_columns('ticker VARCHAR(4), "price" DOUBLE NOT NULL'))
    'TICKER VARCHAR(4), price DOUBLE NOT NULL'
    """
    columns: list[Column] = []
    for start, end in _split(text):
        column = _column(text, start, end)
        if column.name == ROWTIME:
            continue
        if any(column.name == other.name for other in columns):
            raise _error(ErrorCode.EXISTS, f'column "{column.name}" already exists', text, start, end)
        columns.append(column)
    return Schema(tuple(columns))


def _split(text: str) -> list[tuple[int, int]]:
    """The ranges between the commas that stand outside quotes and parentheses."""
    ranges: list[tuple[int, int]] = []
    start, depth, is_quoted = 0, 0, False
    for position, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "," and depth == 0:
            ranges.append((start, position))
            start = position + 1
    return [*ranges, (start, len(text))]


def _column(text: str, start: int, end: int) -> Column:
    match = _NAME.match(text, start, end)
    if match is None:
        raise _error(ErrorCode.SYNTAX, "a column needs a name and a type: wrong syntax", text, start, end)
    name = match[1].replace('""', '"') if match[1] is not None else match[2].upper()
    declared = text[match.end() : end]
    nullability = _NULLABILITY.search(declared)
    is_nullable = True
    if nullability is not None:
        is_nullable = not nullability[1].upper().startswith("NOT")
        declared = declared[: nullability.start()]
    try:
        return Column(name, parse_type(declared), is_nullable)
    except ValueError as error:
        raise _error(ErrorCode.COLUMN_TYPE, f'column "{name}": {error}', text, match.end(), end) from None


def _error(code: ErrorCode, message: str, text: str, start: int, end: int) -> BindError:
    start += len(text[start:end]) - len(text[start:end].lstrip())
    error = BindError(code, message, Span(start, max(end, start + 1)))
    error.with_source(text, "<columns>")
    return error
