"""How calls are computed on columns: one bind per function name, checked for totality against the registry.

Functions that look at errors and NULLs of single operands (AND, OR, IN, COALESCE, the IS forms) are evaluators of their
own in `streamsql.expr.compile`.
"""

from __future__ import annotations

from streamsql.expr.kernels import comparisons, datetimes, numbers, strings
from streamsql.expr.kernels.interface import Bind

_BINDS: dict[str, Bind] = {**numbers.BINDS, **comparisons.BINDS, **datetimes.BINDS, **strings.BINDS}


def bind_of(name: str) -> Bind:
    """The bind of a function; KeyError when it has none."""
    return _BINDS[name]


def names() -> frozenset[str]:
    """Every function that has a kernel."""
    return frozenset(_BINDS)
