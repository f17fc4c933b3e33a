"""INSERT: how items meet columns, what becomes ROWTIME, conversions, defaults (language reference §6.2, §8.1, §8.3)."""

from __future__ import annotations

import pytest

from streamsql.errors import CompileErrors, ErrorCode
from streamsql.expr.nodes import Rowtime
from streamsql.plan.format import format_expr
from streamsql.plan.physical import ApplicationPlan, PhysicalNode, ProjectExec, PromoteRowtimeExec, StreamExec
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from tests.support.values import schema_of

S = schema_of([("A", "INTEGER"), ("B", "VARCHAR(4)"), ("T", "TIMESTAMP"), ("C", "CHAR(3)"), ("D", "DOUBLE")])


def compiled(columns: str, insert: str) -> ApplicationPlan:
    sql = f"CREATE STREAM o ({columns}); CREATE PUMP p AS INSERT INTO o {insert}"
    return compile_sql(sql, dialect=Dialect.KINESIS, inputs={"S": S})


def items(columns: str, insert: str) -> list[str]:
    """What each target column is computed from, as text; `=X` is column X without any projection."""
    node: PhysicalNode = compiled(columns, insert).nodes["O"].input
    if isinstance(node, ProjectExec):
        return [format_expr(item) for item in node.items]
    return [f"={column.name}" for column in node.schema]


def promotes(columns: str, insert: str) -> bool:
    node: PhysicalNode = compiled(columns, insert).nodes["O"]
    while node.inputs:
        if isinstance(node, PromoteRowtimeExec):
            return True
        node = node.inputs[0]
    return False


TWO = "x INTEGER, y TIMESTAMP"


@pytest.mark.parametrize(
    ("insert", "expected", "promoted"),
    [
        # As many items as columns: position by position, ROWTIME included.
        ("SELECT STREAM A, ROWTIME FROM S", ["A", "ROWTIME"], False),
        ('SELECT STREAM A, S."ROWTIME" FROM S', ["A", "ROWTIME"], False),
        ("SELECT STREAM A, T AS ROWTIME FROM S", ["A", "T"], True),
        ("SELECT STREAM A, S.ROWTIME AS ROWTIME FROM S", ["A", "ROWTIME"], False),
        # One more, and one of them is ROWTIME: that one is no column.
        ("SELECT STREAM ROWTIME, A, T FROM S", ["A", "T"], False),
        ("SELECT STREAM A, S.ROWTIME, T FROM S", ["A", "T"], False),
        ("SELECT STREAM T AS ROWTIME, A, T FROM S", ["A", "T"], True),
        # ROWTIME in the list of columns.
        ("(ROWTIME, x) SELECT STREAM T, A FROM S", ["A", "NULL"], True),
        ("(ROWTIME, x) SELECT STREAM ROWTIME, A FROM S", ["A", "NULL"], False),
        ("(y, x) SELECT STREAM T, A FROM S", ["A", "T"], False),
        # The names of items do not matter.
        ("SELECT STREAM A AS y, T AS x FROM S", ["A", "T"], False),
        # STREAM may be missing.
        ("SELECT A, T FROM S", ["A", "T"], False),
    ],
)
def test_items_meet_columns_by_position(insert: str, expected: list[str], promoted: bool) -> None:
    assert [item.removeprefix("=") for item in items(TWO, insert)] == expected
    assert promotes(TWO, insert) is promoted


@pytest.mark.parametrize(
    "insert",
    [
        "SELECT STREAM A FROM S",
        "SELECT STREAM A, T, B FROM S",
        "SELECT STREAM ROWTIME, A, T, B FROM S",
        "(x) SELECT STREAM A, T FROM S",
    ],
)
def test_other_counts_are_refused(insert: str) -> None:
    with pytest.raises(CompileErrors) as caught:
        compiled(TWO, insert)
    assert caught.value.error_code is ErrorCode.COUNT_MISMATCH


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("INTEGER", "A", "=A"),
        ("BIGINT", "A", "ASSIGN(A AS BIGINT)"),
        ("SMALLINT", "D", "ASSIGN(D AS SMALLINT)"),
        ("VARCHAR(4)", "B", "=B"),
        ("VARCHAR(9)", "B", "=B"),
        ("VARCHAR(3)", "B", "ASSIGN(B AS VARCHAR(3))"),
        ("VARCHAR(3)", "C", "=C"),
        ("CHAR(3)", "C", "=C"),
        ("CHAR(4)", "C", "ASSIGN(C AS CHAR(4))"),
        ("CHAR(4)", "B", "ASSIGN(B AS CHAR(4))"),
        ("INTEGER NOT NULL", "A", "NOT_NULL(A)"),
        ("INTEGER NOT NULL", "NULL", "NOT_NULL(NULL)"),
        ("TIMESTAMP NOT NULL", "S.ROWTIME", "ROWTIME"),
        ("BOOLEAN NOT NULL", "A IS NULL", "(A IS NULL)"),
        ("DATE", "NULL", "NULL"),
    ],
)
def test_conversions_only_where_needed(column: str, value: str, expected: str) -> None:
    assert items(f"x {column}", f"SELECT STREAM {value} FROM S") == [expected]


@pytest.mark.parametrize(
    ("column", "value"),
    [("VARCHAR(4)", "A"), ("INTEGER", "B"), ("TIMESTAMP", "A"), ("DATE", "T"), ("BOOLEAN", "1"), ("BINARY(2)", "B")],
)
def test_other_assignments_are_refused(column: str, value: str) -> None:
    with pytest.raises(CompileErrors) as caught:
        compiled(f"x {column}", f"SELECT STREAM {value} FROM S")
    assert caught.value.error_code is ErrorCode.ASSIGN


def test_defaults_fill_what_the_list_leaves_out() -> None:
    columns = "x INTEGER DEFAULT 7, y VARCHAR(8) NOT NULL DEFAULT 'none', z DOUBLE, w INTEGER"
    assert items(columns, "(w) SELECT STREAM A FROM S") == ["7", "'none'", "NULL", "A"]


def test_the_four_readings_of_rowtime() -> None:
    sql = """
        SELECT STREAM ROWTIME AS a, MIN(ROWTIME) AS b, MAX(s.ROWTIME) AS c, FLOOR(s.ROWTIME TO MINUTE) AS d
        FROM S AS s WHERE ROWTIME > TIMESTAMP '2026-01-01 00:00:00' GROUP BY FLOOR(ROWTIME TO MINUTE)
    """
    plan = compile_sql(sql, dialect=Dialect.STREAMSQL, inputs={"S": S})
    node = plan.nodes["RESULT"].input
    assert isinstance(node, ProjectExec)
    assert isinstance(node.items[0], Rowtime), "bare in the select list: the time of the result"
    assert [format_expr(item) for item in node.items] == ["ROWTIME", "MIN(ROWTIME)", "MAX(ROWTIME)", "window_start"]


def test_the_stream_node_is_the_target() -> None:
    plan = compiled("x INTEGER", "SELECT STREAM A FROM S")
    node = plan.nodes["O"]
    assert isinstance(node, StreamExec)
    assert (node.name, node.schema.names) == ("O", ("X",))
