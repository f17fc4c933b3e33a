"""When windows close and which rows are late: boundaries, bounds, forwarding, order of merging."""

from __future__ import annotations

import pytest

from streamsql._core.merge import MergeOperator
from streamsql._core.operator import MAX_WATERMARK, MIN_WATERMARK
from streamsql._core.over import OverAggregateOperator
from streamsql._core.promote import PromoteRowtimeOperator
from streamsql._core.stagger import StaggerAggregateOperator
from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.plan.physical import (
    AggregateSpec,
    AnalyticSpec,
    CalendarWindow,
    ChangeWindow,
    FixedWindow,
    Frame,
    GroupWindow,
    InstantWindow,
)
from streamsql.types import BIGINT, DOUBLE, TIMESTAMP
from tests.oracle import nodes

COUNT = AggregateSpec("COUNT", None, BIGINT)
TYPES = (BIGINT,)
DAY = 86_400_000_000


def tumbling(window: GroupWindow, keys: tuple[int, ...] = (), *aggregates: AggregateSpec) -> nodes.Run:
    node = nodes.tumble(TYPES, window, keys, aggregates or (COUNT,))
    return nodes.Run(lambda: TumbleAggregateOperator(node))


@pytest.mark.parametrize(
    ("closed", "watermark", "fires"),
    [
        ("left", 9_999, False),
        ("left", 10_000, True),
        ("left", 10_001, True),
        ("right", 9_999, False),
        ("right", 10_000, False),
        ("right", 10_001, True),
    ],
)
def test_window_fires_at_its_end(closed: str, watermark: int, fires: bool) -> None:
    run = tumbling(FixedWindow(10_000, closed)).process(nodes.batch(TYPES, [(5_000, 1)]))
    run.watermark(watermark)
    assert run.rows == ([(10_000, 0, 10, 1)] if fires else [])


@pytest.mark.parametrize("closed", ["left", "right"])
def test_row_on_the_boundary(closed: str) -> None:
    rows = [(9_999, 1), (10_000, 1), (10_001, 1)]
    run = tumbling(FixedWindow(10_000, closed)).process(nodes.batch(TYPES, rows)).end()
    left, right = [(10_000, 0, 10, 1), (20_000, 10, 20, 2)], [(10_000, 0, 10, 2), (20_000, 10, 20, 1)]
    assert run.rows == (left if closed == "left" else right)


@pytest.mark.parametrize(
    ("window", "watermark", "forwarded"),
    [
        (FixedWindow(10), 9, 10),
        (FixedWindow(10), 10, 20),
        (FixedWindow(10), -1, 0),
        (FixedWindow(10, "right"), 10, 10),
        (FixedWindow(10, "right"), 11, 20),
        (InstantWindow(), 7, 7),
        (CalendarWindow(1), 0, 31 * DAY),
        (FixedWindow(10), MAX_WATERMARK, MAX_WATERMARK),
        (FixedWindow(10), MIN_WATERMARK, MIN_WATERMARK),
    ],
)
def test_tumble_forwards_the_end_of_the_window(window: GroupWindow, watermark: int, forwarded: int) -> None:
    assert tumbling(window).watermark(watermark) == forwarded


