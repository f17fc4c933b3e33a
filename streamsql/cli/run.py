"""`streamsql run`: sources to sinks, with a live screen on a terminal and JSON lines in a pipe."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from streamsql.cli.exits import Exit
from streamsql.cli.options import DialectName, OpenedApplication, open_application, output_streams, pairs, read_sql
from streamsql.cli.report import errors_reported, note, stderr_console
from streamsql.cli.watch import ErrorSummary, LimitedSink, LineSink, WatchedSource

if TYPE_CHECKING:
    from streamsql.app import Application
    from streamsql.cli.views import StreamView
    from streamsql.clock import Clock
    from streamsql.connectors.base import Sink


def run_application(
    path: str,
    inputs: list[str],
    outputs: list[str],
    schemas: list[str],
    errors: str | None,
    dialect: DialectName,
    *,
    duration: float | None,
    max_batch_rows: int | None,
    checks: bool,
) -> None:
    """Run the application in a file; leaves with an exit code of `Exit`."""
    from streamsql.clock import SystemClock

    text, name = read_sql(path)
    clock = SystemClock()
    options: dict[str, Any] = {"checks": checks}
    if max_batch_rows is not None:
        options["max_batch_rows"] = max_batch_rows
    with errors_reported():
        application = open_application(
            text, name, dialect, pairs(inputs, "--input"), pairs(schemas, "--schema"), clock
        )
        try:
            unfed = [source.name for source in application.plan.sources if source.name not in application.sources]
            if unfed or not application.sources:
                names = ", ".join(unfed) or "none is given"
                raise typer.BadParameter(f"no URI for the inputs the SQL reads: {names}", param_hint="--input")
            chosen = _destinations(application, outputs)
        except BaseException:
            application.close()
            raise
        for warning in application.plan.warnings:
            note(f"warning: {warning}")
        code = execute(application, clock, chosen, errors=errors, duration=duration, options=options)
    raise typer.Exit(code)


def _destinations(application: OpenedApplication, outputs: Sequence[str]) -> dict[str, str | None]:
    """Where the rows of which stream go: a URI, or None for the screen or JSON lines on standard output."""
    streams = [name for name, _ in application.plan.streams]
    if not outputs:
        chosen: dict[str, str | None] = dict.fromkeys(output_streams(application.plan))
        if not chosen:
            raise typer.BadParameter(f"{application.name} writes no stream", param_hint="APP.sql")
        return chosen
    chosen = {}
    for output in outputs:
        name, equals, uri = output.partition("=")
        if name in chosen:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint="--output")
        if name not in streams:
            raise typer.BadParameter(
                f"the application has no stream {name!r}; its streams are {', '.join(streams) or 'none'}",
                param_hint="--output",
            )
        if equals and not uri:
            raise typer.BadParameter(f"expected NAME=URI or NAME, got {output!r}", param_hint="--output")
        chosen[name] = uri if equals else None
    return chosen


def execute(
    application: OpenedApplication,
    clock: Clock,
    destinations: Mapping[str, str | None],
    *,
    errors: str | None = None,
    duration: float | None = None,
    options: Mapping[str, Any] | None = None,
    views: Sequence[StreamView] | None = None,
    max_rows: int | None = None,
) -> Exit:
    """Run until the inputs end, a signal comes or the reader of stdout goes away; the sources are closed.

    `views` replaces the tables shown on a terminal. The run stops once a stream without a URI has given `max_rows`
    rows. Raises the errors of the run.
    """
    from streamsql.app import Application
    from streamsql.connectors.uri import open_sink

    on_terminal = sys.stdout.isatty()
    to_stdout = [name for name, uri in destinations.items() if uri is None]
    sinks: dict[str, Sink] = {name: open_sink(uri) for name, uri in destinations.items() if uri is not None}
    shown: list[StreamView] = []
    if on_terminal:
        from streamsql.cli.views import default_views

        shown = default_views(to_stdout) if views is None else list(views)
        sinks.update({view.name: view for view in shown})
    else:
        lock = threading.Lock()
        for name in to_stdout:
            sinks[name] = LineSink(open_sink("-"), lock, name if len(to_stdout) > 1 else None)
    if max_rows is not None:
        for name in to_stdout:
            sinks[name] = LimitedSink(sinks[name], max_rows, lambda: app.stop())
    summary = ErrorSummary(None if errors is None else open_sink(errors))
    sinks["error_stream"] = summary
    sources = {name: WatchedSource(source, clock, duration) for name, source in application.sources.items()}
    app = Application(
        application.sql,
        schemas=application.schemas,
        dialect=application.dialect,
        sources=sources,
        sinks=sinks,
        options=options,
        clock=clock,
        name=application.name,
    )
    started = time.monotonic()
    try:
        with _display(app, shown, on_terminal=on_terminal):
            code = asyncio.run(_drive(app, sources))
    finally:
        for line in summary.lines():
            note(line)
        app.close()
    if on_terminal and code is not Exit.PIPE_CLOSED:
        rows = sum(each.rows for each in app.metrics().inputs)
        seconds = time.monotonic() - started
        note(f"{rows:,} rows read in {seconds:.1f} s ({rows / max(seconds, 1e-9):,.0f} rows/s)")
    return code


async def _drive(app: Application, sources: Mapping[str, WatchedSource]) -> Exit:
    """Run the application; the first signal drains, a second one stops at once."""
    from streamsql.connectors.stdio import ReaderGoneError

    signals: list[int] = []
    task = asyncio.create_task(app.arun_forever())
    await asyncio.sleep(0)  # the application has installed its own handlers now; these say which signal it was

    def on_signal(number: int) -> None:
        signals.append(number)
        if len(signals) == 1:
            app.stop()
        else:
            task.cancel()

    if not task.done():
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    try:
        await task
    except ReaderGoneError:
        return Exit.PIPE_CLOSED
    except asyncio.CancelledError:
        if not signals:
            raise
    if signals and not all(source.has_ended for source in sources.values()):
        return Exit.INTERRUPTED if signals[0] == signal.SIGINT else Exit.TERMINATED
    return Exit.OK


@dataclass
class _Status:
    """The line under the tables: rows read and their rate, rows that failed, how far finite inputs are read."""

    app: Application

    def __post_init__(self) -> None:
        from streamsql.cli.views import Rate

        self._rate = Rate()

    def __call__(self, now: float) -> str:
        metrics = self.app.metrics()
        rows = sum(each.rows for each in metrics.inputs)
        parts = [f"{rows:,} rows in, {self._rate.reading(rows, now):,.0f}/s"]
        if metrics.error_rows:
            parts.append(f"{metrics.error_rows:,} to error_stream")
        known = [each.progress for each in metrics.inputs if each.progress is not None]
        if known:
            done = sum(known) / len(known)
            width = 24
            parts.append(f"[{'#' * round(done * width):<{width}}] {done:.0%}")
        return "  ".join(parts)


def _display(app: Application, views: Sequence[StreamView], *, on_terminal: bool) -> AbstractContextManager[object]:
    """The live screen: tables on a terminal, else a line on stderr if that is one, else nothing."""
    if not on_terminal and not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.live import Live

    from streamsql.cli.views import screen

    console = Console(highlight=False) if on_terminal else stderr_console()
    # On stderr the line goes away at the end; the tables on stdout stay, as the result.
    return Live(
        console=console, get_renderable=screen(views, _Status(app)), refresh_per_second=8, transient=not on_terminal,
        redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop",
    )  # fmt: skip
