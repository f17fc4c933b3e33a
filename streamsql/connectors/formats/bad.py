"""What the decoders found wrong, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamsql._core.records import IngestError as E
from streamsql.connectors.base import BadRecord
from streamsql.errors import RowError

#: `(bytes, IngestError, column or None, offset, bytes found, line)`: how a decoder reports a bad record.
BadSpan = tuple[bytes, int, str | None, int, bytes, int]

_SHOWN_BYTES = 60
_CUT = "; the record was cut at the end of its first line"

#: A record's own fault; `{byte}` is where, from 1, and `{found}` what stands there.
_PARSE = {
    E.PARSE_NOT_OBJECT: "expected a JSON object, found {found} at byte {byte}",
    E.PARSE_TRAILING: "expected the end of the line after the object, found {found} at byte {byte}",
    E.PARSE_KEY: "expected a member name in quotes, found {found} at byte {byte}",
    E.PARSE_COLON: "expected ':' after a member name, found {found} at byte {byte}",
    E.PARSE_COMMA: "expected ',' or the end of the object or array, found {found} at byte {byte}",
    E.PARSE_VALUE: "expected a JSON value, found {found} at byte {byte}",
    E.PARSE_NUMBER: "not a JSON number at byte {byte}: {found}",
    E.PARSE_STRING_END: "the string is not closed before the end of the line at byte {byte}",
    E.PARSE_CONTROL: "unescaped control character in a string at byte {byte}",
    E.PARSE_ESCAPE: "unknown escape in a string at byte {byte}: {found}",
    E.PARSE_SURROGATE: "half of a surrogate pair in a string at byte {byte}: {found}",
    E.PARSE_UTF8: "not UTF-8 at byte {byte}",
    E.PARSE_DEPTH: "more than 512 levels of arrays and objects at byte {byte}",
    E.PARSE_TOO_LONG: "record over the limit of 512 KB; its first bytes are kept",
    E.PARSE_FIELD_COUNT: "{byte} fields where {expected} are expected",
    E.PARSE_AFTER_QUOTE: f"text after the closing quote of a field at byte {{byte}}: {{found}}{_CUT}",
    E.PARSE_OPEN_QUOTE: f"the quote opened at byte {{byte}} is not closed within 64 KB or the input{_CUT}",
}

#: A value's fault; `{found}` is the value and `{type}` the column's type.
_COERCION = {
    E.COERCE_NOT_NUMBER: "{found} is not a number",
    E.COERCE_FRACTION: "{found} has a fraction",
    E.COERCE_RANGE: "{found} does not fit",
    E.COERCE_NOT_DATETIME: "{found} is not a date, time or timestamp of an accepted form",
    E.COERCE_NOT_BINARY: "{found} is not an X'..' literal with an even number of hexadecimal digits",
    E.COERCE_KIND: "{found} cannot become this type",
    E.COERCE_NULL_ROWTIME: "the rowtime is missing or null",
}


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text if len(text) <= _SHOWN_BYTES else text[:_SHOWN_BYTES] + "..."


def bad_record(
    span: BadSpan, types: Mapping[str, object], position: Callable[[int], str], expected_fields: int = 0
) -> BadRecord:
    """The BadRecord for one report of a decoder. `types` gives the SQL type of each column, `position` names a line."""
    data, code, column, at, found, line = span
    error = E(code)
    if error in _COERCION:
        reason = _COERCION[error].format(found=_shown(found))
        place = "ROWTIME" if column is None or column not in types else f'column "{column}" {types[column]}'
        return BadRecord(data, RowError.COERCION_ERROR, f"{place}: {reason}", position(line))
    here = data[at : at + 20]
    message = _PARSE[error].format(
        byte=at if error is E.PARSE_FIELD_COUNT else at + 1,
        found=_shown(here) if here else "the end of the line",
        expected=expected_fields,
    )
    kind = RowError.ROW_TOO_LARGE if error is E.PARSE_TOO_LONG else RowError.PARSE_ERROR
    return BadRecord(data, kind, message, position(line))
