"""Closed windows and sliding frames against DuckDB, which sees the whole input at once."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamsql

SCHEMA = {"S": "K VARCHAR(4), I INTEGER, B BIGINT, D DOUBLE, M DECIMAL(9,2), T TIMESTAMP"}


def random_table(seed: int, rows: int, *, unique_times: bool) -> pa.Table:
    """`rows` rows in time order, with NULLs in every column."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(1 if unique_times else 0, 900, rows)
    times = np.cumsum(steps)
    nulls = {name: rng.random(rows) < 0.15 for name in "KIBDMT"}
    keys = rng.choice(["a", "b", "c", "dd"], rows)
    cents = rng.integers(-(10**8), 10**8, rows)
    return pa.table(
        {
            "ROWTIME": pa.array(times, pa.int64()).cast(pa.timestamp("ms")),
            "K": pa.array(keys, pa.string(), mask=nulls["K"]),
            "I": pa.array(rng.integers(-50, 50, rows).astype(np.int32), mask=nulls["I"]),
            "B": pa.array(rng.integers(-(2**40), 2**40, rows), mask=nulls["B"]),
            "D": pa.array(rng.normal(0, 1e3, rows), mask=nulls["D"]),
            "M": pa.array(
                [None if n else Decimal(int(c)).scaleb(-2) for c, n in zip(cents, nulls["M"], strict=True)],
                pa.decimal128(9, 2),
            ),
            "T": pa.array(rng.integers(0, 10**10, rows), pa.int64(), mask=nulls["T"]).cast(pa.timestamp("ms")),
        }
    )


def sorted_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows in an order that both engines share."""
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return sorted(rows, key=lambda row: tuple((value is None, str(value)) for value in row[:2]))


def assert_same(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    """Equal rows; floats within 1e-9 relative."""
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        for a, b in zip(left, right, strict=True):
            if isinstance(a, float) and isinstance(b, float):
                assert math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7), (left, right)
            else:
                assert a == b, (left, right)


@pytest.mark.parametrize("seconds", [1, 7, 60])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.sampled_from([0, 1, 50, 400]))
def test_tumbling_windows(seconds: int, seed: int, rows: int) -> None:
    table = random_table(seed, rows, unique_times=False)
    result = streamsql.query(
        f"""SELECT STREAM STEP(S.ROWTIME BY INTERVAL '{seconds}' SECOND) AS W, K, COUNT(*) AS N, COUNT(I) AS NI,
                SUM(I) AS SI, SUM(B) AS SB, SUM(M) AS SM, MIN(D) AS LO, MAX(D) AS HI, AVG(D) AS AD,
                MIN(T) AS LT, MAX(K) AS MK, STDDEV_SAMP(D) AS SD, VAR_POP(D) AS VP, SUM(D) AS SUMD
            FROM S GROUP BY K, STEP(S.ROWTIME BY INTERVAL '{seconds}' SECOND)""",
        {"S": table},
        schemas=SCHEMA,
        options={"checks": True, "max_batch_rows": 64},
    )
    expected = duckdb.sql(
        f"""SELECT time_bucket(INTERVAL '{seconds} seconds', ROWTIME, TIMESTAMP '1970-01-01') AS W, K, count(*),
                count(I), CAST(sum(I) AS BIGINT), CAST(sum(B) AS BIGINT), sum(M), min(D), max(D), avg(D), min(T),
                max(K), stddev_samp(D), var_pop(D), sum(D)
            FROM "table" GROUP BY ALL"""
    ).to_arrow_table()
    assert_same(sorted_rows(result.table.drop(["ROWTIME"])), sorted_rows(expected))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("RANGE INTERVAL '3' SECOND PRECEDING", "RANGE BETWEEN INTERVAL 3 SECOND PRECEDING AND CURRENT ROW"),
        ("ROWS 4 PRECEDING", "ROWS BETWEEN 4 PRECEDING AND CURRENT ROW"),
        ("ROWS UNBOUNDED PRECEDING", "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"),
    ],
)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.sampled_from([0, 1, 50, 400]))
def test_sliding_frames(ours: str, theirs: str, seed: int, rows: int) -> None:
    table = random_table(seed, rows, unique_times=True)
    calls = (
        "COUNT(*) OVER w AS N, SUM(B) OVER w AS SB, MIN(I) OVER w AS LO, MAX(D) OVER w AS HI, AVG(D) OVER w AS AD, "
        "SUM(M) OVER w AS SM, FIRST_VALUE(I) OVER w AS F, LAST_VALUE(T) OVER w AS L, STDDEV_POP(D) OVER w AS SP"
    )
    result = streamsql.query(
        f"SELECT STREAM K, {calls} FROM S WINDOW w AS (PARTITION BY K {ours})",
        {"S": table},
        schemas=SCHEMA,
        options={"checks": True, "max_batch_rows": 64},
    )
    expected = duckdb.sql(
        f"""SELECT K, {calls.replace("SUM(B) OVER w", "CAST(SUM(B) OVER w AS BIGINT)")} FROM "table"
            WINDOW w AS (PARTITION BY K ORDER BY ROWTIME {theirs}) ORDER BY ROWTIME"""
    ).to_arrow_table()
    rows_of = lambda t: list(zip(*(column.to_pylist() for column in t.columns), strict=True))  # noqa: E731
    assert_same(rows_of(result.table.drop(["ROWTIME"])), rows_of(expected))
