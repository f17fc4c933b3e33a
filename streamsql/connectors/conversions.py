"""Whole-column conversions from any Arrow type to the Arrow type of a SQL type, by the rules of ingest.

A conversion takes a column (never dictionary, view, large or zoned: see `plain`) and gives a column of the target's
type, or raises ValueError (`pa.ArrowInvalid` is one) when any value does not fit. Nulls stay null. Who wants to know
which value it was converts smaller pieces.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.ingest import all_finite, longest_bytes
from streamsql.types import ROWTIME_ARROW, SqlType, TypeKind

Conversion = Callable[[pa.Array], pa.Array]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?\Z")
_TIME = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?\Z")
_BINARY_LITERAL = re.compile(r"[xX]'((?:[0-9a-fA-F]{2})*)'\Z")
#: Holds every value of every DECIMAL type with as many digits behind the point as any of them.
_WIDE_DECIMAL = pa.decimal128(38, 19)


def plain(column: pa.Array) -> pa.Array:
    """The same values without encodings: no dictionary, run-end, extension, view, large or fixed-size layout, no zone.

    Zoned timestamps become UTC.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.binary())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp(kind.unit))
    return column


def conversion(source: pa.DataType, target: SqlType) -> Conversion | None:
    """How a plain column of type `source` becomes one of type `target`, or None when no value of it ever can."""
    if pa.types.is_null(source):
        return lambda column: pa.nulls(len(column), target.arrow)
    match target.kind:
        case TypeKind.BOOLEAN:
            return _to_boolean(source)
        case TypeKind.REAL | TypeKind.DOUBLE:
            return _to_float(source, target)
        case TypeKind.DECIMAL:
            return _to_decimal(source, target)
        case TypeKind.CHAR | TypeKind.VARCHAR:
            return _to_text(source, target)
        case TypeKind.BINARY | TypeKind.VARBINARY:
            return _to_binary(source, target)
        case TypeKind.DATE:
            return _to_date(source)
        case TypeKind.TIME:
            return _to_time(source)
        case TypeKind.TIMESTAMP:
            return _to_timestamp(source, target.arrow)
        case _ if target.is_integer:
            return _to_integer(source, target)
    raise TypeError(f"{target} is not the type of an input column")


def rowtime_conversion(source: pa.DataType) -> Conversion | None:
    """How a plain column becomes ROWTIME (`timestamp[us]`); integers are milliseconds since 1970-01-01."""
    if pa.types.is_integer(source):
        # The scalar is made at the first use: making one imports pandas where it is installed.
        return lambda column: pc.multiply_checked(column.cast(pa.int64()), pa.scalar(1_000, pa.int64())).cast(
            ROWTIME_ARROW
        )
    return _to_timestamp(source, ROWTIME_ARROW)


def fit_check(target: SqlType) -> tuple[str, int] | None:
    """What must still hold for a column that has the Arrow type of `target`, as a check of BatchChecks.

    None when nothing must: every such column fits. Passing the check is enough to fit, failing it decides nothing.
    """
    match target.kind:
        case TypeKind.DOUBLE:
            return "finite64", 0
        case TypeKind.REAL:
            return "finite32", 0
        case TypeKind.VARCHAR | TypeKind.VARBINARY:
            return "short", target.length or 0
        case TypeKind.CHAR | TypeKind.BINARY:
            # They must have exactly their length: let the conversion see to it, unless there is not even one byte.
            return "short", 0
    return None


def _is_number(source: pa.DataType) -> bool:
    return bool(pa.types.is_integer(source) or pa.types.is_floating(source) or pa.types.is_decimal(source))


def _to_boolean(source: pa.DataType) -> Conversion | None:
    if pa.types.is_boolean(source):
        return lambda column: column
    if _is_number(source):
        return lambda column: pc.not_equal(_finite(column), pa.scalar(0, source))
    if pa.types.is_string(source):
        return lambda column: pc.equal(pc.utf8_lower(column), "true")
    return None


