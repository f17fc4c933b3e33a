"""Grammar of queries."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import TokenType

from streamsql.errors import Span
from streamsql.schema import ROWTIME
from streamsql.spec import Dialect
from streamsql.sql.dialect import not_supported, syntax_error
from streamsql.sql.nodes import (
    ColumnRef,
    DerivedTable,
    Expression,
    FunctionCall,
    Join,
    Name,
    NamedTable,
    Query,
    Select,
    SelectItem,
    SetOperation,
    Stagger,
    StarItem,
    TableFunction,
    TableRef,
    Values,
    With,
)
from streamsql.sql.parse_functions import FunctionParser

_AFTER_TABLE = ("TABLESAMPLE", "MATCH_RECOGNIZE", "PIVOT", "UNPIVOT")
_JOIN_WORDS = ("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL")


class QueryParser(FunctionParser):
    """Queries and everything in them."""

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
            items = self.order_items()
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
        items = self.expressions()
        self.expect(TokenType.R_PAREN, ")")
        return items

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
        where = self.scalar() if self.word("WHERE") else None
        group_by: tuple[Expression, ...] = ()
        if self.words("GROUP", "BY"):
            group_by = self._group_by()
        stagger = self._stagger() if self.word("WINDOWED") else None
        if stagger is not None and self.is_word("GROUP"):
            raise syntax_error("a query has GROUP BY or WINDOWED BY, not both", self.here())
        having = self.scalar() if self.word("HAVING") else None
        windows = []
        if self.word("WINDOW"):
            while True:
                name = self.name("a window name")
                self.expect_word("AS")
                windows.append((name, self.window_spec()))
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
        value = self.scalar()
        alias = None
        if self.word("AS") or self.can_be_alias() or self.is_word("ROWTIME"):
            alias = self.name("an alias", system=(ROWTIME,))
        return SelectItem(self.since(start), value, alias)

    def _group_by(self) -> tuple[Expression, ...]:
        if self.is_word("GROUPING", "ROLLUP", "CUBE"):
            what = {"GROUPING": "GROUPING SETS are"}.get(self._curr.text.upper(), f"{self._curr.text.upper()} is")
            self._advance()
            self.unsupported(what, self.index - 1)
        return self.expressions()

    def _stagger(self) -> Stagger:
        start = self.index - 1
        self.expect_word("BY")
        self.expect_word("STAGGER")
        self.expect(TokenType.L_PAREN, "(")
        self.expect_word("PARTITION")
        self.expect_word("BY")
        partition = self.expressions()
        self.expect_word("RANGE")
        size = self.scalar()
        self.expect(TokenType.R_PAREN, ")")
        return Stagger(self.since(start), partition, size)

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
                    condition = self.scalar()
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
                over = self.over() if self.word("OVER") else None
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
        over = self.over() if self.word("OVER") else None
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
