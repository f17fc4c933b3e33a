"""Changing expressions and plans: one function to rebuild an expression with other operands, one to walk a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from streamsql.expr.nodes import Aggregate, Analytic, Call, Case, Cast, Column, Expr, Literal, NotNull, Rowtime

#: Deepest expression: everything that walks expressions is recursive, and the interpreter's stack is finite.
MAX_EXPRESSION_DEPTH = 120


def depth(expr: Expr) -> int:
    """The number of nodes on the longest way down; without recursion."""
    deepest = 0
    waiting = [(expr, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(child, level + 1) for child in node.children()]
    return deepest


def with_children(expr: Expr, children: Sequence[Expr]) -> Expr:
    """The same node over other operands, given in the order of `children()`."""
    match expr:
        case Call() | Aggregate() | Analytic():
            return replace(expr, args=tuple(children))
        case Cast() | NotNull():
            return replace(expr, arg=children[0])
        case Case():
            pairs = tuple(zip(children[0:-1:2], children[1:-1:2], strict=True))
            return replace(expr, whens=pairs, otherwise=children[-1])
        case _:
            return expr


def transform(expr: Expr, visit: Callable[[Expr], Expr | None]) -> Expr:
    """`expr` rebuilt from the top: `visit` gives what replaces a node, or None to go on with its operands."""
    replacement = visit(expr)
    if replacement is not None:
        return replacement
    children = expr.children()
    if not children:
        return expr
    changed = [transform(child, visit) for child in children]
    if all(new is old for new, old in zip(changed, children, strict=True)):
        return expr
    return with_children(expr, changed)


def substitute(expr: Expr, items: Sequence[Expr]) -> Expr:
    """`expr` over the columns of a projection, as an expression over the projection's input."""
    return transform(expr, lambda node: items[node.index] if isinstance(node, Column) else None)


def renumber(expr: Expr, positions: dict[int, int]) -> Expr:
    """`expr` with its columns moved to other positions."""

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Column) and positions[node.index] != node.index:
            return replace(node, index=positions[node.index])
        return None

    return transform(expr, visit)


def columns_of(*exprs: Expr) -> set[int]:
    """Numbers of the columns that occur in the expressions."""
    return {node.index for expr in exprs for node in expr.walk() if isinstance(node, Column)}


def is_trivial(expr: Expr) -> bool:
    """Costs nothing to compute and cannot fail: a column, ROWTIME or a constant."""
    return isinstance(expr, Column | Rowtime | Literal)


_NEVER_FAIL = """
= <> < <= > >= AND OR NOT IN COALESCE IS_NULL IS_NOT_NULL IS_TRUE IS_NOT_TRUE IS_FALSE IS_NOT_FALSE IS_UNKNOWN
IS_NOT_UNKNOWN IS_DISTINCT_FROM IS_NOT_DISTINCT_FROM EXTRACT MONOTONIC CHAR_LENGTH
"""


def cannot_fail(expr: Expr) -> bool:
    """No row can make the expression a row error."""
    for node in expr.walk():
        if isinstance(node, Call) and node.function.replace(" ", "_") not in _NEVER_FAIL.split():
            return False
        if isinstance(node, Cast | NotNull):
            return False
    return True


def is_nullable(expr: Expr) -> bool:
    """The value can be NULL as far as one can tell without looking at the data."""
    match expr:
        case Column():
            return expr.nullable
        case Rowtime():
            return False
        case Literal():
            return expr.value is None
        case Aggregate() | Analytic():
            return expr.function != "COUNT"
        case Cast():
            return is_nullable(expr.arg)
        case NotNull():
            return False
        case Case():
            return any(is_nullable(result) for _, result in expr.whens) or is_nullable(expr.otherwise)
        case Call(function="IS NULL" | "IS NOT NULL"):
            return False
        case Call(function="+" | "-" | "*" | "/" | "NEGATE" | "||" | "FLOOR_TO" | "CEIL_TO" | "STEP" | "MONOTONIC"):
            return any(is_nullable(arg) for arg in expr.args)
        case _:
            return True
