"""Rewrites of logical plans: one rule per file, applied in the order of `RULES`.

A rule takes a plan and gives a plan with the same rows in the same order with the same ROWTIME and the same error rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from streamsql.plan.logical import LogicalNode
from streamsql.plan.rules.exact_average import exact_average
from streamsql.plan.rules.fold_constants import fold_constants
from streamsql.plan.rules.merge_projections import merge_projections
from streamsql.plan.rules.prune_columns import prune_columns
from streamsql.plan.rules.push_filters import push_filters

Rule = Callable[[LogicalNode], LogicalNode]
P = TypeVar("P", bound=LogicalNode)

RULES: tuple[Rule, ...] = (
    fold_constants,
    push_filters,
    merge_projections,
    exact_average,
    prune_columns,
    merge_projections,
)


def optimize(plan: P, rules: tuple[Rule, ...] = RULES) -> P:
    """`plan` after every rule; the node at the top keeps its kind."""
    result: LogicalNode = plan
    for rule in rules:
        result = rule(result)
    if not isinstance(result, type(plan)):
        raise TypeError(f"a rule turned {type(plan).__name__} into {type(result).__name__}")
    return result
