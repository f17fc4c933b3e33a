"""SQL types, and how they map to Arrow.

The mapping is that of the language reference §3.1. TIMESTAMP is `timestamp[ms]` in columns; ROWTIME inside the engine
is `timestamp[us]` and is carried beside the columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa

MAX_LENGTH = 65534
MAX_DECIMAL_PRECISION = 19
DERIVED_DECIMAL_PRECISION = 18


class TypeKind(Enum):
    """The SQL type families; the value is the SQL spelling."""

    BOOLEAN = "BOOLEAN"
    TINYINT = "TINYINT"
    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    DECIMAL = "DECIMAL"
    REAL = "REAL"
    DOUBLE = "DOUBLE"
    CHAR = "CHAR"
    VARCHAR = "VARCHAR"
    BINARY = "BINARY"
    VARBINARY = "VARBINARY"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    INTERVAL_DAY = "INTERVAL DAY TO SECOND"
    INTERVAL_YEAR = "INTERVAL YEAR TO MONTH"
    NULL = "NULL"


class IntervalUnit(Enum):
    """Interval fields, coarse to fine; the value is the length in milliseconds (months for YEAR and MONTH)."""

    YEAR = 12
    MONTH = 1
    DAY = 86_400_000
    HOUR = 3_600_000
    MINUTE = 60_000
    SECOND = 1_000


INTEGER_KINDS = (TypeKind.TINYINT, TypeKind.SMALLINT, TypeKind.INTEGER, TypeKind.BIGINT)
APPROXIMATE_KINDS = (TypeKind.REAL, TypeKind.DOUBLE)
STRING_KINDS = (TypeKind.CHAR, TypeKind.VARCHAR)
BINARY_KINDS = (TypeKind.BINARY, TypeKind.VARBINARY)
DATETIME_KINDS = (TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP)
INTEGER_PRECISION = {TypeKind.TINYINT: 3, TypeKind.SMALLINT: 5, TypeKind.INTEGER: 10, TypeKind.BIGINT: 19}


@dataclass(frozen=True, slots=True)
class SqlType:
    """One SQL type.

    `length` is set for CHAR, VARCHAR, BINARY, VARBINARY (characters or bytes); `precision` and `scale` for DECIMAL;
    `start` and `end` (equal for a single field) for intervals.
    """

    kind: TypeKind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    start: IntervalUnit | None = None
    end: IntervalUnit | None = None

    @property
    def is_integer(self) -> bool:
        """TINYINT, SMALLINT, INTEGER or BIGINT."""
        return self.kind in INTEGER_KINDS

    @property
    def is_approximate(self) -> bool:
        """REAL or DOUBLE."""
        return self.kind in APPROXIMATE_KINDS

    @property
    def is_decimal(self) -> bool:
        """DECIMAL."""
        return self.kind is TypeKind.DECIMAL

    @property
    def is_numeric(self) -> bool:
        """Any integer, DECIMAL, REAL or DOUBLE."""
        return self.is_integer or self.is_decimal or self.is_approximate

    @property
    def is_string(self) -> bool:
        """CHAR or VARCHAR."""
        return self.kind in STRING_KINDS

    @property
    def is_binary(self) -> bool:
        """BINARY or VARBINARY."""
        return self.kind in BINARY_KINDS

    @property
    def is_datetime(self) -> bool:
        """DATE, TIME or TIMESTAMP."""
        return self.kind in DATETIME_KINDS

    @property
    def is_interval(self) -> bool:
        """A day-time or year-month interval."""
        return self.kind in (TypeKind.INTERVAL_DAY, TypeKind.INTERVAL_YEAR)

    def __str__(self) -> str:
        if self.length is not None:
            return f"{self.kind.value}({self.length})"
        if self.kind is TypeKind.DECIMAL:
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.start is not None and self.end is not None:
            fields = self.start.name if self.start is self.end else f"{self.start.name} TO {self.end.name}"
            return f"INTERVAL {fields}"
        return str(self.kind.value)

    def __repr__(self) -> str:
        return str(self)

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of a column of this type."""
        match self.kind:
            case TypeKind.DECIMAL:
                return pa.decimal128(self.precision, self.scale)
            case kind:
                return _ARROW[kind]


