"""The golden scripts: what is fed to an application, step by step, and what must have come out by then.

A script is a text file of commands; a command's block is indented by two spaces, its values separated by `|`. Times are
`HH:MM:SS[.SSS]` on 2026-01-01. `null` is NULL; text in single quotes is taken as it is, so `'x  '` keeps its blanks.

    stream TRADES (TICKER VARCHAR(4), PRICE DOUBLE)      an input stream and its columns
    dialect streamsql                                     default: kinesis, and the same in streamsql
    sql                                                   the application
      CREATE OR REPLACE STREAM OUT …;
    input TRADES                                          rows, ROWTIME first
      00:00:01 | AAA | 10.0
    watermark 00:00:10                                    an event-time bound on every input
    restart                                               save the state, start again from it
    expect OUT                                            exactly what OUT received since it was last asked, in order
      00:00:10 | AAA | 2
    errors LATE_ROW 1                                     so many more rows of this kind in error_stream
    end                                                   end of input: everything held is released

Streams that a script never asks about are not checked; error rows that it does not announce fail it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STREAM = re.compile(r'(?P<name>"[^"]+"|\w+)\s*\((?P<columns>.*)\)\s*\Z')


@dataclass(frozen=True)
class Command:
    """One command of a script: its line number, its words and the rows (or SQL) of its block."""

    line: int
    verb: str
    argument: str
    block: tuple[str, ...]

    @property
    def rows(self) -> list[list[str]]:
        """The block as cells."""
        return [[cell.strip() for cell in text.split("|")] for text in self.block]


@dataclass(frozen=True)
class Script:
    """A parsed script: the application and its inputs, then the steps."""

    path: Path
    sql: str
    dialects: tuple[str, ...]
    streams: tuple[tuple[str, str], ...]
    steps: tuple[Command, ...]


def _commands(text: str) -> list[Command]:
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            last = commands.pop()
            commands.append(Command(last.line, last.verb, last.argument, (*last.block, line[2:])))
            continue
        verb, _, argument = line.partition(" ")
        commands.append(Command(number, verb, argument.strip(), ()))
    return commands


def parse(path: Path) -> Script:
    """Read one script; raises ValueError naming the line of anything it does not understand."""
    sql: list[str] = []
    dialects: tuple[str, ...] = ("kinesis", "streamsql")
    streams: list[tuple[str, str]] = []
    steps: list[Command] = []
    for command in _commands(path.read_text()):
        match command.verb:
            case "sql":
                sql += command.block
            case "dialect":
                dialects = (command.argument,)
            case "stream":
                match = _STREAM.match(command.argument)
                if match is None:
                    raise ValueError(f"{path}:{command.line}: bad stream declaration")
                streams.append((match["name"].strip('"'), match["columns"]))
            case "input" | "watermark" | "restart" | "expect" | "errors" | "end":
                steps.append(command)
            case verb:
                raise ValueError(f"{path}:{command.line}: unknown command {verb!r}")
    return Script(path, "\n".join(sql), dialects, tuple(streams), tuple(steps))
