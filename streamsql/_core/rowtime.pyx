"""ROWTIME at the edges: milliseconds outside, microseconds inside, never decreasing along a stream."""

from libc.stdint cimport int64_t

from streamsql._core.arrow_c cimport ColumnView, allocate, buffer_address, fixed_width_array, import_array

import pyarrow as pa

cdef extern from "rowtime.h" nogil:
    bint streamsql_is_ordered(const int64_t* values, int64_t n)
    void streamsql_to_milliseconds(const int64_t* us, int64_t* ms, int64_t n)


cdef object _MILLISECONDS = pa.timestamp("ms")
cdef object _MICROSECONDS = pa.timestamp("us")


cdef int64_t _check(const int64_t* values, int64_t n, int64_t factor, int64_t clock_us) noexcept nogil:
    """The number of values (times `factor`) below the largest value or clock before them."""
    cdef int64_t i, value, late = 0
    for i in range(n):
        value = values[i] * factor
        late += value < clock_us
        clock_us = value if value > clock_us else clock_us
    return late


def arrive(object rowtime, int64_t clock_us):
    """Take the ROWTIME column of arriving rows: `(rowtime in us, late rows, clock after the last row)`.

    `rowtime` is `timestamp[ms]` or `timestamp[us]` without nulls. A row is late when its ROWTIME is below the input's
    clock, which is `clock_us` before the first row and otherwise the largest ROWTIME so far. Microseconds are returned
    as they are, without a copy. One pass.
    """
    cdef ColumnView view = import_array(rowtime)
    cdef int64_t n = view.length
    cdef int64_t factor = 1000 if rowtime.type.equals(_MILLISECONDS) else 1
    cdef const int64_t* values = <const int64_t*> view.values + view.offset
    cdef int64_t late, i, value, clock = clock_us
    cdef int64_t* target
    if view.null_count:
        raise ValueError("ROWTIME has nulls")
    if factor == 1:
        # SAFETY: the layout of timestamps is one int64 per value; `view` keeps the buffer for the call.
        with nogil:
            if n and values[0] >= clock and streamsql_is_ordered(values, n):
                late = 0                        # the usual case, and several times as fast to find out
            else:
                late = _check(values, n, 1, clock)
            for i in range(n if late else 0):
                if values[i] > clock:
                    clock = values[i]
        if not late and n:
            clock = values[n - 1]
        return rowtime, late, clock
    buffer = allocate(n * 8)
    target = <int64_t*> buffer_address(buffer)
    late = 0
    with nogil:
        for i in range(n):
            value = values[i] * 1000
            target[i] = value
            late += value < clock
            clock = value if value > clock else clock
    return fixed_width_array(_MICROSECONDS, buffer, None, n, 0), late, clock


def on_time(object rowtime, int64_t clock_us):
    """Which rows are not late, as two lists of row numbers (on time, late), and for each late row the clock it missed.

    `rowtime` is `timestamp[us]` without nulls; `clock_us` as in `arrive`. Only called when `arrive` found late rows.
    """
    cdef ColumnView view = import_array(rowtime)
    cdef const int64_t* values = <const int64_t*> view.values + view.offset
    cdef int64_t i, clock = clock_us
    cdef list good = []
    cdef list late = []
    cdef list clocks = []
    for i in range(view.length):
        if values[i] < clock:
            late.append(i)
            clocks.append(clock)
        else:
            clock = values[i]
            good.append(i)
    return good, late, clocks


def to_milliseconds(object rowtime):
    """The same instants as `timestamp[ms]`, rounded down (also before 1970). `rowtime` is `timestamp[us]`, no nulls."""
    cdef ColumnView view = import_array(rowtime)
    cdef int64_t n = view.length
    cdef const int64_t* values = <const int64_t*> view.values + view.offset
    buffer = allocate(n * 8)
    cdef int64_t* target = <int64_t*> buffer_address(buffer)
    with nogil:
        streamsql_to_milliseconds(values, target, n)
    return fixed_width_array(_MILLISECONDS, buffer, None, n, 0)


def constant(int64_t rowtime_us, int64_t n):
    """A ROWTIME column of `n` rows that all arrived at `rowtime_us`."""
    buffer = allocate(n * 8)
    cdef int64_t* target = <int64_t*> buffer_address(buffer)
    cdef int64_t i
    for i in range(n):
        target[i] = rowtime_us
    return fixed_width_array(_MICROSECONDS, buffer, None, n, 0)


def counted(int64_t first, int64_t n):
    """A ROWTIME column of `n` rows of the virtual clock: row `first + i` arrives `first + i` ms after 1970 began."""
    buffer = allocate(n * 8)
    cdef int64_t* target = <int64_t*> buffer_address(buffer)
    cdef int64_t i
    for i in range(n):
        target[i] = (first + i) * 1000
    return fixed_width_array(_MICROSECONDS, buffer, None, n, 0)
