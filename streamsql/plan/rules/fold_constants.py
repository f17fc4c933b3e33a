"""Constant expressions become literals, computed by the engine itself.

One that fails stays as it is: the row error belongs to the rows that reach it, if any does (language reference §4.1).
"""

from __future__ import annotations

from streamsql.expr.fold import fold
from streamsql.plan.logical import LogicalNode
from streamsql.plan.traversal import map_expressions, rewrite_up


def fold_constants(plan: LogicalNode) -> LogicalNode:
    """Every expression of the plan folded."""
    return rewrite_up(plan, lambda node: map_expressions(node, fold))
