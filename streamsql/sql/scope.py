"""What names mean inside one SELECT: the relation in FROM, its columns and its time."""

from __future__ import annotations

from dataclasses import dataclass

from streamsql.errors import BindError, ErrorCode, Span
from streamsql.expr.nodes import Column, Expr, Rowtime
from streamsql.plan.logical import LogicalNode
from streamsql.plan.monotonic import NONE, Monotonicity
from streamsql.schema import ROWTIME
from streamsql.sql.nodes import ColumnRef
from streamsql.sql.spans import did_you_mean
from streamsql.sql.words import METADATA_COLUMNS
from streamsql.types import TIMESTAMP, SqlType


@dataclass(frozen=True, slots=True)
class OutputRowtime(Expr):
    """Bare ROWTIME in a select list: the ROWTIME of the output row (language reference §8.1). Gone after binding."""

    span: Span | None = None
    type: SqlType = TIMESTAMP


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column that can be named; `index` is its position in the relation's plan."""

    name: str
    index: int
    type: SqlType
    is_nullable: bool
    monotonicity: Monotonicity = NONE


@dataclass(frozen=True, slots=True)
class Relation:
    """What stands in FROM; `name` is its correlation name, None for a subquery without an alias."""

    name: str | None
    plan: LogicalNode
    columns: tuple[RelationColumn, ...]

    @property
    def monotonicities(self) -> tuple[Monotonicity, ...]:
        """By position in the plan's schema."""
        found = {column.index: column.monotonicity for column in self.columns}
        return tuple(found.get(i, NONE) for i in range(len(self.plan.schema)))

    def column(self, column: RelationColumn, span: Span) -> Column:
        """The expression for one of the columns."""
        return Column(column.index, column.type, column.name, column.is_nullable, span)

    def shown(self) -> str:
        """The relation and its columns, for messages."""
        names = [column.name for column in self.columns]
        listed = ", ".join(f'"{name}"' for name in names[:12]) + (", …" if len(names) > 12 else "")
        return f'"{self.name}" ({listed})' if self.name else f"the subquery ({listed})"

    def resolve(self, node: ColumnRef, *, bare_rowtime: Expr) -> Expr:
        """The column or ROWTIME a reference means; raises BindError (NOT_FOUND, AMBIGUOUS)."""
        qualifier, name = node.parts[:-1], node.parts[-1].text
        if len(qualifier) > 1 or (qualifier and qualifier[0].text != self.name):
            shown = ".".join(part.text for part in qualifier)
            candidates = [self.name] if self.name else []
            raise BindError(
                ErrorCode.NOT_FOUND,
                f'relation "{shown}" not found',
                qualifier[0].span,
                detail=f"FROM has {self.shown()}",
                hint=_qualifier_hint(shown, candidates),
            )
        found = [column for column in self.columns if column.name == name]
        if len(found) > 1:
            message = f'column "{name}" is ambiguous: {self.shown()} has it {len(found)} times'
            raise BindError(ErrorCode.AMBIGUOUS, message, node.span)
        if found:
            return self.column(found[0], node.span)
        if name == ROWTIME:
            return Rowtime(node.span) if qualifier else bare_rowtime
        if name in METADATA_COLUMNS:
            raise BindError(
                ErrorCode.UNSUPPORTED,
                f"the system column {name} is not supported yet in this version",
                node.span,
                hint="declare a column of this name in the input's schema",
            )
        raise BindError(
            ErrorCode.NOT_FOUND,
            f'column "{name}" not found in {self.shown()}',
            node.parts[-1].span,
            hint=did_you_mean(name, (column.name for column in self.columns)),
        )


def _qualifier_hint(name: str, candidates: list[str]) -> str | None:
    for candidate in candidates:
        if candidate.upper() == name.upper():
            return f'write "{candidate}"'
    return "with an alias the original name is hidden" if candidates else None
