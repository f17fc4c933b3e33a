"""Makes the operators of a plan."""

from __future__ import annotations

from collections.abc import Iterable

from streamsql._core.operator import Operator
from streamsql.operators.context import StepContext
from streamsql.operators.registry import operator_for
from streamsql.plan.physical import PhysicalNode


def build_operators(nodes: Iterable[PhysicalNode], context: StepContext) -> list[Operator]:
    """A new operator for each node, in order. All that evaluate expressions share `context`."""
    return [operator_for(node, context) for node in nodes]
