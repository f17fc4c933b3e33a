"""Grammar of names, strings, numbers in parentheses, types and interval qualifiers."""

from __future__ import annotations

import re

from sqlglot import Token, TokenType

from streamsql.errors import ErrorCode, Span, SqlSyntaxError
from streamsql.sql.dialect import Cursor, syntax_error
from streamsql.sql.nodes import Name, Qualifier, TypeName
from streamsql.sql.spans import token_span
from streamsql.sql.words import reserved_words
from streamsql.types import IntervalUnit

MAX_IDENTIFIER = 128
UNITS = tuple(unit.name for unit in IntervalUnit)
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_FINER = {
    "YEAR": ("MONTH",),
    "MONTH": (),
    "DAY": ("HOUR", "MINUTE", "SECOND"),
    "HOUR": ("MINUTE", "SECOND"),
    "MINUTE": ("SECOND",),
    "SECOND": (),
}


class NameParser(Cursor):
    """Names and types, the leaves of the grammar."""

    # -- names --------------------------------------------------------------------------------------------------------

    def at_name(self) -> bool:
        """The current token can be a name."""
        if self.at_end:
            return False
        if self._curr.token_type is TokenType.IDENTIFIER or self._at_unicode(TokenType.IDENTIFIER):
            return True
        return self._curr.token_type is TokenType.VAR and self._curr.text.upper() not in reserved_words(self.language)

    def name(self, what: str = "a name", *, system: tuple[str, ...] = ()) -> Name:
        """An identifier; `system` are reserved words that are names here all the same."""
        if self.at_end:
            self.expected(what)
        start = self.index
        token = self._curr
        if self._at_unicode(TokenType.IDENTIFIER):
            text, is_quoted = self._unicode(), True
        elif token.token_type is TokenType.IDENTIFIER:
            self._advance()
            text, is_quoted = token.text, True
            if not text:
                raise syntax_error("a quoted name cannot be empty", token_span(token))
            if any(ord(c) < 32 for c in text):
                raise syntax_error("a quoted name cannot contain control characters", token_span(token))
        elif token.token_type is TokenType.VAR:
            text, is_quoted = token.text.upper(), False
            if text in reserved_words(self.language) and text not in system:
                self.reserved(token, what)
            self._advance()
        else:
            self.expected(what)
        if len(text) > MAX_IDENTIFIER:
            raise SqlSyntaxError(
                ErrorCode.TOO_LARGE,
                f"a name of {len(text)} characters is over the limit of {MAX_IDENTIFIER}",
                self.since(start),
            )
        return Name(self.since(start), text, is_quoted)

    def reserved(self, token: Token, what: str) -> None:
        """Refuse a reserved word where a name must stand."""
        raise SqlSyntaxError(
            ErrorCode.RESERVED,
            f"{token.text} is a reserved word; expected {what}",
            token_span(token),
            hint=f'to use it as a name write it in double quotes, in its own case: "{token.text.upper()}"',
        )

    def object_name(self, what: str = "a name") -> tuple[Name, ...]:
        """A name with up to two qualifiers in front of it."""
        parts = [self.name(what)]
        while self.symbol(TokenType.DOT):
            if len(parts) == 3:
                raise syntax_error("a name has at most three parts", parts[-1].span)
            parts.append(self.name(what))
        return tuple(parts)

    def name_list(self, what: str = "a column name", *, system: tuple[str, ...] = ()) -> tuple[Name, ...]:
        """`(a, b, …)`; the opening parenthesis is the current token."""
        self.expect(TokenType.L_PAREN, "(")
        names = [self.name(what, system=system)]
        while self.symbol(TokenType.COMMA):
            names.append(self.name(what, system=system))
        self.expect(TokenType.R_PAREN, ")")
        return tuple(names)

    # -- strings ------------------------------------------------------------------------------------------------------

    def _at_unicode(self, token_type: TokenType) -> bool:
        """The current tokens are `U&` directly followed by a string or a quoted identifier."""
        at = self.index
        if at + 2 >= self._tokens_size or not self.is_word("U"):
            return False
        first, ampersand, text = self._tokens[at : at + 3]
        return (
            ampersand.token_type is TokenType.AMP
            and text.token_type is token_type
            and first.end + 1 == ampersand.start
            and ampersand.end + 1 == text.start
        )

    def _unicode(self) -> str:
        """Read `U&'…' [UESCAPE 'c']` (or the identifier form) and resolve its escapes."""
        start = self.index
        self._advance(2)
        text = self._curr.text
        self._advance()
        escape = "\\"
        if self.word("UESCAPE"):
            if not self.is_symbol(TokenType.STRING) or len(self._curr.text) != 1:
                raise SqlSyntaxError(ErrorCode.LITERAL, "UESCAPE needs a literal of one character", self.here())
            escape = self._curr.text
            if escape in "+'\" " or re.match(r"[0-9A-Fa-f]", escape):
                raise SqlSyntaxError(ErrorCode.LITERAL, f"{escape!r} cannot escape in a unicode literal", self.here())
            self._advance()
        out: list[str] = []
        at = 0
        while at < len(text):
            if text[at] != escape:
                out.append(text[at])
                at += 1
            elif text.startswith(escape, at + 1):
                out.append(escape)
                at += 2
            elif _HEX.match(text, at + 1):
                out.append(chr(int(text[at + 1 : at + 5], 16)))
                at += 5
            else:
                raise SqlSyntaxError(
                    ErrorCode.LITERAL,
                    f"{text[at:at + 5]!r} is not a character of a unicode literal",
                    self.since(start),
                    hint=f"write {escape} and four hex digits, or {escape}{escape} for the character itself",
                )
        result = "".join(out)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in result):
            result = self._join_surrogates(result, self.since(start))
        return result

    @staticmethod
    def _join_surrogates(text: str, span: Span) -> str:
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise SqlSyntaxError(
                ErrorCode.LITERAL, "this unicode literal contains half of a surrogate pair", span
            ) from None

    def at_string(self) -> bool:
        """A character string in any of its spellings starts here."""
        if self.at_end:
            return False
        if self._curr.token_type in (TokenType.STRING, TokenType.NATIONAL_STRING) or self._at_unicode(TokenType.STRING):
            return True
        return self._at_charset()

    def _at_charset(self) -> bool:
        """`_charset'…'`."""
        return (
            self._curr.token_type is TokenType.VAR
            and self._curr.text.startswith("_")
            and self.index + 1 < self._tokens_size
            and self._next.token_type is TokenType.STRING
            and self._curr.end + 1 == self._next.start
        )

    def string(self, what: str = "a string") -> str:
        """A character string; adjacent literals are one."""
        if not self.at_string():
            self.expected(what)
        if self._at_unicode(TokenType.STRING):
            text = self._unicode()
        else:
            if self._at_charset():
                self._advance()
            text = self._curr.text
            self._advance()
        while self.is_symbol(TokenType.STRING):
            text += self._curr.text
            self._advance()
        return text

    def unsigned(self, what: str) -> int:
        """Digits only."""
        if not self.is_symbol(TokenType.NUMBER) or not self._curr.text.isdigit():
            self.expected(what)
        if len(self._curr.text) > 10:
            raise SqlSyntaxError(ErrorCode.TOO_LARGE, f"{what} is over the limit", self.here())
        value = int(self._curr.text)
        self._advance()
        return value

    # -- types --------------------------------------------------------------------------------------------------------

    def type_name(self) -> TypeName:
        """A data type as written; whether it exists is for the binder."""
        start = self.index
        if self.at_end or self._curr.token_type is not TokenType.VAR:
            self.expected("a data type")
        name = self._curr.text.upper()
        self._advance()
        if name == "INTERVAL":
            qualifier = self.qualifier()
            return TypeName(self.since(start), "INTERVAL", (), qualifier)
        if (name == "DOUBLE" and self.word("PRECISION")) or (
            name in ("CHARACTER", "CHAR", "BINARY") and self.word("VARYING")
        ):
            name = f"{name} {self._prev.text.upper()}"
        arguments: list[int] = []
        if name != "ROW" and self.symbol(TokenType.L_PAREN):
            arguments.append(self.unsigned("a length"))
            while self.symbol(TokenType.COMMA):
                arguments.append(self.unsigned("a scale"))
            self.expect(TokenType.R_PAREN, ")")
        return TypeName(self.since(start), name, tuple(arguments))

    def qualifier(self) -> Qualifier:
        """`DAY`, `MINUTE TO SECOND(3)`, `SECOND(2, 3)`, …"""
        start = self.index
        unit = self.expect_word(*UNITS)
        lead = fraction = None
        end = unit
        if self.symbol(TokenType.L_PAREN):
            lead = self.unsigned("a precision")
            if unit == "SECOND" and self.symbol(TokenType.COMMA):
                fraction = self.unsigned("a precision")
            self.expect(TokenType.R_PAREN, ")")
        if self.is_word("TO"):
            self._advance()
            end = self.expect_word(*UNITS)
            if end not in _FINER[unit]:
                raise syntax_error(f"an interval cannot go from {unit} to {end}", self.since(start))
            if self.symbol(TokenType.L_PAREN):
                if end != "SECOND":
                    raise syntax_error(f"{end} takes no precision after TO", self.since(start))
                fraction = self.unsigned("a precision")
                self.expect(TokenType.R_PAREN, ")")
        if lead is not None and not 1 <= lead <= 10:
            raise SqlSyntaxError(
                ErrorCode.LITERAL, f"an interval literal has 1 to 10 leading digits, not {lead}", self.since(start)
            )
        if fraction is not None and fraction > 3:
            raise SqlSyntaxError(
                ErrorCode.LITERAL, f"an interval literal has 0 to 3 fraction digits, not {fraction}", self.since(start)
            )
        return Qualifier(self.since(start), IntervalUnit[unit], IntervalUnit[end], lead, fraction)
