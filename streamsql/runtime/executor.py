"""The deterministic executor of one shard: rows and watermarks in, rows of every stream out.

It does no I/O and reads no clock: the time of a step is an argument. The same calls give the same results, and how rows
are cut into batches never changes them. One step visits the nodes once, inputs before consumers: a node takes all rows
of the step, then its new watermark, and hands on what it emits.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MAX_WATERMARK, Failure, Operator
from streamsql._core.steps import Slot, StepLoop
from streamsql.errors import ErrorCode, RunError, StateError, StreamSQLError
from streamsql.operators.build import build_operators
from streamsql.operators.context import StepContext
from streamsql.plan.physical import ApplicationPlan, SourceExec, StreamExec
from streamsql.runtime.checks import CheckedOperator
from streamsql.runtime.error_stream import Origin
from streamsql.runtime.graph import GraphNode, build_graph
from streamsql.runtime.metrics import OperatorMetrics
from streamsql.runtime.watermarks import WatermarkCombiner

EXECUTOR_STATE = "executor"
_VERSION = 1


class Executor:
    """Runs one plan. Not thread-safe: one caller at a time."""

    def __init__(self, plan: ApplicationPlan, *, started_us: int = 0, checks: bool = False) -> None:
        self._context = StepContext(started_us)
        graph = build_graph(plan)
        operators = build_operators((each.node for each in graph.nodes), self._context)
        if checks:
            operators = [CheckedOperator(inner, each.id) for inner, each in zip(operators, graph.nodes, strict=True)]
        self._loop = StepLoop()
        self._slots = [
            _slot(position, each, operator)
            for position, (each, operator) in enumerate(zip(graph.nodes, operators, strict=True))
        ]
        self._sources: dict[str, Slot] = {}
        self._reached: dict[str, list[Slot]] = {}
        self._streams: dict[str, Slot] = {}
        for position, slot in enumerate(self._slots):
            for reader, port in slot.graph_node.consumers:
                slot.connect(self._slots[reader], port)
            node = slot.graph_node.node
            if isinstance(node, SourceExec):
                self._sources[node.name] = slot
                self._reached[node.name] = [self._slots[each] for each in graph.reachable(position)]
            elif isinstance(node, StreamExec):
                self._streams[node.name] = slot

    def push(self, source: str, batch: ChangeBatch, watermark_us: int, now_us: int | None) -> None:
        """Run one step: rows of one input, in ROWTIME order and not below its watermark, then its new watermark.

        `watermark_us` is at least the last row's ROWTIME (each row implies it); `now_us` is what the clock functions
        see (None: each row's ROWTIME). Raises RunError when an operator fails as a whole.
        """
        self._context.set(now_us)
        try:
            self._loop.push(self._sources[source], self._reached[source], batch, watermark_us)
        except Exception as error:
            raise self._failure(error) from error

    def advance(self, watermarks_us: Mapping[str, int], now_us: int | None) -> None:
        """Run one step without rows: assert that later rows of these inputs have at least these ROWTIMEs."""
        self._context.set(now_us)
        for source, watermark_us in watermarks_us.items():
            self._sources[source].advance(0, watermark_us)
        try:
            self._loop.run(self._slots)
        except Exception as error:
            raise self._failure(error) from error

    def end(self, source: str, now_us: int | None) -> None:
        """No more rows of this input. When it was the last one of a node, the node emits all it holds."""
        self.advance({source: MAX_WATERMARK}, now_us)

    def take(self, stream: str) -> list[ChangeBatch]:
        """The rows of a stream since the last call; none for a stream that no running pump writes."""
        slot = self._streams.get(stream)
        if slot is None or not slot.collected:
            return []
        batches = slot.collected
        slot.collected = []
        return batches

    def discard(self, stream: str) -> None:
        """Stop collecting the rows of a stream; pumps that read it are not affected."""
        slot = self._streams.get(stream)
        if slot is not None:
            slot.collected = None

    def take_failures(self) -> list[tuple[Origin, Failure]]:
        """The rows that failed since the last call, with where."""
        return self._loop.take_failures()

    def _failure(self, error: Exception) -> StreamSQLError:
        """What to raise when an operator raised `error`."""
        if isinstance(error, StreamSQLError):
            return error
        node = self._loop.current.graph_node
        return RunError(
            ErrorCode.RUN_FAILED, f"operator {node.id} failed: {type(error).__name__}: {error}", node.node.span
        )

    def metrics(self) -> tuple[OperatorMetrics, ...]:
        """What each operator has done so far, in visiting order."""
        return tuple(
            OperatorMetrics.of(slot.graph_node, slot.operator.stats, slot.watermark_us, slot.elapsed_ns)
            for slot in self._slots
        )

    def snapshot(self) -> dict[str, dict[str, pa.RecordBatch]]:
        """Everything needed to continue: per operator id its state tables, and the executor's own watermarks.

        Called between steps, after the rows of all streams were taken.
        """
        state: dict[str, dict[str, pa.RecordBatch]] = {
            EXECUTOR_STATE: {"watermarks": self._watermarks()},
        }
        for slot in self._slots:
            tables = slot.operator.snapshot()
            if tables:
                state[slot.graph_node.id] = tables
        return state

    def _watermarks(self) -> pa.RecordBatch:
        rows = [
            {
                "node": slot.graph_node.id,
                "ports": [slot.watermark_us] if slot.combiner is None else list(slot.combiner.ports),
                "forwarded": slot.forwarded_us,
            }
            for slot in self._slots
        ]
        schema = pa.schema([("node", pa.string()), ("ports", pa.list_(pa.int64())), ("forwarded", pa.int64())])
        return pa.RecordBatch.from_pylist(rows, schema=schema)

    def restore(self, state: Mapping[str, Mapping[str, pa.RecordBatch]]) -> None:
        """Continue from a snapshot of an executor of the same plan; called before any row."""
        saved = state[EXECUTOR_STATE]["watermarks"].to_pylist()
        ids = [slot.graph_node.id for slot in self._slots]
        if [row["node"] for row in saved] != ids:
            raise StateError(
                ErrorCode.STATE,
                "the saved state belongs to another plan",
                detail=f"found: {', '.join(row['node'] for row in saved)}     expected: {', '.join(ids)}",
            )
        for slot, row in zip(self._slots, saved, strict=True):
            slot.restore(row["ports"], row["forwarded"])
            tables = state.get(slot.graph_node.id)
            if tables:
                version = max((table.version for table in slot.operator.STATE), default=_VERSION)
                slot.operator.restore(version, dict(tables))


def _slot(position: int, graph_node: GraphNode, operator: Operator) -> Slot:
    node = graph_node.node
    read = node.inputs[0].schema if node.inputs else node.schema
    origin = Origin(node.pump, (read.arrow, node.schema.arrow), position)
    combiner = WatermarkCombiner(len(node.inputs)) if len(node.inputs) > 1 else None
    return Slot(graph_node, operator, origin, combiner, isinstance(node, StreamExec))
