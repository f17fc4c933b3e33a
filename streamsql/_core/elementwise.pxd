from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from streamsql._core.arrow_c cimport ColumnView, int128_t


cdef extern from "loops.h" nogil:
    ctypedef struct streamsql_params:
        int64_t divisor
        uint64_t magic
        int32_t shift
        int32_t digits
        int128_t factor_a
        int128_t factor_b
        int128_t reduce
        int128_t bound
        int64_t months
        int64_t offset

    ctypedef int (*streamsql_loop)(
        const void* a, int64_t sa, const void* b, int64_t sb, void* out, uint8_t* codes, int64_t n,
        const streamsql_params* p
    ) noexcept nogil

    streamsql_loop streamsql_find_loop(const char* name)
    void streamsql_set_divisor(streamsql_params* p, int64_t divisor)
    int128_t streamsql_power10(int digits)
    uint64_t streamsql_word(const uint8_t* bits, int64_t position, int64_t end)
    int64_t streamsql_and_bits(
        const uint8_t* a, int64_t offset_a, const uint8_t* b, int64_t offset_b, uint64_t* out, int64_t n
    )
    int64_t streamsql_select(
        const uint8_t* bits, int64_t offset, const uint8_t* validity, int64_t validity_offset, int32_t* out, int64_t n
    )


cdef object merged_validity(ColumnView a, ColumnView b, int64_t* null_count)
cdef object codes_or_none(object codes, ColumnView a, ColumnView b)
