"""The sqlglot dialects `kinesis` and `streamsql`: their tokens, and the cursor on which the grammar is written.

sqlglot accepts far more than our language and gives unknown statements back as opaque commands. Here its tokenizer
knows operators only (every word is a plain word, whose meaning the grammar decides where it stands) and every rule of
the grammar is ours, so nothing is accepted by accident.
"""

from __future__ import annotations

import re
from typing import ClassVar, NoReturn

import sqlglot.parser
from sqlglot import Token, Tokenizer, TokenType
from sqlglot.dialects.dialect import Dialect as SqlglotDialect
from sqlglot.errors import TokenError

from streamsql.errors import ErrorCode, Span, SqlSyntaxError, StreamSQLError
from streamsql.spec import Dialect
from streamsql.sql.spans import token_span

# A compiled sqlglot cannot be subclassed ("interpreted classes cannot inherit from compiled"): say so before trying.
if not str(sqlglot.parser.__file__).endswith(".py"):
    raise StreamSQLError(
        ErrorCode.MISSING_EXTRA,
        "the compiled sqlglot (package sqlglotc) cannot be extended by the SQL dialects of streamsql",
        hint="pip uninstall sqlglotc",
    )

_OPERATORS = {
    "<>": TokenType.NEQ,
    "!=": TokenType.NEQ,
    "<=": TokenType.LTE,
    ">=": TokenType.GTE,
    "||": TokenType.DPIPE,
}
_WORD = re.compile(r"[^\W\d]\w*\Z")


class KinesisTokenizer(Tokenizer):
    """Words, numbers, strings, quoted identifiers and operators; comments are `--`, `//` and `/* */`."""

    KEYWORDS: ClassVar[dict[str, TokenType]] = _OPERATORS
    COMMANDS: ClassVar[set[TokenType]] = set()
    COMMENTS: ClassVar[list[str | tuple[str, str]]] = ["--", "//", ("/*", "*/")]
    NESTED_COMMENTS = False
    STRING_ESCAPES: ClassVar[list[str]] = ["'"]
    HINT_START = ""


# sqlglot adds the comments of a templating language to every dialect; ours has none.
KinesisTokenizer._COMMENTS.pop("{#", None)
KinesisTokenizer._KEYWORD_TRIE.pop("{", None)


class Kinesis(SqlglotDialect):
    """The language of Kinesis Data Analytics for SQL applications."""

    Tokenizer = KinesisTokenizer


class Streamsql(Kinesis):
    """The superset: the same tokens."""


def syntax_error(message: str, span: Span, *, hint: str | None = None) -> SqlSyntaxError:
    """A SYNTAX error; the message is prefixed with the phrase every such error has."""
    return SqlSyntaxError(ErrorCode.SYNTAX, f"syntax error: {message}", span, hint=hint)


def not_supported(what: str, span: Span, *, hint: str | None = None, later: bool = True) -> SqlSyntaxError:
    """An UNSUPPORTED error naming the construct; `later` says that a coming version will have it."""
    when = " yet in this version" if later else ""
    return SqlSyntaxError(ErrorCode.UNSUPPORTED, f"{what} not supported{when}", span, hint=hint)


def tokenize(sql: str) -> list[Token]:
    """All tokens of a text; raises SqlSyntaxError at the first thing that is no token."""
    tokenizer = KinesisTokenizer(dialect=Kinesis)
    try:
        tokens = tokenizer.tokenize(sql)
    except TokenError:
        start = tokenizer._core._start
        what = {"'": "string", '"': "quoted identifier"}.get(sql[start : start + 1], "token")
        raise syntax_error(f"this {what} is not closed", Span(start, len(sql))) from None
    end = 0
    for token in tokens:
        _check_gap(sql, end, token.start)
        end = token.end + 1
        if token.token_type is TokenType.VAR and not _WORD.match(token.text):
            bad = next(i for i, c in enumerate(token.text) if not _WORD.match("a" + c))
            place = Span(token.start + bad, token.start + bad + 1)
            raise syntax_error(f"unexpected character {token.text[bad]!r}", place)
    _check_gap(sql, end, len(sql))
    return tokens


def _check_gap(sql: str, start: int, end: int) -> None:
    """Refuse a block comment that is never closed: sqlglot reads it to the end of the text without a word."""
    gap = sql[start:end]
    if "/*" not in gap:
        return
    at = start
    while at < end:
        if sql.startswith(("--", "//"), at):
            newline = sql.find("\n", at)
            at = end if newline < 0 else newline
        elif sql.startswith("/*", at):
            close = sql.find("*/", at + 2)
            if close < 0:
                raise syntax_error("this comment is not closed", Span(at, len(sql)))
            at = close + 2
        else:
            at += 1


