"""Walking plans: bottom-up rewriting and the expressions of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from streamsql.expr.nodes import Aggregate, Analytic, Expr
from streamsql.plan.logical import (
    Filter,
    Insert,
    LogicalNode,
    Over,
    Project,
    StaggerAggregate,
    TumbleAggregate,
)

C = TypeVar("C", Aggregate, Analytic)


def walk(plan: LogicalNode) -> Iterator[LogicalNode]:
    """The node and all below it, parents first."""
    yield plan
    for source in plan.inputs:
        yield from walk(source)


def rewrite_up(plan: LogicalNode, rewrite: Callable[[LogicalNode], LogicalNode]) -> LogicalNode:
    """`plan` with `rewrite` applied to every node, inputs before the nodes that read them."""
    inputs = tuple(rewrite_up(source, rewrite) for source in plan.inputs)
    if any(new is not old for new, old in zip(inputs, plan.inputs, strict=True)):
        plan = plan.with_inputs(inputs)
    return rewrite(plan)


def map_expressions(node: LogicalNode, change: Callable[[Expr], Expr]) -> LogicalNode:
    """The node with `change` applied to each of its expressions (to the arguments of aggregates)."""
    match node:
        case Filter():
            return replace(node, predicate=change(node.predicate))
        case Project() | Insert():
            return replace(node, items=tuple(change(item) for item in node.items))
        case TumbleAggregate() | StaggerAggregate():
            keys = tuple(change(key) for key in node.keys)
            return replace(node, keys=keys, aggregates=tuple(_arguments(call, change) for call in node.aggregates))
        case Over():
            windows = tuple(
                replace(window, partition=tuple(change(key) for key in window.partition)) for window in node.windows
            )
            return replace(node, windows=windows, calls=tuple(_arguments(call, change) for call in node.calls))
        case _:
            return node


def _arguments(call: C, change: Callable[[Expr], Expr]) -> C:
    return replace(call, args=tuple(change(arg) for arg in call.args))
