"""Grammar of the primaries of expressions: literals, columns, CASE, CAST, and whatever stands in parentheses."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import TokenType

from streamsql.errors import ErrorCode, Span, SqlSyntaxError
from streamsql.sql.dialect import syntax_error
from streamsql.sql.nodes import (
    BinaryLiteral,
    BooleanLiteral,
    CaseExpression,
    CastExpression,
    ColumnRef,
    DatetimeLiteral,
    Difference,
    Expression,
    FunctionCall,
    IntervalLiteral,
    Name,
    NullLiteral,
    NumberLiteral,
    Operation,
    Query,
    RowValue,
    StringLiteral,
    Subquery,
)
from streamsql.sql.parse_names import UNITS, NameParser
from streamsql.sql.spans import token_span
from streamsql.sql.words import METADATA_COLUMNS, STRUCTURAL, SYSTEM_COLUMNS, reserved_words

_CLOCK = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_ROW_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")
FOREIGN = {
    TokenType.MOD: ("the operator %", "MOD(a, b) gives the remainder"),
    TokenType.COLON: ("the operator ::", "CAST(value AS type) converts"),
    TokenType.AMP: ("bitwise operators", None),
    TokenType.PIPE: ("bitwise operators", None),
    TokenType.CARET: ("bitwise operators", None),
    TokenType.TILDE: ("bitwise operators", None),
    TokenType.PLACEHOLDER: ("parameters", None),
    TokenType.L_BRACKET: ("array elements", None),
}


class PrimaryParser(NameParser):
    """What expressions are made of; the levels of precedence, function calls and queries are added below."""

    def scalar(self) -> Expression:
        """An expression of any precedence."""
        raise NotImplementedError

    def query(self) -> Query:
        """A query inside an expression."""
        raise NotImplementedError

    def function_call(self, name: Name, start: int) -> Expression:
        """A call of `name`; the opening parenthesis is the current token."""
        raise NotImplementedError

    def primary(self) -> Expression:
        """An operand of the tightest operators."""
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
        if token.token_type in FOREIGN:
            what, hint = FOREIGN[token.token_type]
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
        items = [self.scalar()]
        while self.symbol(TokenType.COMMA):
            items.append(self.scalar())
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
                items = [self.scalar()]
                while self.symbol(TokenType.COMMA):
                    items.append(self.scalar())
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
        operand = None if self.is_word("WHEN") else self.scalar()
        whens = []
        while self.word("WHEN"):
            condition = self.scalar()
            self.expect_word("THEN")
            whens.append((condition, self.scalar()))
        if not whens:
            self.expected("WHEN")
        otherwise = self.scalar() if self.word("ELSE") else None
        self.expect_word("END")
        return CaseExpression(self.since(start), operand, tuple(whens), otherwise)

    def _cast(self) -> Expression:
        start = self.index
        self._advance(2)
        value = self.scalar()
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
