"""The syntax tree: what the parser makes of one statement, before names and types are known.

Every node carries the `span` of the text it came from, so whatever the binder finds wrong can be drawn under the SQL.
Names are already folded (unquoted ones to upper case). Nodes are frozen and never compared by position.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streamsql.errors import Span
from streamsql.types import IntervalUnit


@dataclass(frozen=True, slots=True)
class Node:
    """Base of every syntax node."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name(Node):
    """One identifier; `text` is folded to upper case unless it was written in double quotes."""

    text: str
    is_quoted: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return self.text


# -- expressions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expression(Node):
    """Base of the expressions."""


@dataclass(frozen=True, slots=True)
class ColumnRef(Expression):
    """`column`, `relation.column` or `relation.column.field`."""

    parts: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class NumberLiteral(Expression):
    """Digits as written; the kind of number follows from the text."""

    text: str


@dataclass(frozen=True, slots=True)
class StringLiteral(Expression):
    """A character string with its escapes already resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class BinaryLiteral(Expression):
    """`X'…'`."""

    value: bytes


@dataclass(frozen=True, slots=True)
class BooleanLiteral(Expression):
    """TRUE, FALSE or UNKNOWN (None)."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class NullLiteral(Expression):
    """An untyped NULL."""


@dataclass(frozen=True, slots=True)
class DatetimeLiteral(Expression):
    """`DATE '…'`, `TIME '…'` or `TIMESTAMP '…'`; `kind` is the keyword."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Qualifier(Node):
    """The fields of an interval. `lead` and `fraction` are the digits asked for, None where nothing was written."""

    start: IntervalUnit
    end: IntervalUnit
    lead: int | None = None
    fraction: int | None = None

    def __str__(self) -> str:
        return self.start.name if self.start is self.end else f"{self.start.name} TO {self.end.name}"


@dataclass(frozen=True, slots=True)
class IntervalLiteral(Expression):
    """`INTERVAL [sign] 'text' qualifier`."""

    text: str
    is_negative: bool
    qualifier: Qualifier


@dataclass(frozen=True, slots=True)
class Operation(Expression):
    """An operator of the registry applied to operands: `+`, `=`, `AND` (any number of them), `IS NULL`, `LIKE`, …"""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """`NOT operand`.

    `primary` is set when the operand starts with a primary directly followed by IS: for a BOOLEAN primary NOT binds to
    it first (language reference §5.1), which only the binder can know.
    """

    operand: Expression
    primary: Expression | None = None


@dataclass(frozen=True, slots=True)
class Between(Expression):
    """`value BETWEEN low AND high`; SYMMETRIC swaps the ends if needed."""

    value: Expression
    low: Expression
    high: Expression
    is_symmetric: bool


@dataclass(frozen=True, slots=True)
class InList(Expression):
    """`value IN (items)`."""

    value: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Subquery(Expression):
    """A query inside an expression; `form` is IN, EXISTS or scalar. `value` is the left side of IN."""

    form: str
    query: Query
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class RowValue(Expression):
    """`(a, b, …)` or `ROW (a, …)`; with two items also a period."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class PeriodPredicate(Expression):
    """A temporal predicate; `name` is CONTAINS, PRECEDES, …, `modifier` STRICTLY, IMMEDIATELY or empty."""

    name: str
    modifier: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class CaseExpression(Expression):
    """CASE; `operand` is None for the searched form, `otherwise` for a missing ELSE."""

    operand: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """A type as written: its name in upper case and the numbers in parentheses; `qualifier` for INTERVAL."""

    name: str
    arguments: tuple[int, ...] = ()
    qualifier: Qualifier | None = None


@dataclass(frozen=True, slots=True)
class CastExpression(Expression):
    """`CAST(value AS type)`."""

    value: Expression
    type: TypeName


@dataclass(frozen=True, slots=True)
class RoundTo(Expression):
    """`FLOOR(value TO unit)` or `CEIL(value TO unit)`; `function` is FLOOR or CEIL."""

    function: str
    value: Expression
    unit: IntervalUnit


@dataclass(frozen=True, slots=True)
class StepBy(Expression):
    """`STEP(value BY step)`."""

    value: Expression
    step: Expression


@dataclass(frozen=True, slots=True)
class Extract(Expression):
    """`EXTRACT(unit FROM value)`."""

    unit: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Difference(Expression):
    """`(left - right) qualifier`."""

    left: Expression
    right: Expression
    qualifier: Qualifier


@dataclass(frozen=True, slots=True)
class FunctionCall(Expression):
    """A function call in any of its forms.

    `form` names a keyword syntax of the arguments (`FROM` in SUBSTRING, `LEADING` in TRIM, …). `is_star` is COUNT(*).
    """

    name: Name
    arguments: tuple[Expression, ...]
    form: str = ""
    is_star: bool = False
    is_distinct: bool = False
    has_parentheses: bool = True
    ignore_nulls: bool = False
    from_last: bool = False
    filter: Expression | None = None
    over: WindowSpec | Name | None = None


@dataclass(frozen=True, slots=True)
class Cursor(Expression):
    """`CURSOR(query)` as the argument of a table function."""

    query: Query


