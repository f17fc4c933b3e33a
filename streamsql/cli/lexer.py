"""SQL as the prompt colours and splits it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pygments.lexers.sql import SqlLexer
from pygments.token import Comment, Error, Keyword, Name, Punctuation, Text, Whitespace, _TokenType


class StreamSqlLexer(SqlLexer):  # type: ignore[misc]
    """Standard SQL with the words of streams: STREAM, PUMP, ROWTIME, STAGGER and the like."""

    name = "streamsql"
    aliases: ClassVar[list[str]] = ["streamsql", "kinesis-sql"]
    filenames: ClassVar[list[str]] = []

    # fmt: off
    WORDS = frozenset((
        "ALLOW", "DISALLOW", "EXPEDITED", "MONOTONIC", "OVER", "PARTIAL", "PARTITION", "PRECEDING", "PUMP", "RANGE",
        "ROWS", "ROWTIME", "STAGGER", "STARTED", "STEP", "STOPPED", "STREAM", "WINDOW", "WINDOWED", "WITHIN",
    ))
    # fmt: on

    def get_tokens_unprocessed(
        self, text: str, stack: tuple[str, ...] = ("root",)
    ) -> Iterator[tuple[int, _TokenType, str]]:
        """The tokens of `text` with their offsets."""
        for offset, token, value in super().get_tokens_unprocessed(text, stack):
            yield offset, (Keyword if token in Name and value.upper() in self.WORDS else token), value


def next_statement(text: str) -> tuple[str | None, str]:
    """The first statement that ends with `;` (without it) and what follows; None and the rest when there is none.

    Semicolons in strings, quoted names and comments do not count, nor do any after a quote that is not closed. A rest
    of only white space and comments is empty.
    """
    start = 0
    is_blank = True
    for offset, token, value in StreamSqlLexer().get_tokens_unprocessed(text):
        if token in Error and value in "'\"":
            return None, text[start:]  # a quote not closed yet
        if token in Punctuation and ";" in value:
            end = offset + value.index(";")
            if not is_blank:
                return text[start:end].strip(), text[end + 1 :]
            start = end + 1
        elif token not in Comment and token not in Whitespace and token not in Text:
            is_blank = False
    return None, "" if is_blank else text[start:]


def split_statements(text: str) -> tuple[list[str], str]:
    """All statements that end with `;`, and what follows the last one, as `next_statement` has it."""
    statements: list[str] = []
    while True:
        statement, text = next_statement(text)
        if statement is None:
            return statements, text
        statements.append(statement)


def first_word(text: str) -> str:
    """The first word or sign of a statement in upper case, after white space and comments; empty without one."""
    for _, token, value in StreamSqlLexer().get_tokens_unprocessed(text):
        if token not in Comment and token not in Whitespace and token not in Text:
            return str(value).upper()
    return ""
