"""Errors and notes for people, on stderr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from streamsql.cli.exits import exit_code
from streamsql.errors import StreamSQLError

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = (
    (re.compile(r"^error\[\w+\]", re.M), "bold red"),
    (re.compile(r"^ +\| [ \t]*(\^+.*)$", re.M), "red"),
    (re.compile(r"^ +--> .*$", re.M), "cyan"),
    (re.compile(r"^ +(= hint:)", re.M), "bold green"),
)


def stderr_console() -> Console:
    """A console on stderr, where everything that is not a result goes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Write one remark to stderr."""
    typer.echo(text, err=True)


def show_error(error: StreamSQLError) -> None:
    """Draw an error on stderr, in colour on a terminal; the text is that of `str(error)`."""
    from rich.text import Text

    text = Text(str(error))
    for pattern, style in _STYLES:
        for match in pattern.finditer(text.plain):
            text.stylize(style, *match.span(match.lastindex or 0))
    stderr_console().print(text, soft_wrap=True)


@contextmanager
def errors_reported() -> Iterator[None]:
    """Turn a streamsql error into its text on stderr and its exit code; other exceptions pass."""
    try:
        yield
    except StreamSQLError as error:
        show_error(error)
        raise typer.Exit(exit_code(error)) from None
