"""FROM: relations by name, subqueries, views and WITH (language reference §7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streamsql.errors import BindError, ErrorCode, PlanError, Span
from streamsql.plan.logical import LogicalNode, Scan
from streamsql.plan.monotonic import Monotonicity
from streamsql.schema import ROWTIME
from streamsql.spec import Dialect
from streamsql.sql import nodes as syntax
from streamsql.sql.catalog import Catalog, RelationEntry, RelationKind
from streamsql.sql.clauses import VALUES
from streamsql.sql.expressions import ExpressionBinder, unsupported
from streamsql.sql.problems import Problems
from streamsql.sql.scope import Relation, RelationColumn
from streamsql.sql.subqueries import named_tables
from streamsql.sql.windows import frame_error


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a query's result; `is_rowtime` for an item called ROWTIME, which is time rather than data."""

    name: str
    monotonicity: Monotonicity
    span: Span
    is_rowtime: bool = False


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query's plan with one item per column of its schema; promotion to ROWTIME is already in the plan."""

    plan: LogicalNode
    items: tuple[Item, ...]


#: Subqueries inside each other, and all of a statement, counting a view or a query of WITH each time it is named.
MAX_NESTING = 25
MAX_SUBQUERIES = 500

#: Queries of WITH by name, each with those it can see itself.
CommonTables = dict[str, tuple[syntax.DerivedTable, "CommonTables"]]


