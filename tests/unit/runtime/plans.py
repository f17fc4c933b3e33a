"""Plans made by hand, with an operator that holds rows back, so that the runtime is tested without the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Operator, StateTable
from streamsql.operators.registry import OPERATORS, OperatorClass
from streamsql.plan.physical import ApplicationPlan, PhysicalNode, SourceExec, StreamExec, UnaryExec
from streamsql.schema import Column, Schema
from streamsql.types import BIGINT, varchar

SCHEMA = Schema((Column("K", varchar(4)), Column("V", BIGINT)))


def source(name: str = "S", schema: Schema = SCHEMA) -> SourceExec:
    return SourceExec(schema=schema, name=name, declared=schema, columns=tuple(range(len(schema))))


def plan(*streams: StreamExec) -> ApplicationPlan:
    sources: dict[SourceExec, None] = {}

    def visit(node: PhysicalNode) -> None:
        if isinstance(node, SourceExec):
            sources[node] = None
        for each in node.inputs:
            visit(each)

    for stream in streams:
        visit(stream)
    nodes = {stream.name: stream for stream in streams}
    return ApplicationPlan(tuple(sources), tuple((s.name, s.schema) for s in streams), nodes, ())


def stream(node: PhysicalNode, name: str = "OUT") -> StreamExec:
    return StreamExec(schema=node.schema, input=node, name=name)


@dataclass(frozen=True, eq=False, kw_only=True)
class HoldExec(UnaryExec):
    """Holds every row until the watermark is beyond its ROWTIME; fails rows whose V is negative."""

    label: ClassVar[str] = "hold"


@dataclass(frozen=True, eq=False, kw_only=True)
class GatherExec(PhysicalNode):
    """Holds the rows of several inputs and gives those below the watermark, by ROWTIME, then input."""

    label: ClassVar[str] = "gather"
    sources: tuple[PhysicalNode, ...]

    @property
    def inputs(self) -> tuple[PhysicalNode, ...]:
        return self.sources


class HoldOperator(Operator):
    STATE = (StateTable("held", 1, "watermark"),)

    def __init__(self, node: PhysicalNode) -> None:
        super().__init__(node)
        self.held: list[tuple[int, int, str | None, int | None]] = []
        self.calls: list[tuple[object, ...]] = []

    def process(self, port, batch, out):
        rows = list(
            zip(
                batch.rowtime.cast(pa.int64()).to_pylist(),
                [port] * batch.num_rows,
                *(column.to_pylist() for column in batch.columns),
                strict=True,
            )
        )
        bad = [number for number, row in enumerate(rows) if row[3] is not None and row[3] < 0]
        if bad:
            codes = np.full(len(bad), 2, dtype=np.uint8)
            out.fail(batch.take(pa.array(bad)), codes, ["negative"] * len(bad))
        self.held += [row for number, row in enumerate(rows) if number not in bad]
        self.count(len(rows), 0, 0, len(bad))
        self.calls.append(("rows", port, len(rows)))
        return 0

    def port_watermark(self, port, watermark_us):
        self.calls.append(("port", port, watermark_us))
        return 0

    def on_watermark(self, watermark_us, out):
        self.calls.append(("watermark", watermark_us))
        self._emit([row for row in self.held if row[0] < watermark_us], out)
        self.held = [row for row in self.held if row[0] >= watermark_us]
        return watermark_us

    def end_of_input(self, out):
        self.calls.append(("end",))
        self._emit(self.held, out)
        self.held = []
        return 0

    def _emit(self, rows, out):
        if rows:
            rows = sorted(rows, key=lambda row: row[:2])
            times, _, keys, values = zip(*rows, strict=True)
            rowtime = pa.array(times, pa.int64()).cast(pa.timestamp("us"))
            out.emit(ChangeBatch(rowtime, (pa.array(keys, pa.string()), pa.array(values, pa.int64()))))
            self.count(rows_out=len(rows))

    def snapshot(self):
        columns = list(zip(*self.held, strict=True)) or [(), (), (), ()]
        arrays = [pa.array(values) for values in columns]
        return {"held": pa.RecordBatch.from_arrays(arrays, names=["t", "port", "k", "v"])}

    def restore(self, version, tables):
        self.held = [tuple(row.values()) for row in tables["held"].to_pylist()]
        return 0

    def state_size(self):
        return len(self.held), 32 * len(self.held)


@contextmanager
def test_operators() -> Iterator[None]:
    """Register the operators above."""
    added = {kind: OperatorClass(__name__, "HoldOperator") for kind in (HoldExec, GatherExec)}
    OPERATORS.update(added)
    try:
        yield
    finally:
        for kind in added:
            del OPERATORS[kind]
