"""The columns of a text file, from a sample of its records.

JSON: integers BIGINT (beyond 64 bits DOUBLE), other numbers DOUBLE, booleans BOOLEAN, strings VARCHAR, arrays and
objects VARCHAR (their text); strings that are all dates DATE, all timestamps of an accepted form TIMESTAMP. CSV fields
go by the same rules over their text. A column of several kinds is VARCHAR; so is one without any value. Order is that
of first appearance. What the sample did not show may fail to fit later: such records become COERCION_ERRORs.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping

from streamsql.schema import ROWTIME, Column, Schema
from streamsql.types import BIGINT, BOOLEAN, DATE, DOUBLE, MAX_LENGTH, TIMESTAMP, SqlType, varchar

SAMPLE_RECORDS = 1000

_TEXT = varchar(MAX_LENGTH)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?\Z")
_INTEGER = re.compile(r"[+-]?\d+\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


def sample_json(sample: bytes) -> list[dict[str, object]]:
    """The objects among the first lines of a sample; lines that are not JSON objects are passed over."""
    records = []
    for line in sample.removeprefix(b"\xef\xbb\xbf").split(b"\n", SAMPLE_RECORDS)[:SAMPLE_RECORDS]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def sample_csv(sample: bytes, delimiter: str, quote: str) -> list[list[str]]:
    """The fields of the first records of a CSV sample, the header among them; bytes that are not UTF-8 are replaced."""
    text = io.StringIO(sample.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace"), newline="")
    records = []
    for record in csv.reader(text, delimiter=delimiter, quotechar=quote):
        if record:
            records.append(record)
        if len(records) > SAMPLE_RECORDS:
            break
    return records


def infer(records: Iterable[Mapping[str, object]]) -> Schema:
    """The columns of JSON objects; a member called ROWTIME is left out."""
    types: dict[str, SqlType | None] = {}
    for record in records:
        for name, value in record.items():
            types[name] = _widen(types.get(name), _type_of(value))
    return _schema(types)


def infer_texts(names: Iterable[str], records: Iterable[list[str]]) -> Schema:
    """The columns called `names` of CSV records; an empty field says nothing, a wrong number of fields neither."""
    types: dict[str, SqlType | None] = dict.fromkeys(names)
    for record in records:
        if len(record) == len(types):
            for name, text in zip(types, record, strict=True):
                types[name] = _widen(types[name], _type_of_text(text) if text else None)
    return _schema(types)


def _schema(types: Mapping[str, SqlType | None]) -> Schema:
    return Schema(tuple(Column(name, t or _TEXT) for name, t in types.items() if name != ROWTIME))


def _type_of(value: object) -> SqlType | None:
    match value:
        case None:
            return None
        case bool():
            return BOOLEAN
        case int():
            return BIGINT if -(2**63) <= value < 2**63 else DOUBLE
        case float():
            return DOUBLE
        case str():
            return _type_of_datetime(value)
        case _:
            return _TEXT


def _type_of_datetime(text: str) -> SqlType:
    if _TIMESTAMP.match(text):
        return TIMESTAMP
    return DATE if _DATE.match(text) else _TEXT


def _type_of_text(text: str) -> SqlType:
    if _INTEGER.match(text):
        return BIGINT if -(2**63) <= int(text) < 2**63 else DOUBLE
    if _NUMBER.match(text):
        return DOUBLE
    return BOOLEAN if text.lower() in ("true", "false") else _type_of_datetime(text)


def _widen(known: SqlType | None, seen: SqlType | None) -> SqlType | None:
    """The type that holds both; None holds nothing yet."""
    if known is None or seen is None or known == seen:
        return known or seen
    if known.is_numeric and seen.is_numeric:
        return DOUBLE
    if known.is_datetime and seen.is_datetime:
        return TIMESTAMP
    return _TEXT
