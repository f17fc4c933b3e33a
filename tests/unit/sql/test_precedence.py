"""Precedence of the language reference §5.1, by comparing trees with the same text in parentheses."""

from __future__ import annotations

import pytest

from streamsql.errors import CompileErrors
from streamsql.plan.format import format_expr
from streamsql.plan.physical import ProjectExec
from streamsql.schema import Schema
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from tests.support.values import schema_of

COLUMNS: Schema = schema_of(
    [(name, "INTEGER") for name in "abc"]
    + [(name, "BOOLEAN") for name in "pqr"]
    + [(name, "VARCHAR(8)") for name in "stu"]
    + [(name, "TIMESTAMP") for name in "xyz"]
)


def shown(expression: str) -> str:
    """The typed expression as text, with all its parentheses."""
    quoted = "".join(f'"{c}"' if c in "abcpqrstuxyz" else c for c in expression)
    plan = compile_sql(f'SELECT {quoted} FROM "in"', dialect=Dialect.STREAMSQL, inputs={"in": COLUMNS})
    project = plan.nodes["RESULT"].input
    assert isinstance(project, ProjectExec)
    return format_expr(project.items[0])


@pytest.mark.parametrize(
    ("plain", "grouped"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a * b + c", "(a * b) + c"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("- a + b", "(- a) + b"),
        ("- a * b", "(- a) * b"),
        ("a - - b", "a - (- b)"),
        ("s || t = u", "(s || t) = u"),
        ("s || t || u", "(s || t) || u"),
        ("a + b < c", "(a + b) < c"),
        ("a < b = p", "(a < b) = p"),
        ("p = q = r", "(p = q) = r"),
        ("a = b IS NULL", "(a = b) IS NULL"),
        ("a < b IS NOT TRUE", "(a < b) IS NOT TRUE"),
        ("a + b IS NULL", "(a + b) IS NULL"),
        ("a BETWEEN b AND c AND p", "(a BETWEEN b AND c) AND p"),
        ("a BETWEEN b AND c = p", "(a BETWEEN b AND c) = p"),
        ("a IN (1, 2) = p", "(a IN (1, 2)) = p"),
        ("s LIKE t || u", "s LIKE (t || u)"),
        ("NOT p AND q", "(NOT p) AND q"),
        ("NOT a = b", "NOT (a = b)"),
        ("NOT a < b AND q", "(NOT (a < b)) AND q"),
        ("p OR q AND r", "p OR (q AND r)"),
        ("p AND q OR r", "(p AND q) OR r"),
        ("NOT NOT p", "NOT (NOT p)"),
        ("a NOT IN (1, 2)", "NOT (a IN (1, 2))"),
        ("a NOT BETWEEN b AND c", "NOT (a BETWEEN b AND c)"),
        ("s NOT LIKE t", "NOT (s LIKE t)"),
        ("s NOT SIMILAR TO t", "NOT (s SIMILAR TO t)"),
        ("a IS DISTINCT FROM b + c", "a IS DISTINCT FROM (b + c)"),
        # NOT binds to a BOOLEAN primary before IS, to anything else after.
        ("NOT p IS UNKNOWN", "(NOT p) IS UNKNOWN"),
        ("NOT UNKNOWN IS TRUE", "(NOT UNKNOWN) IS TRUE"),
        ("NOT p IS TRUE = q", "((NOT p) IS TRUE) = q"),
        ("NOT a IS NULL", "NOT (a IS NULL)"),
        ("NOT a + b IS NULL", "NOT ((a + b) IS NULL)"),
        ("NOT (p) IS TRUE", "(NOT p) IS TRUE"),
        ("NOT (a = b) IS TRUE", "(NOT (a = b)) IS TRUE"),
        ("NOT (a) + (b) IS NULL", "NOT ((a + b) IS NULL)"),
        ("NOT (a + b) IS NULL", "NOT ((a + b) IS NULL)"),
        ("(x, y) OVERLAPS (y, z) AND p", "((x, y) OVERLAPS (y, z)) AND p"),
        ("PERIOD (x, y) STRICTLY CONTAINS z", "(x, y) STRICTLY CONTAINS z"),
        ("(x, y) PRECEDES (y, z) PRECEDES (z, x)", "((x, y) PRECEDES (y, z)) AND ((y, z) PRECEDES (z, x))"),
        ("(a, b) IN ((1, 2))", "a = 1 AND b = 2"),
        ("a != b", "a <> b"),
    ],
)
def test_precedence(plain: str, grouped: str) -> None:
    assert shown(plain) == shown(grouped)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a - (b - c)", "a - b - c"),
        ("(p OR q) AND r", "p OR q AND r"),
        ("NOT (p IS UNKNOWN)", "NOT p IS UNKNOWN"),
    ],
)
def test_parentheses_matter(one: str, other: str) -> None:
    assert shown(one) != shown(other)


def test_the_grouped_form_need_not_have_a_type() -> None:
    shown("s || t = u")
    with pytest.raises(CompileErrors, match=r"cannot apply '\|\|'"):
        shown("s || (t = u)")
