"""Which operator class runs which physical node. A test checks that no node class is missing.

Classes are named, not imported: an application loads only the operators it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

from streamsql._core.operator import Operator
from streamsql.operators.context import StepContext
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


class OperatorClass(NamedTuple):
    """Where an operator class is; `is_evaluating` ones compute expressions and are given the step's clock readings."""

    module: str
    name: str
    is_evaluating: bool = False

    def load(self) -> type[Operator]:
        """The class itself."""
        return cast("type[Operator]", getattr(import_module(self.module), self.name))


OPERATORS: dict[type[PhysicalNode], OperatorClass] = {
    SourceExec: OperatorClass("streamsql._core.operator", "Operator"),
    FilterExec: OperatorClass("streamsql.operators.stateless", "FilterOperator", True),
    ProjectExec: OperatorClass("streamsql.operators.stateless", "ProjectOperator", True),
    StreamExec: OperatorClass("streamsql.operators.stateless", "StreamOperator"),
    TumbleAggregateExec: OperatorClass("streamsql._core.tumble", "TumbleAggregateOperator"),
    StaggerAggregateExec: OperatorClass("streamsql._core.stagger", "StaggerAggregateOperator"),
    OverAggregateExec: OperatorClass("streamsql._core.over", "OverAggregateOperator"),
    MergeExec: OperatorClass("streamsql._core.merge", "MergeOperator"),
    PromoteRowtimeExec: OperatorClass("streamsql._core.promote", "PromoteRowtimeOperator"),
}


def operator_for(node: PhysicalNode, context: StepContext) -> Operator:
    """A new operator that runs `node`; raises KeyError for a node class that has none."""
    found = OPERATORS[type(node)]
    operator_class = found.load()
    if found.is_evaluating:
        return operator_class(node, context)  # type: ignore[call-arg]
    return operator_class(node)
