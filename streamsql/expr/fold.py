"""Constant folding by the engine itself: a constant subtree is evaluated on a batch of one row.

Folding can therefore not disagree with running. A subtree that fails stays as it is: it fails per row, and only for
rows that reach it.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql.expr import nodes
from streamsql.expr.compile import EvalContext, compile_unfolded, needs_clock
from streamsql.expr.functions import lookup
from streamsql.expr.nodes import Expr
from streamsql.types import TypeKind

# From a buffer: making an array from Python values imports pandas where it is installed, a third of a second.
_ONE_ROW = ChangeBatch(pa.Array.from_buffers(pa.timestamp("us"), 1, [None, pa.py_buffer(bytes(8))]), ())


def fold(expr: Expr) -> Expr:
    """The expression with every constant part that does not fail replaced by its value. Idempotent."""
    folded = _with_children(expr)
    return _value(folded) if _is_constant_call(folded) else folded


def _with_children(expr: Expr) -> Expr:
    match expr:
        case nodes.Call():
            return replace(expr, args=tuple(fold(arg) for arg in expr.args))
        case nodes.Case():
            return replace(
                expr,
                whens=tuple((fold(condition), fold(result)) for condition, result in expr.whens),
                otherwise=fold(expr.otherwise),
            )
        case nodes.Cast() | nodes.NotNull():
            return replace(expr, arg=fold(expr.arg))
        case _:
            return expr


def _is_constant_call(expr: Expr) -> bool:
    """A call, CASE or CAST whose operands are all literals and whose value does not depend on the clock."""
    match expr:
        case nodes.Call():
            spec = lookup(expr.function)
            if spec is None or not spec.deterministic:
                return False
        case nodes.Cast():
            if needs_clock(expr.arg.type, expr.type):
                return False
        case nodes.Case():
            pass
        case _:
            return False
    return all(isinstance(child, nodes.Literal) for child in expr.children())


def _value(expr: Expr) -> Expr:
    value = compile_unfolded(expr).eval(_ONE_ROW, EvalContext())
    if value.errors is not None:
        return expr
    return nodes.Literal(_python(value.array, expr), expr.type, expr.span)


def _python(array: pa.Array, expr: Expr) -> object:
    """The single value as a literal holds it."""
    if expr.type.kind is not TypeKind.NULL and (expr.type.is_datetime or expr.type.is_interval):
        array = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    return array[0].as_py()
