"""What each rule does, and above all when it must do nothing."""

from __future__ import annotations

import pytest

from streamsql.expr.nodes import Column, Literal
from streamsql.plan.explain import explain
from streamsql.plan.logical import Filter, LogicalNode, Project, Promote, Scan, UnionAll
from streamsql.plan.physical import (
    ApplicationPlan,
    FilterExec,
    MergeExec,
    OverAggregateExec,
    PhysicalNode,
    ProjectExec,
    SourceExec,
    TumbleAggregateExec,
)
from streamsql.plan.rules import RULES, Rule
from streamsql.plan.rules.exact_average import exact_average
from streamsql.plan.rules.merge_projections import merge_projections
from streamsql.plan.rules.prune_columns import prune_columns
from streamsql.plan.rules.push_filters import push_filters
from streamsql.plan.traversal import map_expressions, walk
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from streamsql.types import BOOLEAN, DOUBLE, INTEGER, TIMESTAMP
from tests.support.values import schema_of

S = schema_of([("A", "INTEGER"), ("B", "INTEGER"), ("C", "VARCHAR(8)"), ("D", "DOUBLE"), ("T", "TIMESTAMP")])


def compiled(sql: str, rules: tuple[Rule, ...] = RULES) -> ApplicationPlan:
    return compile_sql(sql, dialect=Dialect.STREAMSQL, inputs={"S": S}, rules=rules)


def chain(plan: ApplicationPlan, stream: str = "RESULT") -> list[PhysicalNode]:
    """The operators below a stream, top down, along their first inputs."""
    nodes: list[PhysicalNode] = []
    node: PhysicalNode = plan.nodes[stream].input
    while True:
        nodes.append(node)
        if not node.inputs:
            return nodes
        node = node.inputs[0]


def labels(sql: str, rules: tuple[Rule, ...] = RULES) -> list[str]:
    return [node.label for node in chain(compiled(sql, rules))]


def test_without_rules_everything_is_there() -> None:
    sql = "SELECT x FROM (SELECT A AS x, B FROM S) WHERE x > 1"
    assert labels(sql, ()) == ["project", "filter", "project", "source"]
    assert labels(sql) == ["filter", "source"]


def test_a_filter_moves_below_columns_only() -> None:
    sql = "SELECT x FROM (SELECT B, A AS x FROM S) WHERE x > 1"
    assert labels(sql, ()) == ["project", "filter", "project", "source"]
    assert labels(sql, (push_filters,)) == ["project", "project", "filter", "source"]


@pytest.mark.parametrize(
    "sql",
    [
        # An item that can fail: a rejected row would no longer be an error.
        "SELECT x FROM (SELECT A AS x, 10 / B AS y FROM S) WHERE x > 1",
        # A predicate over a computed column: it would be computed twice.
        "SELECT x FROM (SELECT A IS NULL AS x FROM S) WHERE x",
    ],
)
def test_a_filter_stays(sql: str) -> None:
    assert labels(sql, (push_filters,)) == labels(sql, ())


def test_a_filter_does_not_pass_windows_or_promotion() -> None:
    over = labels("SELECT A FROM (SELECT A, COUNT(*) OVER (ROWS 1 PRECEDING) AS n FROM S) WHERE n > 1 AND A > 1")
    assert over == ["filter", "over_aggregate", "source"]
    promoted = labels(
        "SELECT A FROM (SELECT T AS ROWTIME, A FROM S) AS q WHERE q.ROWTIME > TIMESTAMP '2026-01-01 00:00:00'"
    )
    assert promoted == ["filter", "promote_rowtime", "source"]


def test_projections_merge_unless_something_would_be_computed_twice() -> None:
    assert labels("SELECT y + 1 FROM (SELECT A * 2 AS y FROM S)") == ["project", "source"]
    assert labels("SELECT y + y FROM (SELECT A * 2 AS y FROM S)") == ["project", "project", "source"]
    assert labels("SELECT y + y FROM (SELECT A AS y FROM S)") == ["project", "source"]


