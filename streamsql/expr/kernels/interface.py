"""What a kernel is, and how one is bound to a typed call."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.expr.nodes import Call, Literal
from streamsql.types import SqlType, TypeKind

#: One RowError code per row, 0 for rows that are fine; None when every row is.
Codes: TypeAlias = "npt.NDArray[np.uint8] | None"
Result: TypeAlias = tuple[pa.Array, Codes]
#: Computes one call for a batch. Takes the arrays of the arguments that are not constant, in order.
Kernel: TypeAlias = Callable[..., Result]
#: The constant arguments of a call, None where an argument is a column.
Constants: TypeAlias = tuple[Literal | None, ...]
#: Makes the kernel of a call when the expression is compiled. At least one argument is not constant and, for functions
#: that propagate NULL, no constant is NULL.
Bind: TypeAlias = Callable[[Call, Constants], Kernel]

_LAYOUTS = {
    TypeKind.TINYINT: "i8",
    TypeKind.SMALLINT: "i16",
    TypeKind.INTEGER: "i32",
    TypeKind.BIGINT: "i64",
    TypeKind.DECIMAL: "i128",
    TypeKind.REAL: "f32",
    TypeKind.DOUBLE: "f64",
    TypeKind.DATE: "i32",
    TypeKind.TIME: "i32",
    TypeKind.TIMESTAMP: "i64",
    TypeKind.INTERVAL_DAY: "i64",
    TypeKind.INTERVAL_YEAR: "i32",
}


def layout(sql_type: SqlType) -> str:
    """The name of the layout of a fixed-width type in the loops of the core (`i64`, `f64`, `i128`, …)."""
    return _LAYOUTS[sql_type.kind]


def raw(literal: Literal) -> Any:
    """The value of a literal as the loops hold it: DECIMAL as the unscaled integer."""
    if isinstance(literal.value, Decimal):
        return int(literal.value.scaleb(literal.type.scale or 0))
    return literal.value


def merge_codes(first: Codes, second: Codes) -> Codes:
    """Codes of rows that failed in either step; the first failure of a row counts."""
    if first is None:
        return second
    if second is None:
        return first
    merged: npt.NDArray[np.uint8] = np.where(first != 0, first, second)
    return merged


def then(first: Kernel, second: Kernel) -> Kernel:
    """The one-argument kernel `second` applied to what `first` gives."""

    def kernel(*arrays: pa.Array) -> Result:
        array, codes = first(*arrays)
        result, more = second(array)
        return result, merge_codes(codes, more)

    return kernel


def plain(function: Callable[..., pa.Array]) -> Kernel:
    """A kernel from a function that never fails a row."""

    def kernel(*arrays: pa.Array) -> Result:
        return function(*arrays), None

    return kernel


def identity(array: pa.Array) -> Result:
    """The argument itself."""
    return array, None
