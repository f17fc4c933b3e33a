"""The compiled window operators against the naive ones, over random rows, batch splits, watermarks and restarts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql._core.over import OverAggregateOperator
from streamsql._core.stagger import StaggerAggregateOperator
from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.plan.physical import AggregateSpec, AnalyticSpec, FixedWindow, Frame
from streamsql.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, REAL, SMALLINT, decimal, varchar
from tests.oracle import naive, nodes

MONEY = decimal(10, 2)
TYPES = (INTEGER, varchar(8), BIGINT, DOUBLE, MONEY, BOOLEAN)
AGGREGATES = [
    AggregateSpec("COUNT", None, BIGINT),
    AggregateSpec("COUNT", 2, BIGINT),
    AggregateSpec("SUM", 2, BIGINT),
    AggregateSpec("AVG", 2, BIGINT),
    AggregateSpec("AVG", 2, DOUBLE),
    AggregateSpec("MIN", 2, BIGINT),
    AggregateSpec("MAX", 2, BIGINT),
    AggregateSpec("SUM", 3, DOUBLE),
    AggregateSpec("AVG", 3, DOUBLE),
    AggregateSpec("MIN", 3, DOUBLE),
    AggregateSpec("MAX", 3, DOUBLE),
    AggregateSpec("VAR_POP", 3, DOUBLE),
    AggregateSpec("VAR_SAMP", 2, DOUBLE),
    AggregateSpec("STDDEV_SAMP", 4, DOUBLE),
    AggregateSpec("STDDEV_POP", 3, DOUBLE),
    AggregateSpec("SUM", 4, decimal(18, 2)),
    AggregateSpec("AVG", 4, MONEY),
    AggregateSpec("AVG", 4, DOUBLE),
    AggregateSpec("MIN", 4, MONEY),
    AggregateSpec("MAX", 4, MONEY),
    AggregateSpec("MIN", 1, varchar(8)),
    AggregateSpec("MAX", 1, varchar(8)),
    AggregateSpec("MIN", 5, BOOLEAN),
    AggregateSpec("ANY", 5, BOOLEAN),
    AggregateSpec("EVERY", 5, BOOLEAN),
    AggregateSpec("COUNT", 1, BIGINT, distinct=True),
    AggregateSpec("COUNT", 2, BIGINT, distinct=True),
    AggregateSpec("SUM", 2, BIGINT, distinct=True),
    AggregateSpec("AVG", 3, DOUBLE, distinct=True),
    AggregateSpec("SUM", 4, decimal(18, 2), distinct=True),
    AggregateSpec("VAR_POP", 2, DOUBLE, distinct=True),
    AggregateSpec("MAX", 2, BIGINT, distinct=True),
]

values = st.tuples(
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from(["", "a", "b", "aa", "é", "longer text"]),
    st.none() | st.integers(-(2**40), 2**40) | st.integers(-3, 3),
    st.none() | st.floats(-1e6, 1e6).map(lambda x: x + 0.0) | st.sampled_from([0.5, 1.5]),
    st.none() | st.decimals(-99999, 99999, places=2),
    st.none() | st.booleans(),
)


@st.composite
def sorted_rows(draw: st.DrawFn, most: int = 30) -> list[tuple[Any, ...]]:
    gaps = st.sampled_from([0, 0, 1, 500_000, 1_000_000, 999_999, 3_000_000, 12_000_000])
    time = draw(st.integers(-5_000_000, 5_000_000))
    rows = []
    for value in draw(st.lists(values, max_size=most)):
        time += draw(gaps)
        rows.append((time, *value))
    return rows


SPLITS = [(1, False, False), (7, False, True), (1000, False, False), (3, True, True), (2, True, False)]


def check(make: Any, rows: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    first = None
    for size, restart, watermarks in SPLITS:
        run = nodes.run_split(make, TYPES, rows, size, restart=restart, watermarks=watermarks)
        assert not run.late
        assert not run.failed
        naive.assert_same_rows(run.rows, expected)
        # Not only nearly: the same bits however the rows are cut, and with or without restarts.
        assert repr(run.rows) == (first := first or repr(run.rows))
        if not restart:
            assert run.operator.stats.rows_in == len(rows)
            assert run.operator.stats.rows_out == len(run.rows)


@pytest.mark.parametrize("closed", ["left", "right"])
@pytest.mark.parametrize("keys", [(), (0,), (1,), (3,), (4,), (5,), (0, 1), (1, 4, 2)])
@settings(max_examples=12, deadline=None)
@given(rows=sorted_rows())
def test_tumble(keys: tuple[int, ...], closed: str, rows: list[tuple[Any, ...]]) -> None:
    node = nodes.tumble(TYPES, FixedWindow(3_000_000, closed), keys, AGGREGATES)
    expected = naive.tumble(rows, 3_000_000, closed == "right", keys, AGGREGATES)
    check(lambda: TumbleAggregateOperator(node), rows, expected)


@pytest.mark.parametrize("keys", [(), (0,), (1,), (0, 1)])
@settings(max_examples=20, deadline=None)
@given(rows=sorted_rows())
def test_stagger(keys: tuple[int, ...], rows: list[tuple[Any, ...]]) -> None:
    node = nodes.stagger(TYPES, 2_000_000, keys, AGGREGATES)
    expected = naive.stagger(rows, 2_000_000, keys, AGGREGATES)
    check(lambda: StaggerAggregateOperator(node), rows, expected)


def _calls(frame: int) -> list[AnalyticSpec]:
    calls = [
        AnalyticSpec(a.function, () if a.column is None else (a.column,), a.type, frame, distinct=a.distinct)
        for a in AGGREGATES
    ]
    for column, type_ in ((2, BIGINT), (1, varchar(8)), (4, MONEY)):
        for ignore in (False, True):
            calls += [
                AnalyticSpec("FIRST_VALUE", (column,), type_, frame, ignore_nulls=ignore),
                AnalyticSpec("LAST_VALUE", (column,), type_, frame, ignore_nulls=ignore),
                AnalyticSpec("NTH_VALUE", (column,), type_, frame, ignore_nulls=ignore, n=2),
                AnalyticSpec("NTH_VALUE", (column,), type_, frame, ignore_nulls=ignore, n=2, from_last=True),
                AnalyticSpec("LAG", (column,), type_, frame, ignore_nulls=ignore),
                AnalyticSpec("LAG", (column,), type_, frame, ignore_nulls=ignore, n=0),
                AnalyticSpec("LAG", (column, column), type_, frame, ignore_nulls=ignore, n=2),
            ]
    return calls


@pytest.mark.parametrize(
    "frames",
    [
        [Frame((0,), "range", 2_000_000)],
        [Frame((), "range", 0)],
        [Frame((1,), "rows", 2)],
        [Frame((0, 1), "rows", 0)],
        [Frame((0,), "range", None)],
        [Frame((), "rows", 3, allow_partial=False)],
        [Frame((0,), "range", 1_000_000), Frame((0,), "rows", 1), Frame((1,), "range", None), Frame((1,), "rows", 2)],
        [Frame((0,), "range", 1_000_000), Frame((0,), "range", 12_000_000)],
    ],
    ids=lambda frames: "+".join(str(frame) for frame in frames),
)
@settings(max_examples=15, deadline=None)
@given(rows=sorted_rows())
def test_over(frames: list[Frame], rows: list[tuple[Any, ...]]) -> None:
    calls = [call for index in range(len(frames)) for call in _calls(index)]
    node = nodes.over(TYPES, frames, calls, (1, 2))
    expected = naive.over(rows, frames, calls, (1, 2))
    check(lambda: OverAggregateOperator(node), rows, expected)


def test_narrow_results_keep_their_type() -> None:
    types = (SMALLINT, REAL)
    aggregates = [AggregateSpec(f, c, t) for c, t in ((0, SMALLINT), (1, REAL)) for f in ("MIN", "MAX")]
    aggregates.append(AggregateSpec("AVG", 0, SMALLINT))
    rows = [(1, 3, 0.5), (2, -4, None), (3, None, 2.25)]
    run = nodes.Run(lambda: TumbleAggregateOperator(nodes.tumble(types, FixedWindow(10), (), aggregates)))
    run.process(nodes.batch(types, rows)).end()
    assert run.rows == [(10, 0, 0, -4, 3, 0.5, 2.25, 0)]


def test_decimal_average_rounds_half_away_from_zero() -> None:
    aggregates = [AggregateSpec("AVG", 0, MONEY)]
    node = nodes.tumble((MONEY,), FixedWindow(10), (), aggregates)
    for cents, expected in (([1, 2], 2), ([-1, -2], -2), ([1, 1, 2], 1)):
        run = nodes.Run(lambda: TumbleAggregateOperator(node))
        run.process(nodes.batch((MONEY,), [(1, Decimal(c) / 100) for c in cents])).end()
        assert run.rows == [(10, 0, 0, Decimal(expected) / 100)]
