"""Statements to the objects of an application: streams, pumps and their plans (language reference §6)."""

from __future__ import annotations

from collections.abc import Callable

from streamsql.errors import BindError, ErrorCode, PlanError, StreamSQLError
from streamsql.expr.nodes import Clock, Column, Expr, Literal, Rowtime
from streamsql.plan.logical import Insert, LogicalNode, Project, Promote
from streamsql.plan.rewriting import is_nullable
from streamsql.schema import ROWTIME, Schema
from streamsql.schema import Column as SchemaColumn
from streamsql.spec import Dialect
from streamsql.sql import nodes as syntax
from streamsql.sql.assign import assigned
from streamsql.sql.catalog import ERROR_STREAM, Catalog, PumpEntry, RelationEntry, RelationKind
from streamsql.sql.clauses import DEFAULT
from streamsql.sql.expressions import ExpressionBinder, sql_type, unsupported
from streamsql.sql.from_clause import BoundQuery
from streamsql.sql.parse import ParsedStatement
from streamsql.sql.problems import Problems
from streamsql.sql.queries import QueryBinder
from streamsql.sql.spans import did_you_mean
from streamsql.types import MAX_LENGTH, TIMESTAMP, SqlType, TypeKind, varchar

RESULT = "RESULT"


class StatementBinder:
    """Applies statements to the catalog in order, and gathers what is wrong with each."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        self.catalog = catalog
        self.dialect = dialect
        self.errors: list[StreamSQLError] = []

    def bind(self, parsed: ParsedStatement) -> None:
        """One statement; its errors are added to `errors`."""
        if parsed.statement is None:
            if parsed.error is not None:
                self.errors.append(parsed.error)
            if parsed.creates is not None:
                self.catalog.broken.add(parsed.creates)
            return
        problems = Problems()
        statement = parsed.statement
        bind = _STATEMENTS[type(statement)]
        problems.attempt(bind, self, statement, problems)
        self.errors += problems.errors

    # -- streams and views --------------------------------------------------------------------------------------------

    def _create_stream(self, node: syntax.CreateStream, problems: Problems) -> None:
        name = _unqualified(node.name, problems)
        if name.upper() == ERROR_STREAM:
            raise BindError(ErrorCode.RESERVED, "error_stream is a name reserved by the service", node.name[-1].span)
        columns: list[SchemaColumn] = []
        defaults: list[Expr | None] = []
        for column in node.columns:
            problems.attempt(self._add_column, column, columns, defaults)
        if problems.found_any:
            self.catalog.broken.add(name)
            return
        entry = RelationEntry(name, RelationKind.STREAM, Schema(tuple(columns)), tuple(defaults))
        self.catalog.add_relation(entry, or_replace=node.or_replace, span=node.name[-1].span)

    def _add_column(
        self, node: syntax.ColumnDef, columns: list[SchemaColumn], defaults: list[Expr | None]
    ) -> None:
        name = node.name.text
        if name.upper() == ROWTIME:
            raise BindError(
                ErrorCode.RESERVED,
                "ROWTIME is reserved: every stream has it without declaring it",
                node.name.span,
            )
        if any(column.name == name for column in columns):
            raise BindError(ErrorCode.EXISTS, f'column "{name}" already exists in this stream', node.name.span)
        column_type = sql_type(node.type, f'column "{name}"')
        if column_type.is_interval:
            raise BindError(
                ErrorCode.COLUMN_TYPE,
                f'column "{name}" cannot be of type {column_type}: an interval is a type of expressions only',
                node.type.span,
                hint="store a number instead: TSDIFF(a, b) gives milliseconds",
            )
        column = SchemaColumn(name, column_type, node.is_nullable)
        default: Expr | None = None
        if node.default is not None:
            binder = ExpressionBinder(self.catalog, self.dialect, None)
            value = binder.bind(node.default, DEFAULT)
            if any(isinstance(part, Clock) for part in value.walk()):
                message = "cannot apply a clock function in DEFAULT: it must be constant"
                raise BindError(ErrorCode.TYPES, message, node.default.span)
            default = assigned(value, column, f"DEFAULT of {name}", node.default.span)
        columns.append(column)
        defaults.append(default)

    def _create_view(self, node: syntax.CreateView, problems: Problems) -> None:
        name = _unqualified(node.name, problems)
        binder = QueryBinder(self.catalog, self.dialect, problems)
        bound = binder.query(node.query)
        if bound is None:
            self.catalog.broken.add(name)
            return
        entry = RelationEntry(name, RelationKind.VIEW, bound.plan.schema, (), node)
        self.catalog.add_relation(entry, or_replace=node.or_replace, span=node.name[-1].span)

    def _create_function(self, node: syntax.CreateFunction, problems: Problems) -> None:
        self.catalog.functions.add(node.name.text)
        raise unsupported("the statement CREATE FUNCTION is", node.span)

    # -- pumps --------------------------------------------------------------------------------------------------------

    def _create_pump(self, node: syntax.CreatePump, problems: Problems) -> None:
        name = _unqualified(node.name, problems)
        self._check_pump_name(name, node)
        binder = QueryBinder(self.catalog, self.dialect, problems)
        plan = self._insert(node.insert, name, binder, problems)
        target = node.insert.target[-1].text
        if problems.found_any or plan is None:
            # Later statements may still name the pump.
            self.catalog.pumps.setdefault(name, PumpEntry(name, target, frozenset(binder.reads), None, False))
            return
        pump = PumpEntry(name, target, frozenset(binder.reads), plan, node.is_started)
        self.catalog.add_pump(pump, or_replace=node.or_replace, span=node.span)

    def _check_pump_name(self, name: str, node: syntax.CreatePump) -> None:
        if name in self.catalog.pumps and not node.or_replace:
            raise BindError(
                ErrorCode.EXISTS,
                f'pump "{name}" already exists',
                node.name[-1].span,
                hint="write CREATE OR REPLACE PUMP, or choose another name",
            )

    def _insert(
        self, node: syntax.Insert, pump: str, binder: QueryBinder, problems: Problems
    ) -> Insert | None:
        target_span = node.target[0].span.union(node.target[-1].span)
        target = problems.attempt(self.catalog.relation, node.target)
        names = None if target is None else self._target_columns(node, target, problems)
        bound = binder.query(node.query)
        if target is None or names is None or bound is None:
            return None
        if target.kind is not RelationKind.STREAM:
            raise BindError(
                ErrorCode.UNSUPPORTED,
                f'writing into the {target.kind.value} "{target.name}" is not supported',
                target_span,
                hint="a pump writes into a stream made by CREATE STREAM",
            )
        return None if problems.found_any else self._assignment(node, pump, target, names, bound, problems)

    def _assignment(
        self,
        node: syntax.Insert,
        pump: str,
        target: RelationEntry,
        names: list[str],
        bound: BoundQuery,
        problems: Problems,
    ) -> Insert | None:
        """The items of the query matched to the columns by position (language reference §6.2)."""
        sources = list(range(len(bound.items)))
        if len(sources) == len(names) + 1:
            timed = [i for i in sources if bound.items[i].is_rowtime]
            if len(timed) == 1:
                sources.remove(timed[0])
        if len(sources) != len(names):
            raise BindError(
                ErrorCode.COUNT_MISMATCH,
                f"number of target columns ({len(names)}) does not equal number of source items ({len(sources)})",
                (node.columns[0].span.union(node.columns[-1].span) if node.columns else node.target[-1].span),
                detail=f'"{target.name}" has the columns {", ".join(names)}',
            )
        plan: LogicalNode = bound.plan
        by_name = dict(zip(names, sources, strict=True))
        if ROWTIME in by_name:
            plan = self._promoted(plan, by_name.pop(ROWTIME), bound)
        items = []
        for position, column in enumerate(target.schema):
            if column.name in by_name:
                source = by_name[column.name]
                value = _source(plan, source)
                shown = bound.items[source]
                item = problems.attempt(assigned, value, column, shown.name, shown.span)
            else:
                item = problems.attempt(self._omitted, target, position, node)
            if item is not None:
                items.append(item)
        if len(items) < len(target.schema):
            return None
        return Insert(
            input=plan,
            pump=pump,
            target=target.name,
            target_schema=target.schema,
            items=tuple(items),
            span=node.span,
        )

    def _target_columns(self, node: syntax.Insert, target: RelationEntry, problems: Problems) -> list[str]:
        if node.columns is None:
            return list(target.schema.names)
        names: list[str] = []
        for column in node.columns:
            name = column.text
            if name in names:
                problems.note(BindError(ErrorCode.EXISTS, f'column "{name}" already exists in this list', column.span))
            elif name != ROWTIME and name not in target.schema.names:
                problems.note(
                    BindError(
                        ErrorCode.NOT_FOUND,
                        f'column "{name}" not found in stream "{target.name}"',
                        column.span,
                        hint=did_you_mean(name, target.schema.names),
                    )
                )
            names.append(name)
        return names

    @staticmethod
    def _promoted(plan: LogicalNode, source: int, bound: BoundQuery) -> LogicalNode:
        """The plan with the item inserted into ROWTIME as its time."""
        span = bound.items[source].span
        if plan.schema[source].type != TIMESTAMP:
            raise PlanError(
                ErrorCode.GROUP_ROWTIME, f"only a TIMESTAMP can become ROWTIME, not {plan.schema[source].type}", span
            )
        if isinstance(plan, Promote) and plan.column == source:
            return plan
        if isinstance(plan, Project) and isinstance(plan.items[source], Rowtime):
            return plan
        return Promote(input=plan, column=source, keep=tuple(range(len(plan.schema))), span=span)

    @staticmethod
    def _omitted(target: RelationEntry, position: int, node: syntax.Insert) -> Expr:
        """The value of a column that the list leaves out."""
        column = target.schema[position]
        default = target.defaults[position]
        if default is not None:
            return default
        if not column.nullable:
            span = node.columns[0].span.union(node.columns[-1].span) if node.columns else node.span
            raise BindError(
                ErrorCode.NOT_NULL_OMITTED,
                f'column "{column.name}" is NOT NULL and has no DEFAULT, but is left out of the list',
                span,
            )
        return Literal(None, column.type)

    def _alter_pump(self, node: syntax.AlterPump, problems: Problems) -> None:
        for parts in node.pumps:
            problems.attempt(self.catalog.set_running, parts, running=node.is_start)

    def _drop(self, node: syntax.Drop, problems: Problems) -> None:
        name = node.name[-1].text
        if node.kind == "PUMP":
            if name in self.catalog.pumps or not node.if_exists:
                del self.catalog.pumps[self.catalog.pump(node.name).name]
            return
        if node.kind == "FUNCTION":
            if not node.if_exists:
                raise BindError(ErrorCode.NOT_FOUND, f'function "{name}" not found', node.name[-1].span)
            return
        if name not in self.catalog.relations and node.if_exists:
            return
        entry = self.catalog.relation(node.name)
        wanted = RelationKind.VIEW if node.kind == "VIEW" else RelationKind.STREAM
        if entry.kind is not wanted:
            raise BindError(
                ErrorCode.UNSUPPORTED,
                f'dropping the {entry.kind.value} "{name}" with DROP {node.kind} is not supported',
                node.span,
            )
        user = next(self.catalog.users(name), None)
        if user is not None:
            raise BindError(
                ErrorCode.UNSUPPORTED,
                f'dropping "{name}" while pump "{user.name}" uses it is not supported',
                node.span,
                hint=f'drop the pump first: DROP PUMP "{user.name}"',
            )
        del self.catalog.relations[name]

    # -- queries that stand alone -------------------------------------------------------------------------------------

    def _query(self, node: syntax.QueryStatement, problems: Problems) -> None:
        if self.dialect is Dialect.KINESIS:
            raise unsupported(
                "a query outside a pump is",
                node.span,
                later=False,
                hint="write CREATE PUMP p AS INSERT INTO stream SELECT STREAM …",
            )
        binder = QueryBinder(self.catalog, self.dialect, problems)
        bound = binder.query(node.query)
        if bound is None:
            return
        columns: list[SchemaColumn] = []
        items: list[Expr] = []
        for index, item in enumerate(bound.items):
            if item.is_rowtime:
                continue
            value = _source(bound.plan, index)
            if value.type.is_interval:
                problems.note(
                    BindError(
                        ErrorCode.COLUMN_TYPE,
                        f'column "{item.name}" of the result cannot be of type {value.type} (interval)',
                        item.span,
                        hint="convert it, for example CAST(… AS BIGINT) or CAST(… AS VARCHAR(32))",
                    )
                )
                continue
            target = _stored_type(value.type)
            name = _unique(item.name, [column.name for column in columns])
            column = SchemaColumn(name, target, is_nullable(value))
            columns.append(column)
            items.append(assigned(value, column, item.name, item.span))
        if problems.found_any:
            return
        if not columns:
            raise unsupported("a result with no column but ROWTIME is", node.span, later=False)
        schema = Schema(tuple(columns))
        entry = RelationEntry(RESULT, RelationKind.STREAM, schema, (None,) * len(columns))
        if RESULT in self.catalog.relations:
            raise BindError(
                ErrorCode.EXISTS,
                "the stream RESULT already exists: one query can stand alone",
                node.span,
                hint="name the others: CREATE STREAM … and CREATE PUMP … AS INSERT INTO …",
            )
        self.catalog.add_relation(entry, or_replace=False, span=node.span)
        plan = Insert(
            input=bound.plan, pump=RESULT, target=RESULT, target_schema=schema, items=tuple(items), span=node.span
        )
        pump = PumpEntry(RESULT, RESULT, frozenset(binder.reads), plan, True)
        self.catalog.add_pump(pump, or_replace=False, span=node.span)

    def _bare_insert(self, node: syntax.Insert, problems: Problems) -> None:
        raise unsupported(
            "INSERT outside a pump is", node.span, later=False, hint="write CREATE PUMP p AS in front of it"
        )


_STATEMENTS: dict[type[syntax.Statement], Callable[..., None]] = {
    syntax.CreateStream: StatementBinder._create_stream,
    syntax.CreateView: StatementBinder._create_view,
    syntax.CreateFunction: StatementBinder._create_function,
    syntax.CreatePump: StatementBinder._create_pump,
    syntax.AlterPump: StatementBinder._alter_pump,
    syntax.Drop: StatementBinder._drop,
    syntax.QueryStatement: StatementBinder._query,
    syntax.Insert: StatementBinder._bare_insert,
}


def _unqualified(name: tuple[syntax.Name, ...], problems: Problems) -> str:
    if len(name) > 1:
        shown = ".".join(part.text for part in name[:-1])
        problems.note(BindError(ErrorCode.NOT_FOUND, f'schema "{shown}" not found', name[0].span))
    return name[-1].text


def _source(plan: LogicalNode, index: int) -> Expr:
    column = plan.schema[index]
    return Column(index, column.type, column.name, column.nullable)


def _stored_type(source: SqlType) -> SqlType:
    """The type of a column made for a value of this type."""
    if source.kind is TypeKind.NULL:
        return varchar(MAX_LENGTH)
    if source.kind is TypeKind.CHAR and not source.length:
        return varchar(1)
    return source


def _unique(name: str, taken: list[str]) -> str:
    number, result = 0, name
    while result in taken:
        number += 1
        result = f"{name}_{number}"
    return result