def test_calendar_windows() -> None:
    february, march = 19_754 * DAY, 19_783 * DAY         # of 2024
    rows = [(february - 1, 1), (february, 1), (march - 1, 1), (march, 1)]
    run = tumbling(CalendarWindow(1)).process(nodes.batch(TYPES, rows)).end()
    assert [row[0] // DAY for row in run.rows] == [19_754, 19_783, 19_814]
    assert [row[-1] for row in run.rows] == [1, 2, 1]
    quarters = tumbling(CalendarWindow(3, "right")).process(nodes.batch(TYPES, [(0, 1), (1, 1), (90 * DAY, 1)])).end()
    assert [(row[0] // DAY, row[-1]) for row in quarters.rows] == [(0, 1), (90, 2)]


def test_instant_windows() -> None:
    run = tumbling(InstantWindow()).process(nodes.batch(TYPES, [(5_000, 1), (5_000, 1)]))
    run.watermark(5_000)
    run.process(nodes.batch(TYPES, [(5_000, 1), (6_000, 1)])).end()
    assert run.rows == [(5_000, 5, 5, 3), (6_000, 6, 6, 1)]


def test_change_windows() -> None:
    rows = [(1, 7), (2, 7), (3, None), (4, None), (4, 7), (9, 8)]
    for size in (1, 2, 6):
        for restart in (False, True):
            node = nodes.tumble(TYPES, ChangeWindow(0), (0,), (COUNT,))
            run = nodes.run_split(lambda node=node: TumbleAggregateOperator(node), TYPES, rows, size, restart=restart)
            assert run.rows == [(3, 7, 2), (4, None, 2), (9, 7, 1), (9, 8, 1)]


def test_a_row_behind_the_clock_is_late() -> None:
    run = tumbling(FixedWindow(10)).process(nodes.batch(TYPES, [(5, 1), (6, 2)]))
    run.process(nodes.batch(TYPES, [(4, 3), (6, 4)]))
    assert run.late == [(4, 3)]
    run.watermark(9)
    run.process(nodes.batch(TYPES, [(8, 5), (9, 6)])).end()
    assert run.late == [(4, 3), (8, 5)]
    assert run.rows == [(10, 0, 0, 4)]
    assert run.operator.stats.rows_late == 2


@pytest.mark.parametrize("size", [1, 2, 100])
def test_lateness_with_bounds_is_row_exact(size: int) -> None:
    rows = [(5, 0), (25, 1), (8, 2), (9, 3), (14, 4), (31, 5), (12, 6)]
    bounds = [0, 5, 5, 10, 10, 14, 20]
    node = nodes.tumble(TYPES, FixedWindow(10), (), (COUNT, AggregateSpec("SUM", 0, BIGINT)))
    for restart in (False, True):
        run = nodes.Run(lambda: TumbleAggregateOperator(node), restart=restart)
        for at in range(0, len(rows), size):
            run.process(nodes.batch(TYPES, rows[at : at + size], bounds=bounds[at : at + size]))
            run.watermark(bounds[min(at + size, len(rows)) - 1])
        run.end()
        assert run.late == [(9, 3), (12, 6)]
        assert run.rows == [(10, 0, 0, 2, 2), (20, 0, 0, 1, 4), (30, 0, 0, 1, 1), (40, 0, 0, 1, 5)]


def test_overflowing_sum_fails_its_row_only() -> None:
    types = (BIGINT, BIGINT)
    node = nodes.tumble(types, FixedWindow(10), (0,), (AggregateSpec("SUM", 1, BIGINT), COUNT))
    run = nodes.Run(lambda: TumbleAggregateOperator(node))
    run.process(nodes.batch(types, [(1, 1, 2**63 - 1), (2, 1, 1), (3, 2, 5)])).end()
    assert run.rows == [(10, 2, 0, 0, 5, 1)]
    assert run.failed == [(10, 1, 0, 0, None, 2)]
    assert run.operator.stats.rows_error == 1


def test_retractions() -> None:
    types = (BIGINT, DOUBLE)
    sums = (COUNT, AggregateSpec("SUM", 1, DOUBLE))
    node = nodes.tumble(types, FixedWindow(10), (0,), sums)
    run = nodes.Run(lambda: TumbleAggregateOperator(node))
    rows = [(1, 1, 0.5), (2, 1, 1e16), (3, 1, 1e16), (4, 2, 1.0), (5, 2, 1.0)]
    run.process(nodes.batch(types, rows, weights=[1, 1, -1, 1, -1])).end()
    assert run.rows == [(10, 1, 0, 0, 1, 0.5)]
    node = nodes.tumble(types, FixedWindow(10), (0,), (AggregateSpec("MAX", 1, DOUBLE),))
    with pytest.raises(TypeError, match="cannot take retractions"):
        TumbleAggregateOperator(node).process(0, nodes.batch(types, rows, weights=[1] * 5), run.out)


def test_stagger_closes_by_rowtime() -> None:
    node = nodes.stagger(TYPES, 60, (0,), (COUNT,))
    run = nodes.Run(lambda: StaggerAggregateOperator(node))
    run.process(nodes.batch(TYPES, [(20, 1), (30, 2), (79, 1)]))
    assert run.watermark(79) == 80
    assert run.rows == []
    assert run.watermark(80) == 90
    assert run.rows == [(80, 1, 0, 0, 2)]
    run.process(nodes.batch(TYPES, [(80, 1), (90, 2)]))
    assert run.rows[1:] == [(90, 2, 0, 0, 1)]
    assert run.watermark(200) == 260
    assert [row[:2] for row in run.rows[2:]] == [(140, 1), (150, 2)]


@pytest.mark.parametrize("operator", ["stagger", "over"])
def test_rows_out_of_order_wait_for_the_watermark(operator: str) -> None:
    if operator == "stagger":
        node = nodes.stagger(TYPES, 10, (), (COUNT,))
        make = lambda: StaggerAggregateOperator(node)  # noqa: E731
    else:
        frames = [Frame((), "range", 10)]
        sliding = nodes.over(TYPES, frames, [AnalyticSpec("COUNT", (), BIGINT, 0)], (0,))
        make = lambda: OverAggregateOperator(sliding)  # noqa: E731
    for restart in (False, True):
        run = nodes.Run(make, restart=restart)
        run.process(nodes.batch(TYPES, [(5, 0), (3, 1), (9, 2), (2, 3)], bounds=[0, 0, 3, 3]))
        assert run.late == [(2, 3)]
        run.watermark(5)
        run.process(nodes.batch(TYPES, [(5, 4), (20, 5)], bounds=[5, 5]))
        run.watermark(20)
        run.end()
        if operator == "stagger":
            assert run.rows == [(13, 0, 0, 4), (30, 0, 0, 1)]
        else:
            assert run.rows == [(3, 1, 1), (5, 0, 2), (5, 4, 3), (9, 2, 4), (20, 5, 1)]


def test_frame_includes_its_lower_end() -> None:
    frames = [Frame((), "range", 10)]
    node = nodes.over(TYPES, frames, [AnalyticSpec("COUNT", (), BIGINT, 0)], ())
    run = nodes.Run(lambda: OverAggregateOperator(node))
    run.process(nodes.batch(TYPES, [(0, 1), (10, 1), (11, 1), (21, 1)]))
    assert run.rows == [(0, 1), (10, 2), (11, 2), (21, 2)]


def test_removal_from_a_frame_leaves_nothing_behind() -> None:
    types = (DOUBLE,)
    frames = [Frame((), "rows", 1)]
    calls = [AnalyticSpec("SUM", (0,), DOUBLE, 0)]
    node = nodes.over(types, frames, calls, ())
    run = nodes.Run(lambda: OverAggregateOperator(node))
    values = [0.1, 1e16, 0.1, float("inf"), 1.0, 0.25, float("nan"), 1.0, 0.5]
    run.process(nodes.batch(types, [(i, v) for i, v in enumerate(values)]))
    inf, nan = float("inf"), float("nan")
    expected = [0.1, 1e16 + 0.1, 1e16 + 0.1, inf, inf, 1.25, nan, nan, 1.5]
    assert str([row[1] for row in run.rows]) == str(expected)


def test_overflow_in_a_frame_fails_the_row_only() -> None:
    node = nodes.over(TYPES, [Frame((), "rows", 1)], [AnalyticSpec("SUM", (0,), BIGINT, 0)], ())
    run = nodes.Run(lambda: OverAggregateOperator(node))
    run.process(nodes.batch(TYPES, [(1, 2**62), (2, 2**62), (3, 1)]))
    assert run.rows == [(1, 2**62), (3, 2**62 + 1)]
    assert run.failed == [(2, 2**62)]


def test_merge_waits_for_earlier_inputs() -> None:
    for restart in (False, True):
        run = nodes.Run(lambda: MergeOperator(nodes.merge(TYPES, 2)), restart=restart)
        run.process(nodes.batch(TYPES, [(5, 1), (7, 2)]), port=0)
        assert run.rows == []
        run.process(nodes.batch(TYPES, [(5, 3), (6, 4), (7, 5)]), port=1)
        assert run.rows == [(5, 1), (5, 3), (6, 4), (7, 2)]         # another row at 7 may still come from input 0
        run.operator.port_watermark(0, 8)
        assert run.watermark(7) == 7
        assert run.rows[4:] == [(7, 5)]
        run.process(nodes.batch(TYPES, [(6, 9), (8, 6)]), port=1).end()
        assert run.late == [(6, 9)]
        assert run.rows[5:] == [(8, 6)]


def test_promotion() -> None:
    types = (TIMESTAMP, BIGINT)
    rows = [(100, 5, 1), (101, 7, 2), (102, 6, 3), (103, None, 4), (104, 7, 5), (105, 9, 6)]
    for size in (1, 4, 6):
        for restart in (False, True):
            node = nodes.promote(types, 0, (1,))
            run = nodes.Run(lambda node=node: PromoteRowtimeOperator(node), restart=restart)
            for at in range(0, len(rows), size):
                run.process(nodes.batch(types, rows[at : at + size]))
            assert run.watermark(1_000_000) == 9_000
            assert run.watermark(MAX_WATERMARK) == MAX_WATERMARK
            assert run.rows == [(5_000, 1), (7_000, 2), (7_000, 5), (9_000, 6)]
            assert run.late == [(102, 6, 3)]
            assert run.failed == [(103, None, 4)]
