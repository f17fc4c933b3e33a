from libc.stdint cimport int32_t, int64_t, uint8_t

from streamsql._core.arrow_c cimport ColumnView


cdef class Builder:
    cdef object offsets_buffer
    cdef object data
    cdef int32_t* offsets
    cdef uint8_t* bytes
    cdef int64_t capacity
    cdef int64_t used
    cdef int64_t rows

    cdef int reserve(self, int64_t size) except -1 nogil
    cdef int put(self, const uint8_t* text, int64_t size) except -1 nogil
    cdef int fill(self, uint8_t byte, int64_t count) except -1 nogil
    cdef void end_row(self, int64_t row) noexcept nogil
    cdef object finish(self, object arrow_type, object validity, int64_t null_count)


cdef class Number:
    cdef ColumnView view
    cdef const int32_t* values
    cdef int32_t constant
    cdef int64_t stride

    cdef int32_t at(self, int64_t i) noexcept nogil


cdef class Text:
    cdef ColumnView view
    cdef const int32_t* offsets
    cdef const uint8_t* bytes
    cdef object constant
    cdef int32_t[2] ends
    cdef int64_t stride

    cdef const uint8_t* at(self, int64_t i) noexcept nogil
    cdef int64_t size(self, int64_t i) noexcept nogil


cdef object validity_of(list views, int64_t n, int64_t* null_count)
