from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from streamsql._core.arrow_c cimport ColumnView, Layout
from streamsql._core.batch cimport ChangeBatch


cdef inline uint64_t mix(uint64_t word) noexcept nogil:
    """A well spread 64-bit hash of one word; the high bits are the best ones."""
    word *= <uint64_t> 0x9E3779B97F4A7C15
    word ^= word >> 32
    word *= <uint64_t> 0xD6E8FEB86659FD93
    return word


cdef uint64_t hash_bytes(const char* data, int64_t length) noexcept nogil
cdef Layout layout_of(object arrow_type) except *
cdef bint is_word(Layout layout) noexcept nogil
cdef int widen(ColumnView view, int64_t* target) except -1
cdef object words_array(object arrow_type, Layout layout, const int64_t* words, const uint8_t* nulls, int64_t n)
cdef object pack_validity(const uint8_t* nulls, int64_t n, int64_t* null_count)


cdef class KeyEncoder:
    cdef readonly tuple columns     # column numbers in the input
    cdef readonly tuple types       # their Arrow types
    cdef readonly int width         # number of key columns
    cdef readonly bint is_fixed     # every key is one 64-bit word (or NULL)
    cdef Layout* layouts

    # One batch's keys, good until the next `encode`. Fixed keys:
    cdef const int64_t* words
    cdef const uint8_t* validity    # NULL: no key is NULL
    cdef int64_t validity_offset
    # Other keys: row i is data[offsets[i] : offsets[i + 1]], with hashes[i].
    cdef char* data
    cdef int64_t* offsets
    cdef uint64_t* hashes

    cdef int64_t* _words
    cdef int64_t _words_capacity
    cdef uint8_t* _zeros
    cdef int64_t _zeros_capacity
    cdef int64_t _data_capacity
    cdef int64_t _offsets_capacity
    cdef int64_t _hashes_capacity
    cdef int64_t* _cursors
    cdef int64_t _cursors_capacity

    cdef int encode(self, ChangeBatch batch) except -1
    cdef int encode_columns(self, list views, int64_t n) except -1
    cdef int _encode_bytes(self, list views, int64_t n) except -1
    cdef int _write_column(self, ColumnView view, Layout layout, int64_t n) except -1
    cdef list decode_words(self, const int64_t* words, const uint8_t* nulls, int64_t n)
    cdef list decode_bytes(self, const char* data, const int64_t* starts, int64_t n)