def test_arguments_of_aggregates_merge_into_one_projection() -> None:
    sql = """SELECT SUM(y) FROM (SELECT A * 2 AS y, B FROM S) AS q
             GROUP BY B + 1, STEP(q.ROWTIME BY INTERVAL '1' SECOND)"""
    assert labels(sql) == ["project", "tumble_aggregate", "project", "source"]


def test_equal_arguments_are_computed_once() -> None:
    sql = "SELECT SUM(A * 2), MIN(A * 2), COUNT(*) FROM S GROUP BY FLOOR(S.ROWTIME TO MINUTE)"
    node = chain(compiled(sql))[2]
    assert isinstance(node, ProjectExec)
    assert len(node.items) == 1


def test_plain_columns_need_no_projection() -> None:
    nodes = chain(compiled("SELECT C, SUM(A) FROM S GROUP BY C, FLOOR(S.ROWTIME TO MINUTE)"))
    assert [node.label for node in nodes] == ["project", "tumble_aggregate", "source"]
    assert isinstance(nodes[1], TumbleAggregateExec)
    assert nodes[1].keys == (1,)
    assert nodes[1].aggregates[0].column == 0


@pytest.mark.parametrize(
    ("argument", "becomes"),
    [("A", INTEGER), ("CAST(A AS DOUBLE)", DOUBLE), ("D", DOUBLE)],
)
def test_average_of_exact_numbers(argument: str, becomes: object) -> None:
    sql = f"SELECT AVG({argument}) OVER (ROWS 1 PRECEDING) FROM S"
    node = chain(compiled(sql))[0]
    assert isinstance(node, OverAggregateExec)
    assert node.calls[0].type == becomes
    assert [n.label for n in chain(compiled(sql))] == ["over_aggregate", "source"]
    grouped = f"SELECT AVG({argument}) FROM S GROUP BY FLOOR(S.ROWTIME TO MINUTE)"
    assert labels(grouped)[-2:] == ["tumble_aggregate", "source"]


def test_average_of_text_made_a_number_is_left_alone() -> None:
    assert labels("SELECT AVG(CAST(C AS DOUBLE)) OVER (ROWS 1 PRECEDING) FROM S") == [
        "over_aggregate", "project", "source"
    ]  # fmt: skip


def test_the_source_gives_what_all_its_readers_need() -> None:
    plan = compiled("""
        CREATE STREAM o (x INTEGER, y VARCHAR(8));
        CREATE PUMP p AS INSERT INTO o (x) SELECT A FROM S WHERE D > 1;
        CREATE PUMP q AS INSERT INTO o (y) SELECT C FROM S;
        CREATE PUMP r STOPPED AS INSERT INTO o (x) SELECT B FROM S;
    """)
    assert plan.sources[0].columns == (0, 2, 3)
    merge = plan.nodes["O"].input
    assert isinstance(merge, MergeExec)
    assert [source.pump for source in merge.sources] == ["P", "Q"]


def test_counting_reads_no_column_at_all() -> None:
    plan = compiled("SELECT COUNT(*) FROM S GROUP BY FLOOR(S.ROWTIME TO MINUTE)")
    assert plan.sources[0].columns == ()


def test_an_input_nobody_reads_is_still_an_input() -> None:
    plan = compile_sql("SELECT A FROM S", dialect=Dialect.STREAMSQL, inputs={"S": S, "U": S})
    assert [(source.name, source.columns) for source in plan.sources] == [("S", (0,)), ("U", ())]


def test_a_filter_keeps_columns_in_the_order_asked_for() -> None:
    node = chain(compiled("SELECT D, A FROM S WHERE B = 1"))[0]
    assert isinstance(node, FilterExec)
    source = node.input
    assert isinstance(source, SourceExec)
    assert [source.schema[number].name for number in node.keep] == ["D", "A"]