@dataclass
class FromBinder:
    """Binds what stands in FROM; everything wrong goes to `problems`, every stream read to `reads`."""

    catalog: Catalog
    dialect: Dialect
    problems: Problems
    reads: set[str] = field(default_factory=set)
    common_tables: CommonTables = field(default_factory=dict)
    _views: tuple[str, ...] = ()
    _nesting: int = 0
    _subqueries: int = 0

    def query(self, node: syntax.Query) -> BoundQuery | None:
        """The plan of a query over streams, or None when it has errors."""
        raise NotImplementedError

    def values(self, node: syntax.Query) -> None:
        """Refuse VALUES where a stream must stand, with what else is wrong with them."""
        if isinstance(node, syntax.Values):
            binder = ExpressionBinder(self.catalog, self.dialect, None)
            widths = {len(row) for row in node.rows}
            for row in node.rows:
                for item in row:
                    self.problems.attempt(binder.bind, item, VALUES)
            if len(widths) > 1:
                self.problems.note(
                    BindError(ErrorCode.COUNT_MISMATCH, "the number of values differs between the rows", node.span)
                )
        self.problems.note(_no_stream(node.span))

    # -- WITH ---------------------------------------------------------------------------------------------------------

    def with_query(self, node: syntax.With) -> BoundQuery | None:
        """A query after WITH; its queries are expanded where they are named."""
        outer = dict(self.common_tables)
        for name, columns, query in node.tables:
            if name.text in self.common_tables and name.text not in outer:
                self.problems.note(
                    BindError(ErrorCode.EXISTS, f'the query "{name.text}" already exists in this WITH', name.span)
                )
            table = syntax.DerivedTable(query.span, query, None, name, columns)
            self.common_tables[name.text] = (table, dict(self.common_tables))
        result = self.query(node.query)
        self.common_tables = outer
        return result

    # -- FROM ---------------------------------------------------------------------------------------------------------

    def source(self, node: syntax.TableRef | None, select: syntax.Select) -> Relation | None:
        """The relation a SELECT reads, or None when it has errors."""
        if node is None:
            self.problems.note(unsupported("SELECT without FROM is", select.span, later=False))
            return None
        match node:
            case syntax.NamedTable():
                return self._named(node)
            case syntax.DerivedTable():
                return self._derived(node)
            case syntax.TableFunction():
                name = node.call.name.text
                self.problems.note(unsupported(f"the table function {name} is", node.span))
            case syntax.Join():
                self._refuse_join(node)
        return None

    def _refuse_join(self, node: syntax.Join) -> None:
        """Joins come later; what is wrong with one in any case is said first."""
        before = len(self.problems.errors)
        seen: set[str] = set()
        for table in named_tables(node):
            entry = self.problems.attempt(self._entry, table)
            if isinstance(table.over, syntax.WindowSpec) and table.over.partition:
                self.problems.note(
                    frame_error("PARTITION BY is not allowed in the window of a join", table.over.partition[0].span)
                )
            if entry is not None and entry.kind is RelationKind.TABLE and table.over is not None:
                self.problems.note(frame_error("a window over a reference table has no meaning", table.span))
            name = (table.alias or table.name[-1]).text
            if name in seen:
                self.problems.note(
                    BindError(ErrorCode.AMBIGUOUS, f'relation "{name}" is ambiguous: FROM has it twice', table.span)
                )
            seen.add(name)
        if len(self.problems.errors) == before:
            self.problems.note(unsupported("joins are", node.span))

    def _entry(self, node: syntax.NamedTable) -> RelationEntry | None:
        """The catalog's entry, or None for a name defined by WITH."""
        if len(node.name) == 1 and node.name[0].text in self.common_tables:
            return None
        return self.catalog.relation(node.name)

    def _refuse_over(self, node: syntax.NamedTable | syntax.DerivedTable) -> None:
        if node.over is not None:
            message = "a window on a relation in FROM belongs to a join"
            self.problems.note(frame_error(message, node.span, "put OVER after the function"))

    def _named(self, node: syntax.NamedTable) -> Relation | None:
        self._refuse_over(node)
        name = node.name[-1]
        alias = node.alias or name
        if len(node.name) == 1 and name.text in self.common_tables:
            table, environment = self.common_tables[name.text]
            return self._expanded(table, alias, node.columns, environment)
        entry = self.problems.attempt(self.catalog.relation, node.name)
        if entry is None:
            return None
        if entry.view is not None:
            if entry.name in self._views:
                self.problems.note(PlanError(ErrorCode.CYCLE, f'view "{entry.name}" is a cycle', node.span))
                return None
            view = entry.view
            table = syntax.DerivedTable(view.query.span, view.query, None, alias, view.columns)
            outer, self._views = self._views, (*self._views, entry.name)
            relation = self._expanded(table, alias, node.columns, {})
            self._views = outer
            return relation
        if entry.kind is RelationKind.TABLE:
            self.problems.note(_no_stream(node.span, entry.name))
            return None
        self.reads.add(entry.name)
        plan = Scan(
            name=entry.name,
            declared=entry.schema,
            is_input=entry.kind is RelationKind.INPUT,
            keep=tuple(range(len(entry.schema))),
            span=node.span,
        )
        columns = tuple(RelationColumn(c.name, i, c.type, c.nullable) for i, c in enumerate(entry.schema))
        return self._renamed(Relation(alias.text, plan, columns), node.columns)

    def _expanded(
        self,
        table: syntax.DerivedTable,
        alias: syntax.Name,
        columns: tuple[syntax.Name, ...] | None,
        environment: CommonTables,
    ) -> Relation | None:
        """A view or a query of WITH in the place where it is named."""
        outer = self.common_tables
        self.common_tables = environment
        relation = self._derived(replace(table, alias=alias))
        self.common_tables = outer
        return relation if relation is None else self._renamed(relation, columns)

    def _derived(self, node: syntax.DerivedTable) -> Relation | None:
        self._refuse_over(node)
        self._subqueries += 1
        if self._nesting == MAX_NESTING or self._subqueries > MAX_SUBQUERIES:
            what = f"{MAX_NESTING} levels" if self._nesting == MAX_NESTING else f"{MAX_SUBQUERIES} subqueries"
            self.problems.note(
                BindError(ErrorCode.TOO_LARGE, f"with its views this statement is over the limit of {what}", node.span)
            )
            return None
        self._nesting += 1
        bound = self.query(node.query)
        self._nesting -= 1
        if bound is None:
            return None
        schema = bound.plan.schema
        columns = tuple(
            RelationColumn(item.name, i, schema[i].type, schema[i].nullable, item.monotonicity)
            for i, item in enumerate(bound.items)
            if not item.is_rowtime
        )
        return self._renamed(Relation(node.alias.text if node.alias else None, bound.plan, columns), node.columns)

    def _renamed(self, relation: Relation, names: tuple[syntax.Name, ...] | None) -> Relation | None:
        """The relation with the column names of `AS t(a, b)`."""
        if names is None:
            return relation
        span = names[0].span.union(names[-1].span)
        if len(names) != len(relation.columns):
            self.problems.note(
                BindError(
                    ErrorCode.COUNT_MISMATCH,
                    f"the number of column names ({len(names)}) does not equal the number of columns "
                    f"({len(relation.columns)}) without ROWTIME",
                    span,
                )
            )
            return None
        if any(name.text == ROWTIME for name in names):
            self.problems.note(BindError(ErrorCode.RESERVED, "ROWTIME is reserved and cannot rename a column", span))
            return None
        columns = tuple(replace(c, name=name.text) for c, name in zip(relation.columns, names, strict=True))
        return replace(relation, columns=columns)


def _no_stream(span: Span, table: str | None = None) -> PlanError:
    what = f'"{table}" is a reference table' if table else "VALUES is finite"
    return PlanError(
        ErrorCode.STREAM_SUBQUERY,
        f"this query reads no stream: {what}",
        span,
        hint="a reference table is read by joining a stream to it",
    )
