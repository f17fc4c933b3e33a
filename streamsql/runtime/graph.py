"""The nodes of a plan in the order in which a step visits them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamsql.plan.physical import ApplicationPlan, PhysicalNode, SourceExec, StreamExec


@dataclass(frozen=True)
class GraphNode:
    """One physical node, once, however many nodes read it.

    `inputs` are positions of the nodes it reads; `consumers` are (position, port) of the nodes that read it, in order.
    `id` is stable for a plan: position and label.
    """

    id: str
    node: PhysicalNode
    inputs: tuple[int, ...]
    consumers: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Graph:
    """All nodes, inputs before their consumers. The order depends on the plan only."""

    nodes: tuple[GraphNode, ...]

    def reachable(self, start: int) -> tuple[int, ...]:
        """Positions of the nodes that rows of node `start` can reach, itself included, in visiting order."""
        reached = {start}
        for position in range(start, len(self.nodes)):
            if position in reached:
                reached.update(consumer for consumer, _ in self.nodes[position].consumers)
        return tuple(sorted(reached))


def build_graph(plan: ApplicationPlan) -> Graph:
    """The graph of a plan: its sources in order, then everything the streams need."""
    order: list[PhysicalNode] = list(dict.fromkeys(plan.sources))
    positions = {id(node): position for position, node in enumerate(order)}
    for stream in plan.nodes.values():
        for node in _post_order(stream, positions):
            positions[id(node)] = len(order)
            order.append(node)
    consumers: list[list[tuple[int, int]]] = [[] for _ in order]
    inputs: list[tuple[int, ...]] = []
    for position, node in enumerate(order):
        inputs.append(tuple(positions[id(source)] for source in node.inputs))
        for port, source in enumerate(inputs[-1]):
            consumers[source].append((position, port))
    return Graph(
        tuple(
            GraphNode(_node_id(position, node), node, inputs[position], tuple(consumers[position]))
            for position, node in enumerate(order)
        )
    )


def _post_order(root: PhysicalNode, done: dict[int, int]) -> Iterator[PhysicalNode]:
    """The nodes below `root` and itself that are not in `done`, inputs first; without recursion, plans can be deep."""
    found: set[int] = set()
    stack: list[tuple[PhysicalNode, Sequence[PhysicalNode]]] = [(root, root.inputs)]
    while stack:
        node, waiting = stack.pop()
        if id(node) in done or id(node) in found:
            continue
        if waiting:
            stack.append((node, waiting[1:]))
            stack.append((waiting[0], waiting[0].inputs))
        else:
            found.add(id(node))
            yield node


def _node_id(position: int, node: PhysicalNode) -> str:
    if isinstance(node, SourceExec | StreamExec):
        return f"{position}:{node.label}:{node.name}"
    return f"{position}:{node.label}"
