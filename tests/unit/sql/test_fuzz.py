"""Whatever the text, compiling gives a plan or CompileErrors with places in the text: nothing else, and quickly.

Texts are grown from a small grammar, or are real applications with tokens dropped, doubled, swapped and replaced.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql.errors import CompileErrors
from streamsql.plan.explain import explain
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from streamsql.sql.words import reserved_words
from tests.support.values import schema_of

INPUTS = {
    "S": schema_of([("A", "INTEGER"), ("B", "VARCHAR(8)"), ("C", "DOUBLE"), ("D", "TIMESTAMP"), ("E", "BOOLEAN")]),
    "lower": schema_of([("x", "DECIMAL(10, 2)"), ("y", "DATE"), ("z", "BINARY(4)")]),
}
TABLES = {"T": schema_of([("A", "INTEGER"), ("N", "VARCHAR(8)")])}
CASES = Path(__file__).parents[2] / "conformance" / "language.yaml"
CORPUS = [case["sql"] for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))]
TOKEN = re.compile(r"\s+|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\w+|[^\w\s]")
WORDS = [*sorted(reserved_words(Dialect.KINESIS)), *"STABCDE", "STAGGER", "WINDOWED", "PRECEDING", "FOLLOWING"]
ODD = ["'", '"', ";", "(", ")", ",", ".", "*", "/*", "*/", "--", "//", "U&'\\00'", "X'A'", "{ts", "?", "%", "::", "[",
       "\x00", "é", "\u2013", "1E", "1e400", "9" * 30, "INTERVAL '1'", "\ud800"]  # fmt: skip


def check(sql: str) -> None:
    """Both dialects give a plan or a refusal with its place; a text that hangs runs into the suite's timeout."""
    for dialect in Dialect:
        failed: CompileErrors | None = None
        try:
            plan = compile_sql(sql, dialect=dialect, inputs=INPUTS, tables=TABLES)
        except CompileErrors as error:
            failed = error
        else:
            assert explain(plan)
        if failed is not None:
            assert failed.errors
            assert str(failed)
            for error in failed.errors:
                assert error.span is not None
                assert 0 <= error.span.start <= error.span.end <= len(sql) + 1
                assert error.error_code.phrase is None or error.error_code.phrase in error.message.lower()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text(sql: str) -> None:
    check(sql)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(WORDS + ODD), max_size=40))
def test_any_words(words: list[str]) -> None:
    check(" ".join(words))


def damaged(sql: str, chance: random.Random) -> str:
    tokens = TOKEN.findall(sql)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(tokens))
        match chance.randrange(5):
            case 0:
                del tokens[at : at + chance.randint(1, 3)]
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                tokens[at] = chance.choice(WORDS + ODD)
            case 3:
                other = chance.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens.insert(at, " " + chance.choice(WORDS + ODD) + " ")
        if not tokens:
            return ""
    return "".join(tokens)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_applications(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        check(damaged(chance.choice(CORPUS), chance))


numbers = st.sampled_from(["1", "2.5", "0", "3E0", "A", "C", '"A"', "S.C", "NULL", "CAST(B AS INTEGER)"])
strings = st.sampled_from(["'x'", "B", "'a' || B", "UPPER(B)", "CAST(A AS VARCHAR(4))", "NULL"])
times = st.sampled_from(["D", "ROWTIME", "S.ROWTIME", "TIMESTAMP '2026-01-01 00:00:00'", "CURRENT_TIMESTAMP"])
intervals = st.sampled_from(["INTERVAL '1' SECOND", "INTERVAL '1' YEAR", "(D - D) MINUTE", "INTERVAL '120' SECOND"])
leaves = st.one_of(numbers, strings, times, intervals, st.sampled_from(["TRUE", "E", "UNKNOWN"]))
operators = st.sampled_from(["+", "-", "*", "/", "||", "=", "<", "AND", "OR"])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("(NOT {})".format, inner),
        st.builds("({} {})".format, inner, st.sampled_from(["IS NULL", "IS NOT TRUE", "IN (1, 2)", "LIKE 'a%'"])),
        st.builds("CASE WHEN {} THEN {} ELSE {} END".format, inner, inner, inner),
        st.builds("{}({})".format, st.sampled_from(["ABS", "FLOOR", "MONOTONIC", "SUM", "COUNT", "AVG", "MOD"]), inner),
        st.builds("{}({}) OVER (ROWS 2 PRECEDING)".format, st.sampled_from(["SUM", "LAG", "MIN"]), inner),
        st.builds("STEP({} BY {})".format, inner, inner),
        st.builds("FLOOR({} TO {})".format, inner, st.sampled_from(["MINUTE", "YEAR"])),
        st.builds("({} BETWEEN {} AND {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)
tails = st.sampled_from(
    ["", "GROUP BY FLOOR(S.ROWTIME TO MINUTE)", "GROUP BY A, STEP(ROWTIME BY INTERVAL '1' SECOND)", "GROUP BY A",
     "WINDOWED BY STAGGER (PARTITION BY A RANGE INTERVAL '1' MINUTE)", "ORDER BY ROWTIME", "GROUP BY MONOTONIC(A)"]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(expressions, min_size=1, max_size=3), expressions, tails)
def test_grown_queries(items: list[str], condition: str, tail: str) -> None:
    check(f"SELECT STREAM {', '.join(items)} FROM S WHERE {condition} {tail}")
    columns = ", ".join(f"c{i} VARCHAR(20)" for i in range(len(items)))
    check(f"CREATE STREAM o ({columns}); CREATE PUMP p AS INSERT INTO o SELECT STREAM {', '.join(items)} "
          f"FROM (SELECT STREAM * FROM S WHERE {condition}) AS S {tail}")  # fmt: skip