def test_analytic_calls_come_out_in_the_order_asked_for() -> None:
    sql = "SELECT MIN(A) OVER w, B, MAX(A) OVER w FROM S WINDOW w AS (ROWS 1 PRECEDING)"
    assert labels(sql) == ["project", "over_aggregate", "source"]
    sql = "SELECT B, MAX(A) OVER w, MIN(A) OVER w FROM S WINDOW w AS (ROWS 1 PRECEDING)"
    assert labels(sql) == ["over_aggregate", "source"]


def test_unread_branches_of_a_union_are_narrowed_together() -> None:
    plan = compiled("SELECT x FROM (SELECT A AS x, C AS y FROM S UNION ALL SELECT B, C FROM S)")
    assert plan.sources[0].columns == (0, 1)


def scan() -> Scan:
    return Scan(name="S", declared=S, is_input=True, keep=tuple(range(len(S))))


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_knows_every_node(rule: Rule) -> None:
    """One plan holds every kind of logical node; each rule must get through it and keep the columns."""
    applications = (
        "SELECT C, COUNT(*) FROM S GROUP BY C, MONOTONIC(A)",
        "SELECT C, COUNT(*) FROM S WINDOWED BY STAGGER (PARTITION BY C RANGE INTERVAL '1' MINUTE) HAVING COUNT(*) > 1",
        "SELECT T AS ROWTIME, A, LAG(A) OVER (ROWS 1 PRECEDING) FROM (SELECT * FROM S UNION ALL SELECT * FROM S) AS q",
    )
    seen: set[type[LogicalNode]] = set()

    def checked(plan: LogicalNode) -> LogicalNode:
        seen.update(type(node) for node in walk(plan))
        result = rule(plan)
        assert result.schema.names == plan.schema.names
        assert [c.type.arrow for c in result.schema] == [c.type.arrow for c in plan.schema]
        return result

    for sql in applications:
        assert explain(compiled(sql, (checked,)))
    leaves = {kind for kind in subclasses(LogicalNode) if not kind.__subclasses__()}
    assert leaves - seen == set()


def subclasses(kind: type[LogicalNode]) -> list[type[LogicalNode]]:
    return [found for child in kind.__subclasses__() for found in (child, *subclasses(child))]


def test_rules_find_nothing_more_to_do() -> None:
    """A second run of the rules changes nothing."""
    for sql in (
        "SELECT x FROM (SELECT A AS x, B FROM S) WHERE x > 1",
        "SELECT C, SUM(y) FROM (SELECT C, A * 2 AS y FROM S) AS q GROUP BY C, FLOOR(q.ROWTIME TO MINUTE)",
    ):
        assert explain(compiled(sql)) == explain(compiled(sql, RULES + RULES))


def test_nodes_refuse_to_exist_in_a_wrong_state() -> None:
    number = Column(0, INTEGER, "A")
    with pytest.raises(ValueError, match="predicate"):
        Filter(input=scan(), predicate=number, keep=(0,))
    with pytest.raises(ValueError, match="column 9"):
        Project(input=scan(), names=("x",), items=(Column(9, INTEGER, "x"),))
    with pytest.raises(ValueError, match="TIMESTAMP"):
        Promote(input=scan(), column=0, keep=(0,))
    with pytest.raises(ValueError, match="UnionAll"):
        UnionAll(sources=(scan(),), types=tuple(column.type for column in S))
    with pytest.raises(ValueError, match="not all columns"):
        Scan(name="S", declared=S, is_input=True, keep=(7,))


def test_spans_do_not_make_plans_different() -> None:
    one, other = scan(), scan()
    assert Filter(input=one, predicate=Literal(True, BOOLEAN), keep=(0,)) == Filter(
        input=other, predicate=Literal(True, BOOLEAN), keep=(0,)
    )
    assert map_expressions(one, lambda e: e) is one
    assert one.schema[4].type == TIMESTAMP
    assert (exact_average(one), merge_projections(one), push_filters(one), prune_columns(one)) == (one,) * 4
