"""Writes docs/sql-reference.md and docs/errors.md from the registries; `--check` only says whether they are current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from streamsql.columns import parse_columns
from streamsql.errors import CompileErrors, ErrorCode, RowError
from streamsql.expr.functions import specs
from streamsql.expr.functions.spec import FunctionSpec
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from streamsql.types import TypeKind, make_type

DOCS = Path(__file__).parent
INPUTS = {"TICKS": parse_columns("TICKER VARCHAR(4), PRICE DOUBLE, QUANTITY INTEGER")}

TYPE_NOTES = {
    TypeKind.BOOLEAN: "TRUE, FALSE and unknown (NULL)",
    TypeKind.TINYINT: "-128 to 127",
    TypeKind.SMALLINT: "-32,768 to 32,767",
    TypeKind.INTEGER: "-2^31 to 2^31 - 1",
    TypeKind.BIGINT: "-2^63 to 2^63 - 1",
    TypeKind.DECIMAL: "exact, up to 19 digits",
    TypeKind.REAL: "32-bit floating point",
    TypeKind.DOUBLE: "64-bit floating point",
    TypeKind.CHAR: "exactly n characters, padded with spaces",
    TypeKind.VARCHAR: "up to n characters",
    TypeKind.BINARY: "exactly n bytes",
    TypeKind.VARBINARY: "up to n bytes",
    TypeKind.DATE: "a day",
    TypeKind.TIME: "time of day in milliseconds",
    TypeKind.TIMESTAMP: "UTC, in milliseconds",
    TypeKind.INTERVAL_DAY: "days, hours, minutes, seconds",
    TypeKind.INTERVAL_YEAR: "years and months",
}

#: What each code means, and SQL over TICKS (TICKER, PRICE, QUANTITY) that is refused with it, where SQL can be.
MEANINGS: dict[ErrorCode, tuple[str, str | None]] = {
    ErrorCode.SYNTAX: ("The text is not a statement of the grammar.", "SELECT TICKER FROM;"),
    ErrorCode.RESERVED: (
        "A reserved word is used as a name without double quotes (kinesis dialect).",
        "CREATE STREAM VALUE (A INTEGER);",
    ),
    ErrorCode.LITERAL: ("A literal is malformed or out of range.", "SELECT DATE '2024-02-30' FROM TICKS;"),
    ErrorCode.INTERVAL_PRECISION: (
        "An interval literal has more digits than its precision.",
        "SELECT PRICE FROM TICKS WHERE ROWTIME > ROWTIME - INTERVAL '100' SECOND(1);",
    ),
    ErrorCode.UNSUPPORTED: (
        "A statement or clause that is refused, now or for good; the hint says what to do instead.",
        "SELECT A.PRICE FROM TICKS AS A JOIN TICKS AS B ON A.TICKER = B.TICKER;",
    ),
    ErrorCode.TOO_LARGE: ("A size is over its limit.", "CREATE STREAM S (A VARCHAR(70000));"),
    ErrorCode.NOT_FOUND: ("A stream, column or function of that name does not exist.", "SELECT TICKR FROM TICKS;"),
    ErrorCode.AMBIGUOUS: ("A name could mean several things.", None),
    ErrorCode.EXISTS: ("The name is taken.", "CREATE STREAM S (A INTEGER);\nCREATE STREAM S (A INTEGER);"),
    ErrorCode.REDEFINED: ("A stream is redefined after a pump has used it.", None),
    ErrorCode.COUNT_MISMATCH: (
        "The number of columns or arguments is wrong.",
        "CREATE STREAM S (A DOUBLE);\nCREATE PUMP P AS INSERT INTO S SELECT STREAM TICKER, PRICE FROM TICKS;",
    ),
    ErrorCode.ASSIGN: (
        "A value of this type cannot be put into the column.",
        "CREATE STREAM S (A BOOLEAN);\nCREATE PUMP P AS INSERT INTO S SELECT STREAM PRICE FROM TICKS;",
    ),
    ErrorCode.TYPES: ("A function or operator does not take these types.", "SELECT TICKER * 2 FROM TICKS;"),
    ErrorCode.CAST: ("There is no conversion between the types.", "SELECT CAST(PRICE AS DATE) FROM TICKS;"),
    ErrorCode.COLUMN_TYPE: ("The type of a column is not one there is.", "CREATE STREAM S (A STRING);"),
    ErrorCode.NOT_NULL_OMITTED: (
        "An INSERT leaves out a NOT NULL column without a default.",
        "CREATE STREAM S (A DOUBLE, B INTEGER NOT NULL);\n"
        "CREATE PUMP P AS INSERT INTO S (A) SELECT STREAM PRICE FROM TICKS;",
    ),
    ErrorCode.UDF: ("A function definition is wrong.", None),
    ErrorCode.GROUP_MONOTONIC: (
        "GROUP BY has no expression by which groups can be closed: it would keep every key for ever.",
        "SELECT TICKER, COUNT(*) FROM TICKS GROUP BY TICKER;",
    ),
    ErrorCode.GROUP_ROWTIME: (
        "GROUP BY has two expressions of ROWTIME.",
        "SELECT COUNT(*) FROM TICKS GROUP BY FLOOR(TICKS.ROWTIME TO MINUTE), FLOOR(TICKS.ROWTIME TO HOUR);",
    ),
    ErrorCode.NOT_GROUPED: (
        "The select list uses a column that is neither a group key nor inside an aggregate.",
        "SELECT PRICE, COUNT(*) FROM TICKS GROUP BY FLOOR(TICKS.ROWTIME TO MINUTE);",
    ),
    ErrorCode.AGG_PLACE: (
        "An aggregate or analytic function stands where none may.",
        "SELECT PRICE FROM TICKS WHERE MAX(PRICE) > 1;",
    ),
    ErrorCode.DISTINCT_AGG: ("DISTINCT is not possible in this aggregate.", None),
    ErrorCode.HAVING: ("HAVING without groups.", "SELECT PRICE FROM TICKS HAVING PRICE > 1;"),
    ErrorCode.FRAME: (
        "A window of OVER is malformed, or ends elsewhere than at the current row.",
        "SELECT SUM(PRICE) OVER (ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM TICKS;",
    ),
    ErrorCode.SETOP: (
        "A set operator other than UNION ALL.",
        "SELECT PRICE FROM TICKS UNION SELECT PRICE FROM TICKS;",
    ),
    ErrorCode.STREAM_SUBQUERY: ("A subquery stands where none may.", None),
    ErrorCode.OUTER_TABLE: ("A join of this kind is not possible.", None),
    ErrorCode.CYCLE: ("Pumps form a cycle.", None),
    ErrorCode.RUN_FAILED: ("The run failed as a whole.", None),
    ErrorCode.INVARIANT: ("An operator broke its contract (found by `--checks`): a bug in streamsql.", None),
    ErrorCode.APPLICATION_STATE: ("The application cannot do this now, for example because it is closed.", None),
    ErrorCode.AMBIGUOUS_OUTPUT: ("`.table` of a result that has several streams.", None),
    ErrorCode.SOURCE: ("A source cannot be opened or failed.", None),
    ErrorCode.SINK: ("A sink cannot be opened or failed.", None),
    ErrorCode.URI: ("A URI has an unknown scheme or option.", None),
    ErrorCode.SCHEMA: ("The columns of an input cannot be inferred, or do not match what is there.", None),
    ErrorCode.MISSING_EXTRA: ("A package for this connector is not installed.", None),
    ErrorCode.STATE: ("Saved state cannot be used.", None),
    ErrorCode.TEMPLATE: ("A template is wrong.", None),
}

ROW_MEANINGS = {
    RowError.DIVISION_BY_ZERO: "division of an exact number by zero",
    RowError.NUMERIC_OVERFLOW: "a result does not fit its type",
    RowError.INVALID_CAST: "a text is not a value of the type it is cast to",
    RowError.STRING_TOO_LONG: "a text is longer than its column",
    RowError.INVALID_PATTERN: "the pattern of LIKE or SIMILAR TO is malformed",
    RowError.NOT_NULL_VIOLATION: "NULL for a NOT NULL column",
    RowError.LATE_ROW: "the row's ROWTIME is below the clock of what it reached",
    RowError.ROW_TOO_LARGE: "the row is larger than 512 KB",
    RowError.COERCION_ERROR: "a source record does not fit the input's columns",
    RowError.PARSE_ERROR: "a source record is not valid JSON or CSV",
    RowError.INVALID_ARGUMENT: "an argument of a function is outside its domain",
    RowError.NULL_ROWTIME: "NULL was made the ROWTIME",
}

GENERATED = "<!-- Written by docs/generate.py; do not edit. -->"


def sql_reference() -> Iterator[str]:
    """The pages' lines: types, then operators, scalar, aggregate and analytic functions."""
    yield from (GENERATED, "", "# SQL reference: types and functions", "")
    yield "Statements and windows are described in [concepts](concepts.md) and the [tutorial](tutorial.md); this page"
    yield "lists every data type, operator and function of this version."
    yield from ("", "## Data types", "", "| type | values | in Arrow |", "| --- | --- | --- |")
    for kind, text in TYPE_NOTES.items():
        yield f"| {_type_form(kind)} | {text} | {_arrow(kind)} |"
    titles = (
        ("Operators and predicates", lambda spec: spec.is_operator),
        ("Scalar functions", lambda spec: spec.kind == "scalar" and not spec.is_operator),
        ("Aggregate functions", lambda spec: spec.kind == "aggregate"),
        ("Analytic functions", lambda spec: spec.kind == "analytic"),
    )
    for title, belongs in titles:
        yield from ("", f"## {title}")
        for spec in sorted(filter(belongs, specs()), key=lambda spec: spec.name):
            yield from _function(spec)