_ARROW: dict[TypeKind, pa.DataType] = {
    TypeKind.BOOLEAN: pa.bool_(),
    TypeKind.TINYINT: pa.int8(),
    TypeKind.SMALLINT: pa.int16(),
    TypeKind.INTEGER: pa.int32(),
    TypeKind.BIGINT: pa.int64(),
    TypeKind.REAL: pa.float32(),
    TypeKind.DOUBLE: pa.float64(),
    TypeKind.CHAR: pa.string(),
    TypeKind.VARCHAR: pa.string(),
    TypeKind.BINARY: pa.binary(),
    TypeKind.VARBINARY: pa.binary(),
    TypeKind.DATE: pa.date32(),
    TypeKind.TIME: pa.time32("ms"),
    TypeKind.TIMESTAMP: pa.timestamp("ms"),
    TypeKind.INTERVAL_DAY: pa.duration("ms"),
    TypeKind.INTERVAL_YEAR: pa.int32(),
    TypeKind.NULL: pa.null(),
}

BOOLEAN = SqlType(TypeKind.BOOLEAN)
TINYINT = SqlType(TypeKind.TINYINT)
SMALLINT = SqlType(TypeKind.SMALLINT)
INTEGER = SqlType(TypeKind.INTEGER)
BIGINT = SqlType(TypeKind.BIGINT)
REAL = SqlType(TypeKind.REAL)
DOUBLE = SqlType(TypeKind.DOUBLE)
DATE = SqlType(TypeKind.DATE)
TIME = SqlType(TypeKind.TIME)
TIMESTAMP = SqlType(TypeKind.TIMESTAMP)
NULL = SqlType(TypeKind.NULL)
#: The type of ROWTIME inside the engine (columns of SQL type TIMESTAMP are `timestamp[ms]`).
ROWTIME_ARROW = pa.timestamp("us")


def char(length: int) -> SqlType:
    """CHAR(length); length 0 only for the empty literal."""
    return SqlType(TypeKind.CHAR, length=length)


def varchar(length: int) -> SqlType:
    """VARCHAR(length), capped at the largest length there is."""
    return SqlType(TypeKind.VARCHAR, length=min(length, MAX_LENGTH))


def varbinary(length: int) -> SqlType:
    """VARBINARY(length), capped at the largest length there is."""
    return SqlType(TypeKind.VARBINARY, length=min(length, MAX_LENGTH))


def binary(length: int) -> SqlType:
    """BINARY(length)."""
    return SqlType(TypeKind.BINARY, length=length)


def decimal(precision: int, scale: int) -> SqlType:
    """DECIMAL(precision, scale)."""
    return SqlType(TypeKind.DECIMAL, precision=precision, scale=scale)


def interval(start: IntervalUnit, end: IntervalUnit | None = None) -> SqlType:
    """An interval type with the fields from `start` to `end` (a single field without `end`)."""
    end = end or start
    is_year = start in (IntervalUnit.YEAR, IntervalUnit.MONTH)
    return SqlType(TypeKind.INTERVAL_YEAR if is_year else TypeKind.INTERVAL_DAY, start=start, end=end)


