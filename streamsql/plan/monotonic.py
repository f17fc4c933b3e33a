"""Monotonicity: which expressions never go back along a stream (language reference §8.7)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from streamsql.expr.nodes import Call, Cast, Clock, Column, Expr, Literal, Rowtime
from streamsql.types import DATE, TIMESTAMP


class Monotonicity(Enum):
    """How a value moves along its stream; EITHER is asserted by MONOTONIC, in a direction nobody knows."""

    NONE = "none"
    CONSTANT = "constant"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    EITHER = "either"

    @property
    def can_drive(self) -> bool:
        """May delimit windows: it moves, and only one way."""
        return self in (Monotonicity.ASCENDING, Monotonicity.DESCENDING, Monotonicity.EITHER)

    @property
    def reversed(self) -> Monotonicity:
        """The movement of the negated value."""
        if self is Monotonicity.ASCENDING:
            return Monotonicity.DESCENDING
        if self is Monotonicity.DESCENDING:
            return Monotonicity.ASCENDING
        return self


NONE = Monotonicity.NONE
CONSTANT = Monotonicity.CONSTANT
ASCENDING = Monotonicity.ASCENDING
DESCENDING = Monotonicity.DESCENDING


def monotonicity(expr: Expr, columns: Sequence[Monotonicity]) -> Monotonicity:
    """The monotonicity of an expression over a relation whose columns have the given ones."""
    match expr:
        case Column():
            return columns[expr.index] if expr.index < len(columns) else NONE
        case Rowtime():
            return ASCENDING
        case Clock():
            return ASCENDING
        case Literal():
            return CONSTANT
        case Cast():
            inner = monotonicity(expr.arg, columns)
            if inner is CONSTANT or (expr.arg.type.is_datetime and expr.type in (DATE, TIMESTAMP)):
                return inner
            # A cast between numbers keeps the order; it can only make neighbours equal.
            return inner if expr.arg.type.is_numeric and expr.type.is_numeric else NONE
        case Call():
            return _call(expr, [monotonicity(arg, columns) for arg in expr.args])
        case _:
            return NONE


def _call(call: Call, args: list[Monotonicity]) -> Monotonicity:
    if call.function == "MONOTONIC":
        return args[0] if args[0].can_drive else Monotonicity.EITHER
    if args and all(arg is CONSTANT for arg in args):
        return CONSTANT
    match call.function, args:
        case ("FLOOR" | "CEIL" | "FLOOR_TO" | "CEIL_TO" | "STEP", [first, *_]):
            return first
        case ("NEGATE", [only]):
            return only.reversed
        case ("+", [left, right]):
            return _sum(left, right)
        case ("-", [left, right]):
            return _sum(left, right.reversed)
        case ("*", [left, right]):
            if right is CONSTANT:
                return _scaled(left, call.args[1])
            return _scaled(right, call.args[0]) if left is CONSTANT else NONE
        case _:
            return NONE


def _sum(left: Monotonicity, right: Monotonicity) -> Monotonicity:
    if right is CONSTANT:
        return left
    if left is CONSTANT:
        return right
    return left if left is right and left in (ASCENDING, DESCENDING) else NONE


def _scaled(moving: Monotonicity, factor: Expr) -> Monotonicity:
    """A moving value times a constant; the sign of the constant must be known."""
    node = factor
    while isinstance(node, Cast):
        node = node.arg
    negative = isinstance(node, Call) and node.function == "NEGATE"
    if isinstance(node, Call) and negative:
        node = node.args[0]
    if not isinstance(node, Literal) or node.value is None:
        return NONE
    value = -node.value if negative else node.value
    if value == 0:
        return CONSTANT
    return moving if value > 0 else moving.reversed
