"""`streamsql demo`: the stock ticker through the three kinds of window, from a plain install."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import typer

from streamsql.cli.options import DialectName, open_application
from streamsql.cli.report import errors_reported

if TYPE_CHECKING:
    from streamsql.cli.views import StreamView

INPUT = "SOURCE_SQL_STREAM_001"


def demo_sql() -> str:
    """The SQL of the demo."""
    return files("streamsql.cli").joinpath("demo.sql").read_text(encoding="utf-8")


def run_demo(seconds: float | None, rate: int, *, show_sql: bool) -> None:
    """Run the demo until Ctrl-C or for `seconds`; leaves with an exit code of `Exit`."""
    if show_sql:
        typer.echo(demo_sql(), nl=False)
        return
    from streamsql.cli.run import execute
    from streamsql.clock import SystemClock

    clock = SystemClock()
    with errors_reported():
        application = open_application(
            demo_sql(), "demo.sql", DialectName.KINESIS, {INPUT: f"demo:stock-ticker?rate={rate}"}, {}, clock
        )
        streams = dict.fromkeys(name for name, _ in application.plan.streams)
        code = execute(application, clock, streams, duration=seconds, views=_views())
    raise typer.Exit(code)


def _views() -> list[StreamView]:
    from rich.console import Console

    from streamsql.cli.views import StreamView, rows_per_view

    limit = rows_per_view(Console(), 3)
    return [
        StreamView("TUMBLING", key="TICKER", limit=limit, title="TUMBLING  prices of the last 2 s, per ticker"),
        StreamView("SLIDING", limit=limit, title="SLIDING  each trade and the last 10 s of its ticker"),
        StreamView("STAGGER", key="SECTOR", limit=limit, title="STAGGER  3 s from a sector's first trade"),
    ]
