"""Grammar of expressions, with exactly the precedence of the language reference §5.1.

One method per level, loosest first: OR, AND, NOT, comparison and predicates (one left-associative level), `+ -`,
`* / ||`, unary signs, primaries.
"""

from __future__ import annotations

from sqlglot import TokenType

from streamsql.sql.dialect import syntax_error
from streamsql.sql.nodes import (
    Between,
    Expression,
    InList,
    Not,
    Operation,
    PeriodPredicate,
    RowValue,
    Subquery,
)
from streamsql.sql.parse_primaries import FOREIGN, PrimaryParser

_COMPARISONS = {
    TokenType.EQ: "=",
    TokenType.NEQ: "<>",
    TokenType.LT: "<",
    TokenType.LTE: "<=",
    TokenType.GT: ">",
    TokenType.GTE: ">=",
}
_ADDITIVE = {TokenType.PLUS: "+", TokenType.DASH: "-"}
_MULTIPLICATIVE = {TokenType.STAR: "*", TokenType.SLASH: "/", TokenType.DPIPE: "||"}
#: Temporal predicates and the words that may stand before them.
_MODIFIERS = {
    "EQUALS": (),
    "CONTAINS": ("STRICTLY",),
    "OVERLAPS": ("STRICTLY",),
    "PRECEDES": ("STRICTLY", "IMMEDIATELY"),
    "SUCCEEDS": ("STRICTLY", "IMMEDIATELY"),
    "LEADS": ("STRICTLY", "IMMEDIATELY"),
    "LAGS": ("STRICTLY", "IMMEDIATELY"),
}


