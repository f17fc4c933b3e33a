"""streamsql: streaming SQL for Python.

`run` and `query` take inputs that end and give tables; `Application` is a live application to embed. Names are loaded
on first use, so that importing the package costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamsql.app import Application, Result, query, run
    from streamsql.clock import Clock, ManualClock, SystemClock
    from streamsql.schema import Column, Schema
    from streamsql.spec import Dialect, RuntimeOptions

__version__ = "0.1.0"

__all__ = [
    "Application",
    "Clock",
    "Column",
    "Dialect",
    "ManualClock",
    "Result",
    "RuntimeOptions",
    "Schema",
    "SystemClock",
    "errors",
    "query",
    "run",
]

_HOMES = {
    "Application": "streamsql.app",
    "Result": "streamsql.app",
    "query": "streamsql.app",
    "run": "streamsql.app",
    "Clock": "streamsql.clock",
    "ManualClock": "streamsql.clock",
    "SystemClock": "streamsql.clock",
    "Column": "streamsql.schema",
    "Schema": "streamsql.schema",
    "Dialect": "streamsql.spec",
    "RuntimeOptions": "streamsql.spec",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("streamsql.errors")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'streamsql' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
