"""`+ - * /`, unary minus and `||` on numbers, datetimes with intervals, and strings (language reference §4)."""

from __future__ import annotations

from streamsql.errors import Span
from streamsql.expr.coercion import arithmetic_type, common_interval
from streamsql.expr.functions.spec import (
    Args,
    FunctionSpec,
    Resolver,
    call,
    cannot_apply,
    cast_to,
    is_null_literal,
    typed_nulls,
)
from streamsql.expr.nodes import Expr
from streamsql.types import BIGINT, DOUBLE, INTEGER, SqlType, TypeKind, binary, char, varbinary, varchar


def _numbers(name: str, args: Args, span: Span | None) -> Expr | None:
    left, right = args
    result = arithmetic_type(name, left.type, right.type)
    if result is None:
        return None
    if result.is_decimal:
        # The kernels take exact operands of any width and scale; a Cast here could only lose digits or fail.
        return call(name, args, result, span)
    return call(name, (cast_to(left, result), cast_to(right, result)), result, span)


def _is_day_interval(sql_type: SqlType) -> bool:
    return sql_type.kind is TypeKind.INTERVAL_DAY


def _add(args: Args, span: Span | None) -> Expr:
    left, right = args = _typed(args)
    if (found := _numbers("+", args, span)) is not None:
        return found
    if (spanning := common_interval(left.type, right.type)) is not None:
        return call("+", args, spanning, span)
    if left.type.is_datetime and _is_day_interval(right.type):
        return call("+", args, left.type, span)
    if right.type.is_datetime and _is_day_interval(left.type):
        return call("+", (right, left), right.type, span)
    raise cannot_apply("+", args)


def _subtract(args: Args, span: Span | None) -> Expr:
    left, right = args = _typed(args)
    if (found := _numbers("-", args, span)) is not None:
        return found
    if (spanning := common_interval(left.type, right.type)) is not None:
        return call("-", args, spanning, span)
    if left.type.is_datetime and _is_day_interval(right.type):
        return call("-", args, left.type, span)
    raise cannot_apply("-", args)


def _factor(number: Expr) -> Expr:
    """A number by which an interval is multiplied or divided: BIGINT, DECIMAL or DOUBLE."""
    if number.type.is_decimal:
        return number
    return cast_to(number, BIGINT if number.type.is_integer else DOUBLE)


def _multiply(args: Args, span: Span | None) -> Expr:
    left, right = args = _typed_number(args)
    if (found := _numbers("*", args, span)) is not None:
        return found
    if left.type.is_interval and right.type.is_numeric:
        return call("*", (left, _factor(right)), left.type, span)
    if left.type.is_numeric and right.type.is_interval:
        return call("*", (right, _factor(left)), right.type, span)
    raise cannot_apply("*", args)


def _divide(args: Args, span: Span | None) -> Expr:
    left, right = args = _typed_number(args)
    if (found := _numbers("/", args, span)) is not None:
        return found
    if left.type.is_interval and right.type.is_numeric:
        return call("/", (left, _factor(right)), left.type, span)
    raise cannot_apply("/", args)


def _typed(args: Args) -> Args:
    """Untyped NULLs with the other side's type (beside a datetime that makes datetime + datetime, which is wrong)."""
    return typed_nulls(args, INTEGER)


def _typed_number(args: Args) -> Args:
    """Untyped NULLs are INTEGER beside an interval (interval * NULL) and take the other side's type otherwise."""
    if any(arg.type.is_interval for arg in args):
        return tuple(cast_to(arg, INTEGER) if is_null_literal(arg) else arg for arg in args)
    return typed_nulls(args, INTEGER)


def _negate(args: Args, span: Span | None) -> Expr:
    (operand,) = args = typed_nulls(args, INTEGER)
    if not (operand.type.is_numeric or operand.type.is_interval):
        raise cannot_apply("NEGATE", args)
    return call("NEGATE", args, operand.type, span)


def _concatenate(args: Args, span: Span | None) -> Expr:
    left, right = args = typed_nulls(args, varchar(1))
    length = (left.type.length or 0) + (right.type.length or 0)
    kinds = {left.type.kind, right.type.kind}
    if left.type.is_string and right.type.is_string:
        result = char(length) if kinds == {TypeKind.CHAR} else varchar(length)
    elif left.type.is_binary and right.type.is_binary:
        result = binary(length) if kinds == {TypeKind.BINARY} else varbinary(length)
    else:
        raise cannot_apply("||", args)
    return call("||", args, result, span)


def _operator(name: str, resolve: Resolver, signatures: tuple[str, ...], doc: str, example: str) -> FunctionSpec:
    arity = 1 if name == "NEGATE" else 2
    return FunctionSpec(
        name, "scalar", (arity, arity), signatures, doc, example, resolve=resolve, is_operator=True
    )


SPECS = (
    _operator(
        "+",
        _add,
        ("number + number", "interval + interval", "datetime + interval", "interval + datetime"),
        "Sum. A result that does not fit its type is a row error. TIME wraps at 24 hours; DATE drops the time part.",
        "19.68 + 4.2",
    ),
    _operator(
        "-",
        _subtract,
        ("number - number", "interval - interval", "datetime - interval"),
        "Difference. Two datetimes are subtracted with a qualifier: `(t1 - t2) MINUTE TO SECOND`.",
        "7 - 2",
    ),
    _operator(
        "*",
        _multiply,
        ("number * number", "interval * number", "number * interval"),
        "Product. A result that does not fit its type is a row error; intervals are truncated to milliseconds.",
        "19.68 * 4.2",
    ),
    _operator(
        "/",
        _divide,
        ("number / number", "interval / number"),
        "Quotient. Integers truncate toward zero. Division by zero is a row error for every type.",
        "-7 / 2",
    ),
    _operator("NEGATE", _negate, ("- number", "- interval"), "The operand with the other sign.", "- 3.5"),
    _operator(
        "||",
        _concatenate,
        ("string || string", "binary || binary"),
        "The two values joined; NULL when either is NULL.",
        "'stream' || 'sql'",
    ),
)
