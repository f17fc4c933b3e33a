"""The objects of an application while its statements are read (language reference §6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from streamsql.errors import BindError, ErrorCode, PlanError, Span
from streamsql.expr.nodes import Expr
from streamsql.plan.logical import Insert
from streamsql.schema import Schema
from streamsql.sql.nodes import CreateView, Name
from streamsql.sql.problems import AlreadyReported
from streamsql.sql.spans import did_you_mean

ERROR_STREAM = "ERROR_STREAM"


class RelationKind(Enum):
    """What a name of the common name space of streams and tables stands for."""

    INPUT = "input stream"
    STREAM = "stream"
    TABLE = "reference table"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class RelationEntry:
    """A stream, table or view; `defaults` has one entry per column, None where the column has no DEFAULT."""

    name: str
    kind: RelationKind
    schema: Schema
    defaults: tuple[Expr | None, ...] = ()
    view: CreateView | None = None


@dataclass(frozen=True, slots=True)
class PumpEntry:
    """A pump with its plan and the streams it reads; `plan` is None when its statement has errors."""

    name: str
    target: str
    reads: frozenset[str]
    plan: Insert | None
    is_running: bool


@dataclass
class Catalog:
    """Streams and tables share one name space; pumps have their own."""

    relations: dict[str, RelationEntry] = field(default_factory=dict)
    pumps: dict[str, PumpEntry] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    #: Names whose CREATE statement is wrong.
    broken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, inputs: Mapping[str, Schema], tables: Mapping[str, Schema]) -> Catalog:
        """The objects that exist before the first statement."""
        catalog = cls()
        for name, schema in inputs.items():
            catalog.relations[name] = RelationEntry(name, RelationKind.INPUT, schema)
        for name, schema in tables.items():
            catalog.relations[name] = RelationEntry(name, RelationKind.TABLE, schema)
        return catalog

    def relation(self, parts: tuple[Name, ...]) -> RelationEntry:
        """The stream, table or view of this name; raises BindError when there is none."""
        name = parts[-1].text
        span = parts[0].span.union(parts[-1].span)
        if name.upper() == ERROR_STREAM:
            raise BindError(
                ErrorCode.RESERVED,
                "error_stream is reserved by the service: application code cannot read or write it",
                span,
                hint="deliver it with an output instead",
            )
        if name in self.broken:
            raise AlreadyReported
        if len(parts) > 1 or name not in self.relations:
            shown = ".".join(f'"{part.text}"' for part in parts)
            hint = relation_hint(name, self.relations)
            raise BindError(
                ErrorCode.NOT_FOUND,
                f"object {shown} not found",
                span,
                detail="no stream or table of this name exists here",
                hint=hint if len(parts) == 1 else "names have no schema in front of them",
            )
        return self.relations[name]

    def add_relation(self, entry: RelationEntry, *, or_replace: bool, span: Span) -> None:
        """Create a stream or view; raises BindError when the name is taken, PlanError when a pump uses it."""
        name = entry.name
        old = self.relations.get(name)
        if old is not None:
            if not or_replace or old.kind in (RelationKind.INPUT, RelationKind.TABLE):
                raise BindError(
                    ErrorCode.EXISTS,
                    f'{old.kind.value} "{name}" already exists',
                    span,
                    hint=None if old.kind is RelationKind.INPUT else "write CREATE OR REPLACE, or choose another name",
                )
            user = next(self.users(name), None)
            if user is not None:
                raise PlanError(
                    ErrorCode.REDEFINED,
                    f'the stream "{name}" was redefined in your SQL code after pump "{user.name}" used it',
                    span,
                    hint="define each stream once, before the pumps that use it",
                )
            # A replaced stream takes its new place in the order of creation.
            del self.relations[name]
        self.relations[name] = entry
        self.broken.discard(name)

    def users(self, name: str) -> Iterator[PumpEntry]:
        """The pumps that read or write a stream."""
        for pump in self.pumps.values():
            if pump.target == name or name in pump.reads:
                yield pump

    def pump(self, parts: tuple[Name, ...]) -> PumpEntry:
        """The pump of this name; raises BindError when there is none."""
        name = parts[-1].text
        if len(parts) > 1 or name not in self.pumps:
            if name in self.broken:
                raise AlreadyReported
            raise BindError(
                ErrorCode.NOT_FOUND,
                f'pump "{name}" not found',
                parts[-1].span,
                hint=did_you_mean(name, self.pumps),
            )
        return self.pumps[name]

    def add_pump(self, pump: PumpEntry, *, or_replace: bool, span: Span) -> None:
        """Create a pump; raises BindError when the name is taken, PlanError when it would close a cycle."""
        if pump.name in self.pumps:
            if not or_replace:
                raise BindError(
                    ErrorCode.EXISTS,
                    f'pump "{pump.name}" already exists',
                    span,
                    hint="write CREATE OR REPLACE PUMP, or choose another name",
                )
            del self.pumps[pump.name]
        path = self._path(pump.target, pump.reads)
        if path is not None:
            way = " -> ".join(f'"{name}"' for name in (*path, pump.target))
            raise PlanError(
                ErrorCode.CYCLE, f'pump "{pump.name}" would close a cycle', span, detail=f"rows would go round {way}"
            )
        self.pumps[pump.name] = pump

    def _path(self, start: str, goals: frozenset[str]) -> tuple[str, ...] | None:
        """The streams from `start` to one of `goals` along the pumps, or None when there is no way."""
        paths: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        while paths:
            path = paths.pop()
            if path[-1] in goals:
                return path
            for pump in self.pumps.values():
                if path[-1] in pump.reads and pump.target not in seen:
                    seen.add(pump.target)
                    paths.append((*path, pump.target))
        return None

    def set_running(self, parts: tuple[Name, ...], *, running: bool) -> None:
        """Start or stop a pump; raises BindError when it does not exist."""
        pump = self.pump(parts)
        self.pumps[pump.name] = replace(pump, is_running=running)


def relation_hint(name: str, relations: Mapping[str, RelationEntry]) -> str | None:
    """What may have been meant by a name that does not exist."""
    for candidate in relations:
        if candidate.upper() == name.upper():
            return f'names in double quotes keep their case: write "{candidate}"'
    return did_you_mean(name, relations) or (
        "streams must be created before the pumps that use them" if relations else None
    )
