"""Typed expressions: what the binder makes of SQL and what `compile.py` turns into evaluators.

Every node is frozen, knows its SQL type and compares by meaning: spans never affect equality, so a repeated
`STEP(s.ROWTIME BY …)` in a select list is found to be the group key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamsql.errors import Span
from streamsql.types import BOOLEAN, TIMESTAMP, SqlType


@dataclass(frozen=True, slots=True)
class Expr:
    """Base of all expressions. `type` is the SQL type of the value, `span` the place in the SQL text or None."""

    if TYPE_CHECKING:

        @property
        def type(self) -> SqlType:
            """The SQL type of the value."""

        @property
        def span(self) -> Span | None:
            """The place in the SQL text."""

    def children(self) -> tuple[Expr, ...]:
        """Direct operands, in evaluation order."""
        return ()

    def walk(self) -> Iterator[Expr]:
        """The node and all below it, parents first."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Column(Expr):
    """The value of column `index` of the operator's input. `name` is for people."""

    index: int
    type: SqlType
    name: str = field(compare=False)
    nullable: bool = field(default=True, compare=False)
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rowtime(Expr):
    """The ROWTIME of the operator's input row, as a TIMESTAMP (milliseconds, rounded down)."""

    span: Span | None = field(default=None, compare=False, repr=False)
    type: SqlType = TIMESTAMP


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """A constant.

    `value` by type: bool; int for integers; `decimal.Decimal`; float; str; bytes; DATE int days since 1970; TIME int
    ms since midnight; TIMESTAMP int ms since 1970; day-time interval int ms; year-month interval int months; None for
    NULL of any type.
    """

    value: Any
    type: SqlType
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A scalar function or operator applied to arguments.

    `function` is a name of the registry in `functions.py` (operators have names too: `+`, `=`, `||`, `AND`, `IS NULL`,
    `LIKE`, …). Arguments already have the types the chosen signature wants: the binder inserts `Cast`s.
    """

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """The arguments."""
        return self.args


@dataclass(frozen=True, slots=True)
class Case(Expr):
    """Searched CASE: the result of the first TRUE condition, else `otherwise` (NULL of `type` when left out)."""

    whens: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr
    type: SqlType
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """Conditions and results in order, then the ELSE."""
        return (*(e for when in self.whens for e in when), self.otherwise)


@dataclass(frozen=True, slots=True)
class Cast(Expr):
    """`CAST(arg AS type)` by the rules of the language reference §4.4.

    With `assignment` the rules are those of INSERT (§3.2): numbers round half away from zero, long strings are cut,
    CHAR pads. `lenient` is set for the streamsql dialect: text to TIMESTAMP takes a fraction and `T`, and approximate
    numbers become text in plain form (`1.0`) instead of scientific (`1E0`).
    """

    arg: Expr
    type: SqlType
    assignment: bool = False
    lenient: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """The operand."""
        return (self.arg,)


@dataclass(frozen=True, slots=True)
class NotNull(Expr):
    """`arg`, failing the row with NOT_NULL_VIOLATION where it is NULL; `column` names the target in the message."""

    arg: Expr
    column: str
    type: SqlType
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """The operand."""
        return (self.arg,)


@dataclass(frozen=True, slots=True)
class Clock(Expr):
    """A reading of the injected clock.

    `function` is CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP (the moment the query started) or
    CURRENT_ROW_TIMESTAMP (the step's reading).
    """

    function: str
    type: SqlType
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Aggregate(Expr):
    """An aggregate function over a group or stagger window; only inside logical aggregate nodes.

    COUNT(*) has no argument.
    """

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    distinct: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """The arguments."""
        return self.args


@dataclass(frozen=True, slots=True)
class Analytic(Expr):
    """An analytic function over window number `window` of the logical Over node; only inside such nodes.

    `ignore_nulls` and `from_last` apply to FIRST_VALUE, LAST_VALUE, NTH_VALUE and LAG.
    """

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    window: int
    distinct: bool = False
    ignore_nulls: bool = False
    from_last: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    def children(self) -> tuple[Expr, ...]:
        """The arguments."""
        return self.args


TRUE = Literal(True, BOOLEAN)