def from_arrow(arrow_type: pa.DataType) -> SqlType | None:
    """The SQL type in which values of an Arrow type are held without loss, or None when there is none.

    Strings of unstated length become VARCHAR(65534), unsigned integers the next wider signed type, timestamps of any
    unit TIMESTAMP (milliseconds).
    """
    if pa.types.is_dictionary(arrow_type):
        return from_arrow(arrow_type.value_type)
    if pa.types.is_decimal(arrow_type):
        if arrow_type.precision > MAX_DECIMAL_PRECISION or not 0 <= arrow_type.scale <= arrow_type.precision:
            return None
        return decimal(arrow_type.precision, arrow_type.scale)
    for test, sql_type in (
        (pa.types.is_boolean, BOOLEAN),
        (pa.types.is_int8, TINYINT),
        (lambda t: pa.types.is_int16(t) or pa.types.is_uint8(t), SMALLINT),
        (lambda t: pa.types.is_int32(t) or pa.types.is_uint16(t), INTEGER),
        (lambda t: pa.types.is_int64(t) or pa.types.is_uint32(t), BIGINT),
        (lambda t: pa.types.is_float16(t) or pa.types.is_float32(t), REAL),
        (pa.types.is_float64, DOUBLE),
        (
            lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t),
            varchar(MAX_LENGTH),
        ),
        (
            lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t),
            varbinary(MAX_LENGTH),
        ),
        (pa.types.is_date, DATE),
        (pa.types.is_time, TIME),
        (pa.types.is_timestamp, TIMESTAMP),
    ):
        if test(arrow_type):
            return sql_type
    if pa.types.is_null(arrow_type):
        return varchar(MAX_LENGTH)
    return None


_SIMPLE = {
    "BOOLEAN": BOOLEAN,
    "TINYINT": TINYINT,
    "SMALLINT": SMALLINT,
    "INTEGER": INTEGER,
    "INT": INTEGER,
    "BIGINT": BIGINT,
    "REAL": REAL,
    "DOUBLE": DOUBLE,
    "DOUBLE PRECISION": DOUBLE,
    "FLOAT": DOUBLE,
    "DATE": DATE,
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
}
_SYNONYMS = {
    "CHARACTER": "CHAR",
    "CHARACTER VARYING": "VARCHAR",
    "CHAR VARYING": "VARCHAR",
    "BINARY VARYING": "VARBINARY",
    "DEC": "DECIMAL",
    "NUMERIC": "DECIMAL",
}
_TYPE_TEXT = re.compile(r"\s*([A-Za-z]+(?:\s+[A-Za-z]+)*)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*\Z")


def make_type(name: str, arguments: tuple[int, ...] = ()) -> SqlType:
    """The type called `name` with its length or precision; raises ValueError that says what is wrong with it."""
    name = " ".join(name.upper().split())
    name = _SYNONYMS.get(name, name)
    if name in _SIMPLE:
        if arguments and name in ("TIME", "TIMESTAMP") and len(arguments) == 1 and arguments[0] <= 3:
            return _SIMPLE[name]
        if arguments:
            raise ValueError(f"{name} takes no arguments" if name not in ("TIME", "TIMESTAMP") else
                             f"{name} has at most 3 digits of fractional seconds")
        return _SIMPLE[name]
    if name in ("CHAR", "VARCHAR", "BINARY", "VARBINARY"):
        if not arguments and name in ("CHAR", "BINARY"):
            arguments = (1,)
        if len(arguments) != 1:
            raise ValueError(f"{name} needs one length, for example {name}(16)")
        if not 1 <= arguments[0] <= MAX_LENGTH:
            raise ValueError(f"the length of {name} is from 1 to {MAX_LENGTH}, got {arguments[0]}: over the limit")
        return SqlType(TypeKind(name), length=arguments[0])
    if name == "DECIMAL":
        precision, scale = {0: (18, 0), 1: (*arguments, 0), 2: arguments}.get(len(arguments), (0, 0))
        if not (1 <= precision <= MAX_DECIMAL_PRECISION and 0 <= scale <= precision):
            raise ValueError(
                f"DECIMAL has 1 to {MAX_DECIMAL_PRECISION} digits and a scale from 0 to its digits: over the limit"
            )
        return decimal(precision, scale)
    raise ValueError(f"{name} is not a SQL type")


def parse_type(text: str) -> SqlType:
    """The type written as SQL text, for example `VARCHAR(16)`; raises ValueError that says what is wrong with it."""
    match = _TYPE_TEXT.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a SQL type")
    return make_type(match[1], tuple(int(a) for a in match.groups()[1:] if a is not None))
