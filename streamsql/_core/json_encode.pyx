"""Arrow to JSON lines: one object per row, members in the order of the columns, no blanks.

Numbers are in full: integers and DECIMALs with all digits, floats with the shortest digits that read back as the same
value (NaN and infinities, which JSON lacks, as strings). TIMESTAMP is "yyyy-MM-dd HH:mm:ss.SSS", DATE "yyyy-MM-dd",
TIME "HH:mm:ss.SSS", binary "X'..'", NULL null.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from streamsql._core.arrow_c cimport ColumnView, import_array, is_valid

import json

import pyarrow as pa


cdef tuple _form(object t):
    """`(TextForm, divisor, factor, scale)` of an Arrow type; TypeError when rows of it cannot be written."""
    cdef dict simple = {
        pa.null(): TEXT_NULL,
        pa.bool_(): TEXT_BOOL,
        pa.int8(): TEXT_I8,
        pa.int16(): TEXT_I16,
        pa.int32(): TEXT_I32,
        pa.int64(): TEXT_I64,
        pa.float32(): TEXT_F32,
        pa.float64(): TEXT_F64,
        pa.string(): TEXT_STRING,
        pa.binary(): TEXT_BINARY,
        pa.date32(): TEXT_DATE,
        pa.time32("ms"): TEXT_TIME,
    }
    if t in simple:
        return simple[t], 1, 1, 0
    if pa.types.is_decimal128(t) and t.scale >= 0:
        return TEXT_DECIMAL, 1, 1, t.scale
    if pa.types.is_timestamp(t):
        divisor, factor = {"s": (1, 1000), "ms": (1, 1), "us": (1000, 1), "ns": (1_000_000, 1)}[t.unit]
        return TEXT_TIMESTAMP, divisor, factor, 0
    raise TypeError(f"a column of type {t} cannot be written as JSON")


cdef class JsonEncoder:
    """Encoder of record batches of one schema."""

    def __init__(self, object schema):
        cdef int32_t i
        self.schema = schema
        self.count = <int32_t> len(schema)
        self.columns = <EncodedColumn*> calloc(self.count + 1, sizeof(EncodedColumn))
        if self.columns == NULL:
            raise MemoryError
        self.prefixes = []
        for i in range(self.count):
            field = schema.field(i)
            form, divisor, factor, scale = _form(field.type)
            self.columns[i].form = form
            self.columns[i].divisor = divisor
            self.columns[i].factor = factor
            self.columns[i].scale = scale
            prefix = (("," if i else "{") + json.dumps(field.name, ensure_ascii=False) + ":").encode()
            self.prefixes.append(prefix)
            self.columns[i].prefix = <const uint8_t*> <const char*> prefix
            self.columns[i].prefix_bytes = len(prefix)

    def __dealloc__(self):
        free(self.columns)
        free(self.buffer)

    def encode(self, object batch):
        """The rows of a RecordBatch of exactly the encoder's column types, each ended by a line feed."""
        cdef int32_t i
        cdef int64_t rows = batch.num_rows
        cdef int64_t row_bytes = 3              # braces and line end
        cdef int64_t text_bytes = 0
        cdef int64_t length
        cdef ColumnView view
        cdef list views = []
        if batch.num_columns != self.count:
            raise ValueError(f"expected {self.count} columns, got {batch.num_columns}")
        for i in range(self.count):
            column = batch.column(i)
            if column.type != self.schema.field(i).type:
                raise TypeError(f"column {i} is {column.type}, expected {self.schema.field(i).type}")
            view = import_array(column)
            views.append(view)
            self.columns[i].validity = view.validity
            self.columns[i].values = <const uint8_t*> view.values
            self.columns[i].offsets = view.offsets
            self.columns[i].offset = view.offset
            row_bytes += self.columns[i].prefix_bytes + VALUE_BYTES
            if view.offsets != NULL and rows:
                length = view.offsets[view.offset + rows] - view.offsets[view.offset]
                text_bytes += escaped_bytes(length)
        # SAFETY: the most a batch can take, so the loop needs no checks; room that is never written costs nothing.
        cdef void* memory
        if rows * row_bytes + text_bytes > self.capacity:
            memory = realloc(self.buffer, rows * row_bytes + text_bytes)
            if memory == NULL:
                raise MemoryError
            self.buffer = <uint8_t*> memory
            self.capacity = rows * row_bytes + text_bytes
        with nogil:
            length = self._encode(rows)
        return PyBytes_FromStringAndSize(<char*> self.buffer, length)

    cdef int64_t _encode(self, int64_t rows) noexcept nogil:
        cdef uint8_t* to = self.buffer
        cdef EncodedColumn* c
        cdef int64_t row, at
        cdef int32_t i
        for row in range(rows):
            if self.count == 0:
                to[0] = b"{"
                to += 1
            for i in range(self.count):
                c = &self.columns[i]
                memcpy(to, c.prefix, c.prefix_bytes)
                to += c.prefix_bytes
                at = c.offset + row
                if c.form == TEXT_NULL or not is_valid(c.validity, at):
                    memcpy(to, b"null", 4)
                    to += 4
                else:
                    to = _write(to, c, at)
            to[0] = b"}"
            to[1] = b"\n"
            to += 2
        return to - self.buffer


cdef inline uint8_t* _write(uint8_t* to, EncodedColumn* c, int64_t at) noexcept nogil:
    """One value that is not null."""
    cdef int64_t value
    cdef TextForm form = c.form
    if form == TEXT_I64:
        return write_integer(to, (<const int64_t*> c.values)[at])
    if form == TEXT_I32:
        return write_integer(to, (<const int32_t*> c.values)[at])
    if form == TEXT_I16:
        return write_integer(to, (<const int16_t*> c.values)[at])
    if form == TEXT_I8:
        return write_integer(to, (<const int8_t*> c.values)[at])
    if form == TEXT_F64:
        return write_double(to, (<const double*> c.values)[at])
    if form == TEXT_F32:
        return write_float(to, (<const float*> c.values)[at])
    if form == TEXT_DECIMAL:
        return write_decimal(to, c.values + 16 * at, c.scale)
    if form == TEXT_BOOL:
        if (c.values[at >> 3] >> (at & 7)) & 1:
            memcpy(to, b"true", 4)
            return to + 4
        memcpy(to, b"false", 5)
        return to + 5
    to[0] = b'"'
    to += 1
    if form == TEXT_STRING:
        to = write_escaped(to, c.values + c.offsets[at], c.offsets[at + 1] - c.offsets[at])
    elif form == TEXT_BINARY:
        to = write_hex(to, c.values + c.offsets[at], c.offsets[at + 1] - c.offsets[at])
    elif form == TEXT_DATE:
        to = write_date(to, (<const int32_t*> c.values)[at])
    elif form == TEXT_TIME:
        to = write_clock(to, (<const int32_t*> c.values)[at])
    else:
        value = (<const int64_t*> c.values)[at]
        if c.divisor != 1:
            value = value // c.divisor - (value % c.divisor < 0)    # down, as a time before 1970 must go
        to = write_timestamp(to, value * c.factor, &c.day)
    to[0] = b'"'
    return to + 1
