"""Checksums of results that do not depend on the order of rows, and their comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: Sums of doubles may differ by this part: engines add in different orders.
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Checksum:
    """What must be equal: the number of rows, a hash over the exact columns of each row, and the sums of the doubles.

    A sum of doubles is weighted by the hash of its row, so that values may not change places either.
    """

    rows: int
    exact: int
    sums: tuple[float, ...]
    scales: tuple[float, ...]

    def matches(self, other: Checksum) -> bool:
        """True when both describe the same rows, doubles up to rounding."""
        return (self.rows, self.exact, len(self.sums)) == (other.rows, other.exact, len(other.sums)) and all(
            abs(a - b) <= TOLERANCE * max(scale, 1.0)
            for a, b, scale in zip(self.sums, other.sums, self.scales, strict=True)
        )


def checksum(table: pa.Table) -> Checksum:
    """The checksum of a table of numbers and timestamps (compared in milliseconds); columns count by position."""
    row_hash = np.zeros(table.num_rows, dtype=np.uint64)
    doubles = []
    for column in table.columns:
        if pa.types.is_floating(column.type):
            doubles.append(column.cast(pa.float64()).to_numpy())
        else:
            row_hash = _mix(row_hash ^ _mix(_integers(column)))
    weights = row_hash.astype(np.float64) / 2.0**64
    return Checksum(
        table.num_rows,
        int(row_hash.sum(dtype=np.uint64)),
        tuple(float((values * weights).sum()) for values in doubles),
        tuple(float(np.abs(values).sum()) for values in doubles),
    )


def _integers(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    if column.null_count:
        raise ValueError("no result of a workload has nulls")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    return column.cast(pa.int64()).to_numpy().astype(np.uint64)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
