"""AVG(CAST(exact AS DOUBLE)) becomes the average of the exact column, divided once.

The sum of an exact type needs no rounding and no conversion per row, and the quotient is correctly rounded; only the
result is DOUBLE.
"""

from __future__ import annotations

from dataclasses import replace

from streamsql.expr.nodes import Aggregate, Analytic, Cast, Expr
from streamsql.plan.logical import LogicalNode, Over, StaggerAggregate, TumbleAggregate
from streamsql.plan.traversal import rewrite_up
from streamsql.types import DOUBLE, SqlType


def exact_average(plan: LogicalNode) -> LogicalNode:
    """Every such AVG of aggregates and sliding windows."""
    return rewrite_up(plan, _rewrite)


def _rewrite(node: LogicalNode) -> LogicalNode:
    match node:
        case TumbleAggregate() | StaggerAggregate():
            return replace(node, aggregates=tuple(_aggregate(call) for call in node.aggregates))
        case Over():
            return replace(node, calls=tuple(_analytic(call) for call in node.calls))
        case _:
            return node


def _aggregate(call: Aggregate) -> Aggregate:
    argument = _exact_argument(call.function, call.args, call.type)
    return call if argument is None else replace(call, args=(argument,))


def _analytic(call: Analytic) -> Analytic:
    argument = _exact_argument(call.function, call.args, call.type)
    return call if argument is None else replace(call, args=(argument,))


def _exact_argument(function: str, args: tuple[Expr, ...], result: SqlType) -> Expr | None:
    """The exact expression under the cast, or None where the rule does not apply."""
    if function != "AVG" or result != DOUBLE or not isinstance(args[0], Cast) or args[0].assignment:
        return None
    inner = args[0].arg
    return inner if inner.type.is_integer or inner.type.is_decimal else None
