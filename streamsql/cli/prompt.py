"""`streamsql sql`: the prompt, with history, colours and completion; or statements from a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streamsql.cli.exits import Exit
from streamsql.cli.lexer import StreamSqlLexer, next_statement, split_statements
from streamsql.cli.options import DialectName, pairs
from streamsql.cli.report import errors_reported, note
from streamsql.cli.session import SqlSession, demo_input

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.output import Output

_DEFAULT_LIMIT = 20


def start_prompt(inputs: list[str], schemas: list[str], dialect: DialectName, limit: int | None) -> None:
    """Answer what is typed, or the statements on stdin when that is no terminal; leaves with an exit code of `Exit`."""
    given = pairs(inputs, "--input") or demo_input()
    with errors_reported():
        is_interactive = sys.stdin.isatty()
        if limit is None and is_interactive:
            limit = _DEFAULT_LIMIT
        session = SqlSession(given, pairs(schemas, "--schema"), dialect, limit)
        if is_interactive:
            names = ", ".join(given)
            note(f"streamsql prompt over {names}. End statements with ;  \\help for help, \\quit to leave.")
            ask(session, make_prompt(session))
        else:
            answer_script(session, sys.stdin.read())
            raise typer.Exit(session.worst)


def answer_script(session: SqlSession, text: str) -> None:
    """Do all statements and commands of a text (a command takes one line); stops at the first that fails."""
    while text.strip() and not session.is_over and not session.worst:
        if text.lstrip().startswith("\\"):
            line, _, text = text.lstrip().partition("\n")
            session.execute(line.strip())
            continue
        statement, text = next_statement(text)
        if statement is None:
            statement, text = text.strip(), ""
        if statement:
            session.execute(statement)


def ask(session: SqlSession, prompt: PromptSession[str]) -> None:
    r"""Read and answer until \quit or the end of the input; Ctrl-C clears the line."""
    while not session.is_over:
        try:
            text = prompt.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        session.worst = Exit.OK
        answer_script(session, text)


def make_prompt(
    session: SqlSession, *, terminal_in: Input | None = None, terminal_out: Output | None = None
) -> PromptSession[str]:
    """The prompt of a terminal; another terminal can be given for tests."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory, InMemoryHistory
    from prompt_toolkit.lexers import PygmentsLexer

    path = history_path() if terminal_in is None else None
    return PromptSession(
        message="streamsql> ",
        prompt_continuation=lambda width, line, wrapped: "...> ".rjust(width),
        lexer=PygmentsLexer(StreamSqlLexer),
        completer=WordCompleter(_vocabulary(session), ignore_case=True),
        complete_while_typing=False,
        history=InMemoryHistory() if path is None else FileHistory(str(path)),
        multiline=True,
        key_bindings=_keys(),
        input=terminal_in,
        output=terminal_out,
    )


def history_path() -> Path | None:
    """The file of the history, below XDG_STATE_HOME or ~/.local/state; None when its folder cannot be made."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(state) / "streamsql"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder / "history"


def _vocabulary(session: SqlSession) -> Callable[[], list[str]]:
    from streamsql.expr.functions import function_names

    keywords = [
        *StreamSqlLexer.WORDS, "AS", "BETWEEN", "BY", "CASE", "CREATE", "ELSE", "END", "FROM", "GROUP", "HAVING",
        "INSERT", "INTERVAL", "INTO", "OR", "REPLACE", "SELECT", "THEN", "UNION ALL", "WHEN", "WHERE",
        "\\explain", "\\help", "\\limit", "\\quit", "\\reset", "\\tables",
    ]  # fmt: skip
    return lambda: sorted({*keywords, *function_names(), *session.words()})


def _keys() -> KeyBindings:
    """Enter ends the input when it is blank, a command, or ends with a semicolon; else it begins a new line."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _enter(event: KeyPressEvent) -> Any:
        buffer = event.current_buffer
        text = buffer.text.strip()
        statements, rest = split_statements(text)
        if not text or text.startswith("\\") or (statements and not rest.strip()):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys
