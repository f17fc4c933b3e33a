"""What it costs to begin: importing the package, compiling an application, and the whole `explain` command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import streamsql
from benchmarks.workloads import WINDOW_STREAM

#: About twenty lines, with each kind of window.
APPLICATION = """\
CREATE OR REPLACE STREAM "MOVES" (
    "TICKER_SYMBOL" VARCHAR(4),
    "PRICE"         DOUBLE,
    "MEAN"          DOUBLE
);
CREATE OR REPLACE PUMP "MOVES_PUMP" AS INSERT INTO "MOVES"
SELECT STREAM TICKER_SYMBOL, PRICE,
       AVG(PRICE) OVER (PARTITION BY TICKER_SYMBOL RANGE INTERVAL '1' MINUTE PRECEDING)
FROM "SOURCE_SQL_STREAM_001"
WHERE PRICE > 0;

CREATE OR REPLACE STREAM "TOTALS" (
    "SECTOR" VARCHAR(16),
    "TICKS"  BIGINT,
    "HIGHEST" DOUBLE
);
CREATE OR REPLACE PUMP "TOTALS_PUMP" AS INSERT INTO "TOTALS"
SELECT STREAM SECTOR, COUNT(*), MAX(PRICE)
FROM "SOURCE_SQL_STREAM_001"
GROUP BY SECTOR, STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '10' SECOND);
"""
COLUMNS = "SOURCE_SQL_STREAM_001=TICKER_SYMBOL VARCHAR(4), SECTOR VARCHAR(16), CHANGE REAL, PRICE REAL"


def startup(repeats: int) -> Iterator[dict[str, object]]:
    """Figures in milliseconds, medians of `repeats`; the bare interpreter is measured beside and taken off imports."""
    bare = _wall_ms([sys.executable, "-c", "pass"], repeats)
    imported = _wall_ms([sys.executable, "-c", "import streamsql"], repeats)
    arrow = _wall_ms([sys.executable, "-c", "import pyarrow"], repeats)
    yield {
        "workload": "import",
        "ms": round(imported - bare, 1),
        "of_which_pyarrow_ms": round(arrow - bare, 1),
        "interpreter_ms": round(bare, 1),
        "ceiling_ms": 250,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.sql"
        path.write_text(APPLICATION)
        command = [sys.executable, "-m", "streamsql", "explain", str(path), "--schema", COLUMNS]
        yield {"workload": "explain", "wall_ms": round(_wall_ms(command, repeats), 1), "ceiling_ms": 600}
    times = []
    for _ in range(max(repeats, 3)):
        started = time.perf_counter()
        streamsql.Application(WINDOW_STREAM, schemas={"BIDS": '"auction" BIGINT, "price" BIGINT'}, dialect="kinesis")
        times.append(time.perf_counter() - started)
    yield {"workload": "compile", "first_ms": round(times[0] * 1e3, 2), "ms": round(median(times[1:]) * 1e3, 2)}


def _wall_ms(command: list[str], repeats: int) -> float:
    """Median wall time; the first run, which warms the file cache, is not counted."""
    environment = {**os.environ, "PYTHONPATH": str(Path(streamsql.__file__).parent.parent)}
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        times.append((time.perf_counter() - started) * 1e3)
    return median(times[1:])
