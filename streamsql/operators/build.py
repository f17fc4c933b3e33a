"""Makes the operators of a plan, wrapped in the invariant checks when asked."""

from __future__ import annotations

from streamsql._core.operator import Operator
from streamsql.operators.context import StepContext
from streamsql.operators.registry import operator_for
from streamsql.plan.physical import PhysicalNode


def build_operator(node: PhysicalNode, operator_id: str, context: StepContext, checks: bool) -> Operator:
    """A new operator for `node`; with `checks` every call is verified (see `runtime/checks.py`)."""
    operator = operator_for(node, context)
    if not checks:
        return operator
    from streamsql.runtime.checks import CheckedOperator

    return CheckedOperator(operator, operator_id)
