"""Panes: the groups of a window and their states; and how complete windows become an output batch.

A pane numbers its groups in order of first appearance, across windows: when a window closes in the middle of a batch,
the next one goes on in the same arrays, so that a batch is aggregated in one pass whatever number of windows it
touches. The complete windows are then emitted together and their groups given up at once.
"""

from libc.stdlib cimport free
from libc.string cimport memcpy

from streamsql._core.arena cimport reserve
from streamsql._core.arrow_c cimport allocate, buffer_address, fixed_width_array

from libc.stdint cimport uint8_t

import numpy as np
import pyarrow as pa

#: RowError.NUMERIC_OVERFLOW
cdef int _OVERFLOW = 2


cdef object int64_array(object arrow_type, const int64_t* values, int64_t n):
    """An Arrow array of 64-bit values without NULLs."""
    buffer = allocate(n * 8)
    if n:
        memcpy(buffer_address(buffer), values, <size_t> n * 8)
    return fixed_width_array(arrow_type, buffer, None, n, 0)


cdef object arrow_times(object arrow_type):
    """Microseconds per unit of a timestamp type."""
    return {"s": 1_000_000, "ms": 1_000, "us": 1}[arrow_type.unit]


cdef class Pane:
    """Keys and states of one open window, and of the complete ones before it that wait to be emitted."""

    def __cinit__(self, KeyEncoder keys, AggregatePlan plan):
        self.map = KeyMap(keys.is_fixed)
        self.states = States(plan)

    def __dealloc__(self):
        free(self.closed)

    cdef int open(self, int64_t start_us, int64_t end_us) noexcept nogil:
        """Begin a window."""
        self.is_open = True
        self.start_us = start_us
        self.end_us = end_us
        self.first = self.map.count
        return 0

    cdef int close(self, int64_t rowtime_us) except -1 nogil:
        """The open window is complete; its results have this ROWTIME."""
        reserve(<void**> &self.closed, &self._closed_capacity, self.closed_count + 1, sizeof(Closed))
        self.closed[self.closed_count].groups = self.map.count - self.first
        self.closed[self.closed_count].start_us = self.start_us
        self.closed[self.closed_count].end_us = self.end_us
        self.closed[self.closed_count].rowtime_us = rowtime_us
        self.closed_count += 1
        self.first = self.map.count
        self.is_open = False
        self.map.forget_all()
        return 0


cdef class ResultBuilder:
    """Makes output batches: key columns, window start and end (unless `has_window` is False), aggregates."""

    def __init__(self, KeyEncoder keys, AggregatePlan plan, object schema, bint has_window):
        self.keys = keys
        self.plan = plan
        self.start_type = schema[keys.width].type.arrow if has_window else None
        self.unit_us = arrow_times(self.start_type) if has_window else 1

    cdef list columns(self, Pane pane, int64_t n, int64_t* rowtimes):
        """Key and window columns of the complete groups; fills their ROWTIMEs."""
        cdef list columns = pane.map.key_columns(self.keys, 0, n)
        cdef int64_t i, j, at = 0, start, end
        cdef int64_t* starts
        cdef int64_t* ends
        if self.start_type is None:
            for i in range(pane.closed_count):
                for j in range(at, at + pane.closed[i].groups):
                    rowtimes[j] = pane.closed[i].rowtime_us
                at += pane.closed[i].groups
            return columns
        start_buffer = allocate(n * 8)
        end_buffer = allocate(n * 8)
        starts = <int64_t*> buffer_address(start_buffer)
        ends = <int64_t*> buffer_address(end_buffer)
        for i in range(pane.closed_count):
            start = floor_divide(pane.closed[i].start_us, self.unit_us)
            end = floor_divide(pane.closed[i].end_us, self.unit_us)
            for j in range(at, at + pane.closed[i].groups):
                rowtimes[j] = pane.closed[i].rowtime_us
                starts[j] = start
                ends[j] = end
            at += pane.closed[i].groups
        columns.append(fixed_width_array(self.start_type, start_buffer, None, n, 0))
        columns.append(fixed_width_array(self.start_type, end_buffer, None, n, 0))
        return columns

    cdef int64_t emit(self, Pane pane, bint has_weights, Output out) except -1:
        """Emit the complete windows of a pane and give up their groups; returns the number of failed rows.

        With weights, groups all of whose rows were retracted do not appear.
        """
        cdef int64_t i, n = 0
        cdef uint8_t* errors
        cdef list columns
        cdef int64_t failed
        cdef const int64_t* counts
        keep = None
        for i in range(pane.closed_count):
            n += pane.closed[i].groups
        if n == 0:
            pane.closed_count = 0
            return 0
        rowtimes = allocate(n * 8)
        columns = self.columns(pane, n, <int64_t*> buffer_address(rowtimes))
        error_flags = np.zeros(n, dtype=np.uint8)
        errors = <uint8_t*> <size_t> error_flags.ctypes.data
        columns.extend(self.plan.finish(pane.states.arrays, 0, n, errors))
        if has_weights:
            counts = <const int64_t*> pane.states.arrays[0]
            keep = np.fromiter((counts[i] > 0 for i in range(n)), dtype=np.bool_, count=n)
            if keep.all():
                keep = None
        failed = self.emit_arrays(
            fixed_width_array(pa.timestamp("us"), rowtimes, None, n, 0), columns, error_flags, keep, out
        )
        pane.closed_count = 0
        pane.map.drop_first(n)
        pane.states.drop_first(n)
        pane.first -= n
        return failed

    cdef int64_t emit_arrays(self, object rowtime, list columns, object errors, object keep, Output out) except -1:
        """Emit finished rows; those flagged in `errors` fail, those not in `keep` vanish. Returns the failures."""
        batch = ChangeBatch(rowtime, tuple(columns))
        if keep is None and not errors.any():
            out.emit(batch)
            return 0
        if keep is None:
            keep = np.ones(len(errors), dtype=np.bool_)
        bad = np.flatnonzero((errors != 0) & keep)
        good = np.flatnonzero((errors == 0) & keep)
        if len(bad):
            out.fail(
                batch.take(pa.array(bad)),
                np.full(len(bad), _OVERFLOW, dtype=np.uint8),
                ["numeric overflow in an aggregate"] * len(bad),
            )
        out.emit(batch.take(pa.array(good)))
        return len(bad)
