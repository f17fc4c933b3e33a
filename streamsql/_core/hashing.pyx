"""Key encoding: the key columns of a batch as one comparable value per row.

A single column of at most 64 bits is used as it is ("fixed" keys: one word per row and a validity bitmap; 64-bit
columns are not even copied). Anything else is encoded row by row as bytes: per column a tag (1 value, 0 NULL) and the
value (8 bytes, 16 for DECIMAL, a 32-bit length and the bytes for strings). Equal keys have equal encodings: NULLs are
equal to each other, -0.0 to 0.0, and every NaN to every NaN. Hashes depend on nothing but the key.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from streamsql._core.arena cimport reserve
from streamsql._core.arrow_c cimport (
    LAYOUT_BOOL, LAYOUT_BYTES, LAYOUT_F32, LAYOUT_F64, LAYOUT_I8, LAYOUT_I16, LAYOUT_I32, LAYOUT_I64, LAYOUT_I128,
    LAYOUT_NULL, allocate, buffer_address, bytes_array, fixed_width_array, import_array, is_valid,
)

from libc.stdint cimport int8_t, int16_t, uint32_t

import pyarrow as pa


cdef int64_t _MAGNITUDE_64 = 0x7FFFFFFFFFFFFFFF
cdef int64_t _MINUS_ZERO = -_MAGNITUDE_64 - 1
cdef int64_t _INFINITY_64 = 0x7FF0000000000000
cdef int64_t _NAN_64 = 0x7FF8000000000000
cdef int64_t _NAN_32 = 0x7FC00000


cdef uint64_t hash_bytes(const char* data, int64_t length) noexcept nogil:
    """A 64-bit hash of `length` bytes."""
    cdef uint64_t state = <uint64_t> length * <uint64_t> 0x9E3779B97F4A7C15
    cdef uint64_t word
    while length >= 8:
        memcpy(&word, data, 8)
        state = mix(state ^ word)
        state ^= state >> 29
        data += 8
        length -= 8
    if length:
        word = 0
        memcpy(&word, data, <size_t> length)
        state = mix(state ^ word)
    state ^= state >> 31
    return mix(state)


cdef Layout layout_of(object arrow_type) except *:
    """The memory layout of columns of an Arrow type."""
    return import_array(pa.array([], arrow_type)).layout


cdef bint is_word(Layout layout) noexcept nogil:
    """Whether a value of this layout fits one 64-bit word."""
    return layout != LAYOUT_BYTES and layout != LAYOUT_I128


cdef inline int64_t _double_word(int64_t bits) noexcept nogil:
    if bits == _MINUS_ZERO:
        return 0
    if (bits & _MAGNITUDE_64) > _INFINITY_64:
        return _NAN_64
    return bits


cdef inline int64_t _float_word(uint32_t bits) noexcept nogil:
    if bits == <uint32_t> 0x80000000:
        return 0
    if (bits & 0x7FFFFFFF) > 0x7F800000:
        return _NAN_32
    return bits


cdef int widen(ColumnView view, int64_t* target) except -1:
    """Write the column's values as words: integers sign-extended, booleans 0 or 1, floats as normalised bits."""
    cdef int64_t i
    cdef int64_t n = view.length
    cdef int64_t offset = view.offset
    cdef Layout layout = view.layout
    cdef const void* values = view.values
    cdef const uint8_t* bits
    with nogil:
        if layout == LAYOUT_I64:
            memcpy(target, <const int64_t*> values + offset, <size_t> n * 8)
        elif layout == LAYOUT_I32:
            for i in range(n):
                target[i] = (<const int32_t*> values)[offset + i]
        elif layout == LAYOUT_I16:
            for i in range(n):
                target[i] = (<const int16_t*> values)[offset + i]
        elif layout == LAYOUT_I8:
            for i in range(n):
                target[i] = (<const int8_t*> values)[offset + i]
        elif layout == LAYOUT_BOOL:
            bits = <const uint8_t*> values
            for i in range(n):
                target[i] = (bits[(offset + i) >> 3] >> ((offset + i) & 7)) & 1
        elif layout == LAYOUT_F64:
            for i in range(n):
                target[i] = _double_word((<const int64_t*> values)[offset + i])
        elif layout == LAYOUT_F32:
            for i in range(n):
                target[i] = _float_word((<const uint32_t*> values)[offset + i])
        else:
            memset(target, 0, <size_t> n * 8)
    return 0


cdef object pack_validity(const uint8_t* nulls, int64_t n, int64_t* null_count):
    """A validity bitmap from one byte per row (1 = NULL), or None when nothing is NULL; counts the NULLs."""
    cdef int64_t i
    cdef int64_t count = 0
    cdef uint8_t* bits
    null_count[0] = 0
    if nulls == NULL:
        return None
    for i in range(n):
        count += nulls[i]
    if count == 0:
        return None
    null_count[0] = count
    buffer = allocate((n + 7) >> 3)
    bits = <uint8_t*> buffer_address(buffer)
    memset(bits, 0, <size_t> ((n + 7) >> 3))
    for i in range(n):
        bits[i >> 3] |= <uint8_t> ((nulls[i] ^ 1) << (i & 7))
    return buffer


