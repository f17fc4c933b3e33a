"""The only place that reads the wall clock. Everything else is given a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the present comes from. `now_us()` is microseconds since 1970-01-01 UTC and never goes back."""

    def now_us(self) -> int:
        """The present in microseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's clock, held still when the machine sets it back (windows must never see time run backwards)."""

    def __init__(self) -> None:
        self._last_us = 0

    def now_us(self) -> int:
        """The present in microseconds since 1970-01-01 UTC; at least the previous reading."""
        self._last_us = max(self._last_us, time.time_ns() // 1_000)
        return self._last_us


class ManualClock:
    """A clock that moves only when told to; for tests and replays."""

    def __init__(self, now_us: int = 0) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """The time last set."""
        return self._now_us

    def advance(self, by_us: int) -> None:
        """Move forward by `by_us` microseconds (not negative)."""
        if by_us < 0:
            raise ValueError(f"a clock cannot go back, got {by_us} us")
        self._now_us += by_us

    def set(self, now_us: int) -> None:
        """Move forward to `now_us`."""
        self.advance(now_us - self._now_us)