class ExpressionParser(PrimaryParser):
    """The levels of precedence."""

    def scalar(self) -> Expression:
        """An expression of any precedence."""
        self.enter()
        start = self.index
        operands = [self._conjunction()]
        while self.word("OR"):
            operands.append(self._conjunction())
        self.leave()
        return operands[0] if len(operands) == 1 else Operation(self.since(start), "OR", tuple(operands))

    def _conjunction(self) -> Expression:
        start = self.index
        operands = [self._negation()]
        while self.word("AND"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else Operation(self.since(start), "AND", tuple(operands))

    def _negation(self) -> Expression:
        start = self.index
        negations = 0
        while self.word("NOT"):
            negations += 1
            self.check_chain(negations)
        if not negations:
            return self._comparison()
        operand, primary = self._comparison_with_head()
        result: Expression = Not(self.since(start), operand, primary)
        for extra in range(1, negations):
            result = Not(self.since(start + negations - 1 - extra), result)
        return result

    def _comparison(self) -> Expression:
        return self._comparison_with_head()[0]

    def _comparison_with_head(self) -> tuple[Expression, Expression | None]:
        """The comparison, and its first operand when that is a primary directly followed by IS."""
        start = self.index
        left = self.additive()
        head = left if self.is_word("IS") and (not isinstance(left, Operation) or self._in_parentheses(start)) else None
        period: PeriodPredicate | None = None
        count = 0
        while True:
            count += 1
            self.check_chain(count)
            predicate = self._period_predicate(period.right if period is not None else left, start)
            if predicate is not None:
                left = predicate if period is None else Operation(self.since(start), "AND", (left, predicate))
                period = predicate
                continue
            step = self._predicate(left, start)
            if step is None:
                return left, head
            left, period = step, None

    def _in_parentheses(self, start: int) -> bool:
        """Everything from token `start` to the one read last is one pair of parentheses."""
        level = 0
        for at in range(start, self.index):
            token_type = self._tokens[at].token_type
            level += (token_type is TokenType.L_PAREN) - (token_type is TokenType.R_PAREN)
            if level == 0:
                return at == self.index - 1 and at > start
        return False

    def _predicate(self, left: Expression, start: int) -> Expression | None:
        """One comparison or predicate after `left`, or None."""
        if not self.at_end and self._curr.token_type in _COMPARISONS:
            operator = _COMPARISONS[self._curr.token_type]
            self._advance()
            if self.is_word("ANY", "SOME", "ALL"):
                self.unsupported(f"{operator} {self._curr.text.upper()} (…) is", start, later=False)
            right = self.additive()
            return Operation(self.since(start), operator, (left, right))
        if self.word("IS"):
            return self._is_predicate(left, start)
        begin = self.index
        negated = self.word("NOT") is not None
        if self.word("BETWEEN"):
            symmetric = self.word("SYMMETRIC", "ASYMMETRIC") == "SYMMETRIC"
            low = self.additive()
            self.expect_word("AND")
            high = self.additive()
            result: Expression = Between(self.since(start), left, low, high, symmetric)
        elif self.word("IN"):
            result = self._in_predicate(left, start)
        elif self.is_word("LIKE") or (self.is_word("SIMILAR") and self.next_is_word("TO")):
            operator = self.expect_word("LIKE", "SIMILAR")
            if operator == "SIMILAR":
                self.expect_word("TO")
                operator = "SIMILAR TO"
            operands = [left, self.additive()]
            if self.word("ESCAPE"):
                operands.append(self.additive())
            result = Operation(self.since(start), operator, tuple(operands))
        else:
            if negated:
                self._retreat(begin)
            return None
        return Not(self.since(start), result) if negated else result

    def _is_predicate(self, left: Expression, start: int) -> Expression:
        negated = "NOT " if self.word("NOT") else ""
        if self.words("DISTINCT", "FROM"):
            right = self.additive()
            return Operation(self.since(start), f"IS {negated}DISTINCT FROM", (left, right))
        what = self.expect_word("NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT")
        if what == "DISTINCT":
            self.expected("FROM")
        return Operation(self.since(start), f"IS {negated}{what}", (left,))

    def _in_predicate(self, left: Expression, start: int) -> Expression:
        self.expect(TokenType.L_PAREN, "(")
        if self.is_word("SELECT", "VALUES", "WITH"):
            query = self.query()
            self.expect(TokenType.R_PAREN, ")")
            return Subquery(self.since(start), "IN", query, left)
        items = [self.scalar()]
        while self.symbol(TokenType.COMMA):
            items.append(self.scalar())
        self.expect(TokenType.R_PAREN, ")")
        return InList(self.since(start), left, tuple(items))

    def _period_predicate(self, left: Expression, start: int) -> PeriodPredicate | None:
        modifier = ""
        if self.is_word("STRICTLY", "IMMEDIATELY"):
            modifier = self._curr.text.upper()
            if not self.next_is_word(*_MODIFIERS):
                return None
            self._advance()
        if not self.is_word(*_MODIFIERS):
            return None
        begin = self.index
        name = self.expect_word(*_MODIFIERS)
        if not modifier and not isinstance(left, RowValue):
            # A word such as CONTAINS after something that is no period is an alias, not a predicate.
            self._retreat(begin)
            return None
        if modifier and modifier not in _MODIFIERS[name]:
            raise syntax_error(f"{name} takes no {modifier}", self.since(begin - 1))
        right = self.additive()
        return PeriodPredicate(self.since(start), name, modifier, left, right)

    def additive(self) -> Expression:
        """Sums and everything tighter: what stands between comparisons."""
        start = self.index
        left = self._multiplicative()
        count = 0
        while not self.at_end and self._curr.token_type in _ADDITIVE:
            count += 1
            self.check_chain(count)
            operator = _ADDITIVE[self._curr.token_type]
            self._advance()
            right = self._multiplicative()
            left = Operation(self.since(start), operator, (left, right))
        return left

    def _multiplicative(self) -> Expression:
        start = self.index
        left = self._unary()
        count = 0
        while not self.at_end:
            token_type = self._curr.token_type
            if token_type in FOREIGN:
                what, hint = FOREIGN[token_type]
                self._advance()
                verb = "are" if what.endswith("s") else "is"
                self.unsupported(f"{what} {verb}", self.index - 1, hint=hint, later=False)
            if token_type not in _MULTIPLICATIVE:
                break
            count += 1
            self.check_chain(count)
            self._advance()
            right = self._unary()
            left = Operation(self.since(start), _MULTIPLICATIVE[token_type], (left, right))
        return left

    def _unary(self) -> Expression:
        start = self.index
        signs = 0
        negative = []
        while not self.at_end and self._curr.token_type in _ADDITIVE:
            signs += 1
            self.check_chain(signs)
            negative.append(self._curr.token_type is TokenType.DASH)
            self._advance()
        result = self.primary()
        for back, is_negative in enumerate(reversed(negative), 1):
            operator = "NEGATE" if is_negative else "+"
            result = Operation(self.since(start + signs - back), operator, (result,))
        return result