cdef object words_array(object arrow_type, Layout layout, const int64_t* words, const uint8_t* nulls, int64_t n):
    """The Arrow array of `n` words, the inverse of `widen`; `nulls` has one byte per row (1 = NULL) or is NULL."""
    cdef int64_t i
    cdef int64_t null_count = 0
    cdef int64_t width = 8
    cdef void* target
    if layout == LAYOUT_NULL:
        return pa.nulls(n, arrow_type)
    if layout == LAYOUT_I32 or layout == LAYOUT_F32:
        width = 4
    elif layout == LAYOUT_I16:
        width = 2
    elif layout == LAYOUT_I8:
        width = 1
    validity = pack_validity(nulls, n, &null_count)
    values = allocate(n * width if layout != LAYOUT_BOOL else (n + 7) >> 3)
    target = buffer_address(values)
    if width == 4:
        for i in range(n):
            (<int32_t*> target)[i] = <int32_t> words[i]
    elif width == 2:
        for i in range(n):
            (<int16_t*> target)[i] = <int16_t> words[i]
    elif width == 1:
        for i in range(n):
            (<int8_t*> target)[i] = <int8_t> words[i]
    elif layout == LAYOUT_BOOL:
        memset(target, 0, <size_t> ((n + 7) >> 3))
        for i in range(n):
            (<uint8_t*> target)[i >> 3] |= <uint8_t> ((words[i] != 0) << (i & 7))
    else:
        memcpy(target, words, <size_t> n * 8)
    return fixed_width_array(arrow_type, values, validity, n, null_count)


