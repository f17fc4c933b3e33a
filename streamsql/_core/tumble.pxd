from libc.stdint cimport int64_t, uint32_t

from streamsql._core.accum cimport AggregatePlan
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.hashing cimport KeyEncoder
from streamsql._core.keymap cimport KeyMap
from streamsql._core.operator cimport Operator, Output
from streamsql._core.panes cimport Pane, ResultBuilder


cdef enum WindowRule:
    RULE_FIXED = 1
    RULE_CALENDAR = 2
    RULE_INSTANT = 3
    RULE_CHANGE = 4


cdef class TumbleAggregateOperator(Operator):
    cdef WindowRule rule
    cdef bint closed_right
    cdef int64_t size           # microseconds, or months
    cdef KeyEncoder keys
    cdef KeyEncoder change      # RULE_CHANGE: the column whose changes end windows
    cdef KeyMap change_value    # holds the current value as its only findable key
    cdef AggregatePlan plan
    cdef ResultBuilder results
    cdef list panes             # open windows; at most one while rows come in order
    cdef Pane spare
    cdef int64_t clock_us       # largest watermark given or implied by a row
    cdef int64_t last_us        # ROWTIME of the last row
    cdef bint has_weights
    cdef uint32_t* groups
    cdef int64_t groups_capacity

    cdef int window_of(self, int64_t time_us, int64_t* start_us, int64_t* end_us) noexcept nogil
    cdef bint is_complete(self, int64_t end_us, int64_t watermark_us) noexcept nogil
    cdef int _process_in_order(self, ChangeBatch batch, Output out) except -1
    cdef int _process_any_order(self, ChangeBatch batch, Output out) except -1
    cdef int _add_segments(self, Pane pane, const int64_t* times, int64_t start, int64_t n) except -1 nogil
    cdef int64_t _segment_end(self, Pane pane, const int64_t* times, int64_t start, int64_t n) noexcept nogil
    cdef int _fire(self, int64_t watermark_us, bint everything, Output out) except -1
    cdef int _emit(self, Pane pane, Output out) except -1
    cdef Pane _pane_for(self, int64_t start_us, int64_t end_us)
    cdef const int64_t* _weights(self, ChangeBatch batch) except? NULL
