"""The options that several commands share, and what is made of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streamsql.clock import Clock
    from streamsql.connectors.base import Source
    from streamsql.plan.physical import ApplicationPlan
    from streamsql.schema import Schema
    from streamsql.spec import Dialect


class DialectName(StrEnum):
    """The values of `--dialect`."""

    STREAMSQL = "streamsql"
    KINESIS = "kinesis"


AppArgument = Annotated[str, typer.Argument(metavar="APP.sql", help="The application: a file of SQL, or - for stdin.")]
InputOption = Annotated[
    list[str],
    typer.Option(
        "--input", "-i", metavar="NAME=URI", help="Where the rows of an input stream come from. May be repeated."
    ),
]
SchemaOption = Annotated[
    list[str],
    typer.Option(
        "--schema",
        metavar="NAME=COLUMNS",
        help='Columns of an input as in CREATE STREAM: "TICKS=TICKER VARCHAR(4), PRICE DOUBLE". Inferred without it.',
    ),
]
DialectOption = Annotated[DialectName, typer.Option(help="The language: the superset, or exactly that of Kinesis.")]


def pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a dictionary; a missing `=` or a repeated name is a usage error."""
    result: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals and rest):
            raise typer.BadParameter(f"expected NAME=VALUE, got {value!r}", param_hint=option)
        if name in result:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        result[name] = rest
    return result


def read_sql(path: str) -> tuple[str, str]:
    """The SQL text of a file, or of stdin for `-`, and its name for messages; a missing file is a usage error."""
    if path == "-":
        return sys.stdin.read(), "<stdin>"
    file = Path(path)
    if file.suffix in (".yaml", ".yml", ".json"):
        raise typer.BadParameter("templates are not supported in this version; give an SQL file", param_hint="APP.sql")
    try:
        return file.read_text(encoding="utf-8"), path
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise typer.BadParameter(f"cannot read {path}: {reason}", param_hint="APP.sql") from None


@dataclass(frozen=True)
class OpenedApplication:
    """An application whose inputs are known: its SQL, its sources by name (only those given as URIs), its plan."""

    sql: str
    name: str
    dialect: Dialect
    schemas: dict[str, Schema]
    sources: dict[str, Source]
    plan: ApplicationPlan

    def close(self) -> None:
        """Close every source."""
        for source in self.sources.values():
            source.close()


def open_application(
    sql: str, name: str, dialect: DialectName, inputs: dict[str, str], schemas: dict[str, str], clock: Clock
) -> OpenedApplication:
    """Open the sources, infer the schemas that are not given, and compile.

    Raises ConnectorError for a source and CompileErrors for the SQL; nothing is left open then.
    """
    from streamsql.columns import parse_columns
    from streamsql.connectors.uri import open_source
    from streamsql.spec import Dialect
    from streamsql.sql.compile import compile_sql

    given = {input_name: parse_columns(text) for input_name, text in schemas.items()}
    sources: dict[str, Source] = {}
    try:
        for input_name, uri in inputs.items():
            sources[input_name] = open_source(uri, given.get(input_name), clock)
        known = given | {input_name: source.schema for input_name, source in sources.items()}
        plan = compile_sql(sql, dialect=Dialect(dialect.value), inputs=known, name=name)
    except BaseException:
        for source in sources.values():
            source.close()
        raise
    return OpenedApplication(sql, name, Dialect(dialect.value), known, sources, plan)


def output_streams(plan: ApplicationPlan) -> tuple[str, ...]:
    """The streams that nobody reads, in order of creation: what an application is for when it names no outputs."""
    written = [name for name, _ in plan.streams if name in plan.nodes]
    read: set[str] = set()
    for name in written:
        stack = list(plan.nodes[name].inputs)
        while stack:
            node = stack.pop()
            if node.label == "stream":
                read.add(node.name)  # type: ignore[attr-defined]
            else:
                stack.extend(node.inputs)
    return tuple(name for name in written if name not in read)
