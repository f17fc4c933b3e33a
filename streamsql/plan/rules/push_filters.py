"""A filter above a projection moves below it, so that rejected rows are never computed.

Only where no row error can change: the projection's items cannot fail (else a row the filter rejects would have been an
error before), and the predicate reads columns the projection passes through (else it would be computed twice).
"""

from __future__ import annotations

from dataclasses import replace

from streamsql.plan.logical import Filter, LogicalNode, Project
from streamsql.plan.rewriting import cannot_fail, columns_of, is_trivial, substitute
from streamsql.plan.traversal import rewrite_up


def push_filters(plan: LogicalNode) -> LogicalNode:
    """Every filter as far down as it goes."""
    return rewrite_up(plan, _push)


def _push(node: LogicalNode) -> LogicalNode:
    if not isinstance(node, Filter) or not isinstance(node.input, Project):
        return node
    project = node.input
    if not all(cannot_fail(item) for item in project.items):
        return node
    if not all(is_trivial(project.items[number]) for number in columns_of(node.predicate)):
        return node
    below = project.input
    predicate = substitute(node.predicate, project.items)
    pushed = _push(Filter(input=below, predicate=predicate, keep=tuple(range(len(below.schema))), span=node.span))
    return replace(
        project,
        input=pushed,
        names=tuple(project.names[number] for number in node.keep),
        items=tuple(project.items[number] for number in node.keep),
    )
