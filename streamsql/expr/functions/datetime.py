"""Date and time functions: rounding to units, EXTRACT, differences, clock readings, epoch milliseconds."""

from __future__ import annotations

from streamsql.errors import ErrorCode, Span
from streamsql.expr.functions.spec import (
    Args,
    FunctionSpec,
    Resolver,
    SignatureError,
    call,
    cannot_apply,
    cast_to,
    is_null_literal,
    typed_nulls,
)
from streamsql.expr.nodes import Clock, Expr, Literal
from streamsql.types import BIGINT, DATE, TIME, TIMESTAMP, IntervalUnit, SqlType, TypeKind, decimal, interval

#: Units of FLOOR and CEIL; WEEK starts on Monday.
ROUNDING_UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
#: Units TIME has.
TIME_UNITS = ("HOUR", "MINUTE", "SECOND")
EXTRACT_FIELDS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_SECOND_TYPE = decimal(5, 3)


def _unit(name: str, arg: Expr, allowed: tuple[str, ...]) -> str:
    value = arg.value if isinstance(arg, Literal) else None
    if value not in allowed:
        raise SignatureError(ErrorCode.LITERAL, f"the unit literal of {name} is one of {', '.join(allowed)}")
    return str(value)


def _round_to(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        value = cast_to(args[0], TIMESTAMP) if is_null_literal(args[0]) else args[0]
        unit = _unit(name, args[1], ROUNDING_UNITS)
        if not value.type.is_datetime or (value.type == TIME and unit not in TIME_UNITS):
            shown = name.removesuffix("_TO")
            raise SignatureError(
                ErrorCode.TYPES, f"cannot apply '{shown}' to arguments of type <{value.type}> TO {unit}"
            )
        return call(name, (value, args[1]), value.type, span)

    return resolve


def _step(args: Args, span: Span | None) -> Expr:
    value, step = args
    if is_null_literal(value):
        value = cast_to(value, TIMESTAMP if step.type.is_interval else step.type)
    is_month = step.type.kind is TypeKind.INTERVAL_YEAR
    good = (value.type.is_integer and step.type.is_integer) or (
        value.type.is_datetime and step.type.is_interval and not (is_month and value.type == TIME)
    )
    if not good:
        raise SignatureError(
            ErrorCode.TYPES, f"cannot apply 'STEP' to arguments of type <{value.type}> BY <{step.type}>"
        )
    if not isinstance(step, Literal) or step.value is None or step.value <= 0:
        raise SignatureError(ErrorCode.LITERAL, "the size of STEP must be a literal above zero")
    return call("STEP", (value, step), value.type, span)


def _extract(args: Args, span: Span | None) -> Expr:
    field = _unit("EXTRACT", args[0], EXTRACT_FIELDS)
    value = cast_to(args[1], TIMESTAMP) if is_null_literal(args[1]) else args[1]
    if field not in _fields(value.type):
        raise SignatureError(
            ErrorCode.TYPES, f"cannot apply 'EXTRACT' to arguments of type EXTRACT({field} FROM <{value.type}>)"
        )
    return call("EXTRACT", (args[0], value), _SECOND_TYPE if field == "SECOND" else BIGINT, span)


def _fields(sql_type: SqlType) -> tuple[str, ...]:
    """The fields that values of a type have."""
    match sql_type.kind:
        case TypeKind.TIMESTAMP | TypeKind.DATE:
            return EXTRACT_FIELDS
        case TypeKind.TIME:
            return TIME_UNITS
        case TypeKind.INTERVAL_DAY | TypeKind.INTERVAL_YEAR:
            units = tuple(IntervalUnit)
            if sql_type.start is None or sql_type.end is None:
                raise TypeError("an interval type has a start and an end field")
            return tuple(u.name for u in units[units.index(sql_type.start) : units.index(sql_type.end) + 1])
        case _:
            return ()


def resolve_datetime_difference(left: Expr, right: Expr, qualifier: SqlType, span: Span | None = None) -> Expr:
    """`(left - right) qualifier`: an interval of type `qualifier`; both sides must have the same datetime type."""
    one, other = typed_nulls((left, right), TIMESTAMP)
    is_time_by_month = one.type == TIME and qualifier.kind is TypeKind.INTERVAL_YEAR
    if not one.type.is_datetime or one.type != other.type or is_time_by_month:
        raise cannot_apply("-", (left, right))
    return call("DATETIME_DIFF", (one, other), qualifier, span)


def _datetime_difference(args: Args, span: Span | None) -> Expr:
    """Without a qualifier: milliseconds are kept (DAY TO SECOND)."""
    return resolve_datetime_difference(args[0], args[1], interval(IntervalUnit.DAY, IntervalUnit.SECOND), span)


def _milliseconds(name: str, arg: Expr, args: Args) -> Expr:
    if is_null_literal(arg):
        return cast_to(arg, BIGINT)
    if arg.type.is_integer:
        return cast_to(arg, BIGINT)
    if arg.type == TIMESTAMP:
        return arg
    raise cannot_apply(name, args)


def _tsdiff(args: Args, span: Span | None) -> Expr:
    return call("TSDIFF", [_milliseconds("TSDIFF", arg, args) for arg in args], BIGINT, span)


def _unix_timestamp(args: Args, span: Span | None) -> Expr:
    (value,) = typed_nulls(args, TIMESTAMP)
    if value.type != TIMESTAMP:
        raise cannot_apply("UNIX_TIMESTAMP", args)
    return call("UNIX_TIMESTAMP", (value,), BIGINT, span)


def _to_timestamp(args: Args, span: Span | None) -> Expr:
    value = _milliseconds("TO_TIMESTAMP", args[0], args)
    if value.type != BIGINT:
        raise cannot_apply("TO_TIMESTAMP", args)
    return call("TO_TIMESTAMP", (value,), TIMESTAMP, span)


def _clock(name: str, result: SqlType) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        digits = args[0] if args else None
        if digits is not None and not (isinstance(digits, Literal) and digits.value in (0, 1, 2, 3)):
            raise SignatureError(ErrorCode.LITERAL, f"the precision of {name} is a literal from 0 to 3")
        return Clock(name, result, span)

    return resolve


_ROW_CLOCK_DOC = "The clock (UTC) when the row is computed; it never goes back. In a finite run the row's ROWTIME."

_CLOCKS = (
    ("CURRENT_DATE", DATE, (), "The date (UTC) when the query started."),
    ("CURRENT_TIME", TIME, ("LOCALTIME",), "The time of day (UTC) when the query started."),
    ("CURRENT_TIMESTAMP", TIMESTAMP, ("LOCALTIMESTAMP",), "The moment (UTC) when the query started."),
    ("CURRENT_ROW_TIMESTAMP", TIMESTAMP, (), _ROW_CLOCK_DOC),
)


def _function(
    name: str,
    resolve: Resolver,
    signatures: tuple[str, ...],
    doc: str,
    example: str,
    count: int,
    is_operator: bool = False,
) -> FunctionSpec:
    return FunctionSpec(
        name, "scalar", (count, count), signatures, doc, example, resolve=resolve, is_operator=is_operator
    )


SPECS = (
    _function(
        "FLOOR_TO",
        _round_to("FLOOR_TO"),
        ("FLOOR(datetime TO unit)",),
        "The datetime rounded down to a unit. Monotonic: `FLOOR(s.ROWTIME TO MINUTE)` may drive a GROUP BY.",
        "FLOOR(TIMESTAMP '2004-09-30 13:48:23' TO HOUR)",
        2,
        True,
    ),
    _function(
        "CEIL_TO",
        _round_to("CEIL_TO"),
        ("CEIL(datetime TO unit)",),
        "The datetime rounded up to a unit; an exact boundary stays.",
        "CEIL(TIMESTAMP '2004-09-30 13:48:23' TO DAY)",
        2,
        True,
    ),
    _function(
        "STEP",
        _step,
        ("STEP(datetime BY INTERVAL 'n' unit)", "STEP(integer BY integer)"),
        "The largest multiple of the interval since 1970-01-01 (TIME: since midnight) that is not later; for integers "
        "`(i / n) * n`, truncating toward zero.",
        "STEP(TIMESTAMP '2004-09-30 13:48:23' BY INTERVAL '10' SECOND)",
        2,
    ),
    _function(
        "EXTRACT",
        _extract,
        ("EXTRACT(field FROM datetime)", "EXTRACT(field FROM interval)"),
        "One field as BIGINT; SECOND as DECIMAL(5, 3) with the milliseconds. A negative interval has negative fields.",
        "EXTRACT(HOUR FROM TIME '12:34:56')",
        2,
    ),
    _function(
        "DATETIME_DIFF",
        _datetime_difference,
        ("(datetime - datetime) qualifier",),
        "The time between two datetimes of the same type, truncated toward zero to the last field of the qualifier.",
        "(TIME '12:03:34' - TIME '11:57:23') MINUTE TO SECOND",
        2,
        True,
    ),
    _function(
        "TSDIFF",
        _tsdiff,
        ("TSDIFF(start, end)",),
        "end - start in milliseconds; timestamps or milliseconds since 1970 as BIGINT.",
        "TSDIFF(TIMESTAMP '2020-01-01 00:00:00', TIMESTAMP '2020-01-01 00:00:01')",
        2,
    ),
    _function(
        "UNIX_TIMESTAMP",
        _unix_timestamp,
        ("UNIX_TIMESTAMP(timestamp)",),
        "Milliseconds (not seconds) since 1970-01-01 UTC.",
        "UNIX_TIMESTAMP(TIMESTAMP '1970-01-01 00:00:01')",
        1,
    ),
    _function(
        "TO_TIMESTAMP",
        _to_timestamp,
        ("TO_TIMESTAMP(milliseconds)",),
        "The TIMESTAMP that many milliseconds after 1970-01-01 UTC.",
        "TO_TIMESTAMP(1000)",
        1,
    ),
    *(
        FunctionSpec(
            name,
            "scalar",
            (0, 1 if "DATE" not in name else 0),
            (name,),
            doc,
            name,
            resolve=_clock(name, result),
            deterministic=False,
            aliases=aliases,
        )
        for name, result, aliases, doc in _CLOCKS
    ),
)
