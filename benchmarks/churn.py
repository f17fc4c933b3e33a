"""Endless new keys: does memory stay flat when every key is seen once and its window closes?"""

from __future__ import annotations

import gc
import time

import numpy as np
import pyarrow as pa

import streamsql
from benchmarks.measure import resident_bytes

APPLICATION = """
    CREATE OR REPLACE STREAM "OUT" ("key" BIGINT, "n" BIGINT, "total" BIGINT);
    CREATE OR REPLACE PUMP "OUT_PUMP" AS INSERT INTO "OUT"
    SELECT STREAM "key", COUNT(*), SUM("value") FROM KEYS
    GROUP BY "key", STEP(KEYS.ROWTIME BY INTERVAL '10' SECOND);
"""
#: Half an hour of event time.
SPAN_US = 1_800 * 1_000_000
BATCH_ROWS = 65_536
#: Part of the run after which memory must not grow any more.
WARM_UP = 0.2


def churn(keys: int) -> dict[str, object]:
    """Push `keys` rows, each with a key of its own, through 10-second windows over half an hour of event time.

    The result tells resident memory after the warm-up, at the end, and the most after the warm-up; `counted` is the sum
    of all counts, which must be the number of rows.
    """
    columns = '"key" BIGINT, "value" BIGINT'
    samples: list[tuple[float, int]] = []
    counted = 0
    # A small run teaches the allocators their habits, so that the first sample is not below all later ones.
    started = time.perf_counter()
    with streamsql.Application(APPLICATION, schemas={"KEYS": columns}, dialect="kinesis") as application:
        for first in range(0, keys, BATCH_ROWS):
            application.push("KEYS", _batch(first, min(BATCH_ROWS, keys - first), keys))
            counted += sum(_counts(batch) for batch in application.poll("OUT"))
            resident = resident_bytes()
            if resident is not None:
                samples.append(((first + BATCH_ROWS) / keys, resident))
        application.advance_to(SPAN_US + 10_000_000)
        counted += sum(_counts(batch) for batch in application.poll("OUT"))
    seconds = time.perf_counter() - started
    gc.collect()
    warm = [resident for done, resident in samples if done >= WARM_UP]
    return {
        "workload": "churn",
        "rows": keys,
        "counted": counted,
        "matches": counted == keys,
        "ns_per_row": round(seconds / keys * 1e9, 1),
        "resident_after_warm_up": warm[0] if warm else None,
        "resident_highest": max(warm) if warm else None,
        "resident_at_end": warm[-1] if warm else None,
        "growth": round(warm[-1] / warm[0] - 1, 4) if warm else None,
    }


def _counts(batch: pa.RecordBatch) -> int:
    return int(batch["n"].to_numpy().sum())


def _batch(first: int, rows: int, keys: int) -> pa.RecordBatch:
    """Rows with consecutive numbers; a key is its number scrambled, so that keys come in no order."""
    number = np.arange(first, first + rows, dtype=np.int64)
    # Multiplication with an odd number is a bijection of 64-bit integers: no key comes twice.
    key = (number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.int64)
    rowtime = number * (SPAN_US // max(keys, 1))
    return pa.record_batch(
        {"ROWTIME": pa.array(rowtime, pa.timestamp("us")), "key": pa.array(key), "value": pa.array(number)}
    )
