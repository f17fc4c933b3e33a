"""Gathering everything that is wrong with a statement, so that it is reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from streamsql.errors import StreamSQLError

A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")


class AlreadyReported(Exception):
    """A name refers to something whose own statement is wrong: saying that it is missing would only be noise."""


class SeveralErrors(Exception):
    """More than one thing is wrong with one expression; `errors` in order of evaluation."""

    def __init__(self, errors: Sequence[StreamSQLError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = tuple(errors)


def all_of(action: Callable[[A], T], values: Iterable[A]) -> tuple[T, ...]:
    """`action` of each value; raises only when all have been tried, so that every error is reported."""
    results: list[T] = []
    errors: list[StreamSQLError] = []
    is_reported = False
    for value in values:
        try:
            results.append(action(value))
        except StreamSQLError as error:
            errors.append(error)
        except SeveralErrors as several:
            errors += several.errors
        except AlreadyReported:
            is_reported = True
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SeveralErrors(errors)
    if is_reported:
        raise AlreadyReported
    return tuple(results)


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
        except SeveralErrors as several:
            for one in several.errors:
                self.note(one)
        except AlreadyReported:
            self.found_any = True
        return None

    def note(self, error: StreamSQLError) -> None:
        """Add an error."""
        self.errors.append(error)
        self.found_any = True
