"""Sources to sinks on an asyncio loop: one thread per connector, the engine between them in the loop's thread.

Back-pressure: a sink that is slow fills its stream's output queue, then no step runs, then the input queues fill, then
no source is read. All queues are bounded in rows and bytes, so memory stays flat.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from streamsql.connectors.base import Sink, Source
from streamsql.errors import ConnectorError, ErrorCode, RunError, StreamSQLError
from streamsql.runtime.error_stream import ERROR_SCHEMA, ERROR_STREAM
from streamsql.runtime.session import Session
from streamsql.runtime.worker import IoThread
from streamsql.spec import RuntimeOptions

#: How often live inputs look at the clock when no row arrives, in seconds; bounds how late a window fires on an idle
#: stream.
_TICK_SECONDS = 0.05
#: How long a connector may take to close after the run has failed, in seconds.
_CLOSE_SECONDS = 5.0


class Service:
    """Runs a session's sources and sinks until all sources end or it is told to stop.

    Stopping drains: sources are read no further, what was read goes through the engine and into the sinks, and the
    sinks are flushed and closed. Windows still open are not flushed, except those over inputs that ended by themselves:
    a live window whose time has not come yet would give a result that looks complete and is not.
    """

    def __init__(
        self, session: Session, sources: Mapping[str, Source], sinks: Mapping[str, Sink], options: RuntimeOptions
    ) -> None:
        self._session = session
        self._sources = sources
        self._sinks = sinks
        self._options = options
        self._threads: list[IoThread] = []
        self._unread = set(sources)
        self._is_finished = False
        self._is_aborted = False
        self._task: asyncio.Task[Any] | None = None
        self._stop = asyncio.Event()
        self._work = asyncio.Event()        # rows were queued, an input ended, or a sink took rows
        self._room = asyncio.Event()        # a step took queued rows
        self._output = asyncio.Event()      # a step gave rows, or there will be no more

    def stop(self) -> None:
        """Begin to drain. Call it in the loop's thread."""
        self._stop.set()
        self._work.set()
        self._room.set()

    def abort(self) -> None:
        """Stop at once, without waiting for a connector that hangs. Call it in the loop's thread."""
        self._is_aborted = True
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Run to the end. Raises ConnectorError when a source or sink fails, RunError when the engine does."""
        self._task = asyncio.current_task()
        writers = [self._write(name, sink, self._thread(f"sink {name}")) for name, sink in self._sinks.items()]
        readers = [self._read(name, source, self._thread(f"source {name}")) for name, source in self._sources.items()]
        unlisten = self._session.listen(self._work.set)
        try:
            await _all([self._engine(), *readers, *writers])
        finally:
            unlisten()
            for thread in self._threads:
                thread.stop()
            if not self._is_aborted:
                for thread in self._threads:
                    await thread.ended(_CLOSE_SECONDS)

    def _thread(self, name: str) -> IoThread:
        thread = IoThread(name)
        self._threads.append(thread)
        return thread

    async def _read(self, name: str, source: Source, thread: IoThread) -> None:
        try:
            while not self._stop.is_set():
                delay = source.next_awake()
                if delay:
                    # Then ask, whatever it says by then: a source that cannot know when more will come (a pipe, a
                    # growing file) names the same delay until it is asked.
                    await _wait(self._stop, delay)
                    if self._stop.is_set():
                        break
                batch = await thread.call(source.next_batch, self._options.max_batch_rows)
                if batch is None:
                    self._session.end_input(name)
                    break
                if batch.rows.num_rows or batch.bad:
                    self._session.feed(name, batch, source.has_rowtime)
                while self._session.is_full(name):
                    self._room.clear()
                    await self._room.wait()
        except StreamSQLError:
            raise
        except Exception as error:
            raise _failure("source of input", name, ErrorCode.SOURCE, error) from error
        finally:
            self._unread.discard(name)
            self._work.set()
            thread.post(source.close)

    async def _engine(self) -> None:
        session = self._session
        is_live = any(source.is_live for source in self._sources.values())
        linger = self._options.linger_ms / 1000 if is_live else 0.0
        try:
            while True:
                self._work.clear()
                while session.blocked_output() is not None:
                    self._output.set()
                    await self._work.wait()
                    self._work.clear()
                if session.step_once():
                    self._room.set()
                    self._output.set()
                    await asyncio.sleep(0)
                    continue
                session.settle()
                self._room.set()
                self._output.set()
                if not self._unread and not session.queued_rows:
                    break
                await _wait(self._work, _TICK_SECONDS if is_live else None)
                if linger and 0 < session.queued_rows < self._options.max_batch_rows and not self._stop.is_set():
                    await _wait(self._stop, linger)
        finally:
            self._is_finished = True
            self._output.set()

    async def _write(self, name: str, sink: Sink, thread: IoThread) -> None:
        schema = ERROR_SCHEMA.arrow if name == ERROR_STREAM else self._session.schemas[name]
        try:
            await thread.call(sink.open, schema)
            has_written = False
            while True:
                batch = self._session.take_one(name)
                if batch is not None:
                    await thread.call(sink.write, batch)
                    has_written = True
                    self._work.set()
                    continue
                if has_written:
                    await thread.call(sink.flush)
                    has_written = False
                    continue
                if self._is_finished:
                    await thread.call(sink.close)
                    return
                self._output.clear()
                await self._output.wait()
        except BaseException as error:
            thread.post(sink.close)         # not awaited: a sink that hangs must not hold up the end
            if isinstance(error, StreamSQLError) or not isinstance(error, Exception):
                raise
            raise _failure("sink of stream", name, ErrorCode.SINK, error) from error


def _failure(kind: str, name: str, code: ErrorCode, error: Exception) -> ConnectorError:
    retryable = isinstance(error, ConnectionError | TimeoutError)
    return ConnectorError(
        code, f'the {kind} "{name}" failed: {error}', detail=type(error).__name__, retryable=retryable
    )


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    """Until the event is set or the time has passed."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _all(coroutines: list[Coroutine[Any, Any, None]]) -> None:
    """Run all together; the first failure cancels the others and is raised."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


@contextmanager
def stop_signals(drain: Callable[[], None], abort: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `drain` the first time and `abort` after that. Only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def on_signal(number: int) -> None:
        seen.append(number)
        if len(seen) == 1:
            drain()
        else:
            abort()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    except asyncio.CancelledError:
        if len(seen) < 2:
            raise
        raise RunError(
            ErrorCode.APPLICATION_STATE, "stopped by a second signal before everything read was delivered"
        ) from None
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
