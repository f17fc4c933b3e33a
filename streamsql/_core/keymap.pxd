from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from streamsql._core.hashing cimport KeyEncoder


cdef struct Slot:
    uint64_t key        # fixed keys: the word itself; else the hash
    uint32_t group
    uint32_t epoch      # the slot is filled when this is the map's epoch


cdef class KeyMap:
    cdef readonly bint is_fixed
    cdef Slot* slots
    cdef uint64_t mask
    cdef int shift
    cdef uint32_t epoch
    cdef readonly int64_t live          # keys that can be found now
    cdef readonly int64_t count         # groups numbered so far: 0 .. count - 1
    cdef int64_t null_group             # group of the NULL key of fixed keys, or -1

    # By group:
    cdef int64_t* words                 # fixed keys
    cdef uint8_t* nulls
    cdef int64_t* starts                # other keys: bytes data[starts[g] : starts[g] + lengths[g]]
    cdef int64_t* lengths
    cdef char* data
    cdef int64_t data_used
    cdef int64_t data_dead
    cdef uint32_t* freed                # group numbers to give out again
    cdef int64_t freed_count

    cdef int64_t _words_capacity
    cdef int64_t _nulls_capacity
    cdef int64_t _starts_capacity
    cdef int64_t _lengths_capacity
    cdef int64_t _data_capacity
    cdef int64_t _freed_capacity

    cdef int assign(self, KeyEncoder keys, int64_t start, int64_t n, uint32_t* groups) except -1 nogil
    cdef int64_t find(self, KeyEncoder keys, int64_t row) noexcept nogil
    cdef int64_t find_bytes(self, const char* data, int64_t length, uint64_t hashed) noexcept nogil
    cdef int64_t insert(self, KeyEncoder keys, int64_t row) except -1 nogil
    cdef int64_t insert_word(self, int64_t word) except -1 nogil
    cdef int64_t insert_null(self) except -1 nogil
    cdef int64_t insert_bytes(self, const char* data, int64_t length, uint64_t hashed) except -1 nogil
    cdef int supersede(self, int64_t old) except -1 nogil
    cdef int erase(self, int64_t group) noexcept nogil
    cdef int release(self, int64_t group) except -1 nogil
    cdef int forget_all(self) noexcept nogil
    cdef int drop_first(self, int64_t dropped) except -1 nogil
    cdef int64_t size_bytes(self) noexcept nogil
    cdef list key_columns(self, KeyEncoder keys, int64_t first, int64_t n)

    cdef int _place(self, uint64_t key, int64_t group) except -1 nogil
    cdef int _resize(self, int64_t capacity) except -1 nogil
    cdef int64_t _new_group(self) except -1 nogil
    cdef int64_t _slot_of(self, int64_t group) noexcept nogil
    cdef int _compact_data(self) except -1 nogil
