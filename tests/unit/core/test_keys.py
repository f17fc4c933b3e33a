"""Keys: what is equal, whatever the layout, and in which order groups leave."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.plan.physical import AggregateSpec, FixedWindow
from streamsql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    REAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TINYINT,
    SqlType,
    decimal,
    varbinary,
    varchar,
)
from tests.oracle import nodes

CASES: list[tuple[SqlType, list[Any]]] = [
    (BIGINT, [2**63 - 1, -(2**63), 0]),
    (INTEGER, [2**31 - 1, -(2**31), 0]),
    (SMALLINT, [32767, -32768]),
    (TINYINT, [127, -128]),
    (BOOLEAN, [True, False]),
    (DOUBLE, [0.5, -1e300, float("inf")]),
    (REAL, [0.5, -2.25]),
    (DATE, [19_000, -1]),
    (TIME, [1, 86_399_999]),
    (TIMESTAMP, [1_700_000_000_123, -5]),
    (decimal(19, 3), [Decimal("9999999999999999.999"), Decimal("-0.001")]),
    (varchar(10), ["", "a", "a ", "ü"]),
    (varbinary(10), [b"", b"\0", b"\0\0"]),
]


@pytest.mark.parametrize("extra", [False, True], ids=["alone", "with another"])
@pytest.mark.parametrize(("type_", "values"), CASES, ids=lambda case: str(case) if isinstance(case, SqlType) else "")
def test_every_type_is_a_key(type_: SqlType, values: list[Any], extra: bool) -> None:
    types = (type_, INTEGER)
    node = nodes.tumble(types, FixedWindow(1_000), (0, 1) if extra else (0,), (AggregateSpec("COUNT", None, BIGINT),))
    rows = [(i, value, 7) for i, value in enumerate([None, *values, None, *reversed(values)])]
    data = nodes.batch(types, rows)
    expected = nodes.rows_of([data])[: len(values) + 1]
    for batch in (data, nodes.batch(types, [(0, None, None), *rows]).slice(1, len(rows))):
        run = nodes.Run(lambda: TumbleAggregateOperator(node)).process(batch).end()
        assert [row[1] for row in run.rows] == [row[1] for row in expected]
        assert [row[-1] for row in run.rows] == [2] * (len(values) + 1)


def test_zeros_are_equal_and_so_are_nans() -> None:
    node = nodes.tumble((DOUBLE,), FixedWindow(1_000), (0,), (AggregateSpec("COUNT", None, BIGINT),))
    rows = [(0, -0.0), (0, 0.0), (0, float("nan")), (0, -float("nan"))]
    run = nodes.Run(lambda: TumbleAggregateOperator(node)).process(nodes.batch((DOUBLE,), rows)).end()
    assert str([row[1] for row in run.rows]) == "[0.0, nan]"
    assert [row[-1] for row in run.rows] == [2, 2]


def test_columns_without_a_value_anywhere() -> None:
    types = (NULL, NULL)
    aggregates = (AggregateSpec("COUNT", 1, BIGINT), AggregateSpec("COUNT", None, BIGINT))
    node = nodes.tumble(types, FixedWindow(1_000), (0,), aggregates)
    run = nodes.Run(lambda: TumbleAggregateOperator(node)).process(nodes.batch(types, [(0, None, None)] * 3)).end()
    assert run.rows == [(1_000, None, 0, 1, 0, 3)]
