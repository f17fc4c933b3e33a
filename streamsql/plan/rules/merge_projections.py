"""Projections that follow each other become one; those that only choose columns are done by the node below.

An item is only moved into its reader when that does not compute it twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from streamsql.expr.nodes import Aggregate, Column, Expr
from streamsql.plan.logical import (
    Filter,
    Insert,
    LogicalNode,
    Over,
    Project,
    Promote,
    StaggerAggregate,
    TumbleAggregate,
)
from streamsql.plan.rewriting import MAX_EXPRESSION_DEPTH, depth, is_trivial, substitute
from streamsql.plan.traversal import rewrite_up


def merge_projections(plan: LogicalNode) -> LogicalNode:
    """Every pair of neighbours that can be one."""
    return rewrite_up(plan, _merge)


def _merge(node: LogicalNode) -> LogicalNode:
    match node:
        case Insert(input=Project() as below) | Project(input=Project() as below):
            items = _merged(node.items, below.items)
            if items is not None:
                # Input and items change in one step: each is checked against the other.
                return _merge(replace(node, input=below.input, items=items))
        case TumbleAggregate(input=Project() as below) | StaggerAggregate(input=Project() as below):
            merged = _merged((*node.keys, *node.aggregates), below.items)
            if merged is not None:
                keys, calls = merged[: len(node.keys)], merged[len(node.keys) :]
                aggregates = tuple(call for call in calls if isinstance(call, Aggregate))
                return _merge(replace(node, input=below.input, keys=keys, aggregates=aggregates))
        case Promote(input=Project() as below):
            chosen = _chosen(below.items)
            if chosen is not None:
                keep = tuple(chosen[number] for number in node.keep)
                return replace(node, input=below.input, column=chosen[node.column], keep=keep)
        case Over(input=Project() as below):
            chosen = _chosen(below.items)
            if chosen is not None:
                return _over_columns(node, below, chosen)
        case Project(input=Filter() | Promote() | Over()) | Insert(input=Filter() | Promote() | Over()):
            chosen = _chosen(node.items)
            below_node = node.input
            if chosen is not None and isinstance(below_node, Filter | Promote | Over):
                narrowed = _narrowed(below_node, chosen)
                if narrowed is not None:
                    return narrowed if isinstance(node, Project) else _identity(node, narrowed)
    return node


def _over_columns(node: Over, below: Project, chosen: tuple[int, ...]) -> LogicalNode:
    """`node` reading the columns a projection only chooses."""
    windows = tuple(
        replace(window, partition=tuple(substitute(key, below.items) for key in window.partition))
        for window in node.windows
    )
    calls = tuple(
        replace(call, args=tuple(substitute(arg, below.items) for arg in call.args)) for call in node.calls
    )
    keep = tuple(chosen[number] for number in node.keep)
    return replace(node, input=below.input, windows=windows, calls=calls, keep=keep)


def _merged(readers: tuple[Expr, ...], items: tuple[Expr, ...]) -> tuple[Expr, ...] | None:
    """The readers over the projection's input; None when an item would be computed twice, or one become too deep."""
    counts = Counter(n.index for reader in readers for n in reader.walk() if isinstance(n, Column))
    if any(count > 1 and not is_trivial(items[number]) for number, count in counts.items()):
        return None
    deepest = max((depth(items[number]) for number in counts), default=0)
    if deepest + max((depth(reader) for reader in readers), default=0) > MAX_EXPRESSION_DEPTH:
        return None
    return tuple(substitute(reader, items) for reader in readers)


def _chosen(items: tuple[Expr, ...]) -> tuple[int, ...] | None:
    """The numbers of the columns when all items are plain columns, else None."""
    numbers = tuple(item.index for item in items if isinstance(item, Column))
    return numbers if len(numbers) == len(items) else None


def _narrowed(node: Filter | Promote | Over, chosen: tuple[int, ...]) -> LogicalNode | None:
    """`node` giving only the chosen columns in that order, or None when it cannot."""
    if not isinstance(node, Over):
        return replace(node, keep=tuple(node.keep[number] for number in chosen))
    width = len(node.keep)
    calls = [number - width for number in chosen if number >= width]
    columns = [number for number in chosen if number < width]
    if chosen != (*columns, *(number + width for number in calls)) or sorted(calls) != list(range(len(node.calls))):
        return None
    return replace(
        node,
        keep=tuple(node.keep[number] for number in columns),
        calls=tuple(node.calls[number] for number in calls),
    )


def _identity(node: Insert, below: LogicalNode) -> LogicalNode:
    items = tuple(
        replace(item, index=position) for position, item in enumerate(node.items) if isinstance(item, Column)
    )
    return replace(node, input=below, items=items)
