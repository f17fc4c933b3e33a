"""SQL as the prompt colours and splits it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pygments.lexers.sql import SqlLexer
from pygments.token import Comment, Error, Keyword, Name, Punctuation, Text, Whitespace, _TokenType


class StreamSqlLexer(SqlLexer):
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


def split_statements(text: str) -> tuple[list[str], str]:
    """The statements that end with `;` (without it), and what follows the last one.

    Semicolons in strings, quoted names and comments do not count, nor do any after a quote that is not closed. A rest
    of only white space and comments is empty.
    """
    statements: list[str] = []
    start = 0
    is_blank = True
    for offset, token, value in StreamSqlLexer().get_tokens_unprocessed(text):
        if token in Error and value in "'\"":
            return statements, text[start:]  # a quote not closed yet
        if token in Punctuation and ";" in value:
            end = offset + value.index(";")
            if not is_blank:
                statements.append(text[start:end].strip())
            start, is_blank = end + 1, True
        elif token not in Comment and token not in Whitespace and token not in Text:
            is_blank = False
    return statements, "" if is_blank else text[start:]