class Cursor(sqlglot.parser.Parser):
    """A position in the tokens of one statement, with the tests and refusals the grammar is written in."""

    #: Nesting of parentheses, CASE and subqueries; deeper text would exhaust the interpreter's stack.
    MAX_DEPTH: ClassVar[int] = 40
    #: Operators in one left-associative chain, for the same reason (AND, OR and IN lists have no such limit).
    MAX_CHAIN: ClassVar[int] = 100

    def __init__(self, language: Dialect) -> None:
        super().__init__(dialect=Kinesis if language is Dialect.KINESIS else Streamsql)
        self.language = language
        self.depth = 0

    def load(self, tokens: list[Token], sql: str) -> None:
        """Start at the first of `tokens`, the tokens of one statement of `sql` without its semicolon."""
        self.reset()
        self.sql = sql
        self.depth = 0
        self._chunks = [tokens]
        self._chunk_index = 0
        self._advance_chunk()

    @property
    def index(self) -> int:
        """Number of the current token; give it to `_retreat` to come back."""
        return int(self._index)

    @property
    def at_end(self) -> bool:
        """All tokens of the statement are read."""
        return self._index >= self._tokens_size

    def here(self) -> Span:
        """The current token, or the end of the statement."""
        if not self.at_end:
            return token_span(self._curr)
        end = self._tokens[-1].end + 1 if self._tokens else 0
        return Span(max(end - 1, 0), end)

    def since(self, start: int) -> Span:
        """From token number `start` to the token read last."""
        first = self._tokens[min(start, len(self._tokens) - 1)]
        return Span(first.start, max(self._prev.end, first.end) + 1)

    def found(self) -> str:
        """The current token in words."""
        if self.at_end:
            return "the end of the statement"
        return repr(self.sql[self._curr.start : self._curr.end + 1]).replace('"', "'") if self._curr.text else "''"

    def is_word(self, *words: str) -> bool:
        """The current token is one of these words, unquoted."""
        return self._curr.token_type is TokenType.VAR and self._curr.text.upper() in words and not self.at_end

    def next_is_word(self, *words: str) -> bool:
        """The token after the current one is one of these words."""
        return self.index + 1 < self._tokens_size and (
            self._next.token_type is TokenType.VAR and self._next.text.upper() in words
        )

    def word(self, *words: str) -> str | None:
        """Read one of these words and return it in upper case; None leaves the cursor where it is."""
        if not self.is_word(*words):
            return None
        text = self._curr.text.upper()
        self._advance()
        return text

    def words(self, *words: str) -> bool:
        """Read all of these words in sequence, or none."""
        start = self.index
        for one in words:
            if self.word(one) is None:
                self._retreat(start)
                return False
        return True

    def symbol(self, token_type: TokenType) -> bool:
        """Read one token of this type."""
        return not self.at_end and bool(self._match(token_type))

    def is_symbol(self, token_type: TokenType) -> bool:
        """The current token is of this type."""
        return not self.at_end and self._curr.token_type is token_type

    def expect_word(self, *words: str) -> str:
        """Read one of these words or refuse."""
        text = self.word(*words)
        if text is None:
            self.expected(" or ".join(words))
        return text

    def expect(self, token_type: TokenType, text: str) -> None:
        """Read one token of this type, written `text`, or refuse."""
        if not self.symbol(token_type):
            self.expected(f"'{text}'")

    def expected(self, what: str) -> NoReturn:
        """Refuse the current token."""
        found = self.found()
        raise syntax_error(f"expected {what}, found {found}", self.here())

    def unsupported(self, what: str, start: int, *, hint: str | None = None, later: bool = True) -> NoReturn:
        """Refuse a construct by name; it began at token number `start`."""
        raise not_supported(what, self.since(start), hint=hint, later=later)

    def enter(self) -> None:
        """One level deeper; refuse text nested too deeply. Paired with `leave`."""
        self.depth += 1
        if self.depth > self.MAX_DEPTH:
            raise SqlSyntaxError(
                ErrorCode.TOO_LARGE, f"this is nested more than the limit of {self.MAX_DEPTH} levels", self.here()
            )

    def leave(self) -> None:
        """One level up."""
        self.depth -= 1

    def check_chain(self, operators: int) -> None:
        """Refuse a chain of more operators than the limit."""
        if operators > self.MAX_CHAIN:
            raise SqlSyntaxError(
                ErrorCode.TOO_LARGE,
                f"more than the limit of {self.MAX_CHAIN} operators without parentheses",
                self.here(),
            )