def _to_integer(source: pa.DataType, target: SqlType) -> Conversion | None:
    if pa.types.is_integer(source) or pa.types.is_boolean(source) or pa.types.is_decimal(source):
        return lambda column: column.cast(target.arrow)
    if pa.types.is_floating(source):
        # Through int64 and with its upper end excluded: the kernel takes 2^63 for a value that fits.
        return lambda column: _below_2_63(column).cast(target.arrow)
    if pa.types.is_string(source):
        return lambda column: _text_to_number(column, target)
    return None


def _to_float(source: pa.DataType, target: SqlType) -> Conversion | None:
    if _is_number(source):
        return lambda column: _finite(column.cast(target.arrow, safe=False))
    if pa.types.is_boolean(source):
        return lambda column: column.cast(target.arrow)
    if pa.types.is_string(source):
        return lambda column: _text_to_number(column, target)
    return None


def _to_decimal(source: pa.DataType, target: SqlType) -> Conversion | None:
    if pa.types.is_boolean(source):
        return lambda column: column.cast(pa.int8()).cast(pa.decimal128(3, 0)).cast(target.arrow)
    if pa.types.is_integer(source):
        return lambda column: column.cast(pa.decimal128(20, 0)).cast(target.arrow)
    if pa.types.is_decimal(source):
        return lambda column: _rounded(column, target)
    if pa.types.is_floating(source):
        # Through the shortest text, so that 1.555 rounds as it reads and not as the nearest binary fraction.
        return lambda column: _text_to_number(_finite(column).cast(pa.string()), target)
    if pa.types.is_string(source):
        return lambda column: _text_to_number(column, target)
    return None


def _to_text(source: pa.DataType, target: SqlType) -> Conversion | None:
    length = target.length or 0

    def cut(column: pa.Array) -> pa.Array:
        if longest_bytes(column) > length:
            column = pc.utf8_slice_codeunits(column, 0, length)
        return pc.utf8_rpad(column, width=length) if target.kind is TypeKind.CHAR else column

    if pa.types.is_string(source):
        return cut
    if pa.types.is_floating(source):
        return lambda column: cut(_finite(column).cast(pa.string()))
    if pa.types.is_nested(source):
        return lambda column: cut(pa.array([_json_text(value) for value in column.to_pylist()], pa.string()))
    if pa.types.is_duration(source) or pa.types.is_interval(source):
        return None
    return lambda column: cut(column.cast(pa.string()))


def _to_binary(source: pa.DataType, target: SqlType) -> Conversion | None:
    length = target.length or 0
    is_fixed = target.kind is TypeKind.BINARY

    def cut(column: pa.Array) -> pa.Array:
        if longest_bytes(column) > length:
            column = pc.binary_slice(column, 0, length)
        if is_fixed and pc.any(pc.less(pc.binary_length(column), length)).as_py():
            padded = [None if value is None else value.ljust(length, b"\0") for value in column.to_pylist()]
            column = pa.array(padded, pa.binary())
        return column

    if pa.types.is_binary(source):
        return cut
    if pa.types.is_boolean(source):
        zeros = bytes(length - 1) if is_fixed else b""
        return lambda column: pc.if_else(column, zeros + b"\1", zeros + b"\0").cast(pa.binary())
    if pa.types.is_string(source):
        return lambda column: cut(pa.array([_literal_bytes(value) for value in column.to_pylist()], pa.binary()))
    return None


def _to_date(source: pa.DataType) -> Conversion | None:
    if pa.types.is_date(source):
        return lambda column: column.cast(pa.date32(), safe=False)
    if pa.types.is_timestamp(source):
        return lambda column: column.cast(pa.date32())
    if pa.types.is_string(source):
        return lambda column: _parse_timestamps(column).cast(pa.date32())
    return None


def _to_time(source: pa.DataType) -> Conversion | None:
    target = pa.time32("ms")
    if pa.types.is_time(source) or pa.types.is_timestamp(source):
        return lambda column: column.cast(target, safe=False)
    if pa.types.is_string(source):
        return lambda column: pa.array([_parse_time(value) for value in column.to_pylist()], target)
    return None


def _to_timestamp(source: pa.DataType, target: pa.DataType) -> Conversion | None:
    if pa.types.is_timestamp(source):
        return lambda column: _floor(column, target)
    if pa.types.is_date(source):
        return lambda column: column.cast(pa.date32(), safe=False).cast(target)
    if pa.types.is_string(source):
        return lambda column: _floor(_parse_timestamps(column), target)
    return None


