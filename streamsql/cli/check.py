"""`streamsql check` and `streamsql explain`: what an application is, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from streamsql.cli.options import DialectName, OpenedApplication, open_application, output_streams, pairs, read_sql
from streamsql.cli.report import errors_reported

if TYPE_CHECKING:
    from streamsql.plan.physical import ApplicationPlan, PhysicalNode


def _opened(path: str, inputs: list[str], schemas: list[str], dialect: DialectName) -> OpenedApplication:
    from streamsql.clock import SystemClock

    text, name = read_sql(path)
    application = open_application(
        text, name, dialect, pairs(inputs, "--input"), pairs(schemas, "--schema"), SystemClock()
    )
    application.close()
    return application


def check_application(path: str, inputs: list[str], schemas: list[str], dialect: DialectName) -> None:
    """Print a description, or the refusals on stderr; exits with 2 in that case."""
    with errors_reported():
        application = _opened(path, inputs, schemas, dialect)
        typer.echo("\n".join(describe(application)))


def explain_application(path: str, inputs: list[str], schemas: list[str], dialect: DialectName) -> None:
    """Print the plan as text; the same text always for the same application."""
    with errors_reported():
        from streamsql.plan.explain import explain

        typer.echo(explain(_opened(path, inputs, schemas, dialect).plan))


def describe(application: OpenedApplication) -> Iterator[str]:
    """The lines that `check` prints for an application that can run."""
    plan = application.plan
    yield f"{application.name}: can run ({application.dialect.value} dialect)"
    reads = {source.name for source in plan.sources}
    inputs = application.schemas.items()
    yield from _section("inputs", [(n, f"({schema}){'' if n in reads else '  not read'}") for n, schema in inputs])
    outputs = set(output_streams(plan))
    rows = []
    for name, schema in plan.streams:
        role = "  output" if name in outputs else "" if name in plan.nodes else "  never written"
        rows.append((name, f"({schema}){role}"))
    yield from _section("streams", rows)
    yield from _section(
        "pumps", [(pump.name, f"-> {pump.target}{'' if pump.is_running else '  stopped'}") for pump in plan.pumps]
    )
    yield from _section("state", _state(plan))
    yield from _section("warnings", [(warning, "") for warning in plan.warnings])


def _section(title: str, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"{title}:"
    width = max(len(name) for name, _ in rows)
    for name, rest in rows:
        yield f"  {name:<{width}}  {rest}".rstrip()


def _state(plan: ApplicationPlan) -> list[tuple[str, str]]:
    """Each operator that keeps rows, with the pump it works for and what bounds it."""
    rows: list[tuple[str, str]] = []
    for node in _nodes(plan):
        if node.state_bound != "none":
            rows.append((node.label, f"{node.state_bound}" + (f"  (pump {node.pump})" if node.pump else "")))
    return rows or [("none", "no operator keeps rows")]


def _nodes(plan: ApplicationPlan) -> Iterator[PhysicalNode]:
    """Every operator once, those nearer to the sources first."""
    seen: set[int] = set()

    def below(node: PhysicalNode) -> Iterator[PhysicalNode]:
        if id(node) not in seen:
            seen.add(id(node))
            for child in node.inputs:
                yield from below(child)
            yield node

    for stream in plan.nodes.values():
        yield from below(stream)
