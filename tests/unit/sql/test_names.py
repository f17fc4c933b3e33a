"""Identifiers, reserved words, comments and statements as they are written (language reference §2, §6)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamsql.errors import CompileErrors, ErrorCode
from streamsql.plan.physical import ApplicationPlan
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from streamsql.sql.words import reserved_words
from tests.support.values import schema_of

INPUTS = {
    "SOURCE_SQL_STREAM_001": schema_of([("ticker", "VARCHAR(4)"), ("PRICE", "DOUBLE"), ("AT", "TIMESTAMP")]),
    "in-put": schema_of([("a b", "INTEGER")]),
}


def compiled(sql: str, dialect: Dialect = Dialect.KINESIS) -> ApplicationPlan:
    return compile_sql(sql, dialect=dialect, inputs=INPUTS)


def codes(sql: str, dialect: Dialect = Dialect.KINESIS) -> list[ErrorCode]:
    with pytest.raises(CompileErrors) as caught:
        compiled(sql, dialect)
    return [error.error_code for error in caught.value.errors]


def test_unquoted_names_fold_and_quoted_keep_their_case() -> None:
    plan = compiled('create stream Out_1 (x DOUBLE); CREATE STREAM "Out_1" ("x" DOUBLE, X DOUBLE)')
    assert [(name, schema.names) for name, schema in plan.streams] == [("OUT_1", ("X",)), ("Out_1", ("x", "X"))]


def test_quoted_names_hold_anything_but_control_characters() -> None:
    name = '"200-a.b ""c"" é"'
    plan = compiled(f'CREATE STREAM {name} (x INTEGER); '
                    f'CREATE PUMP "p-1" AS INSERT INTO {name} SELECT STREAM "a b" FROM "in-put";')  # fmt: skip
    assert plan.streams[0][0] == '200-a.b "c" é'
    assert codes('CREATE STREAM "a\nb" (x INTEGER)') == [ErrorCode.SYNTAX]
    assert codes('CREATE STREAM "" (x INTEGER)') == [ErrorCode.SYNTAX]


def test_unicode_names() -> None:
    assert compiled("CREATE STREAM U&\"\\0061!\" (x INTEGER)").streams[0][0] == "a!"


def test_comments_are_white_space() -> None:
    plan = compiled(
        "-- one\n// two 'x\n/* three ; */CREATE/**/STREAM a (x /* DOUBLE */ INTEGER, -- y\n y INTEGER) // end"
    )
    assert plan.streams[0][1].names == ("X", "Y")


@pytest.mark.parametrize("word", sorted(reserved_words(Dialect.KINESIS)))
def test_every_reserved_word_is_a_name_only_in_quotes(word: str) -> None:
    if word in ("END-EXEC", "ROWTIME"):
        return
    assert codes(f"CREATE STREAM a ({word} INTEGER)")[0] in (ErrorCode.RESERVED, ErrorCode.SYNTAX)
    assert compiled(f'CREATE STREAM a ("{word}" INTEGER)').streams[0][1].names == (word,)


@pytest.mark.parametrize(
    "word", ["ticker", "price", "source", "key", "status", "type", "name", "data", "log", "pump", "step", "stagger"]
)
def test_common_words_are_names(word: str) -> None:
    assert compiled(f"CREATE STREAM {word} ({word} INTEGER)").streams[0][0] == word.upper()


@pytest.mark.parametrize("word", ["value", "timestamp", "date", "user", "count", "rank", "day", "result", "method"])
def test_the_superset_reserves_only_what_its_grammar_needs(word: str) -> None:
    sql = f'CREATE STREAM o ({word} DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT x.{word} FROM ' \
          f'(SELECT PRICE AS {word} FROM "SOURCE_SQL_STREAM_001") AS x WHERE {word} > 1'  # fmt: skip
    assert compiled(sql, Dialect.STREAMSQL).streams[0][1].names == (word.upper(),)
    assert ErrorCode.RESERVED in codes(sql)


def test_stream_and_pump_options_are_accepted() -> None:
    plan = compiled("""
        CREATE OR REPLACE STREAM a (x DOUBLE NOT NULL DEFAULT 1.5 DESCRIPTION 'd' OPTIONS (k 'v', l 'w'), y DOUBLE NULL)
          DESCRIPTION 'a stream' OPTIONS (k 'v');
        CREATE OR REPLACE PUMP p STOPPED OPTIONS (k 'v') DESCRIPTION 'a pump'
          AS INSERT EXPEDITED INTO a (y) SELECT PRICE FROM SOURCE_SQL_STREAM_001;
        CREATE PUMP q STARTED AS INSERT INTO a (x) SELECT STREAM ALL PRICE FROM SOURCE_SQL_STREAM_001;
        ALTER PUMP p, q START;
        ALTER PUMP q STOP;
        DROP PUMP IF EXISTS nobody;
        CREATE STREAM gone (x INTEGER);
        DROP STREAM gone;
    """)
    assert [(pump.name, pump.is_running) for pump in plan.pumps] == [("P", True), ("Q", False)]
    assert [name for name, _ in plan.streams] == ["A"]


def test_or_replace_puts_a_pump_last() -> None:
    plan = compiled("""
        CREATE STREAM a (x DOUBLE);
        CREATE PUMP p AS INSERT INTO a SELECT STREAM PRICE FROM SOURCE_SQL_STREAM_001;
        CREATE PUMP q AS INSERT INTO a SELECT STREAM PRICE FROM SOURCE_SQL_STREAM_001;
        CREATE OR REPLACE PUMP p AS INSERT INTO a SELECT STREAM PRICE * 2 FROM SOURCE_SQL_STREAM_001;
    """)
    assert [pump.name for pump in plan.pumps] == ["Q", "P"]


def test_rowtime_quoted_and_unquoted_are_the_same_column() -> None:
    for name in ("ROWTIME", '"ROWTIME"', "s.ROWTIME", 's."ROWTIME"'):
        query = f"SELECT STREAM {name} FROM SOURCE_SQL_STREAM_001 AS s"
        plan = compiled(f"CREATE STREAM a (t TIMESTAMP); CREATE PUMP p AS INSERT INTO a {query}")
        assert plan.streams[0][1].names == ("T",)


def test_errors_of_all_statements_are_reported_in_order() -> None:
    sql = "CREATE STREAM a (x; CREATE STREAM b (x VARCHR(1)); CREATE PUMP p AS INSERT INTO c SELECT 1 FROM d"
    assert codes(sql) == [
        ErrorCode.SYNTAX,
        ErrorCode.COLUMN_TYPE,
        ErrorCode.NOT_FOUND,
        ErrorCode.NOT_FOUND,
    ]


def test_what_a_broken_statement_would_have_made_is_not_reported_as_missing() -> None:
    sql = """CREATE STREAM a (x VARCHR(1));
             CREATE PUMP p AS INSERT INTO a SELECT PRICE FROM SOURCE_SQL_STREAM_001;
             ALTER PUMP p START;
             CREATE PUMP q AS INSERT INTO a SELECT x FROM a"""
    assert codes(sql) == [ErrorCode.COLUMN_TYPE]


def test_positions_are_those_of_the_whole_text() -> None:
    pump = "CREATE PUMP p AS INSERT INTO a\n\tSELECT STREAM nix FROM SOURCE_SQL_STREAM_001"
    with pytest.raises(CompileErrors) as caught:
        compiled(f"CREATE STREAM a (x DOUBLE);\n\n  {pump}")
    assert (caught.value.line, caught.value.column) == (4, 16)


def test_too_much_text_is_refused() -> None:
    assert codes("-- " + "x" * 103_000) == [ErrorCode.TOO_LARGE]


def test_an_empty_text_is_an_application_without_streams() -> None:
    assert compiled(" ; ;; -- nothing").streams == ()


def test_deep_nesting_and_long_chains_are_refused_not_crashed_on() -> None:
    head = "CREATE STREAM o (x DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM "
    tail = " FROM SOURCE_SQL_STREAM_001"
    for text in (
        "(" * 500 + "1" + ")" * 500,
        "1" + "+1" * 5000,
        "- " * 3000 + "1",
        "(" * 30 + "1" + (" + 1" * 90 + ")") * 30,
        "CASE WHEN TRUE THEN " * 300 + "1" + " END" * 300,
        "NOT " * 3000 + "TRUE",
        "1" + " = 1" * 3000,
    ):
        assert codes(head + text + tail) == [ErrorCode.TOO_LARGE]
    assert codes(head + "x FROM " + "(SELECT 1 FROM " * 300 + "a" + ")" * 300) == [ErrorCode.TOO_LARGE]


def test_views_of_views_and_queries_that_double_are_refused() -> None:
    views = "CREATE VIEW v0 AS SELECT PRICE FROM SOURCE_SQL_STREAM_001;"
    views += "".join(f"CREATE VIEW v{i + 1} AS SELECT PRICE FROM v{i};" for i in range(60))
    assert codes(views, Dialect.STREAMSQL) == [ErrorCode.TOO_LARGE]
    doubled = "WITH w0 AS (SELECT PRICE FROM SOURCE_SQL_STREAM_001)"
    doubled += "".join(f", w{i + 1} AS (SELECT PRICE FROM w{i} UNION ALL SELECT PRICE FROM w{i})" for i in range(20))
    assert set(codes(doubled + " SELECT PRICE FROM w20", Dialect.STREAMSQL)) == {ErrorCode.TOO_LARGE}


def test_nested_projections_stay_apart_when_they_would_be_too_deep() -> None:
    query = 'SELECT PRICE AS x FROM "SOURCE_SQL_STREAM_001"'
    for _ in range(8):
        query = f"SELECT x{' + 1' * 60} AS x FROM ({query})"
    nodes = compiled(query, Dialect.STREAMSQL).nodes["RESULT"]
    labels = []
    node = nodes.input
    while node.inputs:
        labels.append(node.label)
        node = node.inputs[0]
    assert labels == ["project"] * 8


def test_long_lists_of_conditions_are_fine() -> None:
    many = " OR ".join(f"PRICE = {i}" for i in range(1000))
    values = ", ".join(str(i) for i in range(1000))
    total = " + ".join(["1"] * 90)
    compiled(f"CREATE STREAM o (x DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM PRICE FROM "
             f"SOURCE_SQL_STREAM_001 WHERE ({many}) AND PRICE IN ({values}) AND PRICE + {total} > 0")  # fmt: skip


def test_a_compiled_parser_is_refused_by_name(tmp_path: Path) -> None:
    """A stand-in for the compiled distribution: what counts is that the file is no Python source."""
    program = (
        "import sqlglot.parser; sqlglot.parser.__file__ = '/x/parser.cpython-311.so'\n"
        "from streamsql.errors import StreamSQLError\n"
        "try:\n    import streamsql.sql.dialect\n"
        "except StreamSQLError as error:\n    print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "pip uninstall sqlglotc\n"
