"""How rows are cut into batches, and where an application is stopped and started again, never changes its results."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.engine import Engine
from tests.support.values import schema_of

COLUMNS = [("K", "VARCHAR(4)"), ("V", "INTEGER"), ("D", "DOUBLE"), ("E", "TIMESTAMP")]

APPLICATIONS = {
    "stateless": "SELECT STREAM K, V * 2, 10 / V, D FROM S WHERE V <> 3 OR V IS NULL",
    "tumble": """SELECT STREAM K, COUNT(*), SUM(V), AVG(D), MIN(D), MAX(V), STDDEV_SAMP(D) FROM S
                 GROUP BY K, STEP(S.ROWTIME BY INTERVAL '3' SECOND)""",
    "tumble_ceil": "SELECT STREAM COUNT(*), SUM(D) FROM S GROUP BY CEIL(S.ROWTIME TO SECOND)",
    "tumble_rowtime": "SELECT STREAM K, SUM(D) FROM S GROUP BY S.ROWTIME, K",
    "tumble_change": "SELECT STREAM MONOTONIC(V), SUM(D), COUNT(*) FROM S GROUP BY MONOTONIC(V)",
    "stagger": """SELECT STREAM K, COUNT(*), SUM(D), MAX(K) FROM S
                  WINDOWED BY STAGGER (PARTITION BY K RANGE INTERVAL '2' SECOND)""",
    "range": """SELECT STREAM K, COUNT(*) OVER w, SUM(D) OVER w, MIN(V) OVER w, MAX(D) OVER w, STDDEV_POP(D) OVER w,
                FIRST_VALUE(V) OVER w, LAG(V) OVER w FROM S
                WINDOW w AS (PARTITION BY K RANGE INTERVAL '2' SECOND PRECEDING)""",
    "rows": """SELECT STREAM V, AVG(V) OVER w, NTH_VALUE(V, 2) OVER w, LAST_VALUE(D) IGNORE NULLS OVER w FROM S
               WINDOW w AS (ROWS 3 PRECEDING)""",
    "unbounded": "SELECT STREAM K, SUM(V) OVER (PARTITION BY K), COUNT(D) OVER (ROWS UNBOUNDED PRECEDING) FROM S",
    "clock": "SELECT STREAM K, CURRENT_ROW_TIMESTAMP FROM S",
    "union": "SELECT STREAM K, V FROM S WHERE V > 0 UNION ALL SELECT STREAM 'x', -V FROM S",
    "promote": "SELECT STREAM E AS ROWTIME, K, V FROM S",
    "nested": """SELECT STREAM n, COUNT(*) FROM (SELECT STREAM K, COUNT(*) AS n FROM S
                 GROUP BY K, STEP(S.ROWTIME BY INTERVAL '1' SECOND)) AS q
                 GROUP BY n, STEP(q.ROWTIME BY INTERVAL '5' SECOND)""",
}

TARGETS = {
    "stateless": "K VARCHAR(4), A INTEGER, B INTEGER, D DOUBLE",
    "tumble": "K VARCHAR(4), N BIGINT, T BIGINT, A DOUBLE, LO DOUBLE, HI INTEGER, SD DOUBLE",
    "tumble_ceil": "N BIGINT, T DOUBLE",
    "tumble_rowtime": "K VARCHAR(4), T DOUBLE",
    "tumble_change": "V INTEGER, T DOUBLE, N BIGINT",
    "stagger": "K VARCHAR(4), N BIGINT, T DOUBLE, M VARCHAR(4)",
    "range": "K VARCHAR(4), N BIGINT, T DOUBLE, LO INTEGER, HI DOUBLE, SD DOUBLE, F INTEGER, L INTEGER",
    "rows": "V INTEGER, A INTEGER, NTH INTEGER, L DOUBLE",
    "unbounded": "K VARCHAR(4), T BIGINT, N BIGINT",
    "clock": "K VARCHAR(4), T TIMESTAMP",
    "union": "K VARCHAR(4), V INTEGER",
    "promote": "K VARCHAR(4), V INTEGER",
    "nested": "N BIGINT, M BIGINT",
}


def application(name: str) -> str:
    """The application as Kinesis SQL."""
    return (
        f"CREATE OR REPLACE STREAM OUT_S ({TARGETS[name]});\n"
        f"CREATE OR REPLACE PUMP P AS INSERT INTO OUT_S\n{APPLICATIONS[name]};"
    )


@st.composite
def inputs(draw: st.DrawFn) -> list[list[Any]]:
    """Rows in ROWTIME order with repeated times, small key sets, NULLs and values that make sums inexact."""
    rows, time_ms = [], 0
    for _ in range(draw(st.integers(0, 40))):
        time_ms += draw(st.sampled_from([0, 0, 1, 250, 999, 1000, 2000, 7000]))
        event_ms = time_ms + draw(st.integers(-1500, 500))
        rows.append(
            [
                time_ms,
                draw(st.sampled_from(["a", "b", "c", None])),
                draw(st.one_of(st.none(), st.integers(-3, 5))),
                draw(st.one_of(st.none(), st.sampled_from([0.1, 1e16, -1e16, 3.5, -0.0, 1e-9]))),
                draw(st.one_of(st.none(), st.just(event_ms))),
            ]
        )
    return rows


def outcome(name: str, dialect: str, rows: list[list[Any]], cuts: list[int], restarts: set[int]) -> tuple[Any, Any]:
    """The rows of OUT_S and the error rows (without their time) when the input is cut and restarted as told."""
    engine = Engine(application(name), {"S": schema_of(COLUMNS)}, dialect)
    edges = [0, *sorted(cuts), len(rows)]
    for number, (start, stop) in enumerate(pairwise(edges)):
        engine.push_ms("S", rows[start:stop])
        if number in restarts:
            engine.restart()
    engine.end()
    errors = sorted(str({k: v for k, v in row.items() if k != "ERROR_TIME"}) for row in engine.errors())
    return engine.rows("OUT_S"), errors


@pytest.mark.parametrize("dialect", ["kinesis", "streamsql"])
@pytest.mark.parametrize("name", sorted(APPLICATIONS))
@settings(max_examples=25, deadline=None)
@given(rows=inputs(), data=st.data())
def test_cuts_and_restarts_change_nothing(name: str, dialect: str, rows: list[list[Any]], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=6), label="cuts")
    restarts = data.draw(st.sets(st.integers(0, len(cuts))), label="restarts")
    assert outcome(name, dialect, rows, cuts, restarts) == outcome(name, dialect, rows, [], set())


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
@settings(max_examples=15, deadline=None)
@given(rows=inputs())
def test_row_by_row_with_a_restart_after_each(name: str, rows: list[list[Any]]) -> None:
    cuts = list(range(1, len(rows)))
    assert outcome(name, "kinesis", rows, cuts, set(range(len(cuts) + 1))) == outcome(name, "kinesis", rows, [], set())


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
@settings(max_examples=15, deadline=None)
@given(rows=inputs())
def test_both_dialects_agree(name: str, rows: list[list[Any]]) -> None:
    assert outcome(name, "kinesis", rows, [], set()) == outcome(name, "streamsql", rows, [], set())
