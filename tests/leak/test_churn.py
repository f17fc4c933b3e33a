"""Endless new keys and repeated runs keep memory flat."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Operator, Output
from streamsql._core.over import OverAggregateOperator
from streamsql._core.stagger import StaggerAggregateOperator
from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.plan.physical import AggregateSpec, AnalyticSpec, FixedWindow, Frame
from streamsql.types import BIGINT, DOUBLE, SqlType, varchar
from tests.oracle import nodes

AGGREGATES = (
    AggregateSpec("COUNT", None, BIGINT),
    AggregateSpec("SUM", 1, DOUBLE),
    AggregateSpec("MAX", 0, BIGINT),
    AggregateSpec("COUNT", 1, BIGINT, distinct=True),
)


def make(kind: str, key: SqlType) -> Operator:
    types = (key, DOUBLE)
    aggregates = tuple(a if a.function != "MAX" else AggregateSpec("MAX", 0, key) for a in AGGREGATES)
    if kind == "tumble":
        return TumbleAggregateOperator(nodes.tumble(types, FixedWindow(20_000), (0,), aggregates))
    if kind == "stagger":
        return StaggerAggregateOperator(nodes.stagger(types, 20_000, (0,), aggregates))
    calls = [
        AnalyticSpec(a.function, () if a.column is None else (a.column,), a.type, 0, a.distinct) for a in aggregates
    ]
    return OverAggregateOperator(nodes.over(types, [Frame((0,), "range", 20_000)], calls, (0,)))


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def feed(operator: Operator, key: SqlType, first: int, rows: int) -> int:
    """`rows` rows, each with a key of its own, one per microsecond; returns the rows that came out."""
    out = Output()
    numbers = np.arange(first, first + rows)
    keys = pa.array(numbers) if key == BIGINT else pa.array(numbers).cast(pa.string())
    operator.process(0, ChangeBatch(pa.array(numbers).cast(pa.timestamp("us")), (keys, pa.array(numbers * 0.5))), out)
    return sum(batch.num_rows for batch in out.take_batches())


@pytest.mark.parametrize("key", [BIGINT, varchar(20)], ids=str)
@pytest.mark.parametrize("kind", ["tumble", "stagger", "over"])
def test_new_keys_for_ever(kind: str, key: SqlType) -> None:
    operator = make(kind, key)
    sizes = []
    emitted = 0
    for step in range(60):
        emitted += feed(operator, key, step * 8_192, 8_192)
        sizes.append(operator.stats.state_bytes)
    assert max(sizes[30:]) <= 1.1 * max(sizes[5:30])
    assert operator.stats.state_rows < 70_000
    assert emitted >= 59 * 8_192 - 20_000


@pytest.mark.parametrize("kind", ["tumble", "stagger", "over"])
def test_repeated_runs_leave_nothing(kind: str) -> None:
    def run() -> None:
        operator = make(kind, varchar(20))
        for step in range(4):
            feed(operator, varchar(20), step * 8_192, 8_192)
        restored = make(kind, varchar(20))
        restored.restore(1, operator.snapshot())
        restored.end_of_input(Output())

    for _ in range(3):
        run()
    arrow, resident = pa.total_allocated_bytes(), rss_bytes()
    for _ in range(12):
        run()
    assert pa.total_allocated_bytes() <= arrow
    assert rss_bytes() - resident < 24_000_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tumble", "stagger", "over"])
def test_ten_million_keys(kind: str) -> None:
    operator = make(kind, BIGINT)
    sizes = []
    for step in range(153):
        feed(operator, BIGINT, step * 65_536, 65_536)
        sizes.append((operator.stats.state_bytes, rss_bytes()))
    assert max(size for size, _ in sizes[50:]) <= 1.1 * max(size for size, _ in sizes[5:50])
    assert sizes[-1][1] - sizes[50][1] < 32_000_000
