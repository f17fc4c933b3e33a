"""Queries to logical plans: FROM, WHERE, grouping, windows, select list, UNION ALL (language reference §7 to §9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamsql.errors import BindError, ErrorCode, PlanError, Span
from streamsql.expr.coercion import can_assign, common_type
from streamsql.expr.nodes import Aggregate, Analytic, Cast, Column, Expr, Literal, Rowtime
from streamsql.plan.format import title
from streamsql.plan.logical import (
    Filter,
    LogicalNode,
    Over,
    Project,
    Promote,
    StaggerAggregate,
    TumbleAggregate,
    UnionAll,
)
from streamsql.plan.monotonic import NONE, Monotonicity, monotonicity
from streamsql.plan.rewriting import is_nullable, transform
from streamsql.schema import ROWTIME
from streamsql.sql import grouping
from streamsql.sql import nodes as syntax
from streamsql.sql.assign import holds
from streamsql.sql.clauses import GROUP_BY, HAVING, ORDER_BY, PARTITION_BY, SELECT_LIST, WHERE
from streamsql.sql.expressions import ExpressionBinder, unsupported
from streamsql.sql.from_clause import BoundQuery, FromBinder, Item
from streamsql.sql.grouping import Grouping, no_monotonic_key
from streamsql.sql.parse_queries import column_name
from streamsql.sql.scope import OutputRowtime, Relation
from streamsql.sql.windows import WindowBinder, frame_error, interval_us
from streamsql.types import TIMESTAMP, TypeKind, varchar


@dataclass(frozen=True, slots=True)
class _SelectItem:
    """An item of a select list, typed over the relation in FROM."""

    name: str
    expr: Expr
    span: Span
    is_rowtime: bool
    has_alias: bool


@dataclass
class QueryBinder(FromBinder):
    """Binds the queries of one statement."""

    def query(self, node: syntax.Query) -> BoundQuery | None:
        """The plan of a query over streams, or None when it has errors."""
        match node:
            case syntax.Select():
                return self._select(node)
            case syntax.SetOperation():
                return self._set_operation(node)
            case syntax.With():
                return self.with_query(node)
            case _:
                self.values(node)
                return None

    def _select(self, node: syntax.Select) -> BoundQuery | None:
        before = self.problems.found_any
        self.problems.found_any = False
        try:
            return self._select_clauses(node)
        finally:
            self.problems.found_any = self.problems.found_any or before

    def _select_clauses(self, node: syntax.Select) -> BoundQuery | None:
        relation = self.source(node.source, node)
        if relation is None:
            return None
        attempt = self.problems.attempt
        windows = WindowBinder()
        for name, spec in node.windows:
            attempt(windows.define, name, spec)
        aliases = frozenset(i.alias.text for i in node.items if isinstance(i, syntax.SelectItem) and i.alias)
        binder = ExpressionBinder(self.catalog, self.dialect, relation, windows.number, aliases=aliases)
        for _, spec in node.windows:
            # A window nobody uses is checked all the same.
            attempt(windows.bind, spec, binder)
        plan = relation.plan
        if node.where is not None:
            predicate = attempt(binder.condition, node.where, WHERE)
            if predicate is not None:
                keep = tuple(range(len(plan.schema)))
                plan = Filter(input=plan, predicate=predicate, keep=keep, span=node.where.span)
        items = self._items(node, relation, binder)
        having = None if node.having is None else attempt(binder.condition, node.having, HAVING)
        keys = attempt(self._grouping, node, relation, binder, items, having)
        if self.problems.found_any:
            return None
        relation = replace(relation, plan=plan)
        if keys is not None:
            bound = attempt(self._grouped, node, relation, keys, items, having)
        else:
            bound = attempt(self._ungrouped, node, relation, windows, items)
        if bound is not None:
            attempt(self._refuse_order, node, relation, binder, bound)
        return None if self.problems.found_any else bound

    def _items(self, node: syntax.Select, relation: Relation, binder: ExpressionBinder) -> list[_SelectItem]:
        items: list[_SelectItem] = []
        for item in node.items:
            if isinstance(item, syntax.StarItem):
                items += self.problems.attempt(_star, item, relation) or []
                continue
            expr = self.problems.attempt(binder.bind, item.value, SELECT_LIST)
            if expr is None:
                continue
            name = item.alias.text if item.alias else column_name(item.value)
            is_rowtime = name == ROWTIME
            if is_rowtime and item.alias is not None and expr.type != TIMESTAMP:
                self.problems.note(
                    PlanError(
                        ErrorCode.GROUP_ROWTIME,
                        f"only a TIMESTAMP can become ROWTIME, not {expr.type}",
                        item.span,
                    )
                )
            items.append(
                _SelectItem(name or f"EXPR${len(items)}", expr, item.span, is_rowtime, item.alias is not None)
            )
        timed = [item for item in items if item.is_rowtime]
        if len(timed) > 1:
            self.problems.note(
                PlanError(ErrorCode.GROUP_ROWTIME, "at most one item of a select list can be ROWTIME", timed[1].span)
            )
        return items

    def _grouping(
        self,
        node: syntax.Select,
        relation: Relation,
        binder: ExpressionBinder,
        items: list[_SelectItem],
        having: Expr | None,
    ) -> Grouping | None:
        """The grouping of the query, or None when it has none."""
        exprs = [item.expr for item in items] + ([having] if having is not None else [])
        aggregates = [call for expr in exprs for call in expr.walk() if isinstance(call, Aggregate)]
        if node.group_by:
            keys = binder.keys(node.group_by, GROUP_BY)
            span = node.group_by[0].span.union(node.group_by[-1].span)
            return grouping.group(keys, relation, span)
        if node.stagger is not None:
            return grouping.stagger(binder.keys(node.stagger.partition, PARTITION_BY))
        if node.having is not None:
            raise PlanError(
                ErrorCode.HAVING, "HAVING needs GROUP BY or WINDOWED BY", node.having.span, hint="use WHERE for rows"
            )
        if aggregates:
            call = aggregates[0]
            raise PlanError(
                ErrorCode.GROUP_MONOTONIC,
                f"the aggregate {call.function} over a stream needs GROUP BY with a monotonic expression",
                call.span,
                hint="add GROUP BY STEP(s.ROWTIME BY INTERVAL '60' SECOND), or write OVER (…) after the aggregate",
            )
        return None

    def _grouped(
        self, node: syntax.Select, relation: Relation, keys: Grouping, items: list[_SelectItem], having: Expr | None
    ) -> BoundQuery | None:
        attempt = self.problems.attempt
        rewritten = [attempt(keys.rewrite, item.expr) for item in items]
        condition = None if having is None else attempt(keys.rewrite, having)
        if self.problems.found_any:
            return None
        plan: LogicalNode
        if node.stagger is not None:
            binder = ExpressionBinder(self.catalog, self.dialect, None)
            size = interval_us(
                binder.bind(node.stagger.range, PARTITION_BY), node.stagger.range.span, "RANGE INTERVAL '1' MINUTE"
            )
            if size == 0:
                raise frame_error("the range of a stagger window must be above zero", node.stagger.range.span)
            plan = StaggerAggregate(
                input=relation.plan,
                range_us=size,
                keys=keys.keys,
                aggregates=tuple(keys.aggregates),
                span=node.stagger.span,
            )
        else:
            if keys.window is None:
                raise ValueError("a GROUP BY without a window")
            plan = TumbleAggregate(
                input=relation.plan,
                window=keys.window,
                keys=keys.keys,
                aggregates=tuple(keys.aggregates),
                span=node.group_by[0].span.union(node.group_by[-1].span),
            )
        if condition is not None:
            plan = Filter(
                input=plan,
                predicate=condition,
                keep=tuple(range(len(plan.schema))),
                span=node.having.span if node.having else None,
            )
        moving = [keys.monotonic.get(i, NONE) for i in range(len(plan.schema))]
        exprs = [expr for expr in rewritten if expr is not None]
        return _projected(plan, items, exprs, moving)

    def _ungrouped(
        self, node: syntax.Select, relation: Relation, windows: WindowBinder, items: list[_SelectItem]
    ) -> BoundQuery:
        plan = relation.plan
        moving = list(relation.monotonicities)
        calls: list[Analytic] = []
        for item in items:
            for call in item.expr.walk():
                if isinstance(call, Analytic) and call not in calls:
                    calls.append(call)
        width = len(plan.schema)
        if calls:
            for call in calls:
                nested = next((n for arg in call.args for n in arg.walk() if isinstance(n, Analytic | Aggregate)), None)
                if nested is not None:
                    raise PlanError(ErrorCode.AGG_PLACE, "aggregate functions cannot be nested", nested.span)
            plan = Over(
                input=plan,
                windows=tuple(windows.windows),
                calls=tuple(calls),
                keep=tuple(range(width)),
                span=calls[0].span,
            )

        def visit(expr: Expr) -> Expr | None:
            if isinstance(expr, Analytic):
                number = width + calls.index(expr)
                return Column(number, expr.type, title(expr), is_nullable(expr), expr.span)
            return Rowtime(expr.span) if isinstance(expr, OutputRowtime) else None

        exprs = [transform(item.expr, visit) for item in items]
        return _projected(plan, items, exprs, [*moving, *(NONE for _ in calls)])

    def _refuse_order(
        self, node: syntax.Select, relation: Relation, binder: ExpressionBinder, bound: BoundQuery
    ) -> None:
        """DISTINCT and ORDER BY come later; what is wrong with one in any case is said first."""
        if node.is_distinct:
            if not any(item.monotonicity.can_drive for item in bound.items):
                span = node.items[0].span.union(node.items[-1].span)
                raise no_monotonic_key("SELECT DISTINCT over a stream", relation, span, "add {} to the select list")
            raise unsupported("SELECT DISTINCT is", node.items[0].span)
        if node.order_by:
            first = node.order_by[0]
            if first.within is not None:
                if not any(item.is_rowtime for item in bound.items):
                    raise PlanError(
                        ErrorCode.GROUP_ROWTIME,
                        "ORDER BY … WITHIN needs the same expression AS ROWTIME in the select list",
                        first.span,
                    )
                raise unsupported("ORDER BY … WITHIN (T-sort) is", first.span)
            names = {item.name: item.monotonicity for item in bound.items}
            key = column_name(first.value)
            if key is not None and key in names:
                moving = names[key]
            elif isinstance(first.value, syntax.NumberLiteral) and first.value.text.isdigit():
                number = int(first.value.text)
                if not 1 <= number <= len(bound.items):
                    raise BindError(ErrorCode.NOT_FOUND, f"item {number} not found in the select list", first.span)
                moving = bound.items[number - 1].monotonicity
            else:
                moving = monotonicity(binder.bind(first.value, ORDER_BY), relation.monotonicities)
            if not moving.can_drive or first.is_descending:
                what = "ORDER BY over a stream, as its first item in ascending order,"
                raise no_monotonic_key(what, relation, first.span, "begin with {}")
            raise unsupported("ORDER BY is", first.span)

    # -- set operators ------------------------------------------------------------------------------------------------

    def _set_operation(self, node: syntax.SetOperation) -> BoundQuery | None:
        if node.operator != "UNION" or not node.is_all:
            shown = node.operator + (" ALL" if node.is_all else "")
            self.problems.note(
                PlanError(
                    ErrorCode.SETOP,
                    f"{shown} of streams is impossible: only UNION ALL applies to streams",
                    node.span,
                )
            )
            return None
        branches = [self.query(branch) for branch in _branches(node)]
        bound = [branch for branch in branches if branch is not None]
        if len(bound) < len(branches):
            return None
        result = self.problems.attempt(self._union, node, bound)
        if node.order_by:
            self.problems.note(unsupported("ORDER BY is", node.order_by[0].span))
            return None
        return result

    def _union(self, node: syntax.SetOperation, branches: list[BoundQuery]) -> BoundQuery:
        widths = [len(branch.items) for branch in branches]
        if len(set(widths)) > 1:
            raise BindError(
                ErrorCode.COUNT_MISMATCH,
                f"the number of columns differs between the queries of UNION ALL: {' and '.join(map(str, widths))}",
                node.span,
            )
        schemas = [branch.plan.schema for branch in branches]
        types = []
        for index in range(widths[0]):
            given = [schema[index].type for schema in schemas]
            found = common_type(given)
            if found is None and all(t.kind is TypeKind.NULL for t in given):
                found = varchar(1)
            if found is None or not all(can_assign(found, t) for t in given):
                listed = " and ".join(f"<{t}>" for t in given)
                raise BindError(
                    ErrorCode.ASSIGN,
                    f"cannot assign the types {listed} of column {index + 1} of UNION ALL to one column",
                    branches[-1].items[index].span,
                )
            types.append(found)
        plans = []
        for branch in branches:
            schema = branch.plan.schema
            items: list[Expr] = []
            for index, target in enumerate(types):
                column = Column(index, schema[index].type, schema[index].name, schema[index].nullable)
                if column.type.kind is TypeKind.NULL:
                    items.append(Literal(None, target))
                elif holds(target, column.type):
                    items.append(column)
                else:
                    items.append(Cast(column, target, assignment=True))
            names = tuple(item.name for item in branch.items)
            plans.append(Project(input=branch.plan, names=names, items=tuple(items), span=branch.plan.span))
        items_out = tuple(replace(item, monotonicity=NONE) for item in branches[0].items)
        return BoundQuery(UnionAll(sources=tuple(plans), types=tuple(types), span=node.span), items_out)


def _branches(node: syntax.Query) -> list[syntax.Query]:
    """The queries a chain of UNION ALL joins, from left to right."""
    if isinstance(node, syntax.SetOperation) and node.operator == "UNION" and node.is_all:
        return [*_branches(node.left), *_branches(node.right)]
    return [node]


def _star(item: syntax.StarItem, relation: Relation) -> list[_SelectItem]:
    """The declared columns; never ROWTIME."""
    if item.relation is not None and item.relation.text != relation.name:
        raise BindError(
            ErrorCode.NOT_FOUND,
            f'relation "{item.relation.text}" not found',
            item.span,
            detail=f"FROM has {relation.shown()}",
        )
    return [
        _SelectItem(column.name, relation.column(column, item.span), item.span, False, False)
        for column in relation.columns
    ]


def _projected(
    plan: LogicalNode, items: list[_SelectItem], exprs: list[Expr], moving: list[Monotonicity]
) -> BoundQuery:
    """The select list over `plan`, with the promotion of an item AS ROWTIME."""
    names = tuple(item.name for item in items)
    result: LogicalNode = Project(input=plan, names=names, items=tuple(exprs), span=plan.span)
    found = tuple(
        Item(item.name, monotonicity(expr, moving), item.span, item.is_rowtime)
        for item, expr in zip(items, exprs, strict=True)
    )
    for number, (item, expr) in enumerate(zip(items, exprs, strict=True)):
        if item.is_rowtime and item.has_alias and not isinstance(expr, Rowtime):
            keep = tuple(range(len(items)))
            result = Promote(input=result, column=number, keep=keep, span=item.span)
            # Along the new time only the promoted column is known to ascend.
            found = tuple(
                replace(one, monotonicity=Monotonicity.ASCENDING if i == number else NONE)
                for i, one in enumerate(found)
            )
    return BoundQuery(result, found)
