"""Columns nobody reads are dropped as early as possible, down to the source, which then never decodes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamsql.expr.nodes import Column
from streamsql.plan.logical import (
    Filter,
    Insert,
    LogicalNode,
    Over,
    Project,
    Promote,
    Scan,
    StaggerAggregate,
    TumbleAggregate,
    UnionAll,
)
from streamsql.plan.rewriting import columns_of, renumber


def prune_columns(plan: LogicalNode) -> LogicalNode:
    """`plan` reading only what it needs; the columns it gives stay the same."""
    return _prune(plan, range(len(plan.schema)))[0]


def _prune(node: LogicalNode, needed: Iterable[int]) -> tuple[LogicalNode, dict[int, int]]:
    """The node giving at least the needed columns, and where each of those is now."""
    wanted = sorted(set(needed))
    match node:
        case Scan():
            return replace(node, keep=tuple(node.keep[n] for n in wanted)), _moved(wanted)
        case Filter():
            below, at = _prune(node.input, {*columns_of(node.predicate), *(node.keep[n] for n in wanted)})
            keep = tuple(at[node.keep[n]] for n in wanted)
            return replace(node, input=below, predicate=renumber(node.predicate, at), keep=keep), _moved(wanted)
        case Promote():
            below, at = _prune(node.input, {node.column, *(node.keep[n] for n in wanted)})
            keep = tuple(at[node.keep[n]] for n in wanted)
            return replace(node, input=below, column=at[node.column], keep=keep), _moved(wanted)
        case Project():
            chosen = [node.items[n] for n in wanted]
            below, at = _prune(node.input, columns_of(*chosen))
            names = tuple(node.names[n] for n in wanted)
            items = tuple(renumber(item, at) for item in chosen)
            return replace(node, input=below, names=names, items=items), _moved(wanted)
        case UnionAll():
            branches = []
            for source in node.sources:
                below, at = _prune(source, wanted)
                branches.append(_exactly(below, [at[n] for n in wanted]))
            return replace(node, sources=tuple(branches), types=tuple(node.types[n] for n in wanted)), _moved(wanted)
        case Over():
            return _prune_over(node, wanted)
        case TumbleAggregate() | StaggerAggregate():
            # Keys make the groups whether read or not; unread aggregates may still fail, as the query asks for them.
            exprs = (*node.keys, *node.aggregates)
            below, at = _prune(node.input, columns_of(*exprs))
            keys = tuple(renumber(key, at) for key in node.keys)
            calls = tuple(replace(c, args=tuple(renumber(arg, at) for arg in c.args)) for c in node.aggregates)
            return replace(node, input=below, keys=keys, aggregates=calls), {n: n for n in wanted}
        case Insert():
            below, at = _prune(node.input, columns_of(*node.items))
            items = tuple(renumber(item, at) for item in node.items)
            return replace(node, input=below, items=items), {n: n for n in wanted}
        case _:
            raise TypeError(f"prune_columns does not know {type(node).__name__}")


def _moved(wanted: list[int]) -> dict[int, int]:
    return {number: position for position, number in enumerate(wanted)}


def _exactly(node: LogicalNode, columns: list[int]) -> LogicalNode:
    """The node with exactly these columns in this order (branches of a union must agree)."""
    if columns == list(range(len(node.schema))):
        return node
    items = tuple(
        Column(n, node.schema[n].type, node.schema[n].name, node.schema[n].nullable) for n in columns
    )
    return Project(input=node, names=tuple(node.schema[n].name for n in columns), items=items, span=node.span)


def _prune_over(node: Over, wanted: list[int]) -> tuple[LogicalNode, dict[int, int]]:
    width = len(node.keep)
    keys = [key for window in node.windows for key in window.partition]
    kept = [number for number in wanted if number < width]
    below, at = _prune(node.input, {*columns_of(*keys, *node.calls), *(node.keep[n] for n in kept)})
    windows = tuple(
        replace(window, partition=tuple(renumber(key, at) for key in window.partition)) for window in node.windows
    )
    calls = tuple(replace(c, args=tuple(renumber(arg, at) for arg in c.args)) for c in node.calls)
    pruned = replace(node, input=below, windows=windows, calls=calls, keep=tuple(at[node.keep[n]] for n in kept))
    positions = {number: position for position, number in enumerate(kept)}
    positions.update({width + i: len(kept) + i for i in range(len(node.calls))})
    return pruned, positions