def _floor(column: pa.Array, target: pa.DataType) -> pa.Array:
    """Timestamps in the unit of `target`, toward the past where digits are lost."""
    if _UNITS[column.type.unit] <= _UNITS[target.unit]:
        return column.cast(target)
    # The unchecked cast truncates toward 1970, which is the past only for later instants.
    earliest = pc.min(column.view(pa.int64())).as_py()
    if earliest is not None and earliest < 0:
        column = pc.floor_temporal(column, unit=_UNIT_NAMES[target.unit])
    return column.cast(target, safe=False)


_UNITS = {"s": 0, "ms": 1, "us": 2, "ns": 3}
_UNIT_NAMES = {"ms": "millisecond", "us": "microsecond"}


def _finite(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type) and not all_finite(column):
        raise ValueError("not a finite number")
    return column


def _below_2_63(column: pa.Array) -> pa.Array:
    if pc.any(pc.greater_equal(column, pa.scalar(2.0**63, column.type))).as_py():
        raise ValueError("out of range")
    return column


def _rounded(column: pa.Array, target: SqlType) -> pa.Array:
    """Decimals at the scale of `target`, rounded half away from zero."""
    if column.type.scale > (target.scale or 0):
        column = pc.round(column, ndigits=target.scale, round_mode="half_towards_infinity")
    return column.cast(target.arrow)


def _text_to_number(column: pa.Array, target: SqlType) -> pa.Array:
    try:
        if target.is_integer:
            # The kernel reads 0x1F as 31; SQL does not.
            if pc.any(pc.match_substring(column, "x", ignore_case=True)).as_py():
                raise ValueError("not a number")
            return column.cast(target.arrow)
        if target.is_approximate:
            return _finite(_finite(column.cast(pa.float64())).cast(target.arrow, safe=False))
        return _rounded(column.cast(_WIDE_DECIMAL), target)
    except ValueError:
        if len(column) != 1:
            raise
    return pa.array([_parse_number(column[0].as_py(), target)], target.arrow)


def _parse_number(text: str, target: SqlType) -> int | float | decimal.Decimal:
    """One number the kernels do not read: blanks around it, a plus sign, an integer written with point or exponent."""
    text = text.strip(" ")
    if not _NUMBER.match(text):
        raise ValueError("not a number")
    number = decimal.Decimal(text)
    if target.is_approximate:
        return float(_finite(pa.array([float(number)]).cast(target.arrow, safe=False))[0].as_py())
    with decimal.localcontext() as context:
        context.prec = 60
        if abs(number) >= decimal.Decimal(10) ** 20:
            raise ValueError("out of range")
        if target.is_integer:
            if number != int(number):
                raise ValueError("has a fraction")
            return int(number)
        return number.quantize(decimal.Decimal(1).scaleb(-(target.scale or 0)), decimal.ROUND_HALF_UP)


def _parse_timestamps(column: pa.Array) -> pa.Array:
    """`timestamp[us]` (UTC) from `yyyy-MM-dd`, with a blank or `T` and the time behind it, perhaps with a zone."""
    try:
        return column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        if len(column) != 1:
            raise
    moment = datetime.datetime.fromisoformat(column[0].as_py().strip(" "))
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return pa.array([moment], pa.timestamp("us"))


def _parse_time(text: str | None) -> int | None:
    if text is None:
        return None
    match = _TIME.match(text.strip(" "))
    if match is None:
        raise ValueError("not a time")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("not a time")
    return ((hour * 60 + minute) * 60 + second) * 1000 + int((match[4] or "").ljust(3, "0")[:3])


def _literal_bytes(text: str | None) -> bytes | None:
    if text is None:
        return None
    match = _BINARY_LITERAL.match(text)
    if match is None:
        raise ValueError("not a binary literal")
    return bytes.fromhex(match[1])


def _json_text(value: object) -> str | None:
    return None if value is None else json.dumps(value, default=json_value, separators=(",", ":"), ensure_ascii=False)


def json_value(value: object) -> object:
    """What stands in JSON for a Python value that JSON has no form for."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
