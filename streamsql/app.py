"""The objects a Python program embeds: `run` and `query` for finite inputs, `Application` for live ones."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import pyarrow as pa

from streamsql.clock import Clock, SystemClock
from streamsql.columns import parse_columns
from streamsql.connectors.base import Sink, Source
from streamsql.connectors.coerce import infer_schema
from streamsql.connectors.memory import is_sink, is_source, is_uri, memory_source, to_batches
from streamsql.errors import ConnectorError, ErrorCode, RunError
from streamsql.plan.physical import ApplicationPlan
from streamsql.runtime.error_stream import ERROR_SCHEMA, ERROR_STREAM
from streamsql.runtime.metrics import ApplicationMetrics
from streamsql.runtime.replay import replay
from streamsql.runtime.service import Service, stop_signals
from streamsql.runtime.session import Session
from streamsql.schema import Column, Schema
from streamsql.spec import Dialect, RuntimeOptions

SchemaLike: TypeAlias = str | pa.Schema | Schema
Options: TypeAlias = RuntimeOptions | Mapping[str, Any] | None


class Result(Mapping[str, pa.Table]):
    """The rows of every stream of a finished run, by stream name: ROWTIME (`timestamp[ms]`) first, then the columns.

    `errors` holds the rows of error_stream; `warnings` what the compiler had to say.
    """

    def __init__(self, streams: Mapping[str, pa.Table], errors: pa.Table, warnings: tuple[str, ...] = ()) -> None:
        self._streams = dict(streams)
        self.errors = errors
        self.warnings = warnings

    @property
    def table(self) -> pa.Table:
        """The rows of the only stream; raises RunError, naming them, when there are several."""
        if len(self._streams) != 1:
            names = ", ".join(self._streams) or "none"
            raise RunError(
                ErrorCode.AMBIGUOUS_OUTPUT,
                f"the application has {len(self._streams)} streams, .table needs exactly one",
                hint=f'take one by name, for example result["{next(iter(self._streams), "NAME")}"]; there are {names}',
            )
        return next(iter(self._streams.values()))

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._streams:
            raise KeyError(f'no stream "{name}"; the streams are {", ".join(self._streams) or "none"}')
        return self._streams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {table.num_rows} rows" for name, table in self._streams.items())
        return f"Result({counts}; {self.errors.num_rows} errors)"


def run(
    sql: str,
    inputs: Mapping[str, object],
    *,
    schemas: Mapping[str, SchemaLike] | None = None,
    tables: Mapping[str, object] | None = None,
    dialect: str | Dialect = Dialect.STREAMSQL,
    options: Options = None,
) -> Result:
    """Run an application over inputs that end; every window is flushed.

    `inputs` maps names to Arrow tables, batches or readers, pandas or Polars frames, lists of dicts, or URIs. A column
    called ROWTIME is the rows' ROWTIME; without one, row i arrives i ms after 1970-01-01 00:00:00. Several inputs are
    merged by ROWTIME, ties in the order given. `schemas` declares columns (SQL column list, Arrow schema or Schema) of
    inputs and tables; they are inferred otherwise. Raises CompileErrors for SQL that cannot run, ConnectorError for
    inputs that cannot be read; single bad records and failing rows are in `.errors` of the result.

    >>> r = run("SELECT ticker FROM trades WHERE price > 1", {"TRADES": [{"TICKER": "A", "PRICE": 2.0}]})
    >>> r.table.column("TICKER").to_pylist()
    ['A']
    """
    chosen = _options(options)
    declared = _schemas(schemas)
    clock = SystemClock()
    sources = {name: _source(name, data, declared.get(name), clock) for name, data in inputs.items()}
    try:
        for name, source in sources.items():
            if not source.is_bounded:
                raise ConnectorError(
                    ErrorCode.SOURCE,
                    f'input "{name}" does not end',
                    hint="run it live with streamsql.Application(...), or give the source an end",
                )
        plan = _compile(sql, dialect, sources, declared, tables, "<sql>")
        streams, errors = replay(plan, sources, chosen)
    finally:
        for source in sources.values():
            source.close()
    return Result(streams, errors, plan.warnings)


def query(
    select: str,
    inputs: Mapping[str, object],
    *,
    schemas: Mapping[str, SchemaLike] | None = None,
    tables: Mapping[str, object] | None = None,
    options: Options = None,
) -> Result:
    """Run one SELECT over inputs that end: `run` in the streamsql dialect, where its rows are stream RESULT."""
    return run(select, inputs, schemas=schemas, tables=tables, dialect=Dialect.STREAMSQL, options=options)


class Application:
    """A live application, embedded: push rows, poll or stream results, or run sources into sinks.

    Rows pushed without a ROWTIME column get it from `clock` when they are pushed, and windows fire by that clock even
    when no rows come. Rows with a ROWTIME column are event time: it advances with the rows and with `advance_to`.

    `push`, `poll`, `advance_to` and `metrics` may be called from any thread. `outputs` names the streams whose rows
    will be fetched; without it, those that no pump of the application reads. Their queues are bounded: when one is
    full, `push` raises instead of dropping anything.
    """

    def __init__(
        self,
        sql: str,
        *,
        schemas: Mapping[str, SchemaLike] | None = None,
        tables: Mapping[str, object] | None = None,
        dialect: str | Dialect = Dialect.STREAMSQL,
        sources: Mapping[str, object] | None = None,
        sinks: Mapping[str, object] | None = None,
        options: Options = None,
        clock: Clock | None = None,
        outputs: Iterable[str] | None = None,
        checkpoint: object = None,
        name: str = "<sql>",
    ) -> None:
        if checkpoint is not None:
            raise RunError(
                ErrorCode.UNSUPPORTED,
                "checkpoint= is not supported in this version",
                hint="leave it out; after a restart the application begins with empty windows",
            )
        self._options = _options(options)
        self._clock = SystemClock() if clock is None else clock
        declared = _schemas(schemas)
        self._sources = {
            input_name: _source(input_name, data, declared.get(input_name), self._clock)
            for input_name, data in (sources or {}).items()
        }
        self._sinks = {stream: _sink(stream, target) for stream, target in (sinks or {}).items()}
        self.plan = _compile(sql, dialect, self._sources, declared, tables, name)
        self._is_closed = False
        self._opened: set[str] = set()
        wanted = None if outputs is None else [*outputs, *self._sinks]
        self._session = self._open_session(wanted)

    @classmethod
    def from_file(cls, path: str | Path, **keywords: Any) -> Self:
        """The application written in an SQL file; keywords are those of the constructor."""
        path = Path(path)
        if path.suffix.lower() in (".yaml", ".yml", ".json", ".template"):
            raise ConnectorError(
                ErrorCode.UNSUPPORTED,
                f"templates are not supported in this version: {path}",
                hint="save the application's SQL as a file of its own, and give its inputs as sources=...",
            )
        keywords.setdefault("name", str(path))
        try:
            sql = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectorError(ErrorCode.SOURCE, f"cannot read {path}: {error}") from error
        return cls(sql, **keywords)

    def _open_session(self, wanted: list[str] | None) -> Session:
        read = {node.name for node in self.plan.sources}
        feeding = {name: source for name, source in self._sources.items() if name in read}
        is_virtual = bool(feeding) and not any(source.is_live for source in feeding.values()) and read <= set(feeding)
        session = Session(
            self.plan, clock=self._clock, options=self._options, outputs=wanted, is_virtual=is_virtual
        )
        for name, source in feeding.items():
            stream = session.inputs[name]
            stream.is_replayed = source.is_bounded and source.has_rowtime
            source.project(stream.columns)
        for name in self._sinks:
            if name != ERROR_STREAM:
                session.want(name)
        self._feeding = feeding
        return session

    # Feeding and fetching

    def push(self, name: str, rows: object) -> None:
        """Queue rows for an input: an Arrow batch, table or reader, a frame, one dict or a list of dicts.

        Returns at once unless the queue is full (`queue_rows`, `queue_bytes`); then steps run here first. Raises
        RunError, with nothing taken, when the results of those have no room because nobody fetches them.
        """
        self._check_open()
        self._session.push(name, to_batches(rows, name))

    async def apush(self, name: str, rows: object) -> None:
        """As `push`, but waits for room while somebody else fetches the results."""
        while self._session.blocked_output() is not None and self._session.is_full(name):
            await asyncio.sleep(0.001)
        self.push(name, rows)

    def poll(self, name: str) -> list[pa.RecordBatch]:
        """Run what is due and return the new rows of a stream, in order; `error_stream` is one of the streams.

        Queued rows are processed, sources are asked once, and inputs on the live clock advance to the present, so that
        windows fire on an idle stream.
        """
        self._check_open()
        if name in self._sinks:
            raise RunError(ErrorCode.APPLICATION_STATE, f'the rows of stream "{name}" go to its sink')
        self._session.want(name)
        self._advance()
        return self._session.take(name)

    async def stream(self, name: str) -> AsyncIterator[pa.RecordBatch]:
        """The rows of a stream as they come, until the application is closed or all its inputs have ended.

        Wakes when rows are pushed (after at most `linger_ms`, so that a burst is one step) and regularly for the clock.
        """
        loop = asyncio.get_running_loop()
        awake = asyncio.Event()
        unlisten = self._session.listen(lambda: loop.call_soon_threadsafe(awake.set))
        linger = self._options.linger_ms / 1000
        try:
            while not self._is_closed:
                is_last = self._session.is_ended
                awake.clear()
                for batch in self.poll(name):
                    yield batch
                if is_last:
                    return
                if self._session.is_ended:
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(awake.wait(), max(linger, 0.01))
                    if 0 < self._session.queued_rows < self._options.max_batch_rows:
                        await asyncio.sleep(linger)
        finally:
            unlisten()

    def advance_to(self, timestamp: dt.datetime | str | int, *, inputs: Iterable[str] | None = None) -> None:
        """Assert that later rows of event-time inputs (all of them by default) have at least this ROWTIME.

        A datetime (without zone: UTC), an ISO text, or microseconds since 1970. Rows below it are late from now on.
        """
        self._check_open()
        self._session.advance_to(_microseconds(timestamp), inputs)
        self._deliver()

    def end_of_input(self, *names: str) -> None:
        """No more rows will be pushed to these inputs (none named: to any): open windows over them are flushed."""
        self._check_open()
        self._session.end(names or None)
        self._deliver()

    def _advance(self) -> None:
        for name, source in self._feeding.items():
            self._ask(name, source)
        self._session.step()
        self._deliver()

    def _ask(self, name: str, source: Source) -> None:
        if self._session.has_ended(name) or self._session.is_full(name):
            return
        try:
            batch = source.next_batch(self._options.max_batch_rows)
        except ConnectorError:
            raise
        except Exception as error:
            raise ConnectorError(ErrorCode.SOURCE, f'the source of input "{name}" failed: {error}') from error
        if batch is None:
            self._session.end_input(name)
        elif batch.rows.num_rows or batch.bad:
            self._session.feed(name, batch, source.has_rowtime)

    def _deliver(self) -> None:
        """Write waiting rows to the sinks, here and now; the rows of a failed write are not taken again."""
        for name, sink in self._sinks.items():
            try:
                if name not in self._opened:
                    self._opened.add(name)
                    sink.open(ERROR_SCHEMA.arrow if name == ERROR_STREAM else self._session.schemas[name])
                batches = self._session.take(name)
                for batch in batches:
                    sink.write(batch)
                if batches:
                    sink.flush()
            except ConnectorError:
                raise
            except Exception as error:
                raise ConnectorError(ErrorCode.SINK, f'the sink of stream "{name}" failed: {error}') from error

    # Running on its own

    def run_forever(self) -> None:
        """Run the sources into the sinks until all sources end, `stop` is called or SIGINT or SIGTERM arrives.

        The first signal drains: what was read is delivered, windows still open on live inputs are not flushed. A second
        one stops at once and raises RunError. Raises ConnectorError when a source or sink fails.
        """
        asyncio.run(self.arun_forever())

    async def arun_forever(self) -> None:
        """As `run_forever`, on the running event loop; cancel it or call `stop` to end it."""
        self._check_open()
        if not self._sources:
            raise RunError(
                ErrorCode.APPLICATION_STATE, "there is nothing to run", hint="give sources=... or push rows yourself"
            )
        kept = [name for name in self._sinks if name != ERROR_STREAM]
        self._session.keep_only(kept)
        service = Service(self._session, self._feeding, self._sinks, self._options)
        self._stop = service.stop
        self._loop = asyncio.get_running_loop()
        try:
            with stop_signals(service.stop, service.abort):
                await service.run()
        finally:
            self._is_closed = True

    def stop(self) -> None:
        """Make `run_forever` drain and return; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._stop)

    def close(self) -> None:
        """Process what was pushed, deliver to the sinks, and release everything. Open windows are not flushed."""
        if self._is_closed:
            return
        try:
            self._session.step()
            self._deliver()
        finally:
            self._is_closed = True
            self._session.wake()
            for source in self._sources.values():
                source.close()
            for sink in self._sinks.values():
                sink.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise RunError(ErrorCode.APPLICATION_STATE, "the application is closed")

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Looking at it

    def explain(self) -> str:
        """The plan, one line per node, with what bounds its state."""
        from streamsql.plan.explain import explain

        return explain(self.plan)

    def check(self) -> tuple[str, ...]:
        """The compiler's warnings; errors were raised when the application was made."""
        return self.plan.warnings

    def snapshot(self) -> dict[str, dict[str, pa.RecordBatch]]:
        """The state of all operators and inputs by operator id, as Arrow tables; fetch all waiting rows first."""
        self._check_open()
        return self._session.snapshot()

    def restore(self, state: Mapping[str, Mapping[str, pa.RecordBatch]]) -> None:
        """Continue where a snapshot of an application of the same SQL was taken; before any row."""
        self._check_open()
        self._session.restore(state)

    def metrics(self) -> ApplicationMetrics:
        """A snapshot of all counters."""
        return self._session.metrics({name: source.progress() for name, source in self._sources.items()})

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The Arrow schema of every stream's rows, by name."""
        return dict(self._session.schemas)


