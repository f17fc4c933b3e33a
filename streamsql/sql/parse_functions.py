"""Grammar of function calls and windows."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import TokenType

from streamsql.sql.nodes import (
    Cursor,
    Expression,
    Extract,
    FrameBound,
    FrameClause,
    FunctionCall,
    Name,
    OrderItem,
    RoundTo,
    StepBy,
    WindowSpec,
)
from streamsql.sql.parse_expressions import ExpressionParser
from streamsql.sql.parse_names import UNITS
from streamsql.types import IntervalUnit

_ROUND = {"FLOOR": "FLOOR", "CEIL": "CEIL", "CEILING": "CEIL"}


class FunctionParser(ExpressionParser):
    """Function calls in all their forms, and what stands after OVER."""

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
            value = self.scalar()
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
        return self.scalar()

    def _keyword_form(self, name: Name, arguments: list[Expression], start: int) -> Expression | str:
        """What follows the first argument in the functions that separate arguments by words."""
        value = arguments[0]
        if name.text in _ROUND and self.word("TO"):
            unit = IntervalUnit[self.expect_word(*UNITS)]
            self.expect(TokenType.R_PAREN, ")")
            return RoundTo(self.since(start), _ROUND[name.text], value, unit)
        if name.text == "STEP" and self.word("BY"):
            step = self.scalar()
            self.expect(TokenType.R_PAREN, ")")
            return StepBy(self.since(start), value, step)
        if name.text == "POSITION":
            self.expect_word("IN")
            arguments.append(self.additive())
            return "IN"
        if name.text == "OVERLAY" and self.word("PLACING"):
            arguments.append(self.scalar())
            self.expect_word("FROM")
            arguments.append(self.scalar())
            if self.word("FOR"):
                arguments.append(self.scalar())
            return "PLACING"
        if name.text == "SUBSTRING":
            form = self.word("FROM", "SIMILAR")
            if form is not None:
                arguments.append(self.scalar())
                if self.word("FOR" if form == "FROM" else "ESCAPE"):
                    arguments.append(self.scalar())
                return form
        return ""

    def _trim(self, name: Name, start: int) -> Expression | None:
        """`TRIM([LEADING|TRAILING|BOTH] [characters] FROM text)`; None for the plain form."""
        side = self.word("LEADING", "TRAILING", "BOTH") or ""
        arguments: list[Expression] = []
        if not (side and self.is_word("FROM")):
            arguments.append(self.scalar())
        if side or self.is_word("FROM"):
            self.expect_word("FROM")
            arguments.append(self.scalar())
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
                call = replace(call, filter=self.scalar())
                self.expect(TokenType.R_PAREN, ")")
            elif self.is_word("WITHIN") and self.next_is_word("GROUP"):
                self._advance(2)
                self.unsupported("WITHIN GROUP is", self.index - 2)
            elif self.word("OVER"):
                call = replace(call, over=self.over())
                return replace(call, span=self.since(start))
            else:
                return replace(call, span=self.since(start))

    # -- windows ------------------------------------------------------------------------------------------------------

    def over(self) -> WindowSpec | Name:
        """What stands after OVER."""
        if self.is_symbol(TokenType.L_PAREN):
            return self.window_spec()
        return self.name("a window name or '('")

    def window_spec(self) -> WindowSpec:
        """A window in parentheses."""
        start = self.index
        self.expect(TokenType.L_PAREN, "(")
        base = None
        if self.at_name() and not self.is_word("PARTITION", "ORDER", "ROWS", "RANGE", "ALLOW", "DISALLOW"):
            base = self.name()
        partition: tuple[Expression, ...] = ()
        if self.words("PARTITION", "BY"):
            partition = self.expressions()
        order: tuple[OrderItem, ...] = ()
        if self.words("ORDER", "BY"):
            order = self.order_items()
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

    # -- lists --------------------------------------------------------------------------------------------------------

    def expressions(self) -> tuple[Expression, ...]:
        """One or more expressions with commas between them."""
        items = [self.scalar()]
        while self.symbol(TokenType.COMMA):
            items.append(self.scalar())
        return tuple(items)

    def order_items(self) -> tuple[OrderItem, ...]:
        """What stands after ORDER BY."""
        items = [self._order_item()]
        while self.symbol(TokenType.COMMA):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> OrderItem:
        start = self.index
        value = self.scalar()
        direction = self.word("ASC", "DESC")
        if self.is_word("NULLS"):
            self._advance()
            self.unsupported("NULLS FIRST and NULLS LAST are", self.index - 1, later=False)
        within = self.scalar() if self.word("WITHIN") else None
        return OrderItem(self.since(start), value, direction == "DESC", within)
