"""What the prompt of `streamsql sql` does with what is typed; knows nothing of the terminal it is typed on."""

from __future__ import annotations

import sys

import typer

from streamsql.cli.exits import Exit, exit_code
from streamsql.cli.lexer import first_word
from streamsql.cli.options import DialectName, OpenedApplication, open_application
from streamsql.cli.report import note, show_error
from streamsql.errors import StreamSQLError

HELP = """\
Statements end with a semicolon:
  SELECT ... ;                  shows rows until Ctrl-C or the limit
  CREATE STREAM/PUMP ... ;      are kept for the SELECTs that follow
Commands:
  \\tables          the inputs and streams with their columns
  \\explain SELECT  the plan of a query
  \\limit N         rows a SELECT shows before it stops
  \\reset           forget the streams and pumps
  \\help, \\quit"""


class SqlSession:
    """The inputs, the statements kept so far, and the answers.

    `limit` is the number of rows a SELECT shows, None for all. `worst` is the exit code of the first thing that failed.
    """

    def __init__(
        self, inputs: dict[str, str], schemas: dict[str, str], dialect: DialectName, limit: int | None
    ) -> None:
        from streamsql.clock import SystemClock

        self._inputs = inputs
        self._schemas = schemas
        self._dialect = dialect
        self._clock = SystemClock()
        self.limit = limit
        self.statements: list[str] = []
        self.worst = Exit.OK
        self.is_over = False
        # The inputs are opened once here, so that a wrong URI is said at the start and names can be completed.
        self._known = self._closed("")

    def execute(self, text: str) -> None:
        """Do one statement (without its semicolon) or one command; errors are shown, not raised."""
        try:
            if text.startswith("\\"):
                self._command(text)
            elif first_word(text) in ("SELECT", "WITH", "VALUES", "("):
                self._select(text)
            else:
                self._keep(text)
        except StreamSQLError as error:
            show_error(error)
            self._failed(exit_code(error))

    def words(self) -> list[str]:
        """Names that can be completed: inputs, streams and their columns."""
        plan = self._known.plan
        schemas = [*self._known.schemas.items(), *plan.streams]
        return sorted({name for name, _ in schemas} | {column.name for _, schema in schemas for column in schema})

    def _failed(self, code: Exit) -> None:
        if self.worst is Exit.OK:
            self.worst = code

    def _command(self, text: str) -> None:
        command, _, rest = text[1:].partition(" ")
        rest = rest.strip().rstrip(";")
        match command.strip().rstrip(";"):
            case "help" | "h" | "?":
                typer.echo(HELP)
            case "quit" | "q" | "exit":
                self.is_over = True
            case "tables" | "t":
                typer.echo("\n".join(self._tables()))
            case "explain" if rest:
                from streamsql.plan.explain import explain

                typer.echo(explain(self._closed(rest).plan))
            case "limit" if rest.isdecimal() and int(rest) > 0:
                self.limit = int(rest)
            case "reset":
                self.statements.clear()
                self._known = self._closed("")
            case _:
                note(f"unknown command {text!r}; \\help lists the commands")
                self._failed(Exit.REFUSED)

    def _tables(self) -> list[str]:
        plan = self._known.plan
        rows = [(name, "input", schema) for name, schema in self._known.schemas.items()]
        rows += [(name, "stream", schema) for name, schema in plan.streams]
        width = max((len(name) for name, _, _ in rows), default=0)
        return [f"{name:<{width}}  {kind:<6}  ({schema})" for name, kind, schema in rows]

    def _open(self, last: str) -> OpenedApplication:
        text = "".join(f"{statement};\n" for statement in (*self.statements, last) if statement)
        dialect = DialectName.STREAMSQL if first_word(last) == "SELECT" else self._dialect
        return open_application(text, "<prompt>", dialect, self._inputs, self._schemas, self._clock)

    def _closed(self, last: str) -> OpenedApplication:
        application = self._open(last)
        application.close()
        return application

    def _keep(self, statement: str) -> None:
        self._known = self._closed(statement)
        self.statements.append(statement)
        note(f"kept; {len(self.statements)} {'statement' if len(self.statements) == 1 else 'statements'} so far")

    def _select(self, query: str) -> None:
        from streamsql.cli.run import execute

        application = self._open(query)
        if not application.sources:
            application.close()
            note("there is no input to read; give --input NAME=URI")
            self._failed(Exit.REFUSED)
            return
        views = None
        if sys.stdout.isatty():
            from streamsql.cli.views import FirstRows

            views = [FirstRows("RESULT", limit=self.limit or 20)]
        code = execute(application, self._clock, {"RESULT": None}, views=views, max_rows=self.limit)
        if code in (Exit.PIPE_CLOSED, Exit.TERMINATED):
            self.is_over = True
            self._failed(code)


def demo_input() -> dict[str, str]:
    """The input there is when none is given: the live stock ticker."""
    from streamsql.cli.demo import INPUT

    return {INPUT: "demo:stock-ticker"}
