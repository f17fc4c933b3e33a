from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch


cdef struct Counters:
    int64_t rows_in
    int64_t rows_out
    int64_t rows_late
    int64_t rows_error


cdef class Output:
    cdef readonly list batches
    cdef readonly list failures

    cpdef int emit(self, ChangeBatch batch) except -1
    cpdef int fail(self, ChangeBatch rows, object codes, object messages) except -1
    cpdef int late(self, ChangeBatch rows, str message) except -1
    cpdef list take_batches(self)
    cpdef list take_failures(self)


cdef class Operator:
    cdef readonly object node
    cdef Counters counters
    cdef readonly int64_t watermark_us

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1
    cpdef int port_watermark(self, int port, int64_t watermark_us) except -1
    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1
    cpdef int end_of_input(self, Output out) except -1
    cpdef dict snapshot(self)
    cpdef int restore(self, int version, dict tables) except -1
