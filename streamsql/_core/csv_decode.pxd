from libc.stdint cimport int32_t, int64_t, uint8_t

from streamsql._core.records cimport IngestColumn, RecordBuffer, RowBuilder


cdef extern from "csv_scan.h" nogil:
    enum:
        CSV_NEEDS_MORE

    ctypedef struct CsvField:
        const uint8_t* start
        int64_t bytes
        bint has_escape

    ctypedef struct CsvScanner:
        IngestColumn* columns
        IngestColumn* rowtime
        int32_t field_count
        int32_t* targets
        int32_t rowtime_field
        CsvField* fields
        uint8_t delimiter, quote
        uint8_t* scratch
        int64_t found_count
        const uint8_t* error_at
        IngestColumn* error_column

    void cut_plain(CsvScanner* scanner, const uint8_t* p, const uint8_t* end)
    int cut_quoted(
        CsvScanner* scanner, const uint8_t* p, const uint8_t* line_end, const uint8_t* stop, bint is_last,
        const uint8_t** record_end
    )
    int64_t unquote(const CsvScanner* scanner, const CsvField* field)
    int csv_store(CsvScanner* scanner, int64_t row)


cdef class CsvDecoder(RecordBuffer):
    cdef CsvScanner scanner
    cdef RowBuilder rows
    cdef list names
    cdef bint has_header
    cdef bint expects_header        # the next record is the header of its file
    cdef readonly object header     # its fields, once read
    cdef readonly bint needs_more

    cdef void _decode(self, int64_t max_rows, bint is_last, int64_t* row_count) noexcept nogil
    cdef void _advance(self, const uint8_t* p, const uint8_t* record_end) noexcept nogil
    cdef bint _is_filled(self, int32_t column)
    cdef list _fields(self)
