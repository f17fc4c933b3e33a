from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef extern from "records.h" nogil:
    cpdef enum IngestError:
        INGEST_OK
        COERCE_NOT_NUMBER
        COERCE_FRACTION
        COERCE_RANGE
        COERCE_NOT_DATETIME
        COERCE_NOT_BINARY
        COERCE_KIND
        COERCE_NULL_ROWTIME
        PARSE_FIRST
        PARSE_NOT_OBJECT
        PARSE_TRAILING
        PARSE_KEY
        PARSE_COLON
        PARSE_COMMA
        PARSE_VALUE
        PARSE_NUMBER
        PARSE_STRING_END
        PARSE_CONTROL
        PARSE_ESCAPE
        PARSE_SURROGATE
        PARSE_UTF8
        PARSE_DEPTH
        PARSE_TOO_LONG
        PARSE_MEMORY
        PARSE_FIELD_COUNT
        PARSE_AFTER_QUOTE
        PARSE_OPEN_QUOTE

    enum:
        KIND_BOOL
        KIND_I8
        KIND_I16
        KIND_I32
        KIND_I64
        KIND_DECIMAL
        KIND_F32
        KIND_F64
        KIND_CHAR
        KIND_VARCHAR
        KIND_BINARY
        KIND_VARBINARY
        KIND_DATE
        KIND_TIME
        KIND_TIMESTAMP
        KIND_ROWTIME

    ctypedef struct IngestColumn:
        uint8_t kind
        int32_t width
        int32_t length, precision, scale
        bint has_null
        bint is_full
        uint8_t failed
        uint64_t seen
        uint64_t failed_at
        const uint8_t* found
        int64_t found_bytes
        uint8_t* valid
        uint8_t* values
        int32_t* offsets
        uint8_t* data
        int64_t data_capacity

    int64_t utf8_error(const uint8_t* p, int64_t n)
    bint is_ascii(const uint8_t* p, int64_t n)
    void put_null(IngestColumn* column, int64_t row)
    int put_text(IngestColumn* column, int64_t row, const uint8_t* s, int64_t n)


cdef enum:
    BAD_RECORDS = 256               # bad records one decode call gathers before it returns
    RECORD_LIMIT = 512 * 1024       # bytes of a record
    KEPT_BYTES = 64 * 1024          # bytes of an over-long record that are kept for its error row
    PADDING = 64                    # readable bytes behind the last record


cdef struct BadSpan:
    int64_t start, length           # the record, as offsets into the buffer
    int64_t line                    # number of its first line
    int64_t at                      # offset in the record where it stopped being one
    int32_t code                    # an IngestError
    int32_t column                  # index of the column that refused its value; -1 for none
    int64_t found, found_bytes      # that value, as an offset into the buffer


cdef class RowBuilder:
    cdef IngestColumn* columns      # the wanted columns, then ROWTIME if there is one
    cdef int32_t count              # columns, ROWTIME excluded
    cdef int32_t delivered          # how many of them, from the first, are part of the result; the others are checked
    cdef readonly bint has_rowtime
    cdef int64_t capacity           # rows
    cdef list names
    cdef list arrow_types

    cdef int reserve(self, int64_t rows) except -1
    cdef bint is_full(self) noexcept nogil
    cdef object finish(self, int64_t rows)


cdef class RecordBuffer:
    cdef bytearray memory
    cdef uint8_t* base
    cdef int64_t capacity           # bytes that may hold data; PADDING more are readable
    cdef int64_t start, stop        # the bytes not decoded yet
    cdef int64_t line               # number of the line at `start`, from 1
    cdef int64_t decoded            # bytes of this file before `start`
    cdef bint is_skipping           # inside a record that was too long
    cdef BadSpan bad[BAD_RECORDS]
    cdef int32_t bad_count

    cpdef object space(self, int64_t size)
    cpdef int filled(self, int64_t size) except -1
    cdef void begin(self) noexcept
    cdef BadSpan* add_bad(self, int64_t start, int64_t length, int32_t code) noexcept nogil
    cdef list take_bad(self, list names)
