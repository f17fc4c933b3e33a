"""Which operator class runs which physical node. A test checks that no node class is missing."""

from __future__ import annotations

from collections.abc import Callable

from streamsql._core.merge import MergeOperator
from streamsql._core.operator import Operator
from streamsql._core.over import OverAggregateOperator
from streamsql._core.promote import PromoteRowtimeOperator
from streamsql._core.stagger import StaggerAggregateOperator
from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.operators.context import StepContext
from streamsql.operators.stateless import FilterOperator, ProjectOperator, StreamOperator
from streamsql.plan.physical import (
    FilterExec,
    MergeExec,
    OverAggregateExec,
    PhysicalNode,
    ProjectExec,
    PromoteRowtimeExec,
    SourceExec,
    StaggerAggregateExec,
    StreamExec,
    TumbleAggregateExec,
)

#: Operators that evaluate expressions; they are given the step's clock readings.
EVALUATING: dict[type[PhysicalNode], Callable[..., Operator]] = {
    FilterExec: FilterOperator,
    ProjectExec: ProjectOperator,
    StreamExec: StreamOperator,
}

#: Operators that work on column numbers only.
COMPILED: dict[type[PhysicalNode], Callable[..., Operator]] = {
    SourceExec: Operator,
    TumbleAggregateExec: TumbleAggregateOperator,
    StaggerAggregateExec: StaggerAggregateOperator,
    OverAggregateExec: OverAggregateOperator,
    MergeExec: MergeOperator,
    PromoteRowtimeExec: PromoteRowtimeOperator,
}


def operator_for(node: PhysicalNode, context: StepContext) -> Operator:
    """A new operator that runs `node`; raises KeyError for a node class that has none."""
    kind = type(node)
    if kind in EVALUATING:
        return EVALUATING[kind](node, context)
    return COMPILED[kind](node)
