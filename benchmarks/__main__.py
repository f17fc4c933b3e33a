"""`python -m benchmarks`: one JSON line per workload on stdout, exit code 1 when a result is wrong."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa

from benchmarks.checksum import checksum
from benchmarks.churn import churn
from benchmarks.data import BATCH_ROWS
from benchmarks.kernels import kernels
from benchmarks.measure import alternate, peak_bytes, timed
from benchmarks.startup import startup
from benchmarks.workloads import WORKLOADS, Contest, files, in_memory

SECTIONS = (*(workload.name for workload in WORKLOADS), "W10", "batch-size", "startup", "kernels", "churn")
#: W2 in batches of so many rows, and how many times its time with the first of them each may take.
BATCH_SIZES = {BATCH_ROWS: 1.0, 1_024: 2.0, 64: 10.0}


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure and how thoroughly. `file_events` and `churn_keys` follow from `events` unless given."""

    events: int = 1_000_000
    repeats: int = 5
    batch_rows: int = BATCH_ROWS
    churn_keys: int = 10_000_000
    cache: Path = Path(__file__).parent / ".cache"
    only: tuple[str, ...] = SECTIONS


DEFAULTS = Settings()
TOY = {"events": 20_000, "repeats": 1, "churn_keys": 50_000}


def measure(settings: Settings) -> Iterator[dict[str, object]]:
    """One dictionary per figure, in the order of SECTIONS."""
    by_name = {workload.name: workload for workload in WORKLOADS}
    for section in settings.only:
        if section in by_name:
            contest = in_memory(by_name[section], settings.events, settings.cache, settings.batch_rows)
            yield compete(contest, settings.repeats) | {"batch_rows": settings.batch_rows}
        elif section == "W10":
            yield compete(files(min(settings.events, 1_000_000), settings.cache), settings.repeats)
        elif section == "batch-size":
            yield from batch_sizes(settings)
        elif section == "startup":
            yield from startup(settings.repeats)
        elif section == "kernels":
            yield from kernels(settings.repeats)
        else:
            yield churn(settings.churn_keys)


def compete(contest: Contest, repeats: int) -> dict[str, object]:
    """Check both results against each other, measure the memory of one run of ours, then time both in turn."""
    run = contest.ours()
    with peak_bytes() as peak:
        result = run()
    ours = checksum(contest.ours_result(result))
    del result
    reference = checksum(contest.reference_result(contest.reference()()))
    times = alternate(contest.ours, contest.reference, repeats)
    seconds = median(times.ours)
    return {
        "workload": contest.name,
        "rows": contest.rows,
        "result_rows": ours.rows,
        "matches": ours.matches(reference),
        "rows_per_s": round(contest.rows / seconds),
        "ns_per_row": round(seconds / contest.rows * 1e9, 2),
        "reference": f"duckdb {duckdb.__version__}",
        "reference_ns_per_row": round(median(times.reference) / contest.rows * 1e9, 2),
        "ratio": round(times.ratio, 3),
        "floor": contest.floor,
        "peak_resident_bytes": peak.resident,
        "peak_arrow_bytes": peak.arrow,
        "repeats": repeats,
    }


def batch_sizes(settings: Settings) -> Iterator[dict[str, object]]:
    """W2 in batches of different sizes, in turn; `ratio` is to the largest."""
    (window,) = (workload for workload in WORKLOADS if workload.name == "W2")
    contests = {rows: in_memory(window, settings.events, settings.cache, rows) for rows in BATCH_SIZES}
    sums = {rows: checksum(contest.ours_result(contest.ours()())) for rows, contest in contests.items()}
    times: dict[int, list[float]] = {rows: [] for rows in contests}
    for _ in range(settings.repeats):
        for rows, contest in contests.items():
            times[rows].append(timed(contest.ours))
    for rows, contest in contests.items():
        yield {
            "workload": "W2 by batch size",
            "batch_rows": rows,
            "matches": sums[rows].matches(sums[BATCH_ROWS]),
            "ns_per_row": round(median(times[rows]) / contest.rows * 1e9, 2),
            "ratio": round(median(times[rows]) / median(times[BATCH_ROWS]), 2),
            "ceiling": BATCH_SIZES[rows],
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, measure, print; 1 when a checksum differs, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=int, default=DEFAULTS.events, help="Nexmark events (46 of 50 are bids)")
    parser.add_argument("--only", help=f"comma-separated, of {', '.join(SECTIONS)}")
    parser.add_argument("--repeats", type=int, default=DEFAULTS.repeats, help="runs of each side; the median counts")
    parser.add_argument("--batch-rows", type=int, default=BATCH_ROWS, help="rows per batch fed to the workloads")
    parser.add_argument("--churn-keys", type=int, default=DEFAULTS.churn_keys, help="distinct keys of the churn run")
    parser.add_argument("--cache", type=Path, default=DEFAULTS.cache, help="where generated data is kept")
    parser.add_argument("--toy", action="store_true", help="everything, tiny and once: does it run, is it right")
    parser.add_argument("--no-pin", action="store_true", help="do not stay on one core")
    options = parser.parse_args(arguments)
    only = tuple(options.only.split(",")) if options.only else SECTIONS
    if unknown := set(only) - set(SECTIONS):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    sizes = {"events": options.events, "repeats": options.repeats, "churn_keys": options.churn_keys}
    chosen = TOY if options.toy else sizes
    settings = Settings(**chosen, batch_rows=options.batch_rows, cache=options.cache, only=only)
    if not options.no_pin and not options.toy:
        pin()
    is_right = True
    for line in measure(settings):
        print(json.dumps(line), flush=True)
        is_right = is_right and line.get("matches", True) is True
    return 0 if is_right else 1


def pin() -> None:
    """Stay on one core with one Arrow thread, so that both sides have the same."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)


if __name__ == "__main__":
    sys.exit(main())
