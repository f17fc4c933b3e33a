"""The table of the language reference §8.7."""

from __future__ import annotations

import pytest

from streamsql.errors import CompileErrors, ErrorCode
from streamsql.plan.logical import Scan
from streamsql.plan.monotonic import Monotonicity, monotonicity
from streamsql.spec import Dialect
from streamsql.sql.catalog import Catalog
from streamsql.sql.clauses import GROUP_BY
from streamsql.sql.compile import compile_sql
from streamsql.sql.dialect import tokenize
from streamsql.sql.expressions import ExpressionBinder
from streamsql.sql.parse import Parser
from streamsql.sql.scope import Relation, RelationColumn
from streamsql.types import BIGINT, INTEGER, TIMESTAMP
from tests.support.values import schema_of

NONE, CONSTANT, UP, DOWN, EITHER = (
    Monotonicity.NONE,
    Monotonicity.CONSTANT,
    Monotonicity.ASCENDING,
    Monotonicity.DESCENDING,
    Monotonicity.EITHER,
)
COLUMNS = (
    RelationColumn("UP", 0, BIGINT, True, UP),
    RelationColumn("DOWN", 1, BIGINT, True, DOWN),
    RelationColumn("ANY_WAY", 2, INTEGER, True, NONE),
    RelationColumn("TS", 3, TIMESTAMP, True, NONE),
)
S = schema_of([("UP", "BIGINT"), ("DOWN", "BIGINT"), ("ANY_WAY", "INTEGER"), ("TS", "TIMESTAMP")])
RELATION = Relation("S", Scan(name="S", declared=S, is_input=True, keep=(0, 1, 2, 3)), COLUMNS)


def of(text: str) -> Monotonicity:
    parser = Parser(Dialect.KINESIS)
    parser.load(tokenize(text), text)
    expr = ExpressionBinder(Catalog(), Dialect.KINESIS, RELATION).bind(parser.scalar(), GROUP_BY)
    return monotonicity(expr, RELATION.monotonicities)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", CONSTANT),
        ("1 + 2 * 3", CONSTANT),
        ("S.ROWTIME", UP),
        ("ROWTIME", UP),
        ("TS", NONE),
        ("UP", UP),
        ("DOWN", DOWN),
        ("FLOOR(S.ROWTIME TO MINUTE)", UP),
        ("CEIL(S.ROWTIME TO YEAR)", UP),
        ("STEP(S.ROWTIME BY INTERVAL '5' SECOND)", UP),
        ("STEP(UP BY 10)", UP),
        ("STEP(TS BY INTERVAL '5' SECOND)", NONE),
        ("FLOOR(UP)", UP),
        ("CEIL(DOWN)", DOWN),
        ("+ UP", UP),
        ("- UP", DOWN),
        ("- DOWN", UP),
        ("UP + 1", UP),
        ("1 + UP", UP),
        ("UP - 1", UP),
        ("1 - UP", DOWN),
        ("S.ROWTIME + INTERVAL '1' SECOND", UP),
        ("S.ROWTIME - INTERVAL '1' SECOND", UP),
        ("UP * 2", UP),
        ("2 * UP", UP),
        ("UP * -2", DOWN),
        ("-2 * DOWN", UP),
        ("UP * 0", CONSTANT),
        ("UP / 2", NONE),
        ("100 / UP", NONE),
        ("UP + UP", UP),
        ("UP + DOWN", NONE),
        ("UP - DOWN", UP),
        ("UP * UP", NONE),
        ("UP + ANY_WAY", NONE),
        ("MONOTONIC(ANY_WAY)", EITHER),
        ("MONOTONIC(UP)", UP),
        ("CURRENT_ROW_TIMESTAMP", UP),
        ("LOCALTIMESTAMP", UP),
        ("CAST(S.ROWTIME AS DATE)", UP),
        ("CAST(S.ROWTIME AS TIME)", NONE),
        ("CAST(UP AS DOUBLE)", UP),
        ("CAST(UP AS VARCHAR(20))", NONE),
        ("TSDIFF(S.ROWTIME, TS)", NONE),
        ("CASE WHEN UP > 1 THEN UP ELSE 1 END", NONE),
    ],
)
def test_deduction(text: str, expected: Monotonicity) -> None:
    assert of(text) is expected


def compiled(query: str) -> None:
    compile_sql(query, dialect=Dialect.STREAMSQL, inputs={"S": S})


@pytest.mark.parametrize(
    "query",
    [
        # A subquery's column keeps the monotonicity of its expression, also through a filter and a window.
        "SELECT COUNT(*) FROM (SELECT FLOOR(S.ROWTIME TO MINUTE) AS m FROM S) AS q GROUP BY m",
        "SELECT COUNT(*) FROM (SELECT STEP(S.ROWTIME BY INTERVAL '1' HOUR) AS m FROM S WHERE UP > 1) AS q GROUP BY m",
        "SELECT COUNT(*) FROM (SELECT S.ROWTIME AS m, SUM(UP) OVER (ROWS 1 PRECEDING) AS s FROM S) AS q GROUP BY m",
        # After GROUP BY the group's time key still moves one way.
        """SELECT COUNT(*) FROM (SELECT FLOOR(S.ROWTIME TO MINUTE) AS m, UP, COUNT(*) AS n FROM S
           GROUP BY UP, FLOOR(S.ROWTIME TO MINUTE)) AS q GROUP BY m""",
        # A promoted column is the time of its stream.
        "SELECT COUNT(*) FROM (SELECT TS AS ROWTIME, UP FROM S) AS q GROUP BY FLOOR(q.ROWTIME TO MINUTE)",
    ],
)
def test_through_subqueries(query: str) -> None:
    compiled(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT(*) FROM (SELECT UP AS m FROM S) AS q GROUP BY m",
        "SELECT COUNT(*) FROM (SELECT MAX(UP) AS m FROM S GROUP BY FLOOR(S.ROWTIME TO MINUTE)) AS q GROUP BY m",
        "SELECT COUNT(*) FROM (SELECT S.ROWTIME AS m, TS AS ROWTIME FROM S) AS q GROUP BY m",
        """SELECT COUNT(*) FROM (SELECT S.ROWTIME AS m FROM S UNION ALL SELECT TS FROM S) AS q GROUP BY m""",
        "SELECT COUNT(*) FROM S GROUP BY 1",
    ],
)
def test_lost_in_subqueries(query: str) -> None:
    with pytest.raises(CompileErrors) as caught:
        compiled(query)
    assert caught.value.error_code is ErrorCode.GROUP_MONOTONIC
