"""Growing blocks of plain memory: what the state of the compiled operators lives in."""


cdef int raise_memory_error() except -1 nogil:
    """Raise MemoryError from code that does not hold the GIL."""
    with gil:
        raise MemoryError()
