"""Which types may meet, and what comes out: result types, common types, assignment and CAST.

The rules are those of the language reference §3.2 (assignment), §4.1 (arithmetic), §4.3 (strings), §4.4 (CAST) and §4.5
(datetimes and intervals). Nothing here looks at values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamsql.types import (
    BIGINT,
    DERIVED_DECIMAL_PRECISION,
    DOUBLE,
    INTEGER_KINDS,
    INTEGER_PRECISION,
    MAX_DECIMAL_PRECISION,
    NULL,
    REAL,
    IntervalUnit,
    SqlType,
    TypeKind,
    binary,
    char,
    decimal,
    interval,
    varbinary,
    varchar,
)

_COARSE_TO_FINE = tuple(IntervalUnit)


def as_decimal(sql_type: SqlType) -> SqlType:
    """The DECIMAL an exact numeric type counts as: an integer has scale 0 and 3, 5, 10 or 19 digits."""
    return decimal(INTEGER_PRECISION[sql_type.kind], 0) if sql_type.is_integer else sql_type


def digits_and_scale(sql_type: SqlType) -> tuple[int, int]:
    """Precision and scale of an exact numeric type, seen as DECIMAL."""
    seen = as_decimal(sql_type)
    if seen.precision is None or seen.scale is None:
        raise TypeError(f"{sql_type} is not an exact numeric type")
    return seen.precision, seen.scale


def wider_integer(left: SqlType, right: SqlType) -> SqlType:
    """The wider of two integer types."""
    return max(left, right, key=lambda t: INTEGER_KINDS.index(t.kind))


def arithmetic_type(operator: str, left: SqlType, right: SqlType) -> SqlType | None:
    """The type of `left operator right` for numbers and `+ - * /` (§4.1), or None when a side is not numeric."""
    if not (left.is_numeric and right.is_numeric):
        return None
    if left.is_integer and right.is_integer:
        return wider_integer(left, right)
    if left.is_approximate or right.is_approximate:
        return _approximate_type(left, right)
    return _decimal_arithmetic_type(operator, left, right)


def _approximate_type(left: SqlType, right: SqlType) -> SqlType:
    kinds = {left.kind, right.kind}
    is_real = TypeKind.DOUBLE not in kinds and TypeKind.DECIMAL not in kinds
    return REAL if is_real else DOUBLE


def _decimal_cap(*precisions: int) -> int:
    return MAX_DECIMAL_PRECISION if MAX_DECIMAL_PRECISION in precisions else DERIVED_DECIMAL_PRECISION


def _decimal_arithmetic_type(operator: str, left: SqlType, right: SqlType) -> SqlType:
    (p1, s1), (p2, s2) = digits_and_scale(left), digits_and_scale(right)
    # Only a declared 19-digit DECIMAL or a BIGINT raises the cap from 18 to 19.
    cap = _decimal_cap(p1, p2)
    if operator == "*":
        precision, scale = p1 + p2, s1 + s2
    elif operator == "/":
        whole = p1 - s1 + s2
        scale = max(6, s1 + p2 + 1)
        precision = whole + scale
        if precision > cap:
            scale = min(scale, max(cap - whole, s1))
    else:
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
    precision = min(precision, cap)
    return decimal(precision, min(scale, precision))


def common_interval(left: SqlType, right: SqlType) -> SqlType | None:
    """The interval type whose fields span those of both, or None for intervals of different classes."""
    if left.kind is not right.kind or not left.is_interval:
        return None
    if left.start is None or left.end is None or right.start is None or right.end is None:
        raise TypeError("an interval type has a start and an end field")
    start = min(left.start, right.start, key=_COARSE_TO_FINE.index)
    end = max(left.end, right.end, key=_COARSE_TO_FINE.index)
    return interval(start, end)


def common_type(types: Sequence[SqlType]) -> SqlType | None:
    """The type in which values of all `types` can be held: CASE, COALESCE and UNION ALL columns.

    NULL types are ignored; None when only NULLs are given or the types do not go together. Strings: all CHAR gives CHAR
    of the largest length, any VARCHAR gives VARCHAR. Numbers widen as in §4.1.
    """
    typed = [t for t in types if t.kind is not TypeKind.NULL]
    if not typed:
        return None
    result = typed[0]
    for other in typed[1:]:
        merged = _common_of_two(result, other)
        if merged is None:
            return None
        result = merged
    return result


def _common_of_two(left: SqlType, right: SqlType) -> SqlType | None:
    if left == right:
        return left
    if left.is_numeric and right.is_numeric:
        return _common_number(left, right)
    if left.is_string and right.is_string:
        length = max(left.length or 0, right.length or 0)
        return char(length) if left.kind is right.kind is TypeKind.CHAR else varchar(length)
    if left.is_binary and right.is_binary:
        length = max(left.length or 0, right.length or 0)
        return binary(length) if left.kind is right.kind is TypeKind.BINARY else varbinary(length)
    if left.is_interval and right.is_interval:
        return common_interval(left, right)
    return None


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    if left.is_integer and right.is_integer:
        return wider_integer(left, right)
    if left.is_approximate or right.is_approximate:
        return _approximate_type(left, right)
    (p1, s1), (p2, s2) = digits_and_scale(left), digits_and_scale(right)
    scale = max(s1, s2)
    precision = min(max(p1 - s1, p2 - s2) + scale, _decimal_cap(p1, p2))
    return decimal(precision, scale)


def comparable(left: SqlType, right: SqlType) -> bool:
    """Whether `left < right` is allowed (§5.3); an untyped NULL compares with everything."""
    if NULL in (left, right):
        return True
    return (
        (left.is_numeric and right.is_numeric)
        or (left.is_string and right.is_string)
        or (left.is_binary and right.is_binary)
        or left.kind is right.kind
    )


def can_assign(target: SqlType, source: SqlType) -> bool:
    """Whether a value of type `source` may go into a column of type `target` (§3.2)."""
    if source.kind is TypeKind.NULL:
        return True
    if target.is_numeric:
        return source.is_numeric
    if target.is_string:
        return source.is_string
    if target.is_binary:
        return source.is_binary
    return target.kind is source.kind


def can_cast(source: SqlType, target: SqlType) -> bool:
    """Whether `CAST(source AS target)` is one of the pairs of §4.4."""
    if source.kind is TypeKind.NULL:
        return True
    return target.kind in _castable(source, target)


def _castable(source: SqlType, target: SqlType) -> Iterable[TypeKind]:
    if source.is_numeric:
        # A number counts one field, so the interval must have only one.
        return _NUMBERS | _STRINGS | (_INTERVALS if target.start is target.end else frozenset())
    if source.kind is TypeKind.INTERVAL_DAY and source.start is not source.end:
        return _CASTS[source.kind] - _NUMBERS
    return _CASTS[source.kind]


_NUMBERS = frozenset({*INTEGER_KINDS, TypeKind.DECIMAL, TypeKind.REAL, TypeKind.DOUBLE})
_STRINGS = frozenset({TypeKind.CHAR, TypeKind.VARCHAR})
_INTERVALS = frozenset({TypeKind.INTERVAL_DAY, TypeKind.INTERVAL_YEAR})
_BINARIES = frozenset({TypeKind.BINARY, TypeKind.VARBINARY})
_FROM_STRING = (
    _NUMBERS
    | _STRINGS
    | {TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP, TypeKind.INTERVAL_DAY, TypeKind.BOOLEAN}
)
_CASTS: dict[TypeKind, frozenset[TypeKind]] = {
    TypeKind.CHAR: _FROM_STRING,
    TypeKind.VARCHAR: _FROM_STRING,
    TypeKind.DATE: _STRINGS | {TypeKind.DATE, TypeKind.TIMESTAMP},
    TypeKind.TIME: _STRINGS | {TypeKind.TIME, TypeKind.TIMESTAMP},
    TypeKind.TIMESTAMP: _STRINGS | {TypeKind.TIMESTAMP, TypeKind.DATE, TypeKind.TIME},
    TypeKind.INTERVAL_DAY: _STRINGS | {TypeKind.INTERVAL_DAY, TypeKind.BIGINT, TypeKind.INTEGER, TypeKind.DECIMAL},
    TypeKind.INTERVAL_YEAR: _STRINGS | {TypeKind.INTERVAL_YEAR},
    TypeKind.BOOLEAN: _STRINGS | {TypeKind.BOOLEAN},
    TypeKind.BINARY: _BINARIES,
    TypeKind.VARBINARY: _BINARIES,
}


def sum_type(argument: SqlType) -> SqlType | None:
    """The type of SUM (§4.2), or None when it cannot be applied."""
    if argument.is_integer:
        return BIGINT
    if argument.is_decimal:
        precision, scale = digits_and_scale(argument)
        return decimal(_decimal_cap(precision), scale)
    return DOUBLE if argument.is_approximate else None


def average_type(argument: SqlType) -> SqlType | None:
    """The type of AVG (§4.2): the argument's own for exact types, DOUBLE for REAL and DOUBLE, None for the rest."""
    if argument.is_integer or argument.is_decimal:
        return argument
    return DOUBLE if argument.is_approximate else None
