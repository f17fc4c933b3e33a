"""What a query reads, before it is bound."""

from __future__ import annotations

from streamsql.sql import nodes as syntax
from streamsql.sql.catalog import Catalog, RelationKind


def reads_stream(query: syntax.Query, catalog: Catalog) -> bool:
    """Any relation of the query is a stream; names that do not exist raise BindError."""
    match query:
        case syntax.SetOperation():
            return reads_stream(query.left, catalog) or reads_stream(query.right, catalog)
        case syntax.With():
            return reads_stream(query.query, catalog)
        case syntax.Select(source=source) if source is not None:
            entries = [catalog.relation(table.name) for table in named_tables(source)]
            return any(entry.kind is not RelationKind.TABLE for entry in entries)
        case _:
            return False


def named_tables(source: syntax.TableRef) -> list[syntax.NamedTable]:
    """The tables and streams named in a FROM clause, including those of joins."""
    match source:
        case syntax.NamedTable():
            return [source]
        case syntax.Join():
            return [*named_tables(source.left), *named_tables(source.right)]
        case syntax.DerivedTable(query=syntax.Select(source=inner)) if inner is not None:
            return named_tables(inner)
        case _:
            return []
