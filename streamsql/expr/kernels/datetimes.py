"""Dates and times: rounding to units, EXTRACT, differences, epoch milliseconds."""

from __future__ import annotations

import pyarrow as pa

from streamsql._core.elementwise import Elementwise
from streamsql.expr.kernels.interface import Bind, Constants, Kernel, Result, identity, layout, raw, then
from streamsql.expr.nodes import Call
from streamsql.types import DATE, TIME, TIMESTAMP, IntervalUnit, SqlType, TypeKind

_DAY_MS = IntervalUnit.DAY.value
_DAY_UNITS = (IntervalUnit.DAY, IntervalUnit.HOUR, IntervalUnit.MINUTE, IntervalUnit.SECOND)
_UNIT_MS = {unit.name: unit.value for unit in _DAY_UNITS}
_UNIT_MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
#: 1970-01-01 was a Thursday; weeks are counted from the Monday before.
_WEEK_OFFSET_MS = 3 * _DAY_MS


def to_milliseconds(sql_type: SqlType) -> Kernel:
    """A DATE or TIMESTAMP column (TIME: ms since midnight) as int64 milliseconds."""
    if sql_type == DATE:
        return Elementwise("date_ms", pa.int64())
    if sql_type == TIME:
        return Elementwise("cast_i32_i64", pa.int64())
    return identity


def from_milliseconds(sql_type: SqlType) -> Kernel:
    """int64 milliseconds as the datetime type; the part it lacks is dropped (TIME wraps at 24 hours)."""
    if sql_type == DATE:
        return Elementwise("ms_date", pa.date32())
    if sql_type == TIME:
        return Elementwise("ms_time", pa.time32("ms"))
    return identity


def _around(sql_type: SqlType, loop: Kernel) -> Kernel:
    """`loop` over milliseconds, for a column of any datetime type."""
    if sql_type == TIMESTAMP:
        return loop
    return then(then(to_milliseconds(sql_type), loop), from_milliseconds(sql_type))


def rounding_loop(direction: str, size_ms: int, offset_ms: int, out: pa.DataType) -> Kernel:
    """Multiples of `size_ms` (counted from -`offset_ms`) below or above int64 milliseconds."""
    if size_ms == 1:
        return identity
    return Elementwise(f"{direction}_const", out, divisor=size_ms, offset=offset_ms)


def bind_round_to(direction: str) -> Bind:
    """FLOOR(x TO unit) and CEIL(x TO unit)."""

    def bind(call: Call, constants: Constants) -> Kernel:
        value_type = call.type
        unit = call.args[1].value  # type: ignore[attr-defined]
        out = value_type.arrow if value_type == TIMESTAMP else pa.int64()
        if unit in _UNIT_MONTHS:
            loop: Kernel = Elementwise(f"{direction}_month", out, months=_UNIT_MONTHS[unit])
        elif unit == "WEEK":
            loop = rounding_loop(direction, 7 * _DAY_MS, _WEEK_OFFSET_MS, out)
        else:
            loop = rounding_loop(direction, _UNIT_MS[unit], 0, out)
        return _around(value_type, loop)

    return bind


def bind_step(call: Call, constants: Constants) -> Kernel:
    """STEP of datetimes and of integers; the size is a literal."""
    size = call.args[1].value  # type: ignore[attr-defined]
    step_type = call.args[1].type
    if call.type.is_integer:
        return _integer_step(call.type, size)
    out = call.type.arrow if call.type == TIMESTAMP else pa.int64()
    if step_type.kind is TypeKind.INTERVAL_YEAR:
        return _around(call.type, Elementwise("floor_month", out, months=size))
    return _around(call.type, rounding_loop("floor", size, 0, out))


def _integer_step(sql_type: SqlType, size: int) -> Kernel:
    if size == 1:
        return identity
    return Elementwise(f"step_{layout(sql_type)}", sql_type.arrow, divisor=size)


def bind_extract(call: Call, constants: Constants) -> Kernel:
    """EXTRACT(field FROM x); the field is the first argument."""
    field = call.args[0].value  # type: ignore[attr-defined]
    source = call.args[1].type
    if source.kind is TypeKind.INTERVAL_YEAR:
        return _extract_months(field, source)
    if field in ("YEAR", "MONTH") or (field == "DAY" and source.is_datetime):
        return then(to_milliseconds(source), Elementwise(f"extract_{field.lower()}", pa.int64()))
    if source.kind is TypeKind.INTERVAL_DAY:
        return _extract_interval(field, source, call.type)
    # Milliseconds since midnight have no sign, so the parts are those of a time of day.
    time_of_day = then(then(to_milliseconds(source), Elementwise("ms_time", pa.time32("ms"))), to_milliseconds(TIME))
    return then(time_of_day, _part(field, call.type, leading=False))