def _type_form(kind: TypeKind) -> str:
    match kind:
        case TypeKind.CHAR | TypeKind.VARCHAR | TypeKind.BINARY | TypeKind.VARBINARY:
            return f"`{kind.value}(n)`"
        case TypeKind.DECIMAL:
            return "`DECIMAL(p, s)`"
        case _:
            return f"`{kind.value}`"


def _arrow(kind: TypeKind) -> str:
    match kind:
        case TypeKind.DECIMAL:
            return "decimal128(p, s)"
        case TypeKind.INTERVAL_DAY:
            return "duration[ms]"
        case TypeKind.INTERVAL_YEAR:
            return "int32 (months)"
        case TypeKind.CHAR | TypeKind.VARCHAR | TypeKind.BINARY | TypeKind.VARBINARY:
            return str(make_type(kind.value, (1,)).arrow)
        case _:
            return str(make_type(kind.value).arrow)


def _function(spec: FunctionSpec) -> Iterator[str]:
    yield from ("", f"### {spec.name}", "")
    yield from (f"    {signature}" for signature in spec.signatures)
    yield from ("", spec.doc if spec.doc.endswith(".") else f"{spec.doc}.")
    notes = []
    if spec.aliases:
        notes.append(f"Also called {', '.join(spec.aliases)}.")
    if spec.dialects == frozenset({Dialect.STREAMSQL}):
        notes.append("Not in the kinesis dialect.")
    if not spec.deterministic:
        notes.append("Not deterministic.")
    if notes:
        yield from ("", " ".join(notes))
    if spec.example:
        yield from ("", f"Example: `{spec.example}`")


