"""Grammar of expressions, with exactly the precedence of the language reference §5.1.

One method per level, loosest first: OR, AND, NOT, comparison and predicates (one left-associative level), `+ -`,
`* / ||`, unary signs, primaries.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import TokenType

from streamsql.errors import ErrorCode, Span, SqlSyntaxError
from streamsql.sql.dialect import syntax_error
from streamsql.sql.nodes import (
    Between,
    BinaryLiteral,
    BooleanLiteral,
    CaseExpression,
    CastExpression,
    ColumnRef,
    DatetimeLiteral,
    Difference,
    Expression,
    FunctionCall,
    InList,
    IntervalLiteral,
    Name,
    Not,
    NullLiteral,
    NumberLiteral,
    Operation,
    PeriodPredicate,
    Query,
    RowValue,
    StringLiteral,
    Subquery,
)
from streamsql.sql.parse_names import UNITS, NameParser
from streamsql.sql.spans import token_span
from streamsql.sql.words import METADATA_COLUMNS, STRUCTURAL, SYSTEM_COLUMNS, reserved_words

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
_MODIFIERS = {
    "EQUALS": (),
    "CONTAINS": ("STRICTLY",),
    "OVERLAPS": ("STRICTLY",),
    "PRECEDES": ("STRICTLY", "IMMEDIATELY"),
    "SUCCEEDS": ("STRICTLY", "IMMEDIATELY"),
    "LEADS": ("STRICTLY", "IMMEDIATELY"),
    "LAGS": ("STRICTLY", "IMMEDIATELY"),
}
_CLOCK = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_ROW_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
_FOREIGN = {
    TokenType.MOD: ("the operator %", "MOD(a, b) gives the remainder"),
    TokenType.COLON: ("the operator ::", "CAST(value AS type) converts"),
    TokenType.AMP: ("bitwise operators", None),
    TokenType.PIPE: ("bitwise operators", None),
    TokenType.CARET: ("bitwise operators", None),
    TokenType.TILDE: ("bitwise operators", None),
    TokenType.PLACEHOLDER: ("parameters", None),
    TokenType.L_BRACKET: ("array elements", None),
}


class ExpressionParser(NameParser):
    """Expressions; function calls and queries are added by the classes below it."""

    def query(self) -> Query:
        """A query inside an expression."""
        raise NotImplementedError

    def function_call(self, name: Name, start: int) -> Expression:
        """A call of `name`; the opening parenthesis is the current token."""
        raise NotImplementedError

    # -- the levels of precedence -------------------------------------------------------------------------------------

    def expression(self, *args: object, **kwargs: object) -> Expression:  # type: ignore[override]
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
        head = left if self.is_word("IS") and not isinstance(left, Operation) else None
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
        items = [self.expression()]
        while self.symbol(TokenType.COMMA):
            items.append(self.expression())
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
            if token_type in _FOREIGN:
                what, hint = _FOREIGN[token_type]
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
        result = self._primary()
        for back, is_negative in enumerate(reversed(negative), 1):
            operator = "NEGATE" if is_negative else "+"
            result = Operation(self.since(start + signs - back), operator, (result,))
        return result

    # -- primaries ----------------------------------------------------------------------------------------------------

    def _primary(self) -> Expression:
        if self.at_end:
            self.expected("an expression")
        start = self.index
        token = self._curr
        if token.token_type is TokenType.NUMBER or (
            token.token_type is TokenType.DOT and self._next.token_type is TokenType.NUMBER
        ):
            return self._number()
        if self.at_string():
            return self._string_literal(start)
        if token.token_type is TokenType.L_PAREN:
            return self._parenthesis()
        if token.token_type is TokenType.L_BRACE:
            return self._braces()
        if token.token_type is TokenType.IDENTIFIER or self._at_unicode(TokenType.IDENTIFIER):
            return self._column_or_call(start)
        if token.token_type in _FOREIGN:
            what, hint = _FOREIGN[token.token_type]
            self._advance()
            self.unsupported(f"{what} {'are' if what.endswith('s') else 'is'}", start, hint=hint, later=False)
        if token.token_type is not TokenType.VAR:
            self.expected("an expression")
        return self._word(start)

    def _string_literal(self, start: int) -> Expression:
        text = self.string()
        return StringLiteral(self.since(start), text)

    def _number(self) -> Expression:
        start = self.index
        first = self._curr
        text = ""
        if self.symbol(TokenType.DOT):
            if self._prev.end + 1 != self._curr.start:
                self.expected("an expression")
            text = "."
        last = self._curr
        text += last.text
        self._advance()
        self._check_number_end(first.start, last.end + 1)
        return NumberLiteral(self.since(start), text)

    def _check_number_end(self, start: int, end: int) -> None:
        """Refuse `12abc`, `1.2.3` and `1E`: a number and what follows must be apart."""
        text = self.sql[start:end]
        glued = not self.at_end and self._curr.start == end and (
            self._curr.token_type in (TokenType.VAR, TokenType.NUMBER)
            or (self._curr.token_type is TokenType.DOT and self._next.token_type is TokenType.NUMBER)
        )
        digits = text.upper().replace(".", "", 1)
        mantissa, _, exponent = digits.partition("E")
        bad_exponent = "E" in digits and not exponent.lstrip("+-").isdigit()
        if glued or bad_exponent or not mantissa.isdigit() or text.upper().startswith(("0X", "0B")):
            stop = self._curr.end + 1 if glued else end
            raise SqlSyntaxError(
                ErrorCode.LITERAL, f"syntax error: {self.sql[start:stop]!r} is not a number literal", Span(start, stop)
            )

    def _parenthesis(self) -> Expression:
        start = self.index
        self.expect(TokenType.L_PAREN, "(")
        if self.is_word("SELECT", "VALUES", "WITH"):
            query = self.query()
            self.expect(TokenType.R_PAREN, ")")
            return Subquery(self.since(start), "scalar", query)
        items = [self.expression()]
        while self.symbol(TokenType.COMMA):
            items.append(self.expression())
        self.expect(TokenType.R_PAREN, ")")
        if len(items) > 1:
            return RowValue(self.since(start), tuple(items))
        inner = items[0]
        if isinstance(inner, Operation) and inner.operator == "-" and len(inner.operands) == 2 and self.is_word(*UNITS):
            qualifier = self.qualifier()
            return Difference(self.since(start), inner.operands[0], inner.operands[1], qualifier)
        return inner

    def _braces(self) -> Expression:
        """`{d '…'}`, `{t '…'}`, `{ts '…'}`."""
        start = self.index
        self.expect(TokenType.L_BRACE, "{")
        kind = {"D": "DATE", "T": "TIME", "TS": "TIMESTAMP"}.get(self.expect_word("D", "T", "TS"), "")
        text = self.string("a string literal")
        self.expect(TokenType.R_BRACE, "}")
        return DatetimeLiteral(self.since(start), kind, text)

    def _word(self, start: int) -> Expression:
        """A primary that begins with an unquoted word."""
        token = self._curr
        word = token.text.upper()
        followed = self._next.token_type if self.index + 1 < self._tokens_size else None
        match word:
            case "NULL":
                self._advance()
                return NullLiteral(self.since(start))
            case "TRUE" | "FALSE" | "UNKNOWN":
                self._advance()
                return BooleanLiteral(self.since(start), {"TRUE": True, "FALSE": False}.get(word))
            case "CASE":
                return self._case()
            case "CAST" if followed is TokenType.L_PAREN:
                return self._cast()
            case "EXISTS" if followed is TokenType.L_PAREN:
                self._advance(2)
                query = self.query()
                self.expect(TokenType.R_PAREN, ")")
                return Subquery(self.since(start), "EXISTS", query)
            case "ROW" if followed is TokenType.L_PAREN:
                self._advance(2)
                items = [self.expression()]
                while self.symbol(TokenType.COMMA):
                    items.append(self.expression())
                self.expect(TokenType.R_PAREN, ")")
                return RowValue(self.since(start), tuple(items))
            case "PERIOD" if followed is TokenType.L_PAREN:
                self._advance()
                value = self._parenthesis()
                if not isinstance(value, RowValue) or len(value.items) != 2:
                    raise syntax_error("a period is PERIOD (start, end)", self.since(start))
                return replace(value, span=self.since(start))
            case "INTERVAL" if followed is not TokenType.DOT:
                return self._interval()
            case "DATE" | "TIME" | "TIMESTAMP" if followed in (TokenType.STRING, TokenType.NATIONAL_STRING):
                self._advance()
                return self._datetime(start, word)
            case "X" if followed is TokenType.STRING and token.end + 1 == self._next.start:
                return self._binary()
        if word in _CLOCK and followed is not TokenType.L_PAREN and followed is not TokenType.DOT:
            self._advance()
            return FunctionCall(self.since(start), Name(token_span(token), word), (), has_parentheses=False)
        return self._column_or_call(start)

    def _datetime(self, start: int, kind: str) -> Expression:
        text = self.string()
        return DatetimeLiteral(self.since(start), kind, text)

    def _binary(self) -> Expression:
        start = self.index
        self._advance()
        text = self._curr.text
        self._advance()
        while self.is_symbol(TokenType.STRING):
            text += self._curr.text
            self._advance()
        try:
            value = bytes.fromhex(text) if " " not in text else None
        except ValueError:
            value = None
        if value is None:
            raise SqlSyntaxError(
                ErrorCode.LITERAL, "a binary literal has an even number of hex digits", self.since(start)
            )
        return BinaryLiteral(self.since(start), value)

    def _interval(self) -> Expression:
        start = self.index
        self._advance()
        is_negative = self.symbol(TokenType.DASH)
        if not is_negative:
            self.symbol(TokenType.PLUS)
        if self.is_symbol(TokenType.NUMBER):
            number = self._curr.text
            raise syntax_error(
                "the value of an interval is a string", self.here(), hint=f"write INTERVAL '{number}' and the unit"
            )
        text = self.string("the value of the interval in quotes")
        qualifier = self.qualifier()
        return IntervalLiteral(self.since(start), text, is_negative, qualifier)

    def _case(self) -> Expression:
        start = self.index
        self._advance()
        operand = None if self.is_word("WHEN") else self.expression()
        whens = []
        while self.word("WHEN"):
            condition = self.expression()
            self.expect_word("THEN")
            whens.append((condition, self.expression()))
        if not whens:
            self.expected("WHEN")
        otherwise = self.expression() if self.word("ELSE") else None
        self.expect_word("END")
        return CaseExpression(self.since(start), operand, tuple(whens), otherwise)

    def _cast(self) -> Expression:
        start = self.index
        self._advance(2)
        value = self.expression()
        self.expect_word("AS")
        target = self.type_name()
        self.expect(TokenType.R_PAREN, ")")
        return CastExpression(self.since(start), value, target)

    def _column_or_call(self, start: int) -> Expression:
        token = self._curr
        is_call = self.index + 1 < self._tokens_size and self._next.token_type is TokenType.L_PAREN
        is_quoted = token.token_type is TokenType.IDENTIFIER
        if is_call and (is_quoted or token.text.upper() not in STRUCTURAL - {"LEFT", "RIGHT"}):
            self._advance()
            name = Name(token_span(token), token.text if is_quoted else token.text.upper(), is_quoted)
            return self.function_call(name, start)
        word = token.text.upper()
        if token.token_type is TokenType.VAR and word in STRUCTURAL:
            raise syntax_error(
                f"expected an expression, found the reserved word {token.text}",
                token_span(token),
                hint=f'to use it as a name write it in double quotes: "{word}"',
            )
        parts = [self.name("an expression", system=SYSTEM_COLUMNS)]
        while self.is_symbol(TokenType.DOT):
            self._advance()
            if len(parts) == 3:
                raise syntax_error("a column name has at most three parts", self.since(start))
            if self.is_symbol(TokenType.STAR):
                raise syntax_error("* stands only in a select list", self.here())
            parts.append(self.name("a column name", system=SYSTEM_COLUMNS))
        return ColumnRef(self.since(start), tuple(parts))

    def can_be_alias(self) -> bool:
        """The current token can be an alias written without AS."""
        if self.at_end:
            return False
        if self._curr.token_type is TokenType.IDENTIFIER:
            return True
        if self._curr.token_type is not TokenType.VAR:
            return False
        word = self._curr.text.upper()
        return word not in reserved_words(self.language) and word not in STRUCTURAL and word not in METADATA_COLUMNS
