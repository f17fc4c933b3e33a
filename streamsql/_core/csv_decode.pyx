"""CSV to Arrow: records are cut first, so one bad record never takes its neighbours along.

Fields are the string row of the ingest table; an empty field is NULL, in a CHAR or VARCHAR column the empty string.
Blank lines are skipped. A record with another number of fields than expected is bad; one whose quotes do not fit is bad
up to the end of its first line (a quoted field may hold line ends, but a record of several lines has at most 64 KB).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr

from streamsql._core.records cimport (
    BAD_RECORDS,
    PARSE_AFTER_QUOTE,
    PARSE_FIELD_COUNT,
    PARSE_FIRST,
    PARSE_MEMORY,
    PARSE_OPEN_QUOTE,
    PARSE_TOO_LONG,
    PARSE_UTF8,
    RECORD_LIMIT,
    BadSpan,
    IngestColumn,
    RecordBuffer,
    RowBuilder,
    is_ascii,
    put_null,
    utf8_error,
)


cdef class CsvDecoder(RecordBuffer):
    """Decoder of records with the fields `fields` into the columns `(name, SqlType)`.

    The first `delivered` columns are in the result, the others are only checked. A column none of the fields is called
    by is NULL. With `has_header` the first record of each file is not a row: its fields become `header`. `rowtime` is
    the name of the field that is ROWTIME.
    """

    def __init__(
        self, list columns, Py_ssize_t delivered, list fields, *, str rowtime=None, bint has_header=True,
        str delimiter=",", str quote='"'
    ):
        cdef int32_t i
        self.names = [name for name, _ in columns] + ([] if rowtime is None else [rowtime])
        self.rows = RowBuilder(columns, delivered, rowtime is not None)
        self.scanner.columns = self.rows.columns
        self.scanner.rowtime = &self.rows.columns[self.rows.count] if rowtime is not None else NULL
        self.scanner.field_count = <int32_t> len(fields)
        self.scanner.fields = <CsvField*> calloc(len(fields) + 1, sizeof(CsvField))
        self.scanner.targets = <int32_t*> calloc(len(fields) + 1, sizeof(int32_t))
        # SAFETY: a field is unquoted into the scratch; no record over the limit is cut.
        self.scanner.scratch = <uint8_t*> malloc(RECORD_LIMIT + 1)
        if self.scanner.fields == NULL or self.scanner.targets == NULL or self.scanner.scratch == NULL:
            raise MemoryError
        self.scanner.rowtime_field = -1
        for i in range(self.scanner.field_count):
            self.scanner.targets[i] = -1
            for index in range(len(columns)):
                if columns[index][0] == fields[i]:
                    self.scanner.targets[i] = index
            if rowtime is not None and fields[i] == rowtime:
                self.scanner.rowtime_field = i
        if rowtime is not None and self.scanner.rowtime_field < 0:
            raise ValueError(f"no field {rowtime!r} for the rowtime")
        self.scanner.delimiter = <uint8_t> ord(delimiter)
        self.scanner.quote = <uint8_t> ord(quote)
        self.has_header = has_header
        self.restart()

    def __dealloc__(self):
        free(self.scanner.fields)
        free(self.scanner.targets)
        free(self.scanner.scratch)

    def restart(self):
        """Begin a new file: forgets buffered bytes, counts lines from 1, expects the header again."""
        self.begin()
        self.expects_header = self.has_header
        self.header = None
        self.needs_more = True

    @property
    def decoded_bytes(self):
        """Bytes of this file that whole decoded records took up."""
        return self.decoded

    def decode(self, int64_t max_rows, bint is_last=False):
        """`(RecordBatch, bad)` exactly as `JsonDecoder.decode` gives them, one record for one line.

        For a wrong number of fields the offset of a bad record is the number found.
        """
        cdef int64_t row_count = 0
        cdef int64_t row
        cdef int32_t i
        self.rows.reserve(min(max_rows, (self.stop - self.start) // 2 + 2) + 1)
        with nogil:
            self._decode(max_rows, is_last, &row_count)
        if self.header is None and self.has_header and not self.expects_header:
            self.header = self._fields()
            with nogil:
                self._decode(max_rows, is_last, &row_count)
        if self.bad_count and self.bad[self.bad_count - 1].code == PARSE_MEMORY:
            raise MemoryError
        for i in range(self.rows.count):
            if not self._is_filled(i):
                for row in range(row_count):
                    put_null(&self.rows.columns[i], row)
        bad = self.take_bad(self.names)
        return self.rows.finish(row_count), bad

    cdef bint _is_filled(self, int32_t column):
        """Whether some field goes into this column."""
        cdef int32_t i
        for i in range(self.scanner.field_count):
            if self.scanner.targets[i] == column:
                return True
        return False

    cdef list _fields(self):
        """The texts of the record cut last; a header with another number of fields shows those there are room for."""
        cdef list texts = []
        cdef int64_t i
        cdef CsvField* field
        for i in range(min(self.scanner.found_count, self.scanner.field_count)):
            field = &self.scanner.fields[i]
            if field.has_escape:
                texts.append(self.scanner.scratch[:unquote(&self.scanner, field)].decode("utf-8", "replace"))
            else:
                texts.append(field.start[:field.bytes].decode("utf-8", "replace"))
        texts.extend([""] * (self.scanner.found_count - len(texts)))
        return texts

    cdef void _decode(self, int64_t max_rows, bint is_last, int64_t* row_count) noexcept nogil:
        cdef const uint8_t* p
        cdef const uint8_t* end
        cdef const uint8_t* limit
        cdef const uint8_t* record_end
        cdef int64_t length, offset, at
        cdef bint has_end
        cdef int code
        cdef BadSpan* bad
        cdef IngestColumn* column
        self.needs_more = False
        while row_count[0] < max_rows and self.bad_count < BAD_RECORDS and not self.rows.is_full():
            p = self.base + self.start
            limit = self.base + self.stop
            length = self.stop - self.start
            end = <const uint8_t*> memchr(p, b"\n", length)
            has_end = end != NULL
            if not has_end:
                if self.is_skipping or length > RECORD_LIMIT:
                    # As for JSON lines: the rest of an over-long line is dropped as it comes.
                    if not self.is_skipping:
                        self.add_bad(self.start, length, PARSE_TOO_LONG)
                    self.is_skipping = not is_last
                    self.decoded += length
                    self.start = self.stop
                    self.needs_more = True
                    return
                if not is_last or length == 0:
                    self.needs_more = True
                    return
                end = limit
            else:
                length = end - p
            offset = 3 if self.decoded == 0 and length >= 3 and p[0] == 0xef and p[1] == 0xbb and p[2] == 0xbf else 0
            record_end = end
            code = 0
            at = 0
            if self.is_skipping:
                self.is_skipping = False
                code = -1
            elif length > RECORD_LIMIT:
                code = PARSE_TOO_LONG
            elif length == offset or (length == offset + 1 and p[offset] == b"\r"):
                code = -1
            elif memchr(p + offset, self.scanner.quote, length - offset) == NULL:
                cut_plain(&self.scanner, p + offset, end - 1 if (end - 1)[0] == b"\r" else end)
            else:
                code = cut_quoted(&self.scanner, p + offset, end, limit, is_last, &record_end)
                if code == CSV_NEEDS_MORE:
                    self.needs_more = True
                    return
                at = self.scanner.error_at - p if code else 0
            if code == 0 and not is_ascii(p, record_end - p):
                at = utf8_error(p, record_end - p)
                if at >= 0:
                    code = PARSE_UTF8
            if code == 0 and self.expects_header:
                self.expects_header = False
                self._advance(p, record_end)
                return
            if code == 0:
                code = csv_store(&self.scanner, row_count[0])
                if code == PARSE_FIELD_COUNT:
                    at = self.scanner.found_count
            if code == 0:
                row_count[0] += 1
            elif code > 0:
                if code == PARSE_OPEN_QUOTE or code == PARSE_AFTER_QUOTE:
                    record_end = end
                bad = self.add_bad(self.start, record_end - p, code)
                if code == PARSE_MEMORY:
                    return
                bad.at = at
                if code < PARSE_FIRST:
                    column = self.scanner.error_column
                    bad.column = <int32_t> (column - self.rows.columns)
                    bad.found = column.found - self.base
                    bad.found_bytes = column.found_bytes
            self._advance(p, record_end)

    cdef void _advance(self, const uint8_t* p, const uint8_t* record_end) noexcept nogil:
        """Move behind the record [p, record_end) and its line end, counting its lines."""
        cdef const uint8_t* at = p
        cdef const uint8_t* stop = self.base + self.stop
        cdef const uint8_t* after = record_end + 1 if record_end < stop else stop
        while at != NULL and at < after:
            at = <const uint8_t*> memchr(at, b"\n", after - at)
            if at != NULL:
                self.line += 1
                at += 1
        self.decoded += after - p
        self.start = after - self.base
