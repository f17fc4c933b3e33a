"""Syntax to typed expressions: names, literals, operators, functions (language reference §5).

One binder serves every clause; what a clause allows (aggregates, analytic functions) is in its `Clause`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from streamsql.errors import BindError, ErrorCode, PlanError, Span
from streamsql.expr.coercion import can_cast
from streamsql.expr.functions import (
    SignatureError,
    aggregate_args,
    analytic_type,
    function_names,
    lookup,
    resolve,
    resolve_aggregate,
    resolve_case,
    resolve_datetime_difference,
)
from streamsql.expr.nodes import Analytic, Cast, Expr, Literal, Rowtime
from streamsql.plan.rewriting import MAX_EXPRESSION_DEPTH, depth
from streamsql.spec import Dialect
from streamsql.sql import nodes as syntax
from streamsql.sql.catalog import Catalog
from streamsql.sql.clauses import SELECT_LIST, WHERE, Clause
from streamsql.sql.literals import (
    binary_literal,
    datetime_literal,
    interval_literal,
    number_literal,
    string_literal,
)
from streamsql.sql.problems import AlreadyReported, all_of
from streamsql.sql.scope import OutputRowtime, Relation
from streamsql.sql.spans import did_you_mean
from streamsql.sql.subqueries import reads_stream
from streamsql.sql.words import LATER_FUNCTIONS, TYPE_NAMES
from streamsql.types import BOOLEAN, INTEGER, NULL, SqlType, TypeKind, interval, make_type

_NO_EFFECT_DISTINCT = ("MIN", "MAX", "ANY", "EVERY")


def unsupported(what: str, span: Span, *, hint: str | None = None, later: bool = True) -> BindError:
    """An UNSUPPORTED error; `what` ends with is or are."""
    return BindError(
        ErrorCode.UNSUPPORTED, f"{what} not supported{' yet in this version' if later else ''}", span, hint=hint
    )


def _too_deep(span: Span) -> BindError:
    return BindError(
        ErrorCode.TOO_LARGE,
        f"this expression is over the limit of {MAX_EXPRESSION_DEPTH} levels",
        span,
        hint="compute a part of it in a subquery",
    )


def sql_type(node: syntax.TypeName, what: str) -> SqlType:
    """The type a type name means; raises BindError (COLUMN_TYPE or TOO_LARGE)."""
    if node.qualifier is not None:
        return interval(node.qualifier.start, node.qualifier.end)
    try:
        return make_type(node.name, node.arguments)
    except ValueError as error:
        code = ErrorCode.TOO_LARGE if "limit" in str(error) else ErrorCode.COLUMN_TYPE
        hint = None if node.name in TYPE_NAMES else did_you_mean(node.name, TYPE_NAMES)
        raise BindError(code, f"{what}: {error}", node.span, hint=hint) from error


@dataclass
class ExpressionBinder:
    """Binds the expressions of one SELECT (or of none: `relation` is None for DEFAULT and VALUES).

    `window` binds what stands after OVER and returns the number of the window; it is None where there are no windows.
    `aliases` are those of the select list, to explain why they are not found.
    """

    catalog: Catalog
    dialect: Dialect
    relation: Relation | None
    window: Callable[[syntax.WindowSpec | syntax.Name, ExpressionBinder], int] | None = None
    clause: Clause = field(default=SELECT_LIST)
    aliases: frozenset[str] = frozenset()

    def bind(self, node: syntax.Expression, clause: Clause) -> Expr:
        """The typed expression; raises BindError or PlanError at the first thing that is wrong."""
        outer, self.clause = self.clause, clause
        try:
            result = self._bind(node)
        except RecursionError:
            raise _too_deep(node.span) from None
        finally:
            self.clause = outer
        if depth(result) > MAX_EXPRESSION_DEPTH:
            raise _too_deep(node.span)
        return result

    def bind_all(self, nodes: Iterable[syntax.Expression], clause: Clause) -> tuple[Expr, ...]:
        """As `bind` for several expressions; all their errors are reported."""
        return all_of(lambda node: self.bind(node, clause), nodes)

    def keys(self, nodes: Iterable[syntax.Expression], clause: Clause) -> tuple[Expr, ...]:
        """As `bind_all`, for what rows are grouped by: an untyped NULL is no key."""
        keys = self.bind_all(nodes, clause)
        for key in keys:
            if key.type.kind is TypeKind.NULL:
                raise BindError(ErrorCode.TYPES, f"cannot apply '{clause.name}' to an untyped NULL", key.span)
        return keys

    def condition(self, node: syntax.Expression, clause: Clause) -> Expr:
        """As `bind`, for a condition: BOOLEAN or an untyped NULL."""
        result = self.bind(node, clause)
        if result.type.kind is TypeKind.NULL:
            return Literal(None, BOOLEAN, result.span)
        if result.type != BOOLEAN:
            raise BindError(
                ErrorCode.TYPES,
                f"cannot apply '{clause.name}' to a condition of type <{result.type}>",
                node.span,
                hint="a condition is BOOLEAN, for example a comparison",
            )
        return result

    def _bind(self, node: syntax.Expression) -> Expr:
        return _BINDERS[type(node)](self, node)

    def _resolve(self, name: str, args: tuple[Expr, ...], span: Span) -> Expr:
        try:
            return resolve(name, args, span)
        except SignatureError as error:
            self._signature_error(error, span)

    @staticmethod
    def _signature_error(error: SignatureError, span: Span) -> NoReturn:
        raise BindError(error.error_code, str(error), span) from error

    # -- leaves -------------------------------------------------------------------------------------------------------

    def _column(self, node: syntax.ColumnRef) -> Expr:
        if self.relation is None:
            name = ".".join(part.text for part in node.parts)
            raise BindError(
                ErrorCode.NOT_FOUND, f'column "{name}" not found: {self.clause.name} can use constants only', node.span
            )
        bare: Expr = OutputRowtime(node.span) if self.clause.is_output else Rowtime(node.span)
        try:
            return self.relation.resolve(node, bare_rowtime=bare)
        except BindError as error:
            if error.error_code is ErrorCode.NOT_FOUND and len(node.parts) == 1 and node.parts[0].text in self.aliases:
                error.hint = "aliases of the select list are visible in ORDER BY only: repeat the expression"
            raise

    def _number(self, node: syntax.NumberLiteral) -> Expr:
        return number_literal(node)

    def _string(self, node: syntax.StringLiteral) -> Expr:
        return string_literal(node, self.dialect)

    def _binary(self, node: syntax.BinaryLiteral) -> Expr:
        return binary_literal(node)

    def _boolean(self, node: syntax.BooleanLiteral) -> Expr:
        return Literal(node.value, BOOLEAN, node.span)

    def _null(self, node: syntax.NullLiteral) -> Expr:
        return Literal(None, NULL, node.span)

    def _datetime(self, node: syntax.DatetimeLiteral) -> Expr:
        return datetime_literal(node)

    def _interval(self, node: syntax.IntervalLiteral) -> Expr:
        return interval_literal(node)

    # -- operators ----------------------------------------------------------------------------------------------------

    def _operation(self, node: syntax.Operation) -> Expr:
        args = all_of(self._bind, node.operands)
        if node.operator == "+" and len(args) == 1:
            # A sign that changes nothing, but only numbers and intervals have one.
            self._resolve("NEGATE", args, node.span)
            return args[0]
        if node.operator == "-" and args[0].type.is_datetime and args[0].type == args[1].type:
            kind = args[0].type
            raise BindError(
                ErrorCode.TYPES,
                f"cannot apply '-' to arguments of type <{kind}> - <{kind}>",
                node.span,
                hint="put the difference in parentheses and say in which unit: (a - b) SECOND",
            )
        return self._resolve(node.operator, args, node.span)

    def _not(self, node: syntax.Not) -> Expr:
        if node.primary is not None and self._bind(node.primary).type == BOOLEAN:
            # NOT flag IS TRUE means (NOT flag) IS TRUE when flag is BOOLEAN (language reference §5.1).
            inner = syntax.Not(node.span, node.primary)
            return self._bind(_replace_leftmost(node.operand, node.primary, inner))
        return self._resolve("NOT", (self._bind(node.operand),), node.span)

    def _between(self, node: syntax.Between) -> Expr:
        value, low, high = all_of(self._bind, (node.value, node.low, node.high))
        span = node.span

        def inside(first: Expr, second: Expr) -> Expr:
            lower = self._resolve(">=", (value, first), span)
            return self._resolve("AND", (lower, self._resolve("<=", (value, second), span)), span)

        if not node.is_symmetric:
            return inside(low, high)
        return self._resolve("OR", (inside(low, high), inside(high, low)), span)

    def _in(self, node: syntax.InList) -> Expr:
        if isinstance(node.value, syntax.RowValue):
            return self._row_in(node, node.value)
        args = all_of(self._bind, (node.value, *node.items))
        return self._resolve("IN", args, node.span)

    def _row_in(self, node: syntax.InList, value: syntax.RowValue) -> Expr:
        left = all_of(self._bind, value.items)
        matches = []
        for row in node.items:
            if not isinstance(row, syntax.RowValue) or len(row.items) != len(left):
                raise BindError(
                    ErrorCode.COUNT_MISMATCH, f"the number of values in this row is not {len(left)}", row.span
                )
            right = all_of(self._bind, row.items)
            pairs = [self._resolve("=", pair, row.span) for pair in zip(left, right, strict=True)]
            matches.append(pairs[0] if len(pairs) == 1 else self._resolve("AND", tuple(pairs), row.span))
        return matches[0] if len(matches) == 1 else self._resolve("OR", tuple(matches), node.span)

    def _row(self, node: syntax.RowValue) -> Expr:
        raise unsupported("a row value here is", node.span, hint="rows are compared with IN and in period predicates")

    def _period(self, node: syntax.PeriodPredicate) -> Expr:
        args: list[Expr] = []
        for side in (node.left, node.right):
            if isinstance(side, syntax.RowValue):
                count = len(side.items)
                if count != 2:
                    message = f"the number of values in a period is 2, not {count}"
                    raise BindError(ErrorCode.COUNT_MISMATCH, message, side.span)
                args += [self._bind(item) for item in side.items]
            else:
                args.append(self._bind(side))
        name = f"{node.modifier} {node.name}".strip()
        if isinstance(node.left, syntax.RowValue):
            return self._resolve(f"PERIOD {name}", tuple(args), node.span)
        types = ", ".join(f"<{arg.type}>" for arg in args)
        raise BindError(
            ErrorCode.TYPES,
            f"cannot apply '{name}' to arguments of type {types}",
            node.span,
            hint="a period is written (start, end)",
        )

    def _subquery(self, node: syntax.Subquery) -> Expr:
        if reads_stream(node.query, self.catalog):
            raise PlanError(
                ErrorCode.STREAM_SUBQUERY,
                f"this {node.form} subquery over a stream cannot be answered without a window",
                node.span,
                hint="subqueries in expressions may read reference tables only",
            )
        raise unsupported(f"{node.form} subqueries are", node.span)

    def _case(self, node: syntax.CaseExpression) -> Expr:
        parts = [part for when in node.whens for part in when]
        last = [] if node.otherwise is None else [node.otherwise]
        first = [] if node.operand is None else [node.operand]
        bound = all_of(self._bind, (*parts, *last, *first))
        whens = list(zip(bound[0 : len(parts) : 2], bound[1 : len(parts) : 2], strict=True))
        otherwise = bound[len(parts)] if last else None
        operand = bound[-1] if first else None
        try:
            return resolve_case(whens, otherwise, node.span, operand)
        except SignatureError as error:
            self._signature_error(error, node.span)

    def _cast(self, node: syntax.CastExpression) -> Expr:
        value = self._bind(node.value)
        target = sql_type(node.type, "CAST")
        if not can_cast(value.type, target):
            raise BindError(ErrorCode.CAST, f"cannot cast {value.type} to {target}", node.span)
        if value.type.kind is TypeKind.NULL:
            return Literal(None, target, node.span)
        return Cast(value, target, span=node.span)

    # -- functions ----------------------------------------------------------------------------------------------------

    def _word_literal(self, text: str, span: Span) -> Literal:
        return string_literal(syntax.StringLiteral(span, text), Dialect.KINESIS)

    def _round_to(self, node: syntax.RoundTo) -> Expr:
        args = (self._bind(node.value), self._word_literal(node.unit.name, node.span))
        return self._resolve(f"{node.function}_TO", args, node.span)

    def _step(self, node: syntax.StepBy) -> Expr:
        return self._resolve("STEP", (self._bind(node.value), self._bind(node.step)), node.span)

    def _extract(self, node: syntax.Extract) -> Expr:
        return self._resolve("EXTRACT", (self._word_literal(node.unit, node.span), self._bind(node.value)), node.span)

    def _difference(self, node: syntax.Difference) -> Expr:
        qualifier = interval(node.qualifier.start, node.qualifier.end)
        left, right = all_of(self._bind, (node.left, node.right))
        try:
            return resolve_datetime_difference(left, right, qualifier, node.span)
        except SignatureError as error:
            self._signature_error(error, node.span)

    def _cursor(self, node: syntax.Cursor) -> Expr:
        raise unsupported("CURSOR arguments are", node.span)

    def _function(self, node: syntax.FunctionCall) -> Expr:
        name = node.name.text
        spec = lookup(name)
        if spec is None or spec.is_operator or self.dialect not in spec.dialects:
            self._unknown_function(node)
        name = spec.name
        if spec.kind != "scalar":
            return self._aggregate(node, name, spec.kind)
        if node.over is not None or node.filter is not None or node.is_distinct or node.is_star:
            message = f"cannot apply '{name}' with OVER, FILTER, DISTINCT or *: it is no aggregate"
            raise BindError(ErrorCode.TYPES, message, node.span)
        if not node.has_parentheses and name not in function_names():
            self._unknown_function(node)
        return self._scalar(node, name, all_of(self._bind, node.arguments))

    def _scalar(self, node: syntax.FunctionCall, name: str, args: tuple[Expr, ...]) -> Expr:
        span = node.span
        if name == "TRIM":
            mode = self._word_literal(node.form or "BOTH", span)
            blank = self._word_literal(" ", span)
            return self._resolve("TRIM", (mode, *((blank, *args) if len(args) == 1 else args)), span)
        if name == "SUBSTRING" and node.form:
            if node.form == "SIMILAR" or (len(args) > 1 and args[1].type.is_string):
                raise unsupported("SUBSTRING by a pattern is", span)
            name = "SUBSTRING FROM"
        if name == "STEP":
            raise BindError(
                ErrorCode.SYNTAX, "syntax error: STEP needs BY", span, hint="write STEP(value BY INTERVAL '10' SECOND)"
            )
        return self._resolve(name, args, span)

    def _unknown_function(self, node: syntax.FunctionCall) -> NoReturn:
        name = node.name.text
        if name in self.catalog.functions:
            raise AlreadyReported
        if name.upper() in LATER_FUNCTIONS:
            raise unsupported(f"the function {name} is", node.name.span)
        raise BindError(
            ErrorCode.NOT_FOUND,
            f"function {name} not found",
            node.name.span,
            hint=did_you_mean(name, function_names()),
        )

    # -- aggregates and analytic functions ----------------------------------------------------------------------------

    def _aggregate(self, node: syntax.FunctionCall, name: str, kind: str) -> Expr:
        clause = self.clause
        if node.over is None and kind == "analytic":
            raise PlanError(
                ErrorCode.AGG_PLACE,
                f"{name} is an analytic function and no aggregate of groups: it needs OVER",
                node.span,
                hint=f"write {name}(…) OVER (… RANGE INTERVAL '1' MINUTE PRECEDING)",
            )
        allowed = clause.has_analytics if node.over is not None else clause.has_aggregates
        if not allowed:
            place = "a windowed aggregate" if node.over is not None else "an aggregate function"
            raise PlanError(
                ErrorCode.AGG_PLACE,
                f"{place} ({name}) cannot stand in {clause.name}",
                node.span,
                hint="compute it in a subquery and filter outside" if clause is WHERE else None,
            )
        if node.is_star and name != "COUNT":
            raise BindError(ErrorCode.TYPES, f"cannot apply '{name}' to *", node.span)
        if node.filter is not None and self.dialect is Dialect.KINESIS:
            raise unsupported("FILTER is", node.filter.span, later=False, hint="use CASE in the argument")
        if node.is_distinct and name == "COUNT" and (self.dialect is Dialect.KINESIS or not node.arguments):
            raise PlanError(
                ErrorCode.DISTINCT_AGG,
                "COUNT(DISTINCT …) is not supported over streams",
                node.span,
                hint="count the rows of a subquery that groups by the column too",
            )
        args = self._aggregate_arguments(node, name)
        is_distinct = node.is_distinct and name not in _NO_EFFECT_DISTINCT
        try:
            if node.over is None:
                return resolve_aggregate(name, args, is_distinct, node.span)
            if self.window is None:
                message = f"an aggregate over a window cannot stand in {clause.name}"
                raise PlanError(ErrorCode.AGG_PLACE, message, node.span)
            if is_distinct:
                resolve_aggregate(name, args, is_distinct, node.span)
            result = analytic_type(name, args)
            window = self.window(node.over, self)
        except SignatureError as error:
            if error.error_code is ErrorCode.DISTINCT_AGG:
                raise PlanError(error.error_code, str(error), node.span) from error
            self._signature_error(error, node.span)
        typed = aggregate_args(name, args)
        if node.ignore_nulls and kind != "analytic":
            raise BindError(ErrorCode.SYNTAX, f"syntax error: {name} takes no IGNORE NULLS", node.span)
        return Analytic(
            name,
            typed,
            result,
            window,
            distinct=is_distinct,
            ignore_nulls=node.ignore_nulls,
            from_last=node.from_last,
            span=node.span,
        )

    def _aggregate_arguments(self, node: syntax.FunctionCall, name: str) -> tuple[Expr, ...]:
        arguments = node.arguments
        if node.filter is not None:
            # FILTER (WHERE c) is CASE WHEN c THEN argument END: aggregates skip NULL.
            value: syntax.Expression = arguments[0] if arguments else syntax.NumberLiteral(node.span, "1")
            case = syntax.CaseExpression(node.filter.span, None, ((node.filter, value),), None)
            arguments = (case, *arguments[1:])
        clause = Clause(f"the argument of {name} (aggregates cannot be nested)")
        args = tuple(self.bind(argument, clause) for argument in arguments)
        if args and args[0].type.kind is TypeKind.NULL:
            if name != "COUNT":
                raise BindError(ErrorCode.TYPES, f"cannot apply '{name}' to an untyped NULL", node.span)
            return (Literal(None, INTEGER, args[0].span),)
        return args


def _replace_leftmost(node: syntax.Expression, old: syntax.Expression, new: syntax.Expression) -> syntax.Expression:
    """`node` with the operand it starts with replaced."""
    if node is old:
        return new
    match node:
        case syntax.Operation():
            return replace(node, operands=(_replace_leftmost(node.operands[0], old, new), *node.operands[1:]))
        case syntax.Between() | syntax.InList():
            return replace(node, value=_replace_leftmost(node.value, old, new))
        case syntax.Not():
            return replace(node, operand=_replace_leftmost(node.operand, old, new))
        case _:
            return node


_BINDERS: dict[type[syntax.Expression], Callable[..., Expr]] = {
    syntax.ColumnRef: ExpressionBinder._column,
    syntax.NumberLiteral: ExpressionBinder._number,
    syntax.StringLiteral: ExpressionBinder._string,
    syntax.BinaryLiteral: ExpressionBinder._binary,
    syntax.BooleanLiteral: ExpressionBinder._boolean,
    syntax.NullLiteral: ExpressionBinder._null,
    syntax.DatetimeLiteral: ExpressionBinder._datetime,
    syntax.IntervalLiteral: ExpressionBinder._interval,
    syntax.Operation: ExpressionBinder._operation,
    syntax.Not: ExpressionBinder._not,
    syntax.Between: ExpressionBinder._between,
    syntax.InList: ExpressionBinder._in,
    syntax.RowValue: ExpressionBinder._row,
    syntax.PeriodPredicate: ExpressionBinder._period,
    syntax.Subquery: ExpressionBinder._subquery,
    syntax.CaseExpression: ExpressionBinder._case,
    syntax.CastExpression: ExpressionBinder._cast,
    syntax.RoundTo: ExpressionBinder._round_to,
    syntax.StepBy: ExpressionBinder._step,
    syntax.Extract: ExpressionBinder._extract,
    syntax.Difference: ExpressionBinder._difference,
    syntax.Cursor: ExpressionBinder._cursor,
    syntax.FunctionCall: ExpressionBinder._function,
}

