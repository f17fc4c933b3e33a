"""Literals (language reference §2.3): their values, their types, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from streamsql.errors import CompileErrors, ErrorCode
from streamsql.expr.nodes import Literal
from streamsql.spec import Dialect
from streamsql.sql.catalog import Catalog
from streamsql.sql.clauses import SELECT_LIST
from streamsql.sql.compile import compile_sql
from streamsql.sql.dialect import tokenize
from streamsql.sql.expressions import ExpressionBinder
from streamsql.sql.parse import Parser
from tests.support.values import schema_of

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def literal(text: str, dialect: Dialect = Dialect.KINESIS) -> Literal:
    parser = Parser(dialect)
    parser.load(tokenize(text), text)
    node = parser.scalar()
    assert parser.at_end
    bound = ExpressionBinder(Catalog(), dialect, None).bind(node, SELECT_LIST)
    assert isinstance(bound, Literal)
    return bound


@pytest.mark.parametrize(
    ("text", "value", "type_text"),
    [
        ("0", 0, "INTEGER"),
        ("2147483647", 2147483647, "INTEGER"),
        ("2147483648", 2147483648, "BIGINT"),
        ("9223372036854775807", 2**63 - 1, "BIGINT"),
        ("2.5", Decimal("2.5"), "DECIMAL(2, 1)"),
        (".25", Decimal("0.25"), "DECIMAL(2, 2)"),
        ("7.", Decimal("7"), "DECIMAL(1, 0)"),
        ("2.5E0", 2.5, "DOUBLE"),
        ("1e-3", 0.001, "DOUBLE"),
        (".5E+1", 5.0, "DOUBLE"),
        ("TRUE", True, "BOOLEAN"),
        ("UNKNOWN", None, "BOOLEAN"),
        ("NULL", None, "NULL"),
        ("'it''s'", "it's", "CHAR(4)"),
        ("''", "", "CHAR(0)"),
        ("'back\\slash'", "back\\slash", "CHAR(10)"),
        ("'one'\n  'two'", "onetwo", "CHAR(6)"),
        ("N'abc'", "abc", "CHAR(3)"),
        ("_latin1'abc'", "abc", "CHAR(3)"),
        ("U&'\\0041\\\\z'''", "A\\z'", "CHAR(4)"),
        ("U&'!0041!!' UESCAPE '!'", "A!", "CHAR(2)"),
        ("U&'\\d83d\\de00'", "\U0001f600", "CHAR(1)"),
        ("'--no // comment /* here */'", "--no // comment /* here */", "CHAR(26)"),
        ("X'0aFF'", b"\x0a\xff", "BINARY(2)"),
        ("DATE '1970-01-02'", 1, "DATE"),
        ("DATE '2008-1-1'", 13879, "DATE"),
        ("{d '1970-01-02'}", 1, "DATE"),
        ("TIME '00:00:01.5'", 1500, "TIME"),
        ("TIME '1:2:3'", HOUR + 2 * MINUTE + 3 * SECOND, "TIME"),
        ("{t '00:00:01'}", 1000, "TIME"),
        ("TIMESTAMP '1970-01-01 00:00:00.0019'", 1, "TIMESTAMP"),
        ("TIMESTAMP '1969-12-31 23:59:59'", -1000, "TIMESTAMP"),
        ("{ts '1970-01-01 00:00:01'}", 1000, "TIMESTAMP"),
    ],
)
def test_value_and_type(text: str, value: Any, type_text: str) -> None:
    bound = literal(text)
    assert (bound.value, str(bound.type)) == (value, type_text)


def test_strings_of_the_superset_are_varying() -> None:
    assert str(literal("'abc'", Dialect.STREAMSQL).type) == "VARCHAR(3)"


@pytest.mark.parametrize(
    ("text", "value", "type_text"),
    [
        ("INTERVAL '5' MINUTE", 5 * MINUTE, "INTERVAL MINUTE"),
        ("INTERVAL '99' SECOND", 99 * SECOND, "INTERVAL SECOND"),
        ("INTERVAL '120' SECOND(3)", 120 * SECOND, "INTERVAL SECOND"),
        ("INTERVAL '1.5' SECOND", 1500, "INTERVAL SECOND"),
        ("INTERVAL '1.5678' SECOND", 1567, "INTERVAL SECOND"),
        ("INTERVAL '1.567' SECOND(2, 1)", 1500, "INTERVAL SECOND"),
        ("INTERVAL -'5' MINUTE", -5 * MINUTE, "INTERVAL MINUTE"),
        ("INTERVAL '-5' MINUTE", -5 * MINUTE, "INTERVAL MINUTE"),
        ("INTERVAL -'-5' MINUTE", 5 * MINUTE, "INTERVAL MINUTE"),
        ("INTERVAL +'5' DAY", 5 * DAY, "INTERVAL DAY"),
        ("INTERVAL '25 3' DAY TO HOUR", 25 * DAY + 3 * HOUR, "INTERVAL DAY TO HOUR"),
        ("INTERVAL '1 02:03' DAY TO MINUTE", DAY + 2 * HOUR + 3 * MINUTE, "INTERVAL DAY TO MINUTE"),
        (
            "INTERVAL '1 02:03:04.5' DAY TO SECOND",
            DAY + 2 * HOUR + 3 * MINUTE + 4500,
            "INTERVAL DAY TO SECOND",
        ),
        ("INTERVAL '2:03' HOUR TO MINUTE", 2 * HOUR + 3 * MINUTE, "INTERVAL HOUR TO MINUTE"),
        ("INTERVAL '59:59.999' MINUTE TO SECOND(3)", 59 * MINUTE + 59_999, "INTERVAL MINUTE TO SECOND"),
        ("INTERVAL '1-2' YEAR TO MONTH", 14, "INTERVAL YEAR TO MONTH"),
        ("INTERVAL '3' YEAR", 36, "INTERVAL YEAR"),
        ("INTERVAL '100 1' DAY(3) TO HOUR", 100 * DAY + HOUR, "INTERVAL DAY TO HOUR"),
        ("INTERVAL '007' HOUR", 7 * HOUR, "INTERVAL HOUR"),
    ],
)
def test_interval(text: str, value: int, type_text: str) -> None:
    bound = literal(text)
    assert (bound.value, str(bound.type)) == (value, type_text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INTERVAL '120' SECOND", ErrorCode.INTERVAL_PRECISION),
        ("INTERVAL '1000' DAY(3)", ErrorCode.INTERVAL_PRECISION),
        ("INTERVAL '3:45:04.0' DAY TO HOUR", ErrorCode.LITERAL),
        ("INTERVAL '1 24' DAY TO HOUR", ErrorCode.LITERAL),
        ("INTERVAL '1:60' HOUR TO MINUTE", ErrorCode.LITERAL),
        ("INTERVAL '1-12' YEAR TO MONTH", ErrorCode.LITERAL),
        ("INTERVAL '1.5' MINUTE", ErrorCode.LITERAL),
        ("INTERVAL ' 1' MINUTE", ErrorCode.LITERAL),
        ("INTERVAL '1' SECOND(0)", ErrorCode.LITERAL),
        ("INTERVAL '1' SECOND(2, 4)", ErrorCode.LITERAL),
        ("INTERVAL '1' SECOND(11)", ErrorCode.LITERAL),
        ("INTERVAL '1' HOUR TO DAY", ErrorCode.SYNTAX),
        ("INTERVAL '1 1' DAY TO HOUR(2)", ErrorCode.SYNTAX),
        ("INTERVAL '5' MINUTES", ErrorCode.SYNTAX),
        ("INTERVAL 5 MINUTE", ErrorCode.SYNTAX),
        ("DATE '2026-02-30'", ErrorCode.LITERAL),
        ("DATE '2026-01-01 '", ErrorCode.LITERAL),
        ("DATE '26-01-01'", ErrorCode.LITERAL),
        ("TIME '24:00:00'", ErrorCode.LITERAL),
        ("TIMESTAMP '2026-01-01T00:00:00'", ErrorCode.LITERAL),
        ("TIMESTAMP '2026-01-01'", ErrorCode.LITERAL),
        ("9223372036854775808", ErrorCode.LITERAL),
        ("12345678901.1234567890", ErrorCode.LITERAL),
        ("1E999", ErrorCode.LITERAL),
        ("1E", ErrorCode.LITERAL),
        ("12abc", ErrorCode.LITERAL),
        ("1.2.3", ErrorCode.LITERAL),
        ("0x1F", ErrorCode.LITERAL),
        ("X'ABC'", ErrorCode.LITERAL),
        ("X'GG'", ErrorCode.LITERAL),
        ("U&'\\12'", ErrorCode.LITERAL),
        ("U&'\\d83d'", ErrorCode.LITERAL),
        ("U&'x' UESCAPE 'ab'", ErrorCode.LITERAL),
        ("'open", ErrorCode.SYNTAX),
        ("1 /* open", ErrorCode.SYNTAX),
        ("1 ? 2", ErrorCode.UNSUPPORTED),
        ("`a`", ErrorCode.SYNTAX),
    ],
)
def test_refused(text: str, code: ErrorCode) -> None:
    sql = f'CREATE STREAM o (x INTEGER); CREATE PUMP p AS INSERT INTO o SELECT STREAM 1 FROM "in" WHERE {text} = 1'
    with pytest.raises(CompileErrors) as caught:
        compile_sql(sql, dialect=Dialect.KINESIS, inputs={"in": schema_of([("a", "INTEGER")])})
    assert caught.value.errors[0].error_code is code, str(caught.value)
