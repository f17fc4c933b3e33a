"""The values of literals (language reference §2.3); whatever is wrong with one is a LITERAL error at its place."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal

from streamsql.errors import BindError, ErrorCode, Span
from streamsql.expr.nodes import Literal
from streamsql.spec import Dialect
from streamsql.sql.nodes import BinaryLiteral, DatetimeLiteral, IntervalLiteral, NumberLiteral, StringLiteral
from streamsql.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    MAX_DECIMAL_PRECISION,
    MAX_LENGTH,
    TIME,
    TIMESTAMP,
    IntervalUnit,
    SqlType,
    TypeKind,
    binary,
    char,
    decimal,
    interval,
    varchar,
)

_EPOCH = datetime.date(1970, 1, 1)
_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?"
_DATETIME = {
    "DATE": (re.compile(_DATE + r"\Z", re.ASCII), "yyyy-MM-dd"),
    "TIME": (re.compile(_TIME + r"\Z", re.ASCII), "HH:mm:ss[.fff]"),
    "TIMESTAMP": (re.compile(_DATE + " " + _TIME + r"\Z", re.ASCII), "yyyy-MM-dd HH:mm:ss[.fff]"),
}
_UNITS = tuple(IntervalUnit)
_LARGEST = {IntervalUnit.MONTH: 11, IntervalUnit.HOUR: 23, IntervalUnit.MINUTE: 59, IntervalUnit.SECOND: 59}
_SEPARATOR = {IntervalUnit.MONTH: "-", IntervalUnit.HOUR: " ", IntervalUnit.MINUTE: ":", IntervalUnit.SECOND: ":"}
_SHAPE = {
    IntervalUnit.YEAR: "yy",
    IntervalUnit.MONTH: "mm",
    IntervalUnit.DAY: "dd",
    IntervalUnit.HOUR: "hh",
    IntervalUnit.MINUTE: "mm",
    IntervalUnit.SECOND: "ss.fff",
}


def _bad(message: str, span: Span, hint: str | None = None) -> BindError:
    return BindError(ErrorCode.LITERAL, message, span, hint=hint)


def number_literal(node: NumberLiteral) -> Literal:
    """INTEGER or BIGINT, DECIMAL with all its digits, or DOUBLE when there is an exponent."""
    text = node.text
    if "e" in text or "E" in text:
        value = float(text)
        if math.isinf(value):
            raise _bad(f"the number literal {text} is too large for DOUBLE", node.span)
        return Literal(value, DOUBLE, node.span)
    if "." in text:
        whole, _, fraction = text.partition(".")
        digits = len(whole) + len(fraction)
        if digits > MAX_DECIMAL_PRECISION:
            raise _bad(
                f"the number literal {text} has {digits} digits, more than the {MAX_DECIMAL_PRECISION} of DECIMAL",
                node.span,
                f"write it as DOUBLE: {text}E0",
            )
        return Literal(Decimal(text), decimal(max(digits, 1), len(fraction)), node.span)
    if len(text.lstrip("0")) > 19 or int(text) > 2**63 - 1:
        raise _bad(f"the number literal {text} is too large for BIGINT", node.span, f"write it as DOUBLE: {text}E0")
    number = int(text)
    return Literal(number, INTEGER if number <= 2**31 - 1 else BIGINT, node.span)


def string_literal(node: StringLiteral, dialect: Dialect) -> Literal:
    """CHAR(n) in the kinesis dialect, VARCHAR(n) in the streamsql dialect (where CASE does not pad)."""
    length = len(node.value)
    if length > MAX_LENGTH:
        raise BindError(
            ErrorCode.TOO_LARGE, f"a string literal of {length} characters is over the limit of {MAX_LENGTH}", node.span
        )
    return Literal(node.value, char(length) if dialect is Dialect.KINESIS else varchar(max(length, 1)), node.span)


def binary_literal(node: BinaryLiteral) -> Literal:
    """BINARY(n)."""
    if len(node.value) > MAX_LENGTH:
        message = f"a binary literal of {len(node.value)} bytes is over the limit of {MAX_LENGTH}"
        raise BindError(ErrorCode.TOO_LARGE, message, node.span)
    return Literal(node.value, binary(len(node.value)), node.span)


def datetime_literal(node: DatetimeLiteral) -> Literal:
    """DATE in days, TIME and TIMESTAMP in milliseconds; a fraction beyond milliseconds is cut."""
    pattern, shape = _DATETIME[node.kind]
    match = pattern.match(node.text)
    wrong = _bad(f"the literal {node.kind} '{node.text}' does not match the pattern {shape}", node.span)
    if match is None:
        raise wrong
    groups = list(match.groups())
    days = 0
    if node.kind != "TIME":
        year, month, day = (int(part) for part in groups[:3])
        groups = groups[3:]
        try:
            days = (datetime.date(year, month, day) - _EPOCH).days
        except ValueError:
            raise _bad(f"the literal {node.kind} '{node.text}' is not a date of the calendar", node.span) from None
        if node.kind == "DATE":
            return Literal(days, DATE, node.span)
    hour, minute, second = (int(part) for part in groups[:3])
    if hour > 23 or minute > 59 or second > 59:
        raise _bad(f"the literal {node.kind} '{node.text}' is not a time of day", node.span)
    fraction = int(((groups[3] or "") + "000")[:3])
    milliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    if node.kind == "TIME":
        return Literal(milliseconds, TIME, node.span)
    return Literal(days * 86_400_000 + milliseconds, TIMESTAMP, node.span)


def interval_fields(start: IntervalUnit, end: IntervalUnit) -> tuple[IntervalUnit, ...]:
    """The fields of a qualifier, coarse to fine."""
    return _UNITS[_UNITS.index(start) : _UNITS.index(end) + 1]


def interval_literal(node: IntervalLiteral) -> Literal:
    """Milliseconds, or months for a year-month interval."""
    qualifier = node.qualifier
    fields = interval_fields(qualifier.start, qualifier.end)
    text = node.text
    negative = node.is_negative
    if text[:1] in ("-", "+"):
        negative ^= text[0] == "-"
        text = text[1:]
    shape = "".join((_SEPARATOR[unit] if i else "") + _SHAPE[unit] for i, unit in enumerate(fields))
    pattern = "".join(
        (re.escape(_SEPARATOR[unit]) if i else "")
        + r"(\d+)"
        + (r"(?:\.(\d+))?" if unit is IntervalUnit.SECOND else "")
        for i, unit in enumerate(fields)
    )
    match = re.match(pattern + r"\Z", text, re.ASCII)
    if match is None:
        raise _bad(f"the interval literal '{node.text}' does not match the pattern {shape} of {qualifier}", node.span)
    parts = list(match.groups())
    fraction = parts.pop() if fields[-1] is IntervalUnit.SECOND else None
    lead = qualifier.lead or 2
    if len(parts[0].lstrip("0")) > lead:
        raise BindError(
            ErrorCode.INTERVAL_PRECISION,
            f"interval field value {parts[0]} exceeds precision of {fields[0].name}({lead}) field",
            node.span,
            hint=f"state the digits: {_with_precision(node, len(parts[0].lstrip('0')))}",
        )
    for unit, part in zip(fields[1:], parts[1:], strict=True):
        if len(part.lstrip("0")) > 2 or int(part) > _LARGEST[unit]:
            raise _bad(f"{unit.name} {part} of the interval literal is not between 0 and {_LARGEST[unit]}", node.span)
    total = sum(int(part) * unit.value for unit, part in zip(fields, parts, strict=True))
    if fraction:
        stored = 3 if qualifier.fraction is None else qualifier.fraction
        total += int((fraction[:stored] + "000")[:3])
    sql_type: SqlType = interval(qualifier.start, qualifier.end)
    if sql_type.kind is TypeKind.INTERVAL_DAY and total > 2**63 - 1:
        raise _bad("the interval literal is too long", node.span)
    return Literal(-total if negative else total, sql_type, node.span)


def _with_precision(node: IntervalLiteral, digits: int) -> str:
    qualifier = node.qualifier
    end = "" if qualifier.start is qualifier.end else f" TO {qualifier.end.name}"
    return f"INTERVAL '{node.text}' {qualifier.start.name}({digits}){end}"