def _part(field: str, out: SqlType, *, leading: bool) -> Kernel:
    """One field of milliseconds; a leading field is not limited by the one above it."""
    limits = {"DAY": 2**62, "HOUR": 24, "MINUTE": 60, "SECOND": 60_000}
    if field == "SECOND":
        return Elementwise("extract_part_decimal", out.arrow, divisor=2**62 if leading else 60_000)
    return Elementwise("extract_part", out.arrow, factor_a=_UNIT_MS[field], divisor=2**62 if leading else limits[field])


def _extract_interval(field: str, source: SqlType, out: SqlType) -> Kernel:
    is_leading = source.start is not None and source.start.name == field
    return _part(field, out, leading=is_leading)


def _extract_months(field: str, source: SqlType) -> Kernel:
    is_leading = source.start is not None and source.start.name == field
    factor, divisor = (12, 2**62) if field == "YEAR" else (1, 2**62 if is_leading else 12)
    return then(
        Elementwise("cast_i32_i64", pa.int64()),
        Elementwise("extract_part", pa.int64(), factor_a=factor, divisor=divisor),
    )


def _subtract_milliseconds(call: Call, constants: Constants, out: pa.DataType, *, swap: bool) -> Kernel:
    """The difference a - b (swap: b - a) of two datetime arguments as int64 milliseconds."""
    scale = {DATE: _DAY_MS}
    values = [
        None if constant is None else raw(constant) * scale.get(arg.type, 1)
        for arg, constant in zip(call.args, constants, strict=True)
    ]
    converts = [
        to_milliseconds(arg.type) for arg, value in zip(call.args, values, strict=True) if value is None
    ]
    side: dict[str, object] = {}
    if values[0] is not None:
        side = {"right" if swap else "left": values[0], "constant_type": "i64"}
    elif values[1] is not None:
        side = {"left" if swap else "right": values[1], "constant_type": "i64"}
    loop = Elementwise("sub_i64", out, **side)  # type: ignore[arg-type]

    def kernel(*arrays: pa.Array) -> Result:
        columns = [convert(array)[0] for convert, array in zip(converts, arrays, strict=True)]
        if swap:
            columns.reverse()
        return loop(*columns)

    return kernel


def bind_difference(call: Call, constants: Constants) -> Kernel:
    """(a - b) qualifier, truncated toward zero to the last field of the interval type."""
    end = call.type.end
    if end is None:
        raise TypeError("an interval type has an end field")
    if call.type.kind is TypeKind.INTERVAL_YEAR:
        return _month_difference(call, constants, end)
    difference = _subtract_milliseconds(call, constants, call.type.arrow, swap=False)
    return then(difference, truncate_to(end, call.type.arrow))


def truncate_to(end: IntervalUnit, out: pa.DataType) -> Kernel:
    """Interval milliseconds cut toward zero to whole units; SECOND keeps its milliseconds."""
    if end is IntervalUnit.SECOND:
        return identity
    return Elementwise("trunc_const", out, divisor=end.value)


def _month_difference(call: Call, constants: Constants, end: IntervalUnit) -> Kernel:
    values = [
        None if constant is None else raw(constant) * (_DAY_MS if arg.type == DATE else 1)
        for arg, constant in zip(call.args, constants, strict=True)
    ]
    converts = [to_milliseconds(arg.type) for arg, value in zip(call.args, values, strict=True) if value is None]
    side: dict[str, object] = {}
    if values[0] is not None:
        side = {"left": values[0], "constant_type": "i64"}
    elif values[1] is not None:
        side = {"right": values[1], "constant_type": "i64"}
    loop = Elementwise("months_between", pa.int32(), **side)  # type: ignore[arg-type]

    def kernel(*arrays: pa.Array) -> Result:
        return loop(*(convert(array)[0] for convert, array in zip(converts, arrays, strict=True)))

    if end is IntervalUnit.YEAR:
        # A single YEAR field shows whole years: months are cut to multiples of 12.
        return then(kernel, Elementwise("step_i32", pa.int32(), divisor=12))
    return kernel


def bind_tsdiff(call: Call, constants: Constants) -> Kernel:
    """TSDIFF(start, end) = end - start."""
    return _subtract_milliseconds(call, constants, pa.int64(), swap=True)


def bind_view(call: Call, constants: Constants) -> Kernel:
    """UNIX_TIMESTAMP and TO_TIMESTAMP: the same 64 bits seen as the other type."""
    out = call.type.arrow

    def kernel(array: pa.Array) -> Result:
        return array.view(out), None

    return kernel


BINDS: dict[str, Bind] = {
    "FLOOR_TO": bind_round_to("floor"),
    "CEIL_TO": bind_round_to("ceil"),
    "STEP": bind_step,
    "EXTRACT": bind_extract,
    "DATETIME_DIFF": bind_difference,
    "TSDIFF": bind_tsdiff,
    "UNIX_TIMESTAMP": bind_view,
    "TO_TIMESTAMP": bind_view,
}