cdef class KeyEncoder:
    """Encodes the key columns numbered `columns`, of the Arrow types `types`; holds one batch's keys at a time."""

    def __cinit__(self, tuple columns, tuple types):
        cdef int k
        self.columns = columns
        self.types = types
        self.width = <int> len(columns)
        self.layouts = <Layout*> malloc((self.width + 1) * sizeof(Layout))
        if self.layouts == NULL:
            raise MemoryError()
        for k in range(self.width):
            self.layouts[k] = layout_of(types[k])
        self.is_fixed = self.width == 0 or (self.width == 1 and is_word(self.layouts[0]))

    def __dealloc__(self):
        free(self.layouts)
        free(self._words)
        free(self._zeros)
        free(self.data)
        free(self.offsets)
        free(self.hashes)
        free(self._cursors)

    cdef int encode(self, ChangeBatch batch) except -1:
        """Encode the keys of a batch. The batch must outlive the use of the keys: 64-bit keys are not copied."""
        cdef list views = []
        for column in self.columns:
            views.append(batch.view(column))
        return self.encode_columns(views, batch.num_rows)

    cdef int encode_columns(self, list views, int64_t n) except -1:
        """Encode `n` rows of the key columns seen through `views`."""
        cdef ColumnView view
        self.validity = NULL
        if self.width == 0:
            return 0
        if not self.is_fixed:
            return self._encode_bytes(views, n)
        view = <ColumnView> views[0]
        if view.layout != self.layouts[0] and view.layout != LAYOUT_NULL:
            raise TypeError(f"key column {self.columns[0]} is not of type {self.types[0]}")
        if view.layout == LAYOUT_I64:
            # SAFETY: a 64-bit column has length + offset values, and the batch keeps its buffers.
            self.words = <const int64_t*> view.values + view.offset
        else:
            reserve(<void**> &self._words, &self._words_capacity, n, 8)
            widen(view, self._words)
            self.words = self._words
        if view.layout == LAYOUT_NULL:
            reserve(<void**> &self._zeros, &self._zeros_capacity, (n + 7) >> 3, 1)
            memset(self._zeros, 0, <size_t> ((n + 7) >> 3))
            self.validity = self._zeros
            self.validity_offset = 0
        elif view.null_count:
            self.validity = view.validity
            self.validity_offset = view.offset
        return 0

    cdef int _encode_bytes(self, list views, int64_t n) except -1:
        """Encode keys of several columns, or of one that does not fit a word."""
        cdef int k
        cdef int64_t i, at, fixed = 0
        cdef ColumnView view
        cdef Layout layout
        cdef const int32_t* ends
        reserve(<void**> &self.offsets, &self._offsets_capacity, n + 1, 8)
        reserve(<void**> &self._cursors, &self._cursors_capacity, n + 1, 8)
        reserve(<void**> &self.hashes, &self._hashes_capacity, n + 1, 8)
        reserve(<void**> &self._words, &self._words_capacity, n, 8)
        memset(self._cursors, 0, <size_t> (n + 1) * 8)
        for k in range(self.width):
            view = <ColumnView> views[k]
            layout = self.layouts[k]
            if view.layout != layout and view.layout != LAYOUT_NULL:
                raise TypeError(f"key column {self.columns[k]} is not of type {self.types[k]}")
            if layout != LAYOUT_BYTES:
                fixed += 17 if layout == LAYOUT_I128 else 9
                continue
            fixed += 5
            if view.layout == LAYOUT_NULL:
                continue
            ends = view.offsets + view.offset
            if view.null_count:
                for i in range(n):
                    if is_valid(view.validity, view.offset + i):
                        self._cursors[i] += ends[i + 1] - ends[i]
            else:
                for i in range(n):
                    self._cursors[i] += ends[i + 1] - ends[i]
        at = 0
        for i in range(n):
            self.offsets[i] = at
            at += fixed + self._cursors[i]
            self._cursors[i] = self.offsets[i]
        self.offsets[n] = at
        reserve(<void**> &self.data, &self._data_capacity, at + 8, 1)
        for k in range(self.width):
            view = <ColumnView> views[k]
            self._write_column(view, self.layouts[k], n)
        with nogil:
            for i in range(n):
                self.hashes[i] = hash_bytes(self.data + self.offsets[i], self.offsets[i + 1] - self.offsets[i])
        return 0

    cdef int _write_column(self, ColumnView view, Layout layout, int64_t n) except -1:
        """Append one column's encoding at every row's cursor."""
        cdef int64_t i
        cdef int32_t length
        cdef char* at
        cdef bint valid
        cdef const int32_t* ends = NULL
        cdef int64_t width = 16 if layout == LAYOUT_I128 else 8
        cdef bint all_null = view.layout == LAYOUT_NULL
        if layout == LAYOUT_BYTES:
            if not all_null:
                ends = view.offsets + view.offset
            for i in range(n):
                at = self.data + self._cursors[i]
                valid = not all_null and (view.null_count == 0 or is_valid(view.validity, view.offset + i))
                length = ends[i + 1] - ends[i] if valid else 0
                at[0] = valid
                memcpy(at + 1, &length, 4)
                if length:
                    memcpy(at + 5, <const char*> view.values + ends[i], <size_t> length)
                self._cursors[i] += 5 + length
            return 0
        if layout != LAYOUT_I128:
            widen(view, self._words)
        for i in range(n):
            at = self.data + self._cursors[i]
            valid = not all_null and (view.null_count == 0 or is_valid(view.validity, view.offset + i))
            at[0] = valid
            if not valid:
                memset(at + 1, 0, <size_t> width)
            elif layout == LAYOUT_I128:
                memcpy(at + 1, <const char*> view.values + (view.offset + i) * 16, 16)
            else:
                memcpy(at + 1, &self._words[i], 8)
            self._cursors[i] += 1 + width
        return 0

    cdef list decode_words(self, const int64_t* words, const uint8_t* nulls, int64_t n):
        """The key columns of `n` fixed keys; `nulls` has one byte per key (1 = NULL)."""
        if self.width == 0:
            return []
        return [words_array(self.types[0], self.layouts[0], words, nulls, n)]

    cdef list decode_bytes(self, const char* data, const int64_t* starts, int64_t n):
        """The key columns of `n` encoded keys; key i starts at data[starts[i]]."""
        cdef int k
        cdef int64_t i, total, null_count = 0
        cdef Layout layout
        cdef int32_t length
        cdef uint8_t* nulls
        cdef const char* at
        cdef int32_t* ends
        cdef char* target
        cdef list columns = []
        reserve(<void**> &self._cursors, &self._cursors_capacity, n + 1, 8)
        reserve(<void**> &self._words, &self._words_capacity, n, 8)
        reserve(<void**> &self._zeros, &self._zeros_capacity, n, 1)
        nulls = self._zeros
        for i in range(n):
            self._cursors[i] = starts[i]
        for k in range(self.width):
            layout = self.layouts[k]
            total = 0
            for i in range(n):
                at = data + self._cursors[i]
                nulls[i] = at[0] == 0
                if layout == LAYOUT_BYTES:
                    memcpy(&length, at + 1, 4)
                    total += length
            if layout == LAYOUT_BYTES:
                offsets_buffer = allocate((n + 1) * 4)
                values = allocate(total)
                ends = <int32_t*> buffer_address(offsets_buffer)
                target = <char*> buffer_address(values)
                ends[0] = 0
                for i in range(n):
                    at = data + self._cursors[i]
                    memcpy(&length, at + 1, 4)
                    if length:
                        memcpy(target + ends[i], at + 5, <size_t> length)
                    ends[i + 1] = ends[i] + length
                    self._cursors[i] += 5 + length
                validity = pack_validity(nulls, n, &null_count)
                columns.append(bytes_array(self.types[k], offsets_buffer, values, validity, n, null_count))
            elif layout == LAYOUT_I128:
                values = allocate(n * 16)
                target = <char*> buffer_address(values)
                for i in range(n):
                    memcpy(target + i * 16, data + self._cursors[i] + 1, 16)
                    self._cursors[i] += 17
                validity = pack_validity(nulls, n, &null_count)
                columns.append(fixed_width_array(self.types[k], values, validity, n, null_count))
            else:
                for i in range(n):
                    memcpy(&self._words[i], data + self._cursors[i] + 1, 8)
                    self._cursors[i] += 9
                columns.append(words_array(self.types[k], layout, self._words, nulls, n))
        return columns
