from libc.stdint cimport int64_t
from libc.stdlib cimport realloc

cdef int raise_memory_error() except -1 nogil


cdef inline int reserve(void** block, int64_t* capacity, int64_t needed, int64_t width) except -1 nogil:
    """Make room for `needed` items of `width` bytes in a growing block; `capacity` counts items. Contents are kept."""
    cdef int64_t target
    cdef void* moved
    if needed <= capacity[0]:
        return 0
    target = capacity[0] + (capacity[0] >> 1)
    if target < needed:
        target = needed
    if target < 64:
        target = 64
    moved = realloc(block[0], <size_t> (target * width))
    if moved == NULL:
        return raise_memory_error()
    block[0] = moved
    capacity[0] = target
    return 0
