"""The columns of a text file, from a sample of its records.

JSON: integers BIGINT (beyond 64 bits DOUBLE), other numbers DOUBLE, booleans BOOLEAN, strings VARCHAR, arrays and
objects VARCHAR (their text); strings that are all dates DATE, all timestamps of an accepted form TIMESTAMP. CSV fields
go by the same rules over their text. A column is of the kind that at least 99 of 100 of its values have, so that a few
broken records do not turn numbers into text; a column of several kinds is VARCHAR, and so is one without any value.
Order is that of first appearance. Values that do not fit, in the sample or later, become COERCION_ERRORs.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from streamsql.schema import ROWTIME, Column, Schema
from streamsql.types import BIGINT, BOOLEAN, DATE, DOUBLE, MAX_LENGTH, TIMESTAMP, SqlType, varchar

SAMPLE_RECORDS = 1000
#: The share of a column's values that decides its type.
PREVAILING_SHARE = 0.99

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
    kinds: dict[str, Counter[SqlType | None]] = {}
    for record in records:
        for name, value in record.items():
            kinds.setdefault(name, Counter())[_type_of(value)] += 1
    return _schema(kinds)


def infer_texts(names: Iterable[str], records: Iterable[list[str]]) -> Schema:
    """The columns called `names` of CSV records; an empty field says nothing, a wrong number of fields neither."""
    kinds: dict[str, Counter[SqlType | None]] = {name: Counter() for name in names}
    for record in records:
        if len(record) == len(kinds):
            for name, text in zip(kinds, record, strict=True):
                kinds[name][_type_of_text(text) if text else None] += 1
    return _schema(kinds)


def _schema(kinds: Mapping[str, Counter[SqlType | None]]) -> Schema:
    return Schema(tuple(Column(name, _prevailing(seen)) for name, seen in kinds.items() if name != ROWTIME))


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


def _prevailing(seen: Counter[SqlType | None]) -> SqlType:
    """The type of a column whose values have these types so many times (None: no value)."""
    typed = {sql_type: count for sql_type, count in seen.items() if sql_type is not None}
    enough = PREVAILING_SHARE * sum(typed.values())
    for family in ((DOUBLE, BIGINT), (TIMESTAMP, DATE), (BOOLEAN,)):
        members = [sql_type for sql_type in family if sql_type in typed]
        if members and sum(typed[sql_type] for sql_type in members) >= enough:
            return members[0]
    return _TEXT
