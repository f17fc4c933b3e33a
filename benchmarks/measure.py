"""Times and bytes: alternating runs of two contestants, and what one run adds to the memory of the process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

#: Gives a function that does the work once. Only the function is timed.
Preparation = Callable[[], Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each run of the two, in order."""

    ours: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of ours over median of the reference; below 1 is faster."""
        return median(self.ours) / median(self.reference)


def alternate(ours: Preparation, reference: Preparation, repeats: int) -> Times:
    """Run the two in turn, `repeats` times each, so that whatever else the machine does hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for seconds, prepare in zip(times, (ours, reference), strict=True):
            seconds.append(timed(prepare))
    return Times(tuple(times[0]), tuple(times[1]))


def timed(prepare: Preparation) -> float:
    """Seconds one run takes; preparation, garbage collection and freeing the result are not counted."""
    run = prepare()
    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter()
        result = run()
        seconds = time.perf_counter() - started
    finally:
        gc.enable()
    del result
    return seconds


@dataclass
class Peak:
    """The most bytes a block of code added: resident memory (None where it cannot be read) and Arrow's pool."""

    resident: int | None = None
    arrow: int = 0


#: Arrays made under a pool keep using it, so pools are kept for good.
_pools: list[pa.MemoryPool] = []


@contextmanager
def peak_bytes() -> Iterator[Peak]:
    """Measure a block; the figures are set when it ends."""
    peak = Peak()
    gc.collect()
    former = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(former)
    _pools.append(pool)
    pa.set_memory_pool(pool)
    before = _restart_peak()
    try:
        yield peak
    finally:
        pa.set_memory_pool(former)
        after = _status("VmHWM")
        peak.arrow = pool.max_memory() or 0
        peak.resident = None if before is None or after is None else max(0, after - before)


def resident_bytes() -> int | None:
    """Resident memory of this process now, or None where it cannot be read."""
    return _status("VmRSS")


def _restart_peak() -> int | None:
    """Forget the peak of resident memory so far and return its present value."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return None
