"""Arithmetic and numeric functions on columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.elementwise import Elementwise
from streamsql.expr.coercion import digits_and_scale
from streamsql.expr.kernels.interface import Bind, Constants, Kernel, Result, identity, layout, raw, then
from streamsql.expr.nodes import Call, Literal
from streamsql.types import BIGINT, SqlType, TypeKind

_LOOPS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


def constant_side(constants: Constants, layouts: tuple[str, str]) -> dict[str, Any]:
    """The keywords that give a two-operand loop its constant side, if it has one."""
    left, right = constants
    if left is not None:
        return {"left": raw(left), "constant_type": layouts[0]}
    if right is not None:
        return {"right": raw(right), "constant_type": layouts[1]}
    return {}


def widen_to_i64(sql_type: SqlType) -> Kernel | None:
    """The kernel that makes a narrower integer column BIGINT, None when it is one (or DECIMAL)."""
    if not sql_type.is_integer or sql_type == BIGINT:
        return None
    return Elementwise(f"cast_{layout(sql_type)}_i64", pa.int64())


def exact_operands(call: Call, constants: Constants) -> tuple[tuple[str, str], Constants, list[Kernel | None]]:
    """How a DECIMAL loop takes two exact operands: layouts (i64 or i128), constants, and casts of the columns.

    No loop takes two BIGINTs: one of them is then a constant, seen as DECIMAL of scale 0.
    """
    layouts = ["i128" if arg.type.is_decimal else "i64" for arg in call.args]
    if layouts == ["i64", "i64"]:
        layouts[0 if constants[0] is not None else 1] = "i128"
    casts = [
        widen_to_i64(arg.type) for arg, constant in zip(call.args, constants, strict=True) if constant is None
    ]
    return (layouts[0], layouts[1]), constants, casts


def with_casts(kernel: Kernel, casts: list[Kernel | None]) -> Kernel:
    """The kernel with its column arguments cast first (None: taken as they are); such casts never fail."""
    if all(cast is None for cast in casts):
        return kernel

    def run(*arrays: pa.Array) -> Result:
        return kernel(*(a if cast is None else cast(a)[0] for a, cast in zip(arrays, casts, strict=True)))

    return run


def bind_arithmetic(call: Call, constants: Constants) -> Kernel:
    """`+ - * /` for numbers, intervals, and datetimes with intervals."""
    left, right = call.args[0].type, call.args[1].type
    if left.is_datetime:
        return _bind_datetime(call, constants)
    if left.is_interval and not right.is_interval:
        return _bind_interval_factor(call, constants)
    if call.type.is_decimal:
        return _bind_decimal(call, constants)
    return _bind_same_type(call, constants)


def _bind_same_type(call: Call, constants: Constants) -> Kernel:
    kind = layout(call.type)
    operation = _LOOPS[call.function]
    divisor = constants[1]
    if operation == "div" and call.type.is_integer and divisor is not None and divisor.value > 1:
        return Elementwise(f"div_const_{kind}", call.type.arrow, divisor=divisor.value)
    return Elementwise(f"{operation}_{kind}", call.type.arrow, **constant_side(constants, (kind, kind)))


def _bind_decimal(call: Call, constants: Constants) -> Kernel:
    (_, s1), (_, s2) = (digits_and_scale(arg.type) for arg in call.args)
    precision, scale = digits_and_scale(call.type)
    layouts, constants, casts = exact_operands(call, constants)
    parameters: dict[str, Any] = {"digits_bound": precision}
    if call.function == "*":
        name = "dec_mul"
        parameters["reduce"] = 10 ** (s1 + s2 - scale)
    elif call.function == "/":
        name = "dec_div"
        parameters["digits"] = scale - s1 + s2
    else:
        name = "dec_add"
        parameters["factor_a"] = 10 ** (scale - s1)
        parameters["factor_b"] = 10 ** (scale - s2) * (-1 if call.function == "-" else 1)
    loop = Elementwise(
        f"{name}_{layouts[0]}_{layouts[1]}", call.type.arrow, **parameters, **constant_side(constants, layouts)
    )
    return with_casts(loop, casts)


def _bind_datetime(call: Call, constants: Constants) -> Kernel:
    operation = _LOOPS[call.function]
    kind = call.type.kind
    if kind is TypeKind.TIMESTAMP:
        return Elementwise(f"{operation}_i64", call.type.arrow, **constant_side(constants, ("i64", "i64")))
    return Elementwise(
        f"{operation}_{kind.value.lower()}", call.type.arrow, **constant_side(constants, ("i32", "i64"))
    )


def _bind_interval_factor(call: Call, constants: Constants) -> Kernel:
    """Interval * number and interval / number; year-month intervals are computed as BIGINT months."""
    factor = call.args[1].type
    operation = _LOOPS[call.function]
    is_months = call.type.kind is TypeKind.INTERVAL_YEAR
    kind = layout(factor)
    out = pa.int64() if is_months else call.type.arrow
    side = constant_side(constants, ("i64", kind))
    if factor.is_integer:
        loop = Elementwise(f"{operation}_i64", out, **side)
    elif factor.is_decimal:
        scale = 10 ** (factor.scale or 0)
        loop = Elementwise(f"interval_{operation}_i128", out, reduce=scale, factor_a=scale, **side)
    else:
        loop = Elementwise(f"interval_{operation}_f64", out, **side)
    if not is_months:
        return loop
    casts: list[Kernel | None] = []
    if constants[0] is None:
        casts.append(Elementwise("cast_i32_i64", pa.int64()))
    if constants[1] is None:
        casts.append(None)
    return then(with_casts(loop, casts), Elementwise("cast_i64_i32", pa.int32()))


def bind_negate(call: Call, constants: Constants) -> Kernel:
    """The operand with the other sign."""
    if call.type.is_decimal:
        return Elementwise("dec_neg", call.type.arrow)
    return Elementwise(f"neg_{layout(call.type)}", call.type.arrow)


def bind_abs(call: Call, constants: Constants) -> Kernel:
    """ABS."""
    if call.type.is_decimal:
        return Elementwise("dec_abs", call.type.arrow)
    return Elementwise(f"abs_{layout(call.type)}", call.type.arrow)


def bind_whole(name: str) -> Bind:
    """FLOOR and CEIL of numbers."""

    def bind(call: Call, constants: Constants) -> Kernel:
        argument = call.args[0].type
        if argument.is_integer:
            return identity
        if argument.is_decimal:
            return Elementwise(f"dec_{name}", call.type.arrow, reduce=10 ** (argument.scale or 0))
        return Elementwise(f"{name}_{layout(argument)}", call.type.arrow)

    return bind


def bind_double(name: str) -> Bind:
    """A function of one or two DOUBLEs."""

    def bind(call: Call, constants: Constants) -> Kernel:
        if len(call.args) == 1:
            return Elementwise(f"{name}_f64", pa.float64())
        return Elementwise(f"{name}_f64", pa.float64(), **constant_side(constants, ("f64", "f64")))

    return bind


def bind_mod(call: Call, constants: Constants) -> Kernel:
    """MOD; a constant divisor is a multiplication by its reciprocal."""
    if call.type.is_decimal:
        return Elementwise("dec_mod", call.type.arrow, **constant_side(constants, ("i128", "i128")))
    kind = layout(call.type)
    divisor = constants[1]
    # The sign of the divisor does not matter to a truncated remainder.
    if divisor is not None and 1 < abs(divisor.value) < 2**63:
        return Elementwise(f"mod_const_{kind}", call.type.arrow, divisor=abs(divisor.value))
    return Elementwise(f"mod_{kind}", call.type.arrow, **constant_side(constants, (kind, kind)))


def bind_identity(call: Call, constants: Constants) -> Kernel:
    """MONOTONIC and the like."""
    return identity


def bind_concatenate(call: Call, constants: Constants) -> Kernel:
    """`||` for strings and binaries."""
    empty = pa.scalar("" if call.type.is_string else b"", call.type.arrow)

    def operand(literal: Literal | None) -> pa.Scalar | None:
        return None if literal is None else pa.scalar(literal.value, call.type.arrow)

    left, right = (operand(constant) for constant in constants)

    def kernel(*arrays: pa.Array) -> Result:
        columns = iter(arrays)
        first = next(columns) if left is None else left
        second = next(columns) if right is None else right
        return pc.binary_join_element_wise(first, second, empty, null_handling="emit_null"), None

    return kernel


BINDS: dict[str, Bind] = {
    "+": bind_arithmetic,
    "-": bind_arithmetic,
    "*": bind_arithmetic,
    "/": bind_arithmetic,
    "NEGATE": bind_negate,
    "||": bind_concatenate,
    "ABS": bind_abs,
    "CEIL": bind_whole("ceil"),
    "FLOOR": bind_whole("floor"),
    "EXP": bind_double("exp"),
    "LN": bind_double("ln"),
    "LOG10": bind_double("log10"),
    "POWER": bind_double("power"),
    "MOD": bind_mod,
    "MONOTONIC": bind_identity,
}
