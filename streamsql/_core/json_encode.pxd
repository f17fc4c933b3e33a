from libc.stdint cimport int32_t, int64_t, uint8_t

from streamsql._core.arrow_c cimport ColumnView


cdef extern from "text_write.h" nogil:
    enum:
        VALUE_BYTES

    ctypedef struct DayText:
        int64_t day
        int32_t bytes
        uint8_t text[32]

    uint8_t* write_integer(uint8_t* to, int64_t value)
    uint8_t* write_decimal(uint8_t* to, const uint8_t* value, int32_t scale)
    uint8_t* write_double(uint8_t* to, double value)
    uint8_t* write_float(uint8_t* to, float value)
    uint8_t* write_date(uint8_t* to, int64_t days)
    uint8_t* write_clock(uint8_t* to, int64_t ms)
    uint8_t* write_timestamp(uint8_t* to, int64_t ms, DayText* last)
    int64_t escaped_bytes(int64_t n)
    uint8_t* write_escaped(uint8_t* to, const uint8_t* s, int64_t n)
    uint8_t* write_hex(uint8_t* to, const uint8_t* s, int64_t n)


cdef enum TextForm:
    TEXT_NULL = 0
    TEXT_BOOL
    TEXT_I8
    TEXT_I16
    TEXT_I32
    TEXT_I64
    TEXT_F32
    TEXT_F64
    TEXT_DECIMAL
    TEXT_STRING
    TEXT_BINARY
    TEXT_DATE
    TEXT_TIME
    TEXT_TIMESTAMP


cdef struct EncodedColumn:
    TextForm form
    int64_t divisor                 # units per millisecond of timestamps finer than that
    int64_t factor                  # milliseconds per unit of coarser ones
    int32_t scale                   # of decimals
    const uint8_t* prefix           # `{"name":` of the first column, `,"name":` of the others
    int64_t prefix_bytes
    DayText day
    const uint8_t* validity
    const uint8_t* values
    const int32_t* offsets
    int64_t offset


cdef class JsonEncoder:
    cdef EncodedColumn* columns
    cdef int32_t count
    cdef list prefixes              # the bytes that `prefix` points into
    cdef object schema
    cdef uint8_t* buffer
    cdef int64_t capacity

    cdef int64_t _encode(self, int64_t rows) noexcept nogil
