"""JSON lines to Arrow: builds only the columns asked for, validates every line in full.

A line is one JSON object; blank lines are skipped. A line that is not JSON, or has a value that does not fit its
column, leaves no trace in the columns and is reported with its bytes, place and reason; its neighbours are untouched.
Results do not depend on where the input was cut into blocks.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr

from streamsql._core.records cimport (
    BAD_RECORDS,
    PARSE_FIRST,
    PARSE_MEMORY,
    PARSE_TOO_LONG,
    RECORD_LIMIT,
    BadSpan,
    IngestColumn,
    RecordBuffer,
    RowBuilder,
)


cdef class JsonDecoder(RecordBuffer):
    """Decoder of lines into the columns `(name, SqlType)`; member names match exactly, the last of equal names counts.

    The first `delivered` columns are in the result, the others are only checked.
    `rowtime` names the member that is the row's ROWTIME (text as for TIMESTAMP, or an integer of epoch milliseconds);
    without one the rows carry no ROWTIME. `needs_more` is true when the last `decode` used up every whole line.
    """

    def __init__(self, list columns, Py_ssize_t delivered, str rowtime=None):
        cdef int32_t i, count
        self.names = [name for name, _ in columns] + ([] if rowtime is None else [rowtime])
        self.rows = RowBuilder(columns, delivered, rowtime is not None)
        self.needs_more = True
        unique = list(dict.fromkeys(self.names))
        self.member_names = [name.encode() for name in unique]
        count = <int32_t> len(unique)
        self.scanner.members = <JsonMember*> calloc(count + 1, sizeof(JsonMember))
        # SAFETY: strings are decoded into the scratch; none is longer than a line, and no line over the limit is read.
        self.scanner.scratch = <uint8_t*> malloc(RECORD_LIMIT + 1)
        if self.scanner.members == NULL or self.scanner.scratch == NULL:
            raise MemoryError
        for i in range(count):
            name = unique[i]
            self.scanner.members[i].name = self.member_names[i]
            self.scanner.members[i].bytes = len(self.member_names[i])
            self.scanner.members[i].column = -1
            for index in range(len(columns)):
                if columns[index][0] == name:
                    self.scanner.members[i].column = index
            self.scanner.members[i].is_rowtime = name == rowtime
        self.scanner.member_count = count
        self.scanner.columns = self.rows.columns
        self.scanner.column_count = self.rows.count
        self.scanner.rowtime = &self.rows.columns[self.rows.count] if rowtime is not None else NULL

    def __dealloc__(self):
        free(self.scanner.members)
        free(self.scanner.scratch)

    def restart(self):
        """Begin a new file: forgets buffered bytes and counts lines from 1."""
        self.begin()
        self.needs_more = True

    @property
    def decoded_bytes(self):
        """Bytes of this file that whole decoded lines took up."""
        return self.decoded

    def decode(self, int64_t max_rows, bint is_last=False):
        """`(RecordBatch, bad)`: at most `max_rows` rows, and the bad lines among them.

        Takes whole lines only; with `is_last` also what is left without a line end. `bad` is a list of
        `(bytes, IngestError, column or None, offset, bytes found, line)`. A call returns early, with rows still
        buffered, after 256 bad lines or when a string column is near the size of one array.
        """
        cdef int64_t row_count = 0
        cdef int64_t lines_at_most = (self.stop - self.start) // 2 + 2
        self.rows.reserve(min(max_rows, lines_at_most) + 1)
        with nogil:
            self._decode(max_rows, is_last, &row_count)
        if self.bad_count and self.bad[self.bad_count - 1].code == PARSE_MEMORY:
            raise MemoryError
        bad = self.take_bad(self.names)
        return self.rows.finish(row_count), bad

    cdef void _decode(self, int64_t max_rows, bint is_last, int64_t* row_count) noexcept nogil:
        cdef uint8_t* p
        cdef uint8_t* end
        cdef int64_t length
        cdef bint has_end
        cdef int code
        cdef BadSpan* bad
        cdef IngestColumn* column
        self.needs_more = False
        while row_count[0] < max_rows and self.bad_count < BAD_RECORDS and not self.rows.is_full():
            p = self.base + self.start
            length = self.stop - self.start
            end = <uint8_t*> memchr(p, b"\n", length)
            if end == NULL:
                if self.is_skipping or length > RECORD_LIMIT:
                    if not self.is_skipping:
                        self.add_bad(self.start, length, PARSE_TOO_LONG)
                    # The rest of the line is dropped as it comes. The bad record's bytes stay where they are: nothing
                    # is read into the buffer before they are taken.
                    self.is_skipping = not is_last
                    self.decoded += length
                    self.start = self.stop
                    self.needs_more = True
                    return
                if not is_last or length == 0:
                    self.needs_more = True
                    return
                has_end = False
                end = self.base + self.stop     # SAFETY: PADDING bytes behind `stop` belong to the buffer
                end[0] = b"\n"
            else:
                has_end = True
                length = end - p
            if self.is_skipping:
                self.is_skipping = False
            elif length > RECORD_LIMIT:
                self.add_bad(self.start, length, PARSE_TOO_LONG)
            else:
                if self.decoded == 0 and length >= 3 and p[0] == 0xef and p[1] == 0xbb and p[2] == 0xbf:
                    code = json_line(&self.scanner, p + 3, end, row_count[0])
                else:
                    code = json_line(&self.scanner, p, end, row_count[0])
                if code == 0:
                    row_count[0] += 1
                elif code > 0:
                    bad = self.add_bad(self.start, length, code)
                    if code == PARSE_MEMORY:
                        return
                    if code >= PARSE_FIRST:
                        bad.at = self.scanner.error_at - p
                    else:
                        column = self.scanner.error_column
                        bad.column = <int32_t> (column - self.rows.columns)
                        bad.found = column.found - self.base
                        bad.found_bytes = column.found_bytes
            self.line += 1
            self.start = (end - self.base) + has_end
            self.decoded += length + has_end
