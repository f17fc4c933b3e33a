from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from streamsql._core.records cimport IngestColumn, RecordBuffer, RowBuilder


cdef extern from "json_scan.h" nogil:
    ctypedef struct JsonMember:
        const uint8_t* name
        int64_t bytes
        int32_t column
        bint is_rowtime

    ctypedef struct JsonScanner:
        IngestColumn* columns
        int32_t column_count
        IngestColumn* rowtime
        JsonMember* members
        int32_t member_count
        int32_t slot_count
        uint64_t stamp
        uint8_t* scratch
        const uint8_t* error_at
        IngestColumn* error_column

    int json_line(JsonScanner* scanner, const uint8_t* p, const uint8_t* end, int64_t row)


cdef class JsonDecoder(RecordBuffer):
    cdef JsonScanner scanner
    cdef RowBuilder rows
    cdef list names                 # of the columns, then of the member that is ROWTIME
    cdef list member_names          # bytes; the scanner points into them
    cdef readonly bint needs_more

    cdef void _decode(self, int64_t max_rows, bint is_last, int64_t* row_count) noexcept nogil
