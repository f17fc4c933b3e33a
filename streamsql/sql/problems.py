"""Gathering everything that is wrong with a statement, so that it is reported at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from streamsql.errors import StreamSQLError
from streamsql.sql.catalog import AlreadyReported

P = ParamSpec("P")
T = TypeVar("T")


class Problems:
    """`errors` in the order they were found; `found_any` also counts what was reported for an earlier statement."""

    def __init__(self) -> None:
        self.errors: list[StreamSQLError] = []
        self.found_any = False

    def attempt(self, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `action` returns, or None after noting the error it raised."""
        try:
            return action(*args, **kwargs)
        except StreamSQLError as error:
            self.note(error)
        except AlreadyReported:
            self.found_any = True
        return None

    def note(self, error: StreamSQLError) -> None:
        """Add an error."""
        self.errors.append(error)
        self.found_any = True
