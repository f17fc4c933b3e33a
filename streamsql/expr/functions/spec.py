"""What the registry says about one function, and the helpers with which its typing rule is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from streamsql.errors import ErrorCode, Span
from streamsql.expr.nodes import Call, Cast, Expr
from streamsql.expr.nodes import Literal as Constant
from streamsql.spec import Dialect
from streamsql.types import SqlType, TypeKind

if TYPE_CHECKING:
    from streamsql.expr.kernels.interface import Bind

Args = tuple[Expr, ...]
#: Checks the arguments of one call and gives the typed call, with `Cast`s inserted; raises SignatureError.
Resolver = Callable[[Args, Span | None], Expr]
#: The result type for the given argument types, or None when the function does not take them.
Typing = Callable[[tuple[SqlType, ...]], SqlType | None]

ALL_DIALECTS = frozenset(Dialect)


class SignatureError(ValueError):
    """A function or operator cannot be applied to its arguments; `error_code` is TYPES, COUNT_MISMATCH or LITERAL."""

    def __init__(self, error_code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error_code = error_code


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """Everything known about one function or operator.

    `nulls` is "propagate" when any NULL argument makes the result NULL, else "custom". `signatures`, `doc` and
    `example` are for people: the reference and the candidates of "did you mean" are generated from them. `arity` is
    the smallest and the largest number of arguments (None for any number).
    """

    name: str
    kind: Literal["scalar", "aggregate", "analytic"]
    arity: tuple[int, int | None]
    signatures: tuple[str, ...]
    doc: str
    example: str
    resolve: Resolver | None = field(default=None, repr=False)
    result: Typing | None = field(default=None, repr=False)
    nulls: Literal["propagate", "custom"] = "propagate"
    deterministic: bool = True
    dialects: frozenset[Dialect] = ALL_DIALECTS
    is_operator: bool = False
    takes_distinct: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def kernel(self) -> Bind:
        """How calls are computed (scalar functions only): see `streamsql.expr.kernels`."""
        from streamsql.expr.kernels import bind_of

        return bind_of(self.name)

    def check_count(self, count: int) -> None:
        """Raise SignatureError (COUNT_MISMATCH) unless the function takes `count` arguments."""
        least, most = self.arity
        if least <= count and (most is None or count <= most):
            return
        if most == least:
            wanted = str(least)
        elif most is None:
            wanted = f"at least {least}"
        else:
            wanted = f"{least} to {most}"
        raise SignatureError(
            ErrorCode.COUNT_MISMATCH, f"the number of arguments of '{self.name}' is {wanted}, got {count}"
        )


_PREFIX_OPERATORS = {"NOT": "NOT", "NEGATE": "-"}


def cannot_apply(name: str, args: Args) -> SignatureError:
    """The error for wrong argument types: `cannot apply '>' to arguments of type <DOUBLE> > <CHAR(2)>`."""
    types = [f"<{arg.type}>" for arg in args]
    shown = _PREFIX_OPERATORS.get(name, name)
    if name in _PREFIX_OPERATORS:
        form = f"{shown} {types[0]}"
    elif name.startswith("IS ") and len(args) == 1:
        form = f"{types[0]} {name}"
    elif name == "IN":
        form = f"{types[0]} IN ({', '.join(types[1:])})"
    elif (not name[0].isalpha() or name in _WORD_OPERATORS) and len(args) >= 2:
        form = f" {name} ".join(types[:2]) + (f" ESCAPE {types[2]}" if len(types) > 2 else "")
    else:
        form = f"{name}({', '.join(types)})"
    return SignatureError(ErrorCode.TYPES, f"cannot apply '{shown}' to arguments of type {form}")


_WORD_OPERATORS = frozenset({"AND", "OR", "LIKE", "SIMILAR TO", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"})


def cast_to(arg: Expr, target: SqlType) -> Expr:
    """`arg` as `target`: itself when it has that type, a typed NULL for an untyped one, else a Cast."""
    if arg.type == target:
        return arg
    if isinstance(arg, Constant) and arg.value is None:
        return Constant(None, target, arg.span)
    return Cast(arg, target, span=getattr(arg, "span", None))


def is_null_literal(arg: Expr) -> bool:
    """Whether `arg` is the untyped literal NULL."""
    return arg.type.kind is TypeKind.NULL


def typed_nulls(args: Args, fallback: SqlType) -> Args:
    """`args` with each untyped NULL given the type of the first typed argument (`fallback` when there is none)."""
    known = next((arg.type for arg in args if not is_null_literal(arg)), fallback)
    return tuple(cast_to(arg, known) if is_null_literal(arg) else arg for arg in args)


def call(name: str, args: Iterable[Expr], result: SqlType, span: Span | None) -> Call:
    """A typed call."""
    return Call(name, tuple(args), result, span)


def union_span(args: Args, span: Span | None) -> Span | None:
    """`span`, or when it is None the smallest one that covers the arguments that have one."""
    if span is not None:
        return span
    result: Span | None = None
    for arg in args:
        place: Span | None = getattr(arg, "span", None)
        if place is not None:
            result = place.union(result)
    return result
