"""Grammar of statements, and the text of an application to its statements.

Each statement is parsed on its own, so a syntax error in one does not hide those of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import Token, TokenType

from streamsql.errors import ErrorCode, Span, SqlSyntaxError
from streamsql.schema import ROWTIME
from streamsql.spec import Dialect
from streamsql.sql.dialect import not_supported, tokenize
from streamsql.sql.nodes import (
    AlterPump,
    ColumnDef,
    CreateFunction,
    CreatePump,
    CreateStream,
    CreateView,
    Drop,
    Expression,
    Insert,
    Name,
    Query,
    QueryStatement,
    Statement,
)
from streamsql.sql.parse_queries import QueryParser
from streamsql.sql.words import SYSTEM_COLUMNS

MAX_TEXT_BYTES = 100 * 1024
MAX_COLUMNS = 1000
_OTHER = """
SET DELETE UPDATE MERGE EXPLAIN GRANT REVOKE COMMIT ROLLBACK BEGIN START TRUNCATE DESCRIBE ANALYZE CALL SHOW USE
"""


class Parser(QueryParser):
    """Statements."""

    def statement(self) -> Statement:
        """The one statement of the loaded tokens."""
        start = self.index
        result = self._statement(start)
        if not self.at_end:
            self.expected("the end of the statement")
        return result

    def _statement(self, start: int) -> Statement:
        if self.word("CREATE"):
            return self._create(start)
        if self.word("ALTER"):
            return self._alter(start)
        if self.word("DROP"):
            return self._drop(start)
        if self.is_word("INSERT"):
            return self._insert()
        if self.is_word("SELECT", "WITH", "VALUES") or self.is_symbol(TokenType.L_PAREN):
            query = self.query()
            return QueryStatement(self.since(start), query)
        if self.is_word(*_OTHER.split()):
            self._refuse_statement(self._curr.text.upper(), start)
        self.expected("a statement")

    def _refuse_statement(self, what: str, start: int) -> Statement:
        self._advance()
        raise not_supported(f"the statement {what} is", self.since(start), later=False)

    # -- CREATE -------------------------------------------------------------------------------------------------------

    def _create(self, start: int) -> Statement:
        or_replace = self.words("OR", "REPLACE")
        if self.word("RENAME"):
            self.unsupported("RENAME is", start, later=False)
        if self.word("STREAM"):
            return self._create_stream(start, or_replace)
        if self.word("PUMP"):
            return self._create_pump(start, or_replace)
        if self.word("FUNCTION"):
            return CreateFunction(self.since(start), self._function_name())
        if self.word("VIEW"):
            if self.language is Dialect.KINESIS:
                self.unsupported("the statement CREATE VIEW is", start, later=False)
            name = self.object_name("a view name")
            columns = self.name_list() if self.is_symbol(TokenType.L_PAREN) else None
            self.expect_word("AS")
            query = self.query()
            return CreateView(self.since(start), name, or_replace, columns, query)
        if self.at_end or self._curr.token_type is not TokenType.VAR:
            self.expected("STREAM or PUMP")
        what = self._curr.text.upper()
        self._advance()
        later = self.language is Dialect.STREAMSQL and what == "TABLE"
        raise not_supported(f"the statement CREATE {what} is", self.since(start), later=later)

    def _function_name(self) -> Name:
        name = self.object_name("a function name")[-1]
        self._advance(self._tokens_size - self.index)
        return name

    def _create_stream(self, start: int, or_replace: bool) -> Statement:
        name = self.object_name("a stream name")
        if self.word("RENAME"):
            self.unsupported("RENAME is", start, later=False)
        self.expect(TokenType.L_PAREN, "(")
        columns = [self._column()]
        while self.symbol(TokenType.COMMA):
            columns.append(self._column())
            if len(columns) > MAX_COLUMNS:
                raise SqlSyntaxError(
                    ErrorCode.TOO_LARGE, f"a stream has more than the limit of {MAX_COLUMNS} columns", columns[-1].span
                )
        self.expect(TokenType.R_PAREN, ")")
        if self.is_word("WITH"):
            self._advance()
            self.unsupported("WITH ('connector' = …) is", self.index - 1)
        description, options = self._attributes()
        return CreateStream(self.since(start), name, or_replace, tuple(columns), description, options)

    def _column(self) -> ColumnDef:
        start = self.index
        if self.is_word("WATERMARK") and self.next_is_word("FOR"):
            self._advance(2)
            self.unsupported("WATERMARK FOR is", start)
        name = self.name("a column name", system=(ROWTIME,))
        data_type = self.type_name()
        is_nullable = True
        default: Expression | None = None
        description: str | None = None
        options: tuple[tuple[str, str], ...] = ()
        while True:
            if self.words("NOT", "NULL"):
                is_nullable = False
            elif self.word("NULL"):
                is_nullable = True
            elif self.word("DEFAULT"):
                default = self.additive()
            elif self.is_word("OPTIONS", "DESCRIPTION"):
                more, options = self._attributes()
                description = more if more is not None else description
            else:
                break
        return ColumnDef(self.since(start), name, data_type, is_nullable, default, options, description)

    def _attributes(self) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        """`DESCRIPTION '…'` and `OPTIONS (…)` in any order."""
        description: str | None = None
        options: list[tuple[str, str]] = []
        while True:
            if self.word("DESCRIPTION"):
                description = self.string()
            elif self.word("OPTIONS"):
                self.expect(TokenType.L_PAREN, "(")
                while not self.symbol(TokenType.R_PAREN):
                    key = self._option_name()
                    options.append((key, self.string("the value of the option")))
                    self.symbol(TokenType.COMMA)
            else:
                return description, tuple(options)

    def _option_name(self) -> str:
        if self.at_end or self._curr.token_type not in (TokenType.VAR, TokenType.IDENTIFIER):
            self.expected("the name of an option")
        text = str(self._curr.text)
        self._advance()
        return text

    def _create_pump(self, start: int, or_replace: bool) -> Statement:
        name = self.object_name("a pump name")
        state = self.word("STARTED", "STOPPED")
        description, options = self._attributes()
        self.expect_word("AS")
        if not self.is_word("INSERT"):
            self.expected("INSERT")
        insert = self._insert()
        return CreatePump(self.since(start), name, or_replace, state != "STOPPED", insert, description, options)

    # -- the rest -----------------------------------------------------------------------------------------------------

    def _insert(self) -> Insert:
        start = self.index
        self._advance()
        self.word("EXPEDITED")
        self.expect_word("INTO")
        target = self.object_name("a stream name")
        columns = None
        if self.is_symbol(TokenType.L_PAREN) and not self._query_follows():
            columns = self.name_list(system=SYSTEM_COLUMNS)
        query: Query = self.query()
        return Insert(self.since(start), target, columns, query)

    def _query_follows(self) -> bool:
        at = self.index
        while at < self._tokens_size and self._tokens[at].token_type is TokenType.L_PAREN:
            at += 1
        if at >= self._tokens_size or self._tokens[at].token_type is not TokenType.VAR:
            return False
        return self._tokens[at].text.upper() in ("SELECT", "VALUES", "WITH")

    def _alter(self, start: int) -> Statement:
        if not self.word("PUMP"):
            if self.at_end:
                self.expected("PUMP")
            self._refuse_statement(f"ALTER {self._curr.text.upper()}", start)
        pumps = [self.object_name("a pump name")]
        while self.symbol(TokenType.COMMA):
            pumps.append(self.object_name("a pump name"))
        action = self.expect_word("START", "STOP")
        return AlterPump(self.since(start), tuple(pumps), action == "START")

    def _drop(self, start: int) -> Statement:
        kind = self.word("STREAM", "PUMP", "FUNCTION", "VIEW")
        if kind is None:
            if self.at_end:
                self.expected("STREAM, PUMP or FUNCTION")
            self._refuse_statement(f"DROP {self._curr.text.upper()}", start)
        if_exists = self.words("IF", "EXISTS")
        name = self.object_name("a name")
        return Drop(self.since(start), str(kind), name, if_exists)


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """One statement, or why it could not be parsed.

    `creates` is the name after CREATE STREAM or CREATE PUMP even when the statement is broken, so that errors about a
    missing object are not reported on top of the real one.
    """

    span: Span
    statement: Statement | None
    error: SqlSyntaxError | None
    creates: str | None = None


def parse(sql: str, dialect: Dialect) -> list[ParsedStatement]:
    """The statements of an application in order; raises SqlSyntaxError for a text that cannot be cut into tokens."""
    size = len(sql.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise SqlSyntaxError(
            ErrorCode.TOO_LARGE, f"the SQL text has {size} bytes, over the limit of {MAX_TEXT_BYTES}", Span(0, 1)
        )
    parser = Parser(dialect)
    out = []
    for tokens in _split(tokenize(sql)):
        span = Span(tokens[0].start, tokens[-1].end + 1)
        parser.load(tokens, sql)
        try:
            out.append(ParsedStatement(span, parser.statement(), None))
        except SqlSyntaxError as error:
            out.append(ParsedStatement(span, None, error, _created_name(tokens)))
    return out


def _split(tokens: list[Token]) -> list[list[Token]]:
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


def _created_name(tokens: list[Token]) -> str | None:
    words = [token.text.upper() for token in tokens[:4]]
    if words[:1] != ["CREATE"]:
        return None
    at = 4 if words[1:3] == ["OR", "REPLACE"] else 2
    if len(tokens) <= at:
        return None
    token = tokens[at]
    return token.text if token.token_type is TokenType.IDENTIFIER else token.text.upper()
