from libc.stdint cimport int64_t, uint32_t

from streamsql._core.accum cimport AggregatePlan, States
from streamsql._core.arrow_c cimport Layout
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.hashing cimport KeyEncoder
from streamsql._core.keymap cimport KeyMap
from streamsql._core.operator cimport Output


cdef struct Closed:         # a run of groups of a pane whose window is complete
    int64_t groups
    int64_t start_us
    int64_t end_us
    int64_t rowtime_us


cdef class Pane:
    cdef KeyMap map
    cdef States states
    cdef bint is_open
    cdef int64_t start_us
    cdef int64_t end_us
    cdef int64_t first      # first group of the open window
    cdef Closed* closed     # windows that are complete but not yet emitted, in order
    cdef int64_t closed_count
    cdef int64_t _closed_capacity

    cdef int open(self, int64_t start_us, int64_t end_us) noexcept nogil
    cdef int close(self, int64_t rowtime_us) except -1 nogil


cdef class ResultBuilder:
    cdef KeyEncoder keys
    cdef AggregatePlan plan
    cdef object start_type      # Arrow type of window start and end, None when there are no such columns
    cdef int64_t unit_us        # microseconds per unit of it

    cdef list columns(self, Pane pane, int64_t n, int64_t* rowtimes)
    cdef int64_t emit(self, Pane pane, bint has_weights, Output out) except -1
    cdef int64_t emit_arrays(self, object rowtime, list columns, object errors, object keep, Output out) except -1


cdef inline int64_t floor_divide(int64_t value, int64_t divisor) noexcept nogil:
    cdef int64_t quotient = value // divisor            # C division: truncates
    return quotient - 1 if value % divisor < 0 else quotient


cdef inline int64_t first_at_least(const int64_t* times, int64_t start, int64_t n, int64_t bound) noexcept nogil:
    """The first row from `start` with a time >= bound, or n; times do not decrease."""
    cdef int64_t middle
    while start < n:
        middle = (start + n) >> 1
        if times[middle] < bound:
            start = middle + 1
        else:
            n = middle
    return start


cdef object int64_array(object arrow_type, const int64_t* values, int64_t n)
cdef object arrow_times(object arrow_type)
