"""The deterministic executor of one shard: rows and watermarks in, rows of every stream out.

It does no I/O and reads no clock: the time of a step is an argument. The same calls give the same results, and how rows
are cut into batches never changes them. One step visits the nodes once, inputs before consumers: a node takes all rows
of the step, then its new watermark, and hands on what it emits.

The loop runs for every batch, so it is flat: per source a list of nodes with their bound methods, no look-up by type.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter_ns

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MAX_WATERMARK, MIN_WATERMARK, Failure, Operator, Output
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


class _Slot:
    """One node while it runs: its operator, what waits for it, and who reads it."""

    __slots__ = (
        "collected",
        "combiner",
        "consumers",
        "elapsed_ns",
        "end_of_input",
        "failures",
        "forwarded",
        "graph_node",
        "has_ports",
        "is_dirty",
        "moved",
        "on_watermark",
        "operator",
        "origin",
        "out",
        "pending",
        "port_watermark",
        "process",
    )

    def __init__(self, position: int, graph_node: GraphNode, operator: Operator) -> None:
        self.graph_node = graph_node
        self.operator = operator
        self.process = operator.process
        self.on_watermark = operator.on_watermark
        self.end_of_input = operator.end_of_input
        self.port_watermark = operator.port_watermark
        # An operator with one input learns everything from on_watermark.
        self.has_ports = len(graph_node.inputs) > 1
        self.out = Output()
        self.pending: list[tuple[int, ChangeBatch]] = []
        self.combiner = WatermarkCombiner(max(1, len(graph_node.inputs)))
        self.is_dirty = False
        self.moved: list[tuple[int, int]] = []
        self.forwarded = MIN_WATERMARK
        self.consumers: tuple[tuple[_Slot, int], ...] = ()
        self.collected: list[ChangeBatch] | None = [] if isinstance(graph_node.node, StreamExec) else None
        self.elapsed_ns = 0
        node = graph_node.node
        read = node.inputs[0].schema if node.inputs else node.schema
        self.origin = Origin(node.pump, read.names, position)

    def advance(self, port: int, watermark_us: int) -> None:
        """Note the watermark of one input; the operator learns it when the step visits the node, after its rows."""
        if self.combiner.update(port, watermark_us):
            self.is_dirty = True
            if self.has_ports:
                self.moved.append((port, watermark_us))


class Executor:
    """Runs one plan. Not thread-safe: one caller at a time."""

    def __init__(self, plan: ApplicationPlan, *, started_us: int = 0, checks: bool = False) -> None:
        self._context = StepContext(started_us)
        graph = build_graph(plan)
        operators = build_operators((each.node for each in graph.nodes), self._context)
        if checks:
            operators = [CheckedOperator(inner, each.id) for inner, each in zip(operators, graph.nodes, strict=True)]
        self._slots = [
            _Slot(position, each, operator)
            for position, (each, operator) in enumerate(zip(graph.nodes, operators, strict=True))
        ]
        self._sources: dict[str, _Slot] = {}
        self._reached: dict[str, list[_Slot]] = {}
        self._streams: dict[str, _Slot] = {}
        for position, slot in enumerate(self._slots):
            slot.consumers = tuple((self._slots[reader], port) for reader, port in slot.graph_node.consumers)
            node = slot.graph_node.node
            if isinstance(node, SourceExec):
                self._sources[node.name] = slot
                self._reached[node.name] = [self._slots[each] for each in graph.reachable(position)]
            elif isinstance(node, StreamExec):
                self._streams[node.name] = slot
        self._failures: list[tuple[Origin, Failure]] = []

    def push(self, source: str, batch: ChangeBatch, watermark_us: int, now_us: int) -> None:
        """Run one step: rows of one input, in ROWTIME order and not below its watermark, then its new watermark.

        `watermark_us` is at least the last row's ROWTIME (each row implies it); `now_us` is what the clock functions
        see. Raises RunError when an operator fails as a whole.
        """
        self._context.set(now_us)
        slot = self._sources[source]
        if batch.num_rows:
            slot.pending.append((0, batch))
        slot.advance(0, watermark_us)
        self._run(self._reached[source])

    def advance(self, watermarks_us: Mapping[str, int], now_us: int) -> None:
        """Run one step without rows: assert that later rows of these inputs have at least these ROWTIMEs."""
        self._context.set(now_us)
        for source, watermark_us in watermarks_us.items():
            self._sources[source].advance(0, watermark_us)
        self._run(self._slots)

    def end(self, source: str, now_us: int) -> None:
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
        failures = self._failures
        if failures:
            self._failures = []
        return failures

    def _run(self, slots: list[_Slot]) -> None:
        started = perf_counter_ns()
        for slot in slots:
            pending = slot.pending
            if not pending and not slot.is_dirty:
                continue
            out = slot.out
            forward = slot.forwarded
            try:
                if pending:
                    slot.pending = []
                    process = slot.process
                    for port, batch in pending:
                        process(port, batch, out)
                if slot.is_dirty:
                    slot.is_dirty = False
                    if slot.moved:
                        for port, watermark_us in slot.moved:
                            slot.port_watermark(port, watermark_us)
                        slot.moved.clear()
                    combined = slot.combiner.combined
                    if combined == MAX_WATERMARK:
                        slot.end_of_input(out)
                        forward = MAX_WATERMARK
                    else:
                        forward = slot.on_watermark(combined, out)
            except StreamSQLError:
                raise
            except Exception as error:
                raise RunError(
                    ErrorCode.RUN_FAILED,
                    f"operator {slot.graph_node.id} failed: {type(error).__name__}: {error}",
                    slot.graph_node.node.span,
                ) from error
            if out.failures:
                origin = slot.origin
                self._failures.extend([(origin, failure) for failure in out.take_failures()])
            batches = out.batches
            if batches:
                out.take_batches()
                for consumer, port in slot.consumers:
                    for batch in batches:
                        consumer.pending.append((port, batch))
                if slot.collected is not None:
                    slot.collected.extend(batches)
            if forward > slot.forwarded:
                slot.forwarded = forward
                for consumer, port in slot.consumers:
                    consumer.advance(port, forward)
            now = perf_counter_ns()
            slot.elapsed_ns += now - started
            started = now

    def metrics(self) -> tuple[OperatorMetrics, ...]:
        """What each operator has done so far, in visiting order."""
        return tuple(
            OperatorMetrics.of(slot.graph_node, slot.operator.stats, slot.combiner.combined, slot.elapsed_ns)
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
            {"node": slot.graph_node.id, "ports": list(slot.combiner.ports), "forwarded": slot.forwarded}
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
            for port, watermark_us in enumerate(row["ports"]):
                slot.combiner.update(port, watermark_us)
            slot.forwarded = row["forwarded"]
            tables = state.get(slot.graph_node.id)
            if tables:
                version = max((table.version for table in slot.operator.STATE), default=_VERSION)
                slot.operator.restore(version, dict(tables))
