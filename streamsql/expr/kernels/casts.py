"""CAST and assignment on columns (language reference §3.2, §4.4).

Which pairs are allowed is decided in `coercion.py`; an assignment computes what the CAST of the same types does.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core import casts
from streamsql._core.elementwise import Elementwise
from streamsql._core.text import fit
from streamsql.expr.coercion import digits_and_scale
from streamsql.expr.kernels.datetimes import from_milliseconds, to_milliseconds, truncate_to
from streamsql.expr.kernels.interface import Kernel, Result, identity, layout, plain, then
from streamsql.expr.kernels.numbers import widen_to_i64
from streamsql.expr.nodes import Cast
from streamsql.types import BIGINT, DOUBLE, IntervalUnit, SqlType, TypeKind, decimal

_DAY_FIELDS = (IntervalUnit.DAY, IntervalUnit.HOUR, IntervalUnit.MINUTE, IntervalUnit.SECOND)
_MONTH_FIELDS = (IntervalUnit.YEAR, IntervalUnit.MONTH)


def bind_cast(cast: Cast) -> Kernel:
    """The kernel of one CAST. Raises TypeError for a pair that `can_cast` refuses."""
    source, target = cast.arg.type, cast.type
    if source == target:
        return identity
    if target.is_string:
        return _to_text(source, target, cast.lenient)
    if source.is_numeric:
        return _from_number(source, target)
    if source.is_string:
        return _from_text(target, cast.lenient)
    if source.is_binary and target.is_binary:
        return _fit(target)
    if source.is_datetime and target.is_datetime:
        return then(to_milliseconds(source), then(from_milliseconds(target), _view(target)))
    if source.kind is TypeKind.INTERVAL_DAY:
        return _from_interval(source, target)
    if source.kind is target.kind is TypeKind.INTERVAL_YEAR:
        if target.end is IntervalUnit.YEAR and source.end is IntervalUnit.MONTH:
            return Elementwise("step_i32", pa.int32(), divisor=12)
        return identity
    raise TypeError(f"there is no cast from {source} to {target}")


def _view(target: SqlType) -> Kernel:
    """The same bytes under the Arrow type of `target` (int64 milliseconds as a timestamp)."""
    arrow = target.arrow
    return plain(lambda array: array if array.type == arrow else array.view(arrow))


def _fit(target: SqlType) -> Kernel:
    limit = target.length or 0
    pads = target.kind in (TypeKind.CHAR, TypeKind.BINARY)
    is_text = target.is_string
    return plain(lambda array: fit(array, limit, pads, is_text))


def _from_number(source: SqlType, target: SqlType) -> Kernel:
    if target.is_interval:
        return _number_to_interval(source, target)
    if target.is_decimal:
        return _to_decimal(source, target)
    if source.is_decimal:
        reduce = 10 ** (source.scale or 0)
        return Elementwise(f"cast_i128_{layout(target)}", target.arrow, reduce=reduce)
    return Elementwise(f"cast_{layout(source)}_{layout(target)}", target.arrow)


def _to_decimal(source: SqlType, target: SqlType) -> Kernel:
    precision, scale = digits_and_scale(target)
    if source.is_approximate:
        loop: Kernel = Elementwise("cast_f64_i128", target.arrow, digits=scale, digits_bound=precision)
        return loop if source == DOUBLE else then(Elementwise("cast_f32_f64", pa.float64()), loop)
    if source.is_integer:
        loop = Elementwise("cast_i64_i128", target.arrow, factor_a=10**scale, digits_bound=precision)
        widen = widen_to_i64(source)
        return loop if widen is None else then(widen, loop)
    source_scale = source.scale or 0
    return Elementwise(
        "cast_i128_i128",
        target.arrow,
        factor_a=10 ** max(0, scale - source_scale),
        reduce=10 ** max(0, source_scale - scale),
        digits_bound=precision,
    )


def _number_to_interval(source: SqlType, target: SqlType) -> Kernel:
    """The number counts the single field, rounded to it; SECOND keeps milliseconds."""
    field = target.end
    if field is None:
        raise TypeError("an interval type has an end field")
    if field is IntervalUnit.SECOND:
        milliseconds = decimal(19, 3)
        # DECIMAL(19, 3) seconds are milliseconds already, once the unscaled integer is taken.
        unscaled = Elementwise("cast_i128_i64", target.arrow)
        return then(_from_number(source, milliseconds), unscaled)
    count = identity if source == BIGINT else _from_number(source, BIGINT)
    if target.kind is TypeKind.INTERVAL_YEAR:
        months = Elementwise("mul_i64", pa.int64(), right=field.value, constant_type="i64")
        return then(then(count, months), Elementwise("cast_i64_i32", pa.int32()))
    return then(count, Elementwise("mul_i64", target.arrow, right=field.value, constant_type="i64"))


def _from_interval(source: SqlType, target: SqlType) -> Kernel:
    if source.end is None:
        raise TypeError("an interval type has an end field")
    if target.kind is TypeKind.INTERVAL_DAY and target.end is not None:
        return truncate_to(target.end, target.arrow)
    unit = source.end.value
    if target.is_decimal:
        precision, scale = digits_and_scale(target)
        return Elementwise(
            "dec_div_i64_i128", target.arrow, right=unit, constant_type="i128", digits=scale, digits_bound=precision
        )
    whole = Elementwise("interval_i64", pa.int64(), divisor=unit)
    return whole if target == BIGINT else then(whole, Elementwise(f"cast_i64_{layout(target)}", target.arrow))


def _from_text(target: SqlType, lenient: bool) -> Kernel:
    match target.kind:
        case TypeKind.DECIMAL:
            precision, scale = digits_and_scale(target)
            return lambda array: casts.parse_decimal(array, precision, scale)
        case TypeKind.BIGINT:
            return casts.parse_integer
        case TypeKind.TINYINT | TypeKind.SMALLINT | TypeKind.INTEGER:
            return then(casts.parse_integer, Elementwise(f"cast_i64_{layout(target)}", target.arrow))
        case TypeKind.DOUBLE:
            return casts.parse_double
        case TypeKind.REAL:
            return then(casts.parse_double, Elementwise("cast_f64_f32", target.arrow))
        case TypeKind.BOOLEAN:
            return casts.parse_boolean
        case TypeKind.DATE:
            return casts.parse_date
        case TypeKind.TIME:
            return lambda array: casts.parse_time(array, lenient)
        case TypeKind.TIMESTAMP:
            return lambda array: casts.parse_timestamp(array, lenient)
        case TypeKind.INTERVAL_DAY if target.start is not None and target.end is not None:
            start, end = _DAY_FIELDS.index(target.start), _DAY_FIELDS.index(target.end)
            return lambda array: casts.parse_interval(array, start, end)
        case _:
            raise TypeError(f"there is no cast from text to {target}")


def _to_text(source: SqlType, target: SqlType, lenient: bool) -> Kernel:
    limit, pads = target.length or 0, target.kind is TypeKind.CHAR
    match source.kind:
        case TypeKind.CHAR | TypeKind.VARCHAR:
            return _fit(target)
        case TypeKind.TINYINT | TypeKind.SMALLINT | TypeKind.INTEGER | TypeKind.BIGINT:
            widen = widen_to_i64(source)
            integers = casts.Format("integer", limit, pads)
            return integers if widen is None else then(widen, integers)
        case TypeKind.DECIMAL:
            return casts.Format("decimal", limit, pads, scale=source.scale or 0)
        case TypeKind.REAL | TypeKind.DOUBLE:
            return then(_shortest_digits, casts.Format("float", limit, pads, plain=lenient))
        case TypeKind.BOOLEAN | TypeKind.DATE | TypeKind.TIME | TypeKind.TIMESTAMP:
            return casts.Format(source.kind.value.lower(), limit, pads)
        case TypeKind.INTERVAL_DAY | TypeKind.INTERVAL_YEAR if source.start is not None and source.end is not None:
            is_day = source.kind is TypeKind.INTERVAL_DAY
            fields = _DAY_FIELDS if is_day else _MONTH_FIELDS
            return casts.Format(
                "interval" if is_day else "months",
                limit,
                pads,
                start=fields.index(source.start),
                end=fields.index(source.end),
            )
        case _:
            raise TypeError(f"there is no cast from {source} to text")


def _shortest_digits(array: pa.Array) -> Result:
    """Arrow's text of a float: the shortest digits that read back as the same value, in some notation."""
    return pc.cast(array, pa.string()), None
