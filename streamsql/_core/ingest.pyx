"""Whole-column checks of arriving data that no Arrow kernel does in one pass."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from streamsql._core.arrow_c cimport (
    LAYOUT_BYTES, LAYOUT_F32, LAYOUT_F64, ColumnView, import_array, is_valid,
)


def longest_bytes(object array):
    """The length in bytes of the longest value of a utf8 or binary array; 0 when it is empty.

    A null may count with the bytes its slot happens to span: the answer is an upper bound, never too small.
    """
    cdef ColumnView view = import_array(array)
    if view.layout != LAYOUT_BYTES:
        raise TypeError(f"longest_bytes needs utf8 or binary, got {array.type}")
    if view.length == 0:
        return 0
    cdef const int32_t* offsets = view.offsets + view.offset
    cdef int64_t n = view.length
    cdef int64_t row
    cdef int32_t longest = 0
    cdef int32_t length
    with nogil:
        for row in range(n):
            length = offsets[row + 1] - offsets[row]
            longest = length if length > longest else longest
    return longest


def all_finite(object array):
    """True when no valid value of a float32 or float64 array is NaN or infinite."""
    cdef ColumnView view = import_array(array)
    if view.length == 0:
        return True
    if view.layout == LAYOUT_F64:
        return _finite64(<const uint64_t*> view.values + view.offset, view)
    if view.layout == LAYOUT_F32:
        return _finite32(<const uint32_t*> view.values + view.offset, view)
    raise TypeError(f"all_finite needs floats, got {array.type}")


cdef bint _finite64(const uint64_t* bits, ColumnView view) noexcept:
    cdef uint64_t exponent = <uint64_t> 0x7FF << 52
    cdef uint64_t carry = 0
    cdef int64_t n = view.length
    cdef int64_t row
    with nogil:
        # A value is NaN or infinite when all bits of its exponent are set: then adding one carries into the sign bit.
        for row in range(n):
            carry |= (bits[row] & exponent) + (<uint64_t> 1 << 52)
        if not carry >> 63:
            return True
        for row in range(n):                # perhaps it is only the rubbish under a null
            if (bits[row] & exponent) == exponent and is_valid(view.validity, view.offset + row):
                return False
    return True


cdef bint _finite32(const uint32_t* bits, ColumnView view) noexcept:
    cdef uint32_t exponent = <uint32_t> 0xFF << 23
    cdef uint32_t carry = 0
    cdef int64_t n = view.length
    cdef int64_t row
    with nogil:
        # A value is NaN or infinite when all bits of its exponent are set: then adding one carries into the sign bit.
        for row in range(n):
            carry |= (bits[row] & exponent) + (<uint32_t> 1 << 23)
        if not carry >> 31:
            return True
        for row in range(n):                # perhaps it is only the rubbish under a null
            if (bits[row] & exponent) == exponent and is_valid(view.validity, view.offset + row):
                return False
    return True