def errors() -> Iterator[str]:
    """Every error code with its meaning and, where SQL can cause it, a real error; then the reasons of error_stream."""
    yield from (GENERATED, "", "# Errors", "")
    yield "The first digit of a code is the stage that found the problem: S1 parse, S2 bind, S3 plan, S4 run, S5"
    yield "connector, S6 state, S7 template. All errors of a text are reported at once, each with its place."
    yield f"The examples are over `TICKS ({INPUTS['TICKS']})`."
    for code in ErrorCode:
        meaning, example = MEANINGS[code]
        yield from ("", f"## {code.code}: {code.name.lower().replace('_', ' ')}", "", meaning)
        if example is not None:
            yield from ("", "```text", _refusal(code, example), "```")
    yield from ("", "## Reasons in error_stream", "")
    yield "A row or record that fails stops nothing: it becomes a row of `error_stream` with one of these names."
    yield from ("", "| ERROR_NAME | when |", "| --- | --- |")
    yield from (f"| {error.name} | {ROW_MEANINGS[error]} |" for error in RowError)


def _refusal(code: ErrorCode, sql: str) -> str:
    """The error that the SQL gives, drawn; raises ValueError when it is not the one it should show."""
    dialect = Dialect.STREAMSQL if sql.startswith("SELECT") else Dialect.KINESIS
    try:
        compile_sql(sql, dialect=dialect, inputs=INPUTS, name="app.sql")
    except CompileErrors as failed:
        if failed.error_code is code:
            return str(failed)
        raise ValueError(f"{sql!r} gives {failed.code} instead of {code.code}: {failed}") from failed
    raise ValueError(f"{sql!r} is not refused")


PAGES = {"sql-reference.md": sql_reference, "errors.md": errors}


def stale(*, write: bool) -> list[str]:
    """The names of the pages that are not what the registries say; written anew on request."""
    found = []
    for name, lines in PAGES.items():
        text = "\n".join(lines()) + "\n"
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found.append(name)
            if write:
                path.write_text(text, encoding="utf-8")
    return found


if __name__ == "__main__":
    is_check = sys.argv[1:] == ["--check"]
    pages = stale(write=not is_check)
    for page in pages:
        print(f"{page} is {'stale: run python docs/generate.py' if is_check else 'written'}")
    sys.exit(bool(pages) and is_check)