# -- queries ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FrameBound(Node):
    """One end of a frame: `kind` is UNBOUNDED PRECEDING, UNBOUNDED FOLLOWING, CURRENT ROW, PRECEDING or FOLLOWING."""

    kind: str
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class FrameClause(Node):
    """`ROWS` or `RANGE` (`unit`) with its ends; `end` is None when BETWEEN was not used."""

    unit: str
    start: FrameBound
    end: FrameBound | None


@dataclass(frozen=True, slots=True)
class OrderItem(Node):
    """One ORDER BY item; `within` is the interval of a T-sort."""

    value: Expression
    is_descending: bool = False
    within: Expression | None = None


@dataclass(frozen=True, slots=True)
class WindowSpec(Node):
    """What stands in the parentheses of OVER or WINDOW."""

    base: Name | None
    partition: tuple[Expression, ...]
    order: tuple[OrderItem, ...]
    frame: FrameClause | None
    allow_partial: bool | None


@dataclass(frozen=True, slots=True)
class SelectItem(Node):
    """One item of a select list with its alias."""

    value: Expression
    alias: Name | None


@dataclass(frozen=True, slots=True)
class StarItem(Node):
    """`*` or `relation.*`."""

    relation: Name | None


@dataclass(frozen=True, slots=True)
class Stagger(Node):
    """`WINDOWED BY STAGGER (PARTITION BY … RANGE …)`."""

    partition: tuple[Expression, ...]
    range: Expression


@dataclass(frozen=True, slots=True)
class TableRef(Node):
    """Base of what stands in FROM."""


@dataclass(frozen=True, slots=True)
class NamedTable(TableRef):
    """A stream, table or view by name."""

    name: tuple[Name, ...]
    over: WindowSpec | Name | None
    alias: Name | None
    columns: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True)
class DerivedTable(TableRef):
    """A subquery in FROM."""

    query: Query
    over: WindowSpec | Name | None
    alias: Name | None
    columns: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True)
class TableFunction(TableRef):
    """`TABLE(function(…))`."""

    call: FunctionCall
    alias: Name | None
    columns: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True)
class Join(TableRef):
    """A join of any kind; `kind` is INNER, LEFT, RIGHT, FULL, CROSS or `,`."""

    kind: str
    left: TableRef
    right: TableRef
    is_natural: bool
    condition: Expression | None
    using: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True)
class Query(Node):
    """Base of the queries."""


@dataclass(frozen=True, slots=True)
class Select(Query):
    """One SELECT. `group_by`, `order_by` and `windows` are empty when the clause is missing."""

    is_stream: bool
    is_distinct: bool
    items: tuple[SelectItem | StarItem, ...]
    source: TableRef | None
    where: Expression | None
    group_by: tuple[Expression, ...]
    stagger: Stagger | None
    having: Expression | None
    windows: tuple[tuple[Name, WindowSpec], ...]
    order_by: tuple[OrderItem, ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Query):
    """`left UNION|EXCEPT|INTERSECT [ALL] right`; ORDER BY after it belongs to the whole."""

    operator: str
    is_all: bool
    left: Query
    right: Query
    order_by: tuple[OrderItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Values(Query):
    """`VALUES (…), (…)`."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class With(Query):
    """`WITH name [(columns)] AS (query), … query`."""

    tables: tuple[tuple[Name, tuple[Name, ...] | None, Query], ...]
    query: Query


# -- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """Base of the statements."""


@dataclass(frozen=True, slots=True)
class ColumnDef(Node):
    """One column of CREATE STREAM; `options` are kept for description only and have no effect."""

    name: Name
    type: TypeName
    is_nullable: bool
    default: Expression | None
    options: tuple[tuple[str, str], ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class CreateStream(Statement):
    """`CREATE [OR REPLACE] STREAM`."""

    name: tuple[Name, ...]
    or_replace: bool
    columns: tuple[ColumnDef, ...]
    description: str | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Insert(Statement):
    """`INSERT [EXPEDITED] INTO target [(columns)] query`."""

    target: tuple[Name, ...]
    columns: tuple[Name, ...] | None
    query: Query


@dataclass(frozen=True, slots=True)
class CreatePump(Statement):
    """`CREATE [OR REPLACE] PUMP … AS INSERT …`."""

    name: tuple[Name, ...]
    or_replace: bool
    is_started: bool
    insert: Insert
    description: str | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CreateView(Statement):
    """`CREATE [OR REPLACE] VIEW name [(columns)] AS query` (streamsql dialect)."""

    name: tuple[Name, ...]
    or_replace: bool
    columns: tuple[Name, ...] | None
    query: Query


@dataclass(frozen=True, slots=True)
class CreateFunction(Statement):
    """`CREATE FUNCTION`: recognised by name only."""

    name: Name


@dataclass(frozen=True, slots=True)
class AlterPump(Statement):
    """`ALTER PUMP a, b START|STOP`."""

    pumps: tuple[tuple[Name, ...], ...]
    is_start: bool


@dataclass(frozen=True, slots=True)
class Drop(Statement):
    """`DROP STREAM|PUMP|FUNCTION|VIEW [IF EXISTS] name`; `kind` is the keyword."""

    kind: str
    name: tuple[Name, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class QueryStatement(Statement):
    """A query that stands alone."""

    query: Query
