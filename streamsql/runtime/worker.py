"""One thread per source and sink: blocking calls leave the event loop free, and a connector sees one thread only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class IoThread:
    """Runs calls one after the other in a thread of its own.

    The thread is a daemon: a call that never returns (a dead pipe, a hung server) cannot keep the process alive after
    it was told to stop.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """The result of `function(*args)`, run in the thread; its exceptions are raised here."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def run() -> None:
            result: Any = None
            failure: BaseException | None = None
            try:
                result = function(*args)
            except BaseException as error:
                failure = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, failure)

        self._calls.put(run)
        return await future

    def post(self, function: Callable[[], object]) -> None:
        """Run `function()` in the thread after the calls it was given; nobody waits, its exceptions are dropped."""

        def run() -> None:
            with suppress(Exception):
                function()

        self._calls.put(run)

    def stop(self) -> None:
        """End the thread after the calls it was given; does not wait."""
        self._calls.put(None)

    async def ended(self, seconds: float) -> bool:
        """Wait until the thread has ended, at most so long; True when it has."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
