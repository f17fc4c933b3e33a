"""The exceptions of streamsql, their codes, and how an error is drawn under the SQL it is about.

Codes are grouped by the stage that found the problem: S1 parse, S2 bind, S3 plan, S4 run, S5 connector, S6 state,
S7 template. The text of an error has a short primary line (lower case, no full stop), the place, what was found and
what was expected, and a hint when following it helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of character offsets `[start, end)` in one SQL text."""

    start: int
    end: int

    def union(self, other: Span | None) -> Span:
        """The smallest span that covers both."""
        if other is None:
            return self
        return Span(min(self.start, other.start), max(self.end, other.end))


class ErrorCode(Enum):
    """Every error code: `value` is the printed code, `phrase` a fixed text each such message contains (or None).

    The phrases are those of the language reference §14; applications and tests search for them.
    """

    SYNTAX = ("S1001", "syntax")
    RESERVED = ("S1002", "reserved")
    LITERAL = ("S1003", "literal")
    INTERVAL_PRECISION = ("S1004", "exceeds precision")
    UNSUPPORTED = ("S1005", "not supported")
    TOO_LARGE = ("S1006", "limit")
    NOT_FOUND = ("S2001", "not found")
    AMBIGUOUS = ("S2002", "ambiguous")
    EXISTS = ("S2003", "already exists")
    REDEFINED = ("S2004", "redefined")
    COUNT_MISMATCH = ("S2005", "number of")
    ASSIGN = ("S2006", "cannot assign")
    TYPES = ("S2007", "cannot apply")
    CAST = ("S2008", "cannot cast")
    COLUMN_TYPE = ("S2009", None)
    NOT_NULL_OMITTED = ("S2010", "not null")
    UDF = ("S2011", "function")
    GROUP_MONOTONIC = ("S3001", "monotonic")
    GROUP_ROWTIME = ("S3002", "rowtime")
    NOT_GROUPED = ("S3003", "not being grouped")
    AGG_PLACE = ("S3004", "aggregate")
    DISTINCT_AGG = ("S3005", "distinct")
    HAVING = ("S3006", "having")
    FRAME = ("S3007", "window")
    SETOP = ("S3008", "union all")
    STREAM_SUBQUERY = ("S3009", "stream")
    OUTER_TABLE = ("S3010", "join")
    CYCLE = ("S3011", "cycle")
    RUN_FAILED = ("S4001", None)
    INVARIANT = ("S4002", None)
    APPLICATION_STATE = ("S4003", None)
    AMBIGUOUS_OUTPUT = ("S4004", None)
    SOURCE = ("S5001", None)
    SINK = ("S5002", None)
    URI = ("S5003", None)
    SCHEMA = ("S5004", None)
    MISSING_EXTRA = ("S5005", None)
    STATE = ("S6001", None)
    TEMPLATE = ("S7001", None)

    def __init__(self, code: str, phrase: str | None) -> None:
        self.code = code
        self.phrase = phrase


class RowError(IntEnum):
    """Why one row failed at run time: the values of `error_stream.ERROR_NAME` (language reference §15).

    The integer is what compiled kernels write into their per-row error arrays; 0 means no error.
    """

    DIVISION_BY_ZERO = 1
    NUMERIC_OVERFLOW = 2
    INVALID_CAST = 3
    STRING_TOO_LONG = 4
    INVALID_PATTERN = 5
    NOT_NULL_VIOLATION = 6
    LATE_ROW = 7
    ROW_TOO_LARGE = 8
    COERCION_ERROR = 9
    PARSE_ERROR = 10
    INVALID_ARGUMENT = 11
    NULL_ROWTIME = 12


class StreamSQLError(Exception):
    """Base of every error streamsql raises on purpose.

    Attributes: `error_code` (an `ErrorCode`), `code` ("S2001"), `message` (the primary line), `span`, `line` and
    `column` (1-based, None without a place), `hint`, `detail`. `str()` renders all of it; with `source` attached (see
    `with_source`) the offending line is drawn with carets.
    """

    def __init__(
        self,
        error_code: ErrorCode,
        message: str,
        span: Span | None = None,
        *,
        hint: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.message = message
        self.span = span
        self.hint = hint
        self.detail = detail
        self.source: str | None = None
        self.source_name = "<sql>"

    @property
    def code(self) -> str:
        """The printed code, for example `S2001`."""
        return self.error_code.code

    @property
    def line(self) -> int | None:
        """1-based line of the start of the span, or None."""
        place = self._place()
        return None if place is None else place[0]

    @property
    def column(self) -> int | None:
        """1-based column of the start of the span, or None."""
        place = self._place()
        return None if place is None else place[1]

    def _place(self) -> tuple[int, int] | None:
        if self.span is None or self.source is None:
            return None
        before = self.source[: self.span.start]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def with_source(self, source: str, name: str = "<sql>") -> StreamSQLError:
        """Attach the SQL text the span refers to (only if none is attached yet) and return self."""
        if self.source is None:
            self.source = source
            self.source_name = name
        return self

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        place = self._place()
        if place is not None and self.source is not None and self.span is not None:
            line_no, column = place
            text = self.source.split("\n")[line_no - 1].rstrip("\r")
            width = max(1, min(self.span.end - self.span.start, len(text) - column + 1))
            gutter = str(line_no)
            lines.append(f"  --> {self.source_name}:{line_no}:{column}")
            lines.append(f" {gutter} | {text}")
            pad = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
            suffix = f" {self.detail}" if self.detail else ""
            lines.append(f" {' ' * len(gutter)} | {pad}{'^' * width}{suffix}")
        elif self.detail:
            lines.append(f"   = {self.detail}")
        if self.hint:
            lines.append(f"   = hint: {self.hint}")
        return "\n".join(lines)


class SqlSyntaxError(StreamSQLError):
    """The text is not SQL of the chosen dialect (S1)."""


class BindError(StreamSQLError):
    """A name, type or count in the SQL is wrong (S2)."""


class PlanError(StreamSQLError):
    """The query is well formed but cannot be run as a stream (S3)."""


class CompileErrors(StreamSQLError):
    """Everything that is wrong with an application: `errors` in order of position; never empty.

    The attributes of this exception are those of the first error.
    """

    def __init__(self, errors: Sequence[StreamSQLError]) -> None:
        first = errors[0]
        super().__init__(first.error_code, first.message, first.span, hint=first.hint, detail=first.detail)
        self.errors = tuple(errors)
        self.source = first.source
        self.source_name = first.source_name

    def with_source(self, source: str, name: str = "<sql>") -> StreamSQLError:
        """Attach the SQL text to every error."""
        for error in self.errors:
            error.with_source(source, name)
        return super().with_source(source, name)

    def __str__(self) -> str:
        return "\n\n".join(str(error) for error in self.errors)


class RunError(StreamSQLError):
    """Running the application failed as a whole (S4); single failing rows go to `error_stream` instead."""


class ConnectorError(StreamSQLError):
    """A source or sink failed (S5). `retryable` says whether trying again may help."""

    def __init__(
        self,
        error_code: ErrorCode,
        message: str,
        span: Span | None = None,
        *,
        hint: str | None = None,
        detail: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(error_code, message, span, hint=hint, detail=detail)
        self.retryable = retryable


class StateError(StreamSQLError):
    """Saved state cannot be used (S6)."""
