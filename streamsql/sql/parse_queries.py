"""Grammar of function calls, windows and queries."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import TokenType

from streamsql.errors import Span
from streamsql.schema import ROWTIME
from streamsql.spec import Dialect
from streamsql.sql.dialect import not_supported, syntax_error
from streamsql.sql.nodes import (
    ColumnRef,
    Cursor,
    DerivedTable,
    Expression,
    Extract,
    FrameBound,
    FrameClause,
    FunctionCall,
    Join,
    Name,
    NamedTable,
    OrderItem,
    Query,
    RoundTo,
    Select,
    SelectItem,
    SetOperation,
    Stagger,
    StarItem,
    StepBy,
    TableFunction,
    TableRef,
    Values,
    WindowSpec,
    With,
)
from streamsql.sql.parse_expressions import ExpressionParser
from streamsql.sql.parse_names import UNITS
from streamsql.types import IntervalUnit

_ROUND = {"FLOOR": "FLOOR", "CEIL": "CEIL", "CEILING": "CEIL"}
_AFTER_TABLE = ("TABLESAMPLE", "MATCH_RECOGNIZE", "PIVOT", "UNPIVOT")
_JOIN_WORDS = ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL")


class QueryParser(ExpressionParser):
    """Queries and everything in them."""

    # -- function calls -----------------------------------------------------------------------------------------------

    def function_call(self, name: Name, start: int) -> Expression:
        """A call in any of its forms; the opening parenthesis is the current token."""
        self.expect(TokenType.L_PAREN, "(")
        if self.symbol(TokenType.STAR):
            self.expect(TokenType.R_PAREN, ")")
            return self._after_call(FunctionCall(self.since(start), name, (), is_star=True), start)
        if name.text == "EXTRACT" and self.is_word(*UNITS, "QUARTER", "WEEK", "DOY", "DOW", "EPOCH") and (
            self.next_is_word("FROM")
        ):
            unit = self._curr.text.upper()
            self._advance(2)
            value = self.expression()
            self.expect(TokenType.R_PAREN, ")")
            return Extract(self.since(start), unit, value)
        if name.text == "TRIM":
            trimmed = self._trim(name, start)
            if trimmed is not None:
                return trimmed
        is_distinct = self.word("DISTINCT") is not None
        if not is_distinct:
            self.word("ALL")
        arguments: list[Expression] = []
        form = ""
        if not self.is_symbol(TokenType.R_PAREN):
            # POSITION(a IN b) must not read IN as a predicate.
            arguments.append(self.additive() if name.text == "POSITION" else self._argument())
            if self.is_word("AS"):
                # TRY_CAST(x AS type) and the like.
                self.unsupported(f"the function {name.text} is", start)
            special = self._keyword_form(name, arguments, start)
            if isinstance(special, Expression):
                return special
            form = special
            while self.symbol(TokenType.COMMA):
                arguments.append(self._argument())
        ignore = self._nulls()
        self.expect(TokenType.R_PAREN, ")")
        call = FunctionCall(
            self.since(start), name, tuple(arguments), form, is_distinct=is_distinct, ignore_nulls=bool(ignore)
        )
        return self._after_call(call, start)

    def _argument(self) -> Expression:
        if self.is_word("CURSOR") and self._next.token_type is TokenType.L_PAREN:
            start = self.index
            self._advance(2)
            query = self.query()
            self.expect(TokenType.R_PAREN, ")")
            return Cursor(self.since(start), query)
        return self.expression()

    def _keyword_form(self, name: Name, arguments: list[Expression], start: int) -> Expression | str:
        """What follows the first argument in the functions that separate arguments by words."""
        value = arguments[0]
        if name.text in _ROUND and self.word("TO"):
            unit = IntervalUnit[self.expect_word(*UNITS)]
            self.expect(TokenType.R_PAREN, ")")
            return RoundTo(self.since(start), _ROUND[name.text], value, unit)
        if name.text == "STEP" and self.word("BY"):
            step = self.expression()
            self.expect(TokenType.R_PAREN, ")")
            return StepBy(self.since(start), value, step)
        if name.text == "POSITION":
            self.expect_word("IN")
            arguments.append(self.additive())
            return "IN"
        if name.text == "OVERLAY" and self.word("PLACING"):
            arguments.append(self.expression())
            self.expect_word("FROM")
            arguments.append(self.expression())
            if self.word("FOR"):
                arguments.append(self.expression())
            return "PLACING"
        if name.text == "SUBSTRING":
            form = self.word("FROM", "SIMILAR")
            if form is not None:
                arguments.append(self.expression())
                if self.word("FOR" if form == "FROM" else "ESCAPE"):
                    arguments.append(self.expression())
                return form
        return ""

    def _trim(self, name: Name, start: int) -> Expression | None:
        """`TRIM([LEADING|TRAILING|BOTH] [characters] FROM text)`; None for the plain form."""
        side = self.word("LEADING", "TRAILING", "BOTH") or ""
        arguments: list[Expression] = []
        if not (side and self.is_word("FROM")):
            arguments.append(self.expression())
        if side or self.is_word("FROM"):
            self.expect_word("FROM")
            arguments.append(self.expression())
            side = side or "BOTH"
        self.expect(TokenType.R_PAREN, ")")
        return FunctionCall(self.since(start), name, tuple(arguments), side)

    def _nulls(self) -> bool | None:
        """`IGNORE NULLS` (True) or `RESPECT NULLS` (False), also in the singular; None when absent."""
        if self.is_word("IGNORE", "RESPECT") and self.next_is_word("NULLS", "NULL"):
            ignore = self.expect_word("IGNORE", "RESPECT") == "IGNORE"
            self._advance()
            return ignore
        return None

    def _after_call(self, call: FunctionCall, start: int) -> FunctionCall:
        """The clauses that may follow the arguments of an aggregate or analytic function."""
        while True:
            ignore = self._nulls()
            if ignore is not None:
                call = replace(call, ignore_nulls=ignore)
            elif self.is_word("FROM") and self.next_is_word("FIRST", "LAST") and call.name.text == "NTH_VALUE":
                self._advance()
                call = replace(call, from_last=self.expect_word("FIRST", "LAST") == "LAST")
            elif self.is_word("FILTER") and self._next.token_type is TokenType.L_PAREN:
                self._advance(2)
                self.expect_word("WHERE")
                call = replace(call, filter=self.expression())
                self.expect(TokenType.R_PAREN, ")")
            elif self.is_word("WITHIN") and self.next_is_word("GROUP"):
                self._advance(2)
                self.unsupported("WITHIN GROUP is", self.index - 2)
            elif self.word("OVER"):
                call = replace(call, over=self._over())
                return replace(call, span=self.since(start))
            else:
                return replace(call, span=self.since(start))

    # -- windows ------------------------------------------------------------------------------------------------------

    def _over(self) -> WindowSpec | Name:
        if self.is_symbol(TokenType.L_PAREN):
            return self._window_spec()
        return self.name("a window name or '('")

    def _window_spec(self) -> WindowSpec:
        start = self.index
        self.expect(TokenType.L_PAREN, "(")
        base = None
        if self.at_name() and not self.is_word("PARTITION", "ORDER", "ROWS", "RANGE", "ALLOW", "DISALLOW"):
            base = self.name()
        partition: tuple[Expression, ...] = ()
        if self.words("PARTITION", "BY"):
            partition = self._expressions()
        order: tuple[OrderItem, ...] = ()
        if self.words("ORDER", "BY"):
            order = self._order_items()
        frame = self._frame() if self.is_word("ROWS", "RANGE") else None
        partial = self.word("ALLOW", "DISALLOW")
        if partial:
            self.expect_word("PARTIAL")
        self.expect(TokenType.R_PAREN, ")")
        allow = None if partial is None else partial == "ALLOW"
        return WindowSpec(self.since(start), base, partition, order, frame, allow)

    def _frame(self) -> FrameClause:
        start = self.index
        unit = self.expect_word("ROWS", "RANGE")
        if self.word("BETWEEN"):
            first = self._bound()
            self.expect_word("AND")
            second = self._bound()
            return FrameClause(self.since(start), unit, first, second)
        bound = self._bound()
        return FrameClause(self.since(start), unit, bound, None)

    def _bound(self) -> FrameBound:
        start = self.index
        if self.words("CURRENT", "ROW"):
            return FrameBound(self.since(start), "CURRENT ROW")
        if self.word("UNBOUNDED"):
            side = self.expect_word("PRECEDING", "FOLLOWING")
            return FrameBound(self.since(start), f"UNBOUNDED {side}")
        value = self.additive()
        side = self.expect_word("PRECEDING", "FOLLOWING")
        return FrameBound(self.since(start), side, value)

    # -- queries ------------------------------------------------------------------------------------------------------

    def query(self) -> Query:
        """A query with its set operators; ORDER BY at the end belongs to the whole."""
        self.enter()
        result = self._with() if self.is_word("WITH") else self._set_operations()
        self.leave()
        return result

    def _with(self) -> Query:
        start = self.index
        self._advance()
        if self.word("RECURSIVE"):
            self.unsupported("WITH RECURSIVE is", start)
        tables = []
        while True:
            name = self.name()
            columns = self.name_list() if self.is_symbol(TokenType.L_PAREN) else None
            self.expect_word("AS")
            self.expect(TokenType.L_PAREN, "(")
            tables.append((name, columns, self.query()))
            self.expect(TokenType.R_PAREN, ")")
            if not self.symbol(TokenType.COMMA):
                break
        body = self._set_operations()
        return With(self.since(start), tuple(tables), body)

    def _set_operations(self) -> Query:
        start = self.index
        left = self._intersections()
        count = 0
        while (operator := self.word("UNION", "EXCEPT")) is not None:
            count += 1
            self.check_chain(count * 4)
            is_all = self._set_quantifier()
            right = self._intersections()
            left = SetOperation(self.since(start), operator, is_all, left, right)
        if self.is_word("ORDER") and self.next_is_word("BY"):
            self._advance(2)
            items = self._order_items()
            if isinstance(left, Select | SetOperation):
                left = replace(left, order_by=items, span=self.since(start))
            else:
                raise syntax_error("ORDER BY cannot follow VALUES", items[0].span)
        self._refuse_row_limits()
        return left

    def _intersections(self) -> Query:
        start = self.index
        left = self._query_primary()
        count = 0
        while self.word("INTERSECT"):
            count += 1
            self.check_chain(count * 4)
            is_all = self._set_quantifier()
            right = self._query_primary()
            left = SetOperation(self.since(start), "INTERSECT", is_all, left, right)
        return left

    def _set_quantifier(self) -> bool:
        return self.word("ALL", "DISTINCT") == "ALL"

    def _query_primary(self) -> Query:
        if self.symbol(TokenType.L_PAREN):
            inner = self.query()
            self.expect(TokenType.R_PAREN, ")")
            return inner
        if self.is_word("VALUES"):
            return self._values()
        if self.is_word("SELECT"):
            return self._select()
        self.expected("a query")

    def _values(self) -> Query:
        start = self.index
        self._advance()
        rows = [self._row()]
        while self.symbol(TokenType.COMMA):
            rows.append(self._row())
        return Values(self.since(start), tuple(rows))

    def _row(self) -> tuple[Expression, ...]:
        self.word("ROW")
        self.expect(TokenType.L_PAREN, "(")
        items = self._expressions()
        self.expect(TokenType.R_PAREN, ")")
        return items

    def _expressions(self) -> tuple[Expression, ...]:
        items = [self.expression()]
        while self.symbol(TokenType.COMMA):
            items.append(self.expression())
        return tuple(items)

    def _select(self) -> Query:
        start = self.index
        self._advance()
        is_stream = self._stream_word()
        is_distinct = self.word("ALL", "DISTINCT") == "DISTINCT"
        items = [self._select_item()]
        while self.symbol(TokenType.COMMA):
            items.append(self._select_item())
        source = None
        if self.word("FROM"):
            source = self._from()
        elif not self.at_end and not self.is_symbol(TokenType.R_PAREN):
            self.expected("FROM")
        where = self.expression() if self.word("WHERE") else None
        group_by: tuple[Expression, ...] = ()
        if self.words("GROUP", "BY"):
            group_by = self._group_by()
        stagger = self._stagger() if self.word("WINDOWED") else None
        if stagger is not None and self.is_word("GROUP"):
            raise syntax_error("a query has GROUP BY or WINDOWED BY, not both", self.here())
        having = self.expression() if self.word("HAVING") else None
        windows = []
        if self.word("WINDOW"):
            while True:
                name = self.name("a window name")
                self.expect_word("AS")
                windows.append((name, self._window_spec()))
                if not self.symbol(TokenType.COMMA):
                    break
        if self.is_word("QUALIFY"):
            self._advance()
            self.unsupported("QUALIFY is", self.index - 1, hint="filter in an outer query")
        return Select(
            self.since(start),
            is_stream,
            is_distinct,
            tuple(items),
            source,
            where,
            group_by,
            stagger,
            having,
            tuple(windows),
            (),
        )

    def _stream_word(self) -> bool:
        """Read STREAM after SELECT; in the streamsql dialect a column may be called so."""
        if not self.is_word("STREAM"):
            return False
        if self.language is Dialect.STREAMSQL and (
            self.next_is_word("FROM", "AS") or self._next.token_type in (TokenType.COMMA, TokenType.DOT)
        ):
            return False
        self._advance()
        return True

    def _select_item(self) -> SelectItem | StarItem:
        start = self.index
        if self.symbol(TokenType.STAR):
            return StarItem(self.since(start), None)
        following = [token.token_type for token in self._tokens[start + 1 : start + 3]]
        if self.at_name() and following == [TokenType.DOT, TokenType.STAR]:
            relation = self.name()
            self._advance(2)
            return StarItem(self.since(start), relation)
        value = self.expression()
        alias = None
        if self.word("AS") or self.can_be_alias() or self.is_word("ROWTIME"):
            alias = self.name("an alias", system=(ROWTIME,))
        return SelectItem(self.since(start), value, alias)

    def _group_by(self) -> tuple[Expression, ...]:
        if self.is_word("GROUPING", "ROLLUP", "CUBE"):
            what = {"GROUPING": "GROUPING SETS are"}.get(self._curr.text.upper(), f"{self._curr.text.upper()} is")
            self._advance()
            self.unsupported(what, self.index - 1)
        return self._expressions()

    def _stagger(self) -> Stagger:
        start = self.index - 1
        self.expect_word("BY")
        self.expect_word("STAGGER")
        self.expect(TokenType.L_PAREN, "(")
        self.expect_word("PARTITION")
        self.expect_word("BY")
        partition = self._expressions()
        self.expect_word("RANGE")
        size = self.expression()
        self.word("PRECEDING")
        self.expect(TokenType.R_PAREN, ")")
        return Stagger(self.since(start), partition, size)

    def _order_items(self) -> tuple[OrderItem, ...]:
        items = [self._order_item()]
        while self.symbol(TokenType.COMMA):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> OrderItem:
        start = self.index
        value = self.expression()
        direction = self.word("ASC", "DESC")
        if self.is_word("NULLS"):
            self._advance()
            self.unsupported("NULLS FIRST and NULLS LAST are", self.index - 1, later=False)
        within = self.expression() if self.word("WITHIN") else None
        return OrderItem(self.since(start), value, direction == "DESC", within)

    def _refuse_row_limits(self) -> None:
        if not self.is_word("LIMIT", "FETCH", "OFFSET"):
            return
        what = self._curr.text.upper()
        self._advance()
        self.unsupported(f"{what} is", self.index - 1)

    # -- FROM ---------------------------------------------------------------------------------------------------------

    def _from(self) -> TableRef:
        start = self.index
        left = self._joins()
        count = 0
        while self.symbol(TokenType.COMMA):
            count += 1
            self.check_chain(count * 4)
            right = self._joins()
            left = Join(self.since(start), ",", left, right, False, None, None)
        return left

    def _joins(self) -> TableRef:
        start = self.index
        left = self._table()
        count = 0
        while self.is_word(*_JOIN_WORDS):
            count += 1
            self.check_chain(count * 4)
            is_natural = self.word("NATURAL") is not None
            kind = self.word("INNER", "LEFT", "RIGHT", "FULL", "CROSS") or "INNER"
            if kind in ("LEFT", "RIGHT", "FULL"):
                self.word("OUTER")
            self.expect_word("JOIN")
            right = self._table()
            condition = using = None
            if kind != "CROSS" and not is_natural:
                if self.word("ON"):
                    condition = self.expression()
                elif self.word("USING"):
                    using = self.name_list()
            left = Join(self.since(start), kind, left, right, is_natural, condition, using)
        return left

    def _table(self) -> TableRef:
        self.enter()
        try:
            return self._table_primary()
        finally:
            self.leave()

    def _table_primary(self) -> TableRef:
        start = self.index
        if self.is_word("LATERAL"):
            self._advance()
            self.unsupported("LATERAL is", start)
        if self.is_word("TABLE") and self._next.token_type is TokenType.L_PAREN:
            return self._table_function(start)
        if self.symbol(TokenType.L_PAREN):
            if self.is_word("SELECT", "VALUES", "WITH") or self.is_symbol(TokenType.L_PAREN):
                mark = self.index
                if self._parenthesised_table():
                    self._retreat(mark)
                    inner = self._from()
                    self.expect(TokenType.R_PAREN, ")")
                    return inner
                query = self.query()
                self.expect(TokenType.R_PAREN, ")")
                over = self._over() if self.word("OVER") else None
                alias, columns = self._correlation()
                return DerivedTable(self.since(start), query, over, alias, columns)
            inner = self._from()
            self.expect(TokenType.R_PAREN, ")")
            return inner
        name = self.object_name("a stream, a table or '('")
        if self.is_symbol(TokenType.L_PAREN) and len(name) == 1:
            raise not_supported(
                f"the function {name[0].text} in FROM is", Span(name[0].span.start, self.here().end), later=True
            )
        over = self._over() if self.word("OVER") else None
        alias, columns = self._correlation()
        if self.is_word(*_AFTER_TABLE):
            what = self.expect_word(*_AFTER_TABLE)
            self.unsupported(f"{what} is", self.index - 1)
        return NamedTable(self.since(start), name, over, alias, columns)

    def _parenthesised_table(self) -> bool:
        """After '(' : nested parentheses around a table reference rather than around a query."""
        at = self.index
        while at < self._tokens_size and self._tokens[at].token_type is TokenType.L_PAREN:
            at += 1
        if at >= self._tokens_size:
            return False
        return self._tokens[at].text.upper() not in ("SELECT", "VALUES", "WITH")

    def _table_function(self, start: int) -> TableRef:
        self._advance(2)
        begin = self.index
        name = self.name("a table function")
        if not self.is_symbol(TokenType.L_PAREN):
            self.expected("'('")
        call = self.function_call(name, begin)
        self.expect(TokenType.R_PAREN, ")")
        alias, columns = self._correlation()
        if not isinstance(call, FunctionCall):
            raise syntax_error("expected a table function", call.span)
        return TableFunction(self.since(start), call, alias, columns)

    def _correlation(self) -> tuple[Name | None, tuple[Name, ...] | None]:
        alias = None
        if self.word("AS") or (self.can_be_alias() and not self.is_word(*_AFTER_TABLE)):
            alias = self.name("an alias")
        columns = None
        if alias is not None and self.is_symbol(TokenType.L_PAREN):
            columns = self.name_list(system=(ROWTIME,))
        return alias, columns


def column_name(value: Expression) -> str | None:
    """The name a select item has without an alias: that of a column reference, else None."""
    return value.parts[-1].text if isinstance(value, ColumnRef) else None
