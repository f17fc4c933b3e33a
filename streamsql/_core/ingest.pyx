"""Whole-column checks of arriving data that no Arrow kernel does in one pass."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from streamsql._core.arrow_c cimport (
    LAYOUT_BYTES, LAYOUT_F32, LAYOUT_F64, ColumnView, import_array, is_valid,
)

cdef extern from "abi.h" nogil:
    struct Exported "ArrowArray":       # with the fields a whole batch needs
        int64_t length
        int64_t null_count
        int64_t offset
        const void** buffers
        Exported** children

cdef enum Demand:
    FINITE_64 = 1
    FINITE_32 = 2
    SHORT = 3                           # no value longer than `limit` bytes
    NO_NULL = 4

cdef struct Check:
    int64_t column
    Demand demand
    int64_t limit


cdef class BatchChecks:
    """Whether a whole record batch keeps within its declared types, asked in one look at all its columns.

    `checks` are (column, what, limit) with what one of "finite64", "finite32", "short" (values of at most `limit`
    bytes) and "no null". The columns must have the fitting Arrow types: float64, float32, utf8 or binary.
    """

    cdef Check* checks
    cdef int64_t count

    def __cinit__(self, checks):
        self.count = len(checks)
        self.checks = <Check*> calloc(<size_t> self.count + 1, sizeof(Check))
        if self.checks == NULL:
            raise MemoryError
        demands = {"finite64": FINITE_64, "finite32": FINITE_32, "short": SHORT, "no null": NO_NULL}
        for i, (column, what, limit) in enumerate(checks):
            self.checks[i] = Check(column, demands[what], limit)

    def __dealloc__(self):
        free(self.checks)

    def hold(self, batch):
        """True when every check holds. False may also mean "look closer": then single columns tell more."""
        if self.count == 0:
            return True
        _, capsule = batch.__arrow_c_array__()
        # SAFETY: the capsule owns the struct and lives to the end of this function; nothing is moved out of it.
        cdef Exported* parent = <Exported*> PyCapsule_GetPointer(capsule, "arrow_array")
        cdef int64_t i
        cdef bint good = True
        with nogil:
            for i in range(self.count):
                if not _holds(&self.checks[i], parent.children[self.checks[i].column], parent.offset, parent.length):
                    good = False
                    break
        return good


cdef bint _holds(const Check* check, const Exported* column, int64_t skipped, int64_t n) noexcept nogil:
    cdef int64_t first = column.offset + skipped
    if check.demand == SHORT:
        return _longest(<const int32_t*> column.buffers[1] + first, n) <= check.limit
    if check.demand == FINITE_64:
        return not _has_full_exponent64(<const uint64_t*> column.buffers[1] + first, n)
    if check.demand == FINITE_32:
        return not _has_full_exponent32(<const uint32_t*> column.buffers[1] + first, n)
    cdef const uint8_t* validity = <const uint8_t*> column.buffers[0]
    cdef int64_t row
    if column.null_count == 0 or validity == NULL:
        return True
    for row in range(first, first + n):
        if not is_valid(validity, row):
            return False
    return True


cdef int64_t _longest(const int32_t* offsets, int64_t n) noexcept nogil:
    cdef int32_t longest = 0
    cdef int32_t length
    cdef int64_t row
    for row in range(n):
        length = offsets[row + 1] - offsets[row]
        longest = length if length > longest else longest
    return longest


cdef bint _has_full_exponent64(const uint64_t* bits, int64_t n) noexcept nogil:
    """A value is NaN or infinite when all bits of its exponent are set: then adding one carries into the sign bit."""
    cdef uint64_t exponent = <uint64_t> 0x7FF << 52
    cdef uint64_t carry = 0
    cdef int64_t row
    for row in range(n):
        carry |= (bits[row] & exponent) + (<uint64_t> 1 << 52)
    return carry >> 63


cdef bint _has_full_exponent32(const uint32_t* bits, int64_t n) noexcept nogil:
    cdef uint32_t exponent = <uint32_t> 0xFF << 23
    cdef uint32_t carry = 0
    cdef int64_t row
    for row in range(n):
        carry |= (bits[row] & exponent) + (<uint32_t> 1 << 23)
    return carry >> 31


def longest_bytes(object array):
    """The length in bytes of the longest value of a utf8 or binary array; 0 when it is empty.

    A null may count with the bytes its slot happens to span: the answer is an upper bound, never too small.
    """
    cdef ColumnView view = import_array(array)
    cdef int64_t longest = 0
    if view.layout != LAYOUT_BYTES:
        raise TypeError(f"longest_bytes needs utf8 or binary, got {array.type}")
    with nogil:
        if view.length:
            longest = _longest(view.offsets + view.offset, view.length)
    return longest


def all_finite(object array):
    """True when no valid value of a float32 or float64 array is NaN or infinite."""
    cdef ColumnView view = import_array(array)
    cdef bint good
    if view.layout != LAYOUT_F64 and view.layout != LAYOUT_F32:
        raise TypeError(f"all_finite needs floats, got {array.type}")
    with nogil:
        good = _all_finite64(view) if view.layout == LAYOUT_F64 else _all_finite32(view)
    return good


cdef bint _all_finite64(ColumnView view) noexcept nogil:
    cdef const uint64_t* bits = <const uint64_t*> view.values + view.offset
    cdef uint64_t exponent = <uint64_t> 0x7FF << 52
    cdef int64_t row
    if view.length == 0 or not _has_full_exponent64(bits, view.length):
        return True
    for row in range(view.length):          # perhaps it is only the rubbish under a null
        if (bits[row] & exponent) == exponent and is_valid(view.validity, view.offset + row):
            return False
    return True


cdef bint _all_finite32(ColumnView view) noexcept nogil:
    cdef const uint32_t* bits = <const uint32_t*> view.values + view.offset
    cdef uint32_t exponent = <uint32_t> 0xFF << 23
    cdef int64_t row
    if view.length == 0 or not _has_full_exponent32(bits, view.length):
        return True
    for row in range(view.length):
        if (bits[row] & exponent) == exponent and is_valid(view.validity, view.offset + row):
            return False
    return True
