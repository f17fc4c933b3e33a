"""Numeric functions (function reference §3) and MONOTONIC."""

from __future__ import annotations

from streamsql.errors import Span
from streamsql.expr.coercion import common_type, digits_and_scale
from streamsql.expr.functions.spec import Args, FunctionSpec, Resolver, call, cannot_apply, cast_to, typed_nulls
from streamsql.expr.nodes import Expr
from streamsql.types import DOUBLE, INTEGER, decimal


def _same_type(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        (number,) = args = typed_nulls(args, INTEGER)
        if not number.type.is_numeric:
            raise cannot_apply(name, args)
        return call(name, args, number.type, span)

    return resolve


def _whole(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        (number,) = args = typed_nulls(args, INTEGER)
        if not number.type.is_numeric:
            raise cannot_apply(name, args)
        result = decimal(digits_and_scale(number.type)[0], 0) if number.type.is_decimal else number.type
        return call(name, args, result, span)

    return resolve


def _doubles(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        typed = typed_nulls(args, DOUBLE)
        if not all(arg.type.is_numeric for arg in typed):
            raise cannot_apply(name, args)
        return call(name, [cast_to(arg, DOUBLE) for arg in typed], DOUBLE, span)

    return resolve


def _mod(args: Args, span: Span | None) -> Expr:
    typed = typed_nulls(args, INTEGER)
    if not all(arg.type.is_integer or (arg.type.is_decimal and arg.type.scale == 0) for arg in typed):
        raise cannot_apply("MOD", args)
    result = common_type([arg.type for arg in typed])
    if result is None:
        raise cannot_apply("MOD", args)
    return call("MOD", [cast_to(arg, result) for arg in typed], result, span)


def _monotonic(args: Args, span: Span | None) -> Expr:
    (value,) = args = typed_nulls(args, INTEGER)
    return call("MONOTONIC", args, value.type, span)


def _function(
    name: str, resolve: Resolver, signature: str, doc: str, example: str, aliases: tuple[str, ...] = ()
) -> FunctionSpec:
    count = signature.count(",") + 1
    return FunctionSpec(
        name, "scalar", (count, count), (signature,), doc, example, resolve=resolve, aliases=aliases
    )


SPECS = (
    _function(
        "ABS",
        _same_type("ABS"),
        "ABS(number)",
        "The absolute value, in the argument's type. The smallest integer of a type is a row error.",
        "ABS(-3.25)",
    ),
    _function(
        "CEIL",
        _whole("CEIL"),
        "CEIL(number)",
        "The smallest integer not below the argument; DECIMAL(p, s) gives DECIMAL(p, 0).",
        "CEIL(-3.3)",
        ("CEILING",),
    ),
    _function(
        "FLOOR",
        _whole("FLOOR"),
        "FLOOR(number)",
        "The largest integer not above the argument; DECIMAL(p, s) gives DECIMAL(p, 0).",
        "FLOOR(-3.3)",
    ),
    _function("EXP", _doubles("EXP"), "EXP(number)", "e to the power of the argument, DOUBLE.", "EXP(0)"),
    _function(
        "LN", _doubles("LN"), "LN(number)", "The natural logarithm, DOUBLE; zero or less is a row error.", "LN(2.5)"
    ),
    _function(
        "LOG10",
        _doubles("LOG10"),
        "LOG10(number)",
        "The decimal logarithm, DOUBLE; zero or less is a row error.",
        "LOG10(100)",
    ),
    _function(
        "MOD",
        _mod,
        "MOD(integer, integer)",
        "The remainder, with the sign of the first argument; a divisor of 0 is a row error.",
        "MOD(-4, 3)",
    ),
    _function(
        "POWER",
        _doubles("POWER"),
        "POWER(number, number)",
        "The first argument to the power of the second, DOUBLE. 0 to a negative power and a negative number to a power "
        "with a fraction are row errors.",
        "POWER(4, -2)",
    ),
    _function(
        "MONOTONIC",
        _monotonic,
        "MONOTONIC(value)",
        "The value itself, asserted never to change direction, so that it may drive a streaming GROUP BY.",
        "MONOTONIC(1)",
    ),
)
