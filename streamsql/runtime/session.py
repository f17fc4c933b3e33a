"""A running application without I/O: rows are queued, steps turn them into rows of the streams, readers take those.

Thread-safe: every public method may be called from any thread; steps run one at a time in the thread that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import RLock

import numpy as np
import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql.clock import Clock
from streamsql.connectors.base import SourceBatch
from streamsql.connectors.coerce import coerce_batch
from streamsql.errors import ErrorCode, RunError, StateError
from streamsql.plan.physical import ApplicationPlan, PhysicalNode
from streamsql.runtime.error_stream import ERROR_STREAM, ErrorLog
from streamsql.runtime.executor import EXECUTOR_STATE, Executor
from streamsql.runtime.inputs import InputStream, TimeMode
from streamsql.runtime.metrics import ApplicationMetrics, InputMetrics, OutputMetrics
from streamsql.runtime.outputs import stream_schema, to_record_batch
from streamsql.runtime.queues import Arrival, InputQueue, OutputQueue
from streamsql.schema import ROWTIME
from streamsql.spec import RuntimeOptions


class Session:
    """The engine of one application with its queues.

    With `is_virtual` time is the data's (all inputs are finite); else it is that of `clock`, and inputs whose rows
    carry no ROWTIME follow the clock, so that windows fire without data. `outputs` are the streams somebody will fetch
    (None: those that no pump of the application reads).
    """

    def __init__(
        self,
        plan: ApplicationPlan,
        *,
        clock: Clock,
        options: RuntimeOptions,
        outputs: Iterable[str] | None = None,
        is_virtual: bool = False,
    ) -> None:
        self._clock = clock
        self._options = options
        self._is_virtual = is_virtual
        self._lock = RLock()
        self._failed: RunError | None = None
        self._listeners: list[Callable[[], object]] = []
        self.errors = ErrorLog(options.error_rows)
        self.executor = Executor(plan, started_us=0 if is_virtual else clock.now_us(), checks=options.checks)
        self.inputs = {
            node.name: InputStream(node, position, self.errors) for position, node in enumerate(plan.sources)
        }
        self._queues = {name: InputQueue(options.queue_rows, options.queue_bytes) for name in self.inputs}
        self._ending: list[str] = []
        self._ended: set[str] = set()
        self.schemas = {name: stream_schema(schema) for name, schema in plan.streams}
        wanted = _terminal_streams(plan) if outputs is None else set(outputs)
        self._outputs = {
            name: OutputQueue(name in wanted, options.queue_rows, options.queue_bytes) for name in self.schemas
        }

    # Inputs

    def push(self, name: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Queue rows with whatever types they have; the step that takes them converts them.

        When the queue is full, steps are run here first. Raises RunError, with nothing taken, when that does not help
        because nobody fetches the output.
        """
        with self._lock:
            self._check_open(name)
            if self._queues[name].is_full:
                if (blocked := self.blocked_output()) is not None:
                    raise RunError(
                        ErrorCode.APPLICATION_STATE,
                        f'the output queue of stream "{blocked}" is full',
                        hint=f"fetch its rows with poll or stream, or leave it out of outputs=[...]; it holds "
                        f"{self._outputs[blocked].rows} rows",
                    )
                self.step()
            arrival_us = 0 if self._is_virtual else self._clock.now_us()
            for batch in batches:
                if batch.num_rows:
                    mode = TimeMode.DATA if ROWTIME in batch.schema.names else self._arrival_mode
                    self.inputs[name].set_mode(mode)
                    self._queues[name].put(Arrival(batch, (), arrival_us, False))
        self._notify()

    def feed(self, name: str, batch: SourceBatch, has_rowtime: bool) -> None:
        """Queue rows of a source, which have the declared types."""
        with self._lock:
            self._check_open(name)
            self.inputs[name].set_mode(TimeMode.DATA if has_rowtime else self._arrival_mode)
            arrival_us = 0 if self._is_virtual else self._clock.now_us()
            self._queues[name].put(Arrival(batch.rows, tuple(batch.bad), arrival_us, True))
        self._notify()

    def advance_to(self, bound_us: int, names: Iterable[str] | None = None) -> None:
        """Assert that later rows of these inputs (None: all) have at least this ROWTIME; queued rows come first.

        Inputs whose time is the live clock's are not concerned.
        """
        with self._lock:
            self.step()
            bounds = {}
            for name in self.inputs if names is None else names:
                self._check_open(name)
                stream = self.inputs[name]
                if stream.mode in (None, TimeMode.DATA):
                    stream.set_mode(TimeMode.DATA)
                    stream.advance(bound_us)
                    bounds[name] = stream.clock_us
            self._guarded(partial(self.executor.advance, bounds, self._now_us()))
        self._notify()

    def end(self, names: Iterable[str] | None = None) -> None:
        """No more rows of these inputs (None: all): what only they hold open is emitted."""
        with self._lock:
            for name in self.inputs if names is None else names:
                self.end_input(name)
            self.step()

    def end_input(self, name: str) -> None:
        """No more rows of this input; takes effect in the step that has taken those queued."""
        with self._lock:
            if name not in self._ending:
                self._check_open(name)
                self._ending.append(name)
        self._notify()

    @property
    def is_ended(self) -> bool:
        """True when every input has ended."""
        return len(self._ended) == len(self.inputs)

    def has_ended(self, name: str) -> bool:
        """True when no more rows of this input are taken."""
        return name in self._ending or name in self._ended

    def is_full(self, name: str) -> bool:
        """True when the input's queue is full."""
        return self._queues[name].is_full

    @property
    def queued_rows(self) -> int:
        """Rows that wait for a step."""
        return sum(queue.rows for queue in self._queues.values())

    # Steps

    def step(self) -> None:
        """Run steps until no queued row can be taken; then let inputs that follow the clock follow it."""
        with self._lock:
            if self._failed is not None:
                raise self._failed
            now_us = self._now_us()
            while self.step_once():
                pass
            self._settle(now_us)

    def settle(self) -> None:
        """What follows from queues that hold nothing more to take: ended inputs end, others follow the clock."""
        with self._lock:
            # The clock is read while nothing can be queued: rows that come later have at least this time.
            if not any(self._queues.values()):
                self._settle(self._now_us())

    def _settle(self, now_us: int | None) -> None:
        for name in self._ending:
            if not self._queues[name] and name not in self._ended:
                self._ended.add(name)
                self._guarded(partial(self.executor.end, name, self._now_us()))
        if now_us is not None:
            self._follow_clock(now_us)

    def step_once(self) -> bool:
        """Run one step over one batch of one input; False when none was waiting that could be taken."""
        with self._lock:
            if self._failed is not None:
                raise self._failed
            name = self._next_input()
            if name is None:
                return False
            for batch in self._take(name):
                self._push_rows(name, batch)
            return True

    def _next_input(self) -> str | None:
        """The input to take rows from: of those replayed in time order only the one furthest behind may go on."""
        replayed = [
            name
            for name, stream in self.inputs.items()
            if stream.is_replayed and (self._queues[name] or name not in self._ending)
        ]
        behind = min(replayed, key=lambda name: self.inputs[name].clock_us, default=None)
        for name, queue in self._queues.items():
            if queue and (name == behind or not self.inputs[name].is_replayed):
                return name
        return None

    def _take(self, name: str) -> list[ChangeBatch]:
        items = self._queues[name].take(self._options.max_batch_rows)
        stream = self.inputs[name]
        if len(items) > 1 and not any(item.bad for item in items):
            rows = pa.concat_batches([item.rows for item in items])
            read = SourceBatch(rows) if items[0].is_coerced else self._coerce(stream, rows)
            if not read.bad:
                return self._cut(self._arrive(stream, read, items))
        batches = []
        for item in items:
            read = SourceBatch(item.rows, item.bad) if item.is_coerced else self._coerce(stream, item.rows)
            batches.extend(self._cut(self._arrive(stream, read, [item])))
        return batches

    def _cut(self, batch: ChangeBatch) -> list[ChangeBatch]:
        most, rows = self._options.max_batch_rows, batch.num_rows
        if rows <= most:
            return [batch] if rows else []
        return [batch.slice(start, min(most, rows - start)) for start in range(0, rows, most)]

    @staticmethod
    def _coerce(stream: InputStream, rows: pa.RecordBatch) -> SourceBatch:
        first = stream.rows + stream.bad_records
        return coerce_batch(
            rows,
            stream.schema,
            columns=stream.columns,
            rowtime=ROWTIME if stream.mode is TimeMode.DATA else None,
            position=lambda row: f"row {first + row}",
        )

    def _arrive(self, stream: InputStream, read: SourceBatch, items: list[Arrival]) -> ChangeBatch:
        match stream.mode:
            case TimeMode.DATA:
                return stream.timed(read, None if self._is_virtual else self._clock.now_us())
            case TimeMode.COUNTED:
                return stream.counted(read)
            case _ if len(items) == 1:
                return stream.arriving(read, items[0].arrival_us)
            case _:
                times = np.repeat([item.arrival_us for item in items], [item.rows.num_rows for item in items])
                rowtime = pa.array(times, pa.int64()).cast(pa.timestamp("us"))
                return stream.arrived(read, rowtime, self._clock.now_us())

    def _push_rows(self, name: str, batch: ChangeBatch) -> None:
        bound_us = batch.last_us()
        self._guarded(partial(self.executor.push, name, batch, bound_us, self._now_us()))

    def _follow_clock(self, now_us: int) -> None:
        modes = {stream.mode for stream in self.inputs.values()}
        follows = {TimeMode.CLOCK}
        if TimeMode.CLOCK in modes and TimeMode.DATA not in modes:
            # An input that has had no rows yet must not hold back those that have, and nothing says its time is data.
            follows.add(None)  # type: ignore[arg-type]
        bounds = {}
        for name, stream in self.inputs.items():
            if stream.mode in follows and name not in self._ended and now_us > stream.clock_us:
                stream.advance(now_us)
                bounds[name] = now_us
        if bounds:
            self._guarded(partial(self.executor.advance, bounds, now_us))

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run the executor and collect what it gives; a failure as a whole is final."""
        try:
            run()
        except RunError as error:
            self._failed = error
            raise
        for origin, failure in self.executor.take_failures():
            self.errors.add_failure(origin, failure, self._now_us())
        for name, queue in self._outputs.items():
            for batch in self.executor.take(name):
                queue.put(to_record_batch(batch, self.schemas[name]))

    @property
    def _arrival_mode(self) -> TimeMode:
        return TimeMode.COUNTED if self._is_virtual else TimeMode.CLOCK

    def _now_us(self) -> int | None:
        """The clock's reading, None where time is the data's."""
        return None if self._is_virtual else self._clock.now_us()

    # Outputs

    def want(self, name: str) -> None:
        """Somebody fetches the rows of this stream from now on; raises RunError when earlier ones were given up."""
        if name == ERROR_STREAM:
            return
        queue = self._output(name)
        queue.is_wanted = True
        if queue.lost_rows:
            lost, queue.lost_rows = queue.lost_rows, 0
            raise RunError(
                ErrorCode.APPLICATION_STATE,
                f'{lost} rows of stream "{name}" are gone because nobody fetched them',
                hint="poll it before the first push, or name it in outputs=[...]; fetching goes on with the next call",
            )

    def keep_only(self, names: Iterable[str]) -> None:
        """Collect the rows of these streams only."""
        kept = set(names)
        for name in list(self._outputs):
            if name not in kept:
                self.executor.discard(name)
                del self._outputs[name]

    def take(self, name: str) -> list[pa.RecordBatch]:
        """The rows of a stream that wait, in order; `error_stream` is one of the streams."""
        with self._lock:
            if name == ERROR_STREAM:
                failed = self.errors.take(sort=self._is_virtual)
                return [] if failed is None else [failed]
            return self._output(name).take()

    def take_one(self, name: str) -> pa.RecordBatch | None:
        """The oldest waiting batch of a stream, or None."""
        with self._lock:
            return self.errors.take() if name == ERROR_STREAM else self._output(name).take_one()

    def blocked_output(self) -> str | None:
        """A stream whose queue is full although somebody wants its rows, or None."""
        return next((name for name, queue in self._outputs.items() if queue.is_wanted and queue.is_full), None)

    def _output(self, name: str) -> OutputQueue:
        queue = self._outputs.get(name)
        if queue is None:
            names = ", ".join([*self._outputs, ERROR_STREAM])
            raise RunError(ErrorCode.NOT_FOUND, f'stream "{name}" not found', hint=f"the streams are {names}")
        return queue

    # Everything else

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after rows were queued or inputs advanced, in the thread that did it; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def wake(self) -> None:
        """Call the listeners, for example because the application was closed."""
        self._notify()

    def _notify(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _check_open(self, name: str) -> None:
        if self._failed is not None:
            raise self._failed
        if name not in self.inputs:
            names = ", ".join(self.inputs) or "none"
            raise RunError(ErrorCode.NOT_FOUND, f'input "{name}" not found', hint=f"the inputs are {names}")
        if name in self._ending or name in self._ended:
            raise RunError(ErrorCode.APPLICATION_STATE, f'input "{name}" has ended and takes no more rows')

    def metrics(self, progress: Mapping[str, float | None]) -> ApplicationMetrics:
        """A snapshot of all counters; `progress` is what is known about each input."""
        with self._lock:
            return ApplicationMetrics(
                inputs=tuple(
                    InputMetrics(
                        name=name,
                        rows=stream.rows,
                        bad_records=stream.bad_records,
                        rows_late=stream.rows_late,
                        queued_rows=self._queues[name].rows,
                        queued_bytes=self._queues[name].bytes,
                        progress=progress.get(name),
                    )
                    for name, stream in self.inputs.items()
                ),
                operators=self.executor.metrics(),
                outputs=tuple(
                    OutputMetrics(name, queue.total_rows, queue.rows, queue.bytes)
                    for name, queue in self._outputs.items()
                ),
                error_rows=self.errors.total,
                error_rows_dropped=self.errors.dropped,
            )

    def snapshot(self) -> dict[str, dict[str, pa.RecordBatch]]:
        """The state of all operators and input clocks; queued rows are taken into it by a step first.

        Raises StateError while rows wait to be fetched: they would be neither in the snapshot nor fetched after it.
        """
        with self._lock:
            self.step()
            waiting = [name for name, queue in self._outputs.items() if queue.is_wanted and queue.rows]
            if waiting:
                raise StateError(
                    ErrorCode.STATE, f"rows of {', '.join(waiting)} wait to be fetched", hint="poll them, then snapshot"
                )
            state = self.executor.snapshot()
            rows = [{**stream.to_row(), "is_ended": name in self._ended} for name, stream in self.inputs.items()]
            state[EXECUTOR_STATE]["inputs"] = pa.RecordBatch.from_pylist(rows, schema=InputStream.STATE_SCHEMA)
            return state

    def restore(self, state: Mapping[str, Mapping[str, pa.RecordBatch]]) -> None:
        """Continue where `snapshot` was taken; called on a new session of the same plan, before any row."""
        with self._lock:
            self.executor.restore(state)
            for row in state[EXECUTOR_STATE]["inputs"].to_pylist():
                stream = self.inputs[row["name"]]
                stream.from_row(row)
                if row["is_ended"]:
                    self._ended.add(row["name"])


def _terminal_streams(plan: ApplicationPlan) -> set[str]:
    """The streams that no other stream's pump reads."""
    read: set[int] = set()
    stack: list[PhysicalNode] = [node.input for node in plan.nodes.values()]
    while stack:
        node = stack.pop()
        if id(node) not in read:
            read.add(id(node))
            stack.extend(node.inputs)
    written = {name for name, node in plan.nodes.items() if id(node) in read}
    return {name for name, _ in plan.streams if name not in written}
