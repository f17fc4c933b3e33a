"""What the decoders share: the buffer that records are cut from, and the columns that rows are built in.

`RecordBuffer` takes bytes in blocks cut anywhere and keeps what is not decoded yet. `RowBuilder` owns one growing set
of C columns (reused from batch to batch) and copies the finished rows into Arrow buffers of exactly their size.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove

from streamsql._core.arrow_c cimport allocate, buffer_address, bytes_array, fixed_width_array

import pyarrow as pa

cdef dict KINDS = {
    "BOOLEAN": (KIND_BOOL, 1),
    "TINYINT": (KIND_I8, 1),
    "SMALLINT": (KIND_I16, 2),
    "INTEGER": (KIND_I32, 4),
    "BIGINT": (KIND_I64, 8),
    "DECIMAL": (KIND_DECIMAL, 16),
    "REAL": (KIND_F32, 4),
    "DOUBLE": (KIND_F64, 8),
    "CHAR": (KIND_CHAR, 0),
    "VARCHAR": (KIND_VARCHAR, 0),
    "BINARY": (KIND_BINARY, 0),
    "VARBINARY": (KIND_VARBINARY, 0),
    "DATE": (KIND_DATE, 4),
    "TIME": (KIND_TIME, 4),
    "TIMESTAMP": (KIND_TIMESTAMP, 8),
}


cdef class RowBuilder:
    """Rows of the columns `(name, SqlType)`, with a ROWTIME column (`timestamp[us]`, never null) first if asked for.

    Only the first `delivered` columns are in the result. The others are built all the same, so that a value that does
    not fit makes its record bad whether or not anyone reads that column.
    """

    def __cinit__(self, list columns, Py_ssize_t delivered, bint has_rowtime):
        self.count = <int32_t> len(columns)
        self.delivered = <int32_t> delivered
        self.has_rowtime = has_rowtime
        self.columns = <IngestColumn*> calloc(self.count + 1, sizeof(IngestColumn))
        if self.columns == NULL:
            raise MemoryError
        self.names = [name for name, _ in columns]
        self.arrow_types = [sql_type.arrow for _, sql_type in columns]
        cdef int32_t i
        for i in range(self.count):
            sql_type = columns[i][1]
            if sql_type.kind.value not in KINDS:
                raise TypeError(f"a column of a source cannot be {sql_type}")
            self.columns[i].kind, self.columns[i].width = KINDS[sql_type.kind.value]
            self.columns[i].length = sql_type.length or 0
            self.columns[i].precision = sql_type.precision or 0
            self.columns[i].scale = sql_type.scale or 0
        self.columns[self.count].kind = KIND_ROWTIME
        self.columns[self.count].width = 8
        self.reserve(1)

    def __dealloc__(self):
        cdef int32_t i
        if self.columns == NULL:
            return
        for i in range(self.count + 1):
            free(self.columns[i].valid)
            free(self.columns[i].values)
            free(self.columns[i].offsets)
            free(self.columns[i].data)
        free(self.columns)

    cdef int reserve(self, int64_t rows) except -1:
        """Make room for `rows` rows. Untouched room costs address space only."""
        cdef int32_t i
        cdef IngestColumn* c
        cdef void* memory
        if rows <= self.capacity:
            return 0
        for i in range(self.count + 1):
            c = &self.columns[i]
            memory = realloc(c.valid, rows)
            if memory == NULL:
                raise MemoryError
            c.valid = <uint8_t*> memory
            if c.width:
                memory = realloc(c.values, rows * c.width)
                if memory == NULL:
                    raise MemoryError
                c.values = <uint8_t*> memory
            else:
                memory = realloc(c.offsets, (rows + 1) * sizeof(int32_t))
                if memory == NULL:
                    raise MemoryError
                c.offsets = <int32_t*> memory
                c.offsets[0] = 0
        self.capacity = rows
        return 0

    cdef bint is_full(self) noexcept nogil:
        cdef int32_t i
        for i in range(self.count):
            if self.columns[i].is_full:
                return True
        return False

    cdef object finish(self, int64_t rows):
        """The first `rows` rows as a RecordBatch (it knows its number of rows even without columns)."""
        cdef list arrays = []
        cdef list names = []
        cdef int32_t i
        if self.has_rowtime:
            names.append("ROWTIME")
            arrays.append(_array(&self.columns[self.count], pa.timestamp("us"), rows))
        for i in range(self.delivered):
            names.append(self.names[i])
            arrays.append(_array(&self.columns[i], self.arrow_types[i], rows))
        if not arrays:
            empty = pa.StructArray.from_buffers(pa.struct([]), rows, [None])
            return pa.RecordBatch.from_struct_array(empty)
        return pa.RecordBatch.from_arrays(arrays, names=names)


cdef object _array(IngestColumn* c, object arrow_type, int64_t rows):
    """The finished rows of one column, copied; its C column is ready for the next batch afterwards."""
    cdef int64_t nulls = 0, i, size
    cdef object validity = None, values
    if c.has_null:
        validity = allocate((rows + 7) // 8)
        _pack(c.valid, rows, <uint8_t*> buffer_address(validity))
        for i in range(rows):
            nulls += c.valid[i] == 0
        c.has_null = False
    if c.width == 0:
        size = c.offsets[rows]
        offsets = allocate((rows + 1) * sizeof(int32_t))
        memcpy(buffer_address(offsets), c.offsets, (rows + 1) * sizeof(int32_t))
        values = allocate(size)
        if size:
            memcpy(buffer_address(values), c.data, size)
        c.is_full = False
        return bytes_array(arrow_type, offsets, values, validity, rows, nulls)
    if c.kind == KIND_BOOL:
        values = allocate((rows + 7) // 8)
        _pack(c.values, rows, <uint8_t*> buffer_address(values))
    else:
        values = allocate(rows * c.width)
        memcpy(buffer_address(values), c.values, rows * c.width)
    return fixed_width_array(arrow_type, values, validity, rows, nulls)


cdef void _pack(const uint8_t* flags, int64_t count, uint8_t* bits) noexcept nogil:
    """One bit per flag byte (0 or 1), lowest bit first; the spare bits of the last byte are zero."""
    cdef int64_t i, k
    cdef uint8_t byte
    for i in range(0, count - 7, 8):
        byte = 0
        for k in range(8):
            byte |= <uint8_t> (flags[i + k] << k)
        bits[i >> 3] = byte
    if count & 7:
        byte = 0
        for k in range(count & 7):
            byte |= <uint8_t> (flags[(count & ~7) + k] << k)
        bits[count >> 3] = byte


cdef class RecordBuffer:
    """Bytes of one file or stream between reading and decoding, and the bad records found in them."""

    def __cinit__(self):
        self.line = 1
        self.memory = bytearray(PADDING)
        self.base = <uint8_t*> PyByteArray_AS_STRING(self.memory)

    cpdef object space(self, int64_t size):
        """A writable view of `size` bytes behind the buffered ones, good until the next call; see `filled`."""
        cdef int64_t kept = self.stop - self.start
        cdef bytearray grown
        if self.stop + size > self.capacity:
            if kept + size > self.capacity:
                # A new object, never a resize: a view of the old memory may still be around.
                grown = bytearray(kept + size + PADDING)
                memcpy(PyByteArray_AS_STRING(grown), self.base + self.start, kept)
                self.memory = grown
                self.base = <uint8_t*> PyByteArray_AS_STRING(grown)
                self.capacity = kept + size
            else:
                memmove(self.base, self.base + self.start, kept)
            self.start = 0
            self.stop = kept
        return memoryview(self.memory)[self.stop:self.stop + size]

    cpdef int filled(self, int64_t size) except -1:
        """Say that the first `size` bytes of the last `space` hold data now."""
        if size < 0 or self.stop + size > self.capacity:
            raise ValueError(f"cannot fill {size} bytes")
        self.stop += size
        return 0

    def feed(self, const uint8_t[::1] data):
        """Append a block of bytes (copied)."""
        cdef int64_t size = data.shape[0]
        if size == 0:
            return
        self.space(size)
        memcpy(self.base + self.stop, &data[0], size)
        self.stop += size

    cdef void begin(self) noexcept:
        self.start = self.stop = 0
        self.line = 1
        self.decoded = 0
        self.is_skipping = False

    cdef BadSpan* add_bad(self, int64_t start, int64_t length, int32_t code) noexcept nogil:
        """Note a bad record; the caller stops at BAD_RECORDS of them."""
        cdef BadSpan* bad = &self.bad[self.bad_count]
        self.bad_count += 1
        bad.start = start
        bad.length = length if length < KEPT_BYTES or code != PARSE_TOO_LONG else KEPT_BYTES
        bad.line = self.line
        bad.at = 0
        bad.code = code
        bad.column = -1
        bad.found = start
        bad.found_bytes = 0
        return bad

    cdef list take_bad(self, list names):
        """`(bytes, IngestError, column or None, offset, bytes found, line)` of each bad record, in order."""
        cdef list result = []
        cdef int32_t i
        cdef BadSpan* bad
        cdef int64_t found_bytes
        for i in range(self.bad_count):
            bad = &self.bad[i]
            found_bytes = bad.found_bytes if bad.found_bytes < 256 else 256
            result.append((
                PyBytes_FromStringAndSize(<char*> self.base + bad.start, bad.length),
                bad.code,
                None if bad.column < 0 else names[bad.column],
                bad.at,
                PyBytes_FromStringAndSize(<char*> self.base + bad.found, found_bytes),
                bad.line,
            ))
        self.bad_count = 0
        return result
