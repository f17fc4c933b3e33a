"""What an application has done: typed snapshots of counters, one per operator and one for the whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from streamsql._core.operator import MAX_WATERMARK, MIN_WATERMARK, OperatorStats
from streamsql.runtime.graph import GraphNode


@dataclass(frozen=True, slots=True)
class OperatorMetrics:
    """One operator: rows through it, what it holds now, and the time spent in it.

    `label` is the stem of the operator (`tumble_aggregate`), `id` its place in the plan, `pump` whose work it does.
    `watermark_us` is None before the first row or bound and after the end of its input.
    """

    id: str
    label: str
    pump: str | None
    rows_in: int
    rows_out: int
    rows_late: int
    rows_error: int
    state_rows: int
    state_bytes: int
    watermark_us: int | None
    is_finished: bool
    seconds: float

    @staticmethod
    def of(graph_node: GraphNode, stats: OperatorStats, watermark_us: int, elapsed_ns: int) -> OperatorMetrics:
        """The metrics of one node of a running graph."""
        return OperatorMetrics(
            id=graph_node.id,
            label=graph_node.node.label,
            pump=graph_node.node.pump,
            rows_in=stats.rows_in,
            rows_out=stats.rows_out,
            rows_late=stats.rows_late,
            rows_error=stats.rows_error,
            state_rows=stats.state_rows,
            state_bytes=stats.state_bytes,
            watermark_us=watermark_us if MIN_WATERMARK < watermark_us < MAX_WATERMARK else None,
            is_finished=watermark_us == MAX_WATERMARK,
            seconds=elapsed_ns / 1e9,
        )


@dataclass(frozen=True, slots=True)
class InputMetrics:
    """One input: rows taken, records that could not become rows, late rows, what waits, how far it is read (0 to 1)."""

    name: str
    rows: int
    bad_records: int
    rows_late: int
    queued_rows: int
    queued_bytes: int
    progress: float | None


@dataclass(frozen=True, slots=True)
class OutputMetrics:
    """One stream: rows given to sinks and readers, and rows that wait for them."""

    name: str
    rows: int
    queued_rows: int
    queued_bytes: int


@dataclass(frozen=True, slots=True)
class ApplicationMetrics:
    """A moment of a running application. `error_rows` counts rows of error_stream, `error_rows_dropped` those nobody
    fetched in time.
    """

    inputs: tuple[InputMetrics, ...]
    operators: tuple[OperatorMetrics, ...]
    outputs: tuple[OutputMetrics, ...]
    error_rows: int
    error_rows_dropped: int

    @property
    def rows_in(self) -> int:
        """Rows taken from all inputs."""
        return sum(each.rows for each in self.inputs)

    @property
    def state_bytes(self) -> int:
        """Bytes of state in all operators."""
        return sum(each.state_bytes for each in self.operators)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers, ready for JSON."""
        return asdict(self)
