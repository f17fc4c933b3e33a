import pytest

from streamsql._core.operator import Operator
from streamsql.operators.registry import OPERATORS
from streamsql.plan.physical import PhysicalNode, UnaryExec


def node_classes(base=PhysicalNode):
    for kind in base.__subclasses__():
        if kind is not UnaryExec and kind.__module__.startswith("streamsql."):
            yield kind
        yield from node_classes(kind)


@pytest.mark.parametrize("kind", list(node_classes()), ids=lambda kind: kind.__name__)
def test_every_node_has_an_operator_of_its_stem(kind):
    operator = OPERATORS[kind].load()
    assert issubclass(operator, Operator)
    if operator is not Operator:
        assert operator.__name__ == kind.__name__.removesuffix("Exec") + "Operator"
    assert kind.label
