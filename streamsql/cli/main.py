"""The commands. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

from typing import Annotated

import typer

from streamsql.cli.options import AppArgument, DialectName, DialectOption, InputOption, SchemaOption

app = typer.Typer(
    name="streamsql",
    help="Streaming SQL: runs Kinesis Data Analytics SQL applications, on Arrow, on your machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"streamsql {version('streamsql')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def run(
    path: AppArgument,
    inputs: InputOption = [],
    outputs: Annotated[
        list[str],
        typer.Option(
            "--output", "-o", metavar="NAME=URI",
            help="Where the rows of a stream go; NAME alone: to stdout. Without it: streams nobody reads, to stdout.",
        ),
    ] = [],
    schemas: SchemaOption = [],
    errors: Annotated[
        str | None, typer.Option(metavar="URI", help="Where the rows of error_stream go.")
    ] = None,
    dialect: DialectOption = DialectName.STREAMSQL,
    duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Stop and drain after this time.")
    ] = None,
    max_batch_rows: Annotated[
        int | None, typer.Option(min=1, metavar="ROWS", help="Rows per step at most.")
    ] = None,
    checks: Annotated[bool, typer.Option("--checks", help="Verify every operator's invariants while running.")] = False,
) -> None:
    """Run an application until its inputs end, or until Ctrl-C.

    On a terminal: a live table of the output streams. In a pipe: their rows as JSON lines, and nothing else on stdout.
    """
    from streamsql.cli.run import run_application

    run_application(
        path, inputs, outputs, schemas, errors, dialect, duration=duration, max_batch_rows=max_batch_rows, checks=checks
    )


@app.command()
def check(
    path: AppArgument,
    inputs: InputOption = [],
    schemas: SchemaOption = [],
    dialect: DialectOption = DialectName.STREAMSQL,
) -> None:
    """Say whether an application can run: what is refused and why, or its streams, pumps, state and warnings.

    Exits with 2 when it is refused.
    """
    from streamsql.cli.check import check_application

    check_application(path, inputs, schemas, dialect)


@app.command()
def explain(
    path: AppArgument,
    inputs: InputOption = [],
    schemas: SchemaOption = [],
    dialect: DialectOption = DialectName.STREAMSQL,
) -> None:
    """Print the plan: one line per operator with its columns, time column and what bounds its state."""
    from streamsql.cli.check import explain_application

    explain_application(path, inputs, schemas, dialect)


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="End after this time.")
    ] = None,
    rate: Annotated[int, typer.Option(min=1, metavar="ROWS", help="Rows per second.")] = 50,
    show_sql: Annotated[bool, typer.Option("--sql", help="Print the SQL of the demo and exit.")] = False,
) -> None:
    """Show a live stream of stock prices in a tumbling, a sliding and a stagger window.

    In a pipe: JSON lines with the name of the stream in "stream".
    """
    from streamsql.cli.demo import run_demo

    run_demo(seconds, rate, show_sql=show_sql)


@app.command()
def sql(
    inputs: InputOption = [],
    schemas: SchemaOption = [],
    dialect: DialectOption = DialectName.STREAMSQL,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="ROWS", help="Rows a SELECT shows before it stops; 20 at a prompt, else all."),
    ] = None,
) -> None:
    """Ask questions of files and live streams at a prompt.

    Without --input there is one live input, SOURCE_SQL_STREAM_001, from the stock-ticker demo.
    """
    from streamsql.cli.prompt import start_prompt

    start_prompt(inputs, schemas, dialect, limit)
