"""`compile_sql`: the text of an application to the plan that runs it."""

from __future__ import annotations

from collections.abc import Mapping

from streamsql.errors import CompileErrors, Span, StreamSQLError
from streamsql.plan.lower import LogicalPump, lower
from streamsql.plan.physical import ApplicationPlan
from streamsql.plan.rules import RULES, Rule, optimize
from streamsql.schema import Schema
from streamsql.spec import Dialect
from streamsql.sql.bind import StatementBinder
from streamsql.sql.catalog import Catalog, RelationKind
from streamsql.sql.parse import parse


def compile_sql(
    sql: str,
    *,
    dialect: Dialect,
    inputs: Mapping[str, Schema],
    tables: Mapping[str, Schema] | None = None,
    name: str = "<sql>",
    rules: tuple[Rule, ...] = RULES,
) -> ApplicationPlan:
    """The physical plan of an application.

    Names of inputs, tables and their columns are exact, as if written in double quotes. In the streamsql dialect a
    query that stands alone makes the stream RESULT. `rules` are for tests: no rule may change a result. Raises
    CompileErrors with everything that is wrong, in order of position and with the text attached; nothing else.

    >>> from streamsql.schema import Column
    >>> from streamsql.types import DOUBLE
    >>> trades = Schema((Column("price", DOUBLE),))
    >>> plan = compile_sql('SELECT "price" FROM "trades"', dialect=Dialect.STREAMSQL, inputs={"trades": trades})
    >>> [stream for stream, _ in plan.streams]
    ['RESULT']
    """
    try:
        statements = parse(sql, dialect)
    except StreamSQLError as error:
        raise _failed([error], sql, name) from None
    catalog = Catalog.of(inputs, tables or {})
    binder = StatementBinder(catalog, dialect)
    for statement in statements:
        binder.bind(statement)
    if binder.errors:
        raise _failed(binder.errors, sql, name) from None
    pumps = [
        LogicalPump(pump.name, pump.target, pump.is_running, optimize(pump.plan, rules))
        for pump in catalog.pumps.values()
        if pump.plan is not None
    ]
    streams = [
        (entry.name, entry.schema) for entry in catalog.relations.values() if entry.kind is RelationKind.STREAM
    ]
    return lower(inputs, streams, pumps)


def _failed(errors: list[StreamSQLError], sql: str, name: str) -> CompileErrors:
    def place(error: StreamSQLError) -> tuple[int, int]:
        span = error.span or Span(0, 0)
        return span.start, span.end

    unique: list[StreamSQLError] = []
    for error in sorted(errors, key=place):
        if not any(error.message == other.message and error.span == other.span for other in unique):
            unique.append(error)
    failed = CompileErrors(unique)
    failed.with_source(sql, name)
    return failed