def _compile(
    sql: str,
    dialect: str | Dialect,
    sources: Mapping[str, Source],
    declared: Mapping[str, Schema],
    tables: Mapping[str, object] | None,
    name: str,
) -> ApplicationPlan:
    from streamsql.sql.compile import compile_sql

    table_schemas = {
        table: declared[table] if table in declared else memory_source(data, None, table).schema
        for table, data in (tables or {}).items()
    }
    inputs = {each: schema for each, schema in declared.items() if each not in table_schemas}
    inputs.update({each: source.schema for each, source in sources.items()})
    return compile_sql(sql, dialect=Dialect(dialect), inputs=inputs, tables=table_schemas, name=name)


def _source(name: str, data: object, schema: Schema | None, clock: Clock) -> Source:
    if is_uri(data):
        from streamsql.connectors.uri import open_source

        return open_source(str(data), schema, clock)
    if is_source(data):
        return data  # type: ignore[return-value]
    return memory_source(data, schema, name)


def _sink(name: str, target: object) -> Sink:
    if is_uri(target):
        from streamsql.connectors.uri import open_sink

        return open_sink(str(target))
    if is_sink(target):
        return target  # type: ignore[return-value]
    raise ConnectorError(
        ErrorCode.SINK, f'the sink of stream "{name}" is a {type(target).__name__}', hint="give a URI or a Sink object"
    )


def _schemas(schemas: Mapping[str, SchemaLike] | None) -> dict[str, Schema]:
    return {name: _schema(schema) for name, schema in (schemas or {}).items()}


def _schema(declared: SchemaLike) -> Schema:
    if isinstance(declared, Schema):
        return declared
    if isinstance(declared, str):
        return parse_columns(declared)
    inferred = infer_schema(declared)
    return Schema(tuple(Column(c.name, c.type, declared.field(c.name).nullable) for c in inferred))


def _options(options: Options) -> RuntimeOptions:
    if isinstance(options, RuntimeOptions):
        return options
    return RuntimeOptions().with_fields(options or {})


def _microseconds(timestamp: dt.datetime | str | int) -> int:
    if isinstance(timestamp, int):
        return timestamp
    moment = dt.datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else timestamp
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
