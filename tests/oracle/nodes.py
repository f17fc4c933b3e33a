"""Physical nodes, batches and runs for tests of the compiled operators: no SQL, only column numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MAX_WATERMARK, Operator, Output
from streamsql.plan.physical import (
    AggregateSpec,
    AnalyticSpec,
    Frame,
    GroupWindow,
    MergeExec,
    OverAggregateExec,
    PhysicalNode,
    PromoteRowtimeExec,
    StaggerAggregateExec,
    TumbleAggregateExec,
)
from streamsql.schema import Column, Schema
from streamsql.types import TIMESTAMP, SqlType


def source(*types: SqlType) -> PhysicalNode:
    return PhysicalNode(schema=Schema(tuple(Column(f"C{i}", t) for i, t in enumerate(types))))


def _schema(types: Iterable[SqlType]) -> Schema:
    return Schema(tuple(Column(f"R{i}", t) for i, t in enumerate(types)))


def tumble(
    types: Sequence[SqlType], window: GroupWindow, keys: tuple[int, ...], aggregates: Sequence[AggregateSpec]
) -> TumbleAggregateExec:
    bounds = [] if hasattr(window, "column") else [TIMESTAMP, TIMESTAMP]
    schema = _schema([*(types[k] for k in keys), *bounds, *(a.type for a in aggregates)])
    return TumbleAggregateExec(
        schema=schema, input=source(*types), window=window, keys=keys, aggregates=tuple(aggregates)
    )


def stagger(
    types: Sequence[SqlType], range_us: int, keys: tuple[int, ...], aggregates: Sequence[AggregateSpec]
) -> StaggerAggregateExec:
    schema = _schema([*(types[k] for k in keys), TIMESTAMP, TIMESTAMP, *(a.type for a in aggregates)])
    return StaggerAggregateExec(
        schema=schema, input=source(*types), range_us=range_us, keys=keys, aggregates=tuple(aggregates)
    )


def over(
    types: Sequence[SqlType], frames: Sequence[Frame], calls: Sequence[AnalyticSpec], keep: tuple[int, ...]
) -> OverAggregateExec:
    schema = _schema([*(types[k] for k in keep), *(c.type for c in calls)])
    return OverAggregateExec(
        schema=schema, input=source(*types), frames=tuple(frames), calls=tuple(calls), keep=keep
    )


def merge(types: Sequence[SqlType], ports: int) -> MergeExec:
    return MergeExec(schema=source(*types).schema, sources=tuple(source(*types) for _ in range(ports)))


def promote(types: Sequence[SqlType], column: int, keep: tuple[int, ...]) -> PromoteRowtimeExec:
    return PromoteRowtimeExec(
        schema=_schema(types[k] for k in keep), input=source(*types), column=column, keep=keep
    )


def batch(
    types: Sequence[SqlType],
    rows: Sequence[tuple[Any, ...]],
    *,
    bounds: Sequence[int] | None = None,
    weights: Sequence[int] | None = None,
) -> ChangeBatch:
    """Rows are (rowtime in microseconds, values...)."""
    columns = tuple(pa.array([row[i + 1] for row in rows], t.arrow) for i, t in enumerate(types))
    rowtime = pa.array([row[0] for row in rows], pa.int64()).cast(pa.timestamp("us"))
    return ChangeBatch(
        rowtime,
        columns,
        None if weights is None else pa.array(weights, pa.int64()),
        None if bounds is None else pa.array(bounds, pa.int64()).cast(pa.timestamp("us")),
    )


def rows_of(batches: Iterable[ChangeBatch]) -> list[tuple[Any, ...]]:
    """Rows as (rowtime in microseconds, values...)."""
    result: list[tuple[Any, ...]] = []
    for item in batches:
        columns = [item.rowtime.cast(pa.int64()).to_pylist()]
        for column in item.columns:
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.int64())
            columns.append(column.to_pylist())
        result.extend(zip(*columns, strict=True))
    return result


class Run:
    """Feeds an operator; with `restart` its state moves into a new operator before every call."""

    def __init__(self, make: Callable[[], Operator], *, restart: bool = False) -> None:
        self.make = make
        self.operator = make()
        self.restart = restart
        self.out = Output()
        self.rows: list[tuple[Any, ...]] = []
        self.late: list[tuple[Any, ...]] = []
        self.failed: list[tuple[Any, ...]] = []
        self.forwarded: list[int] = []

    def _collect(self) -> None:
        self.rows.extend(rows_of(self.out.take_batches()))
        for failure in self.out.take_failures():
            (self.late if failure.codes[0] == 7 else self.failed).extend(rows_of([failure.rows]))

    def _restart(self) -> None:
        if self.restart:
            state = self.operator.snapshot()
            self.operator = self.make()
            self.operator.restore(1, state)

    def process(self, rows: ChangeBatch, port: int = 0) -> Run:
        self._restart()
        self.operator.process(port, rows, self.out)
        self._collect()
        return self

    def watermark(self, watermark_us: int) -> int:
        self._restart()
        forwarded = self.operator.on_watermark(watermark_us, self.out)
        self._collect()
        self.forwarded.append(forwarded)
        return forwarded

    def end(self) -> Run:
        self._restart()
        self.operator.on_watermark(MAX_WATERMARK, self.out)
        self.operator.end_of_input(self.out)
        self._collect()
        return self


def run_split(
    make: Callable[[], Operator],
    types: Sequence[SqlType],
    rows: Sequence[tuple[Any, ...]],
    size: int,
    *,
    restart: bool = False,
    watermarks: bool = False,
) -> Run:
    """The operator over sorted rows in batches of `size`, with the rows' own watermarks in between or none."""
    run = Run(make, restart=restart)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        run.process(batch(types, part))
        if watermarks:
            run.watermark(part[-1][0])
    return run.end()
