from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t


cdef extern from "abi.h" nogil:
    struct ArrowSchema:
        const char* format
        void (*release)(ArrowSchema*) noexcept nogil

    struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        const void** buffers
        void (*release)(ArrowArray*) noexcept nogil

    ctypedef long long int128_t "streamsql_int128"   # Cython only needs a C integer name; the C type is 128 bits wide


cdef enum Layout:
    LAYOUT_BOOL = 1        # bit-packed values
    LAYOUT_I8 = 2
    LAYOUT_I16 = 3
    LAYOUT_I32 = 4         # int32, date32, time32
    LAYOUT_I64 = 5         # int64, timestamp, duration
    LAYOUT_F32 = 6
    LAYOUT_F64 = 7
    LAYOUT_I128 = 8        # decimal128
    LAYOUT_BYTES = 9       # utf8, binary: int32 offsets
    LAYOUT_NULL = 10       # no buffers, every value is null


cdef class ColumnView:
    cdef ArrowArray array           # owned: moved out of the capsule, released with the view; empty in part of a view
    cdef ColumnView whole           # the view whose memory this one looks at, None when it owns `array`
    cdef readonly Layout layout
    cdef readonly int64_t length
    cdef readonly int64_t null_count    # exact; 0 means `validity` need not be read
    cdef int64_t offset             # add to every row index below, also to bit positions
    cdef const uint8_t* validity    # NULL when no row is null
    cdef const void* values         # fixed-width values; for LAYOUT_BYTES the characters
    cdef const int32_t* offsets     # LAYOUT_BYTES only


cdef ColumnView import_array(object array)
cdef ColumnView part_of_view(ColumnView whole, int64_t start, int64_t length)
cdef object fixed_width_array(object arrow_type, object values, object validity, int64_t length, int64_t null_count)
cdef object bytes_array(
    object arrow_type, object offsets, object data, object validity, int64_t length, int64_t null_count
)
cdef object allocate(int64_t size)
cdef void* buffer_address(object buffer) except NULL


cdef inline bint is_valid(const uint8_t* validity, int64_t position) noexcept nogil:
    return validity == NULL or (validity[position >> 3] >> (position & 7)) & 1


cdef inline void set_bit(uint8_t* bits, int64_t position) noexcept nogil:
    bits[position >> 3] |= <uint8_t> (1 << (position & 7))


cdef inline void clear_bit(uint8_t* bits, int64_t position) noexcept nogil:
    bits[position >> 3] &= <uint8_t> ~(1 << (position & 7))
