"""Where statements end, and how they begin."""

import pytest
from pygments.token import Keyword, Name

from streamsql.cli.lexer import StreamSqlLexer, first_word, split_statements


@pytest.mark.parametrize(
    ("text", "statements", "rest"),
    [
        ("", [], ""),
        ("SELECT 1", [], "SELECT 1"),
        ("SELECT 1;", ["SELECT 1"], ""),
        ("SELECT 1; -- done", ["SELECT 1"], ""),
        (";; SELECT 1;;", ["SELECT 1"], ""),
        ("SELECT ';' || 'it''s;' ; rest", ["SELECT ';' || 'it''s;'"], " rest"),
        ('CREATE STREAM "a;""b" (X INT);', ['CREATE STREAM "a;""b" (X INT)'], ""),
        ("SELECT 1 -- not; here\n;", ["SELECT 1 -- not; here"], ""),
        ("SELECT /* no; */ 1;", ["SELECT /* no; */ 1"], ""),
        ("SELECT 1; SELECT 'open;", ["SELECT 1"], " SELECT 'open;"),
        ("SELECT 1; SELECT /* open;", ["SELECT 1"], " SELECT /* open;"),
    ],
)
def test_split(text: str, statements: list[str], rest: str) -> None:
    assert split_statements(text) == (statements, rest)


def test_first_word() -> None:
    assert first_word(" -- hello\n/* there */ select x") == "SELECT"
    assert first_word("  ") == ""


def test_the_words_of_streams_are_keywords() -> None:
    tokens = {value: token for _, token, value in StreamSqlLexer().get_tokens_unprocessed("PUMP stagger ticker")}
    assert tokens["PUMP"] in Keyword
    assert tokens["stagger"] in Keyword
    assert tokens["ticker"] in Name
