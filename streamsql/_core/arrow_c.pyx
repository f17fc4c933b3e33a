"""Arrow columns seen as C arrays, through the C data interface only (no libarrow).

`import_array` *moves* the exported struct: the view owns it and releases it when it is collected, so the pointers of a
view stay good as long as the view (and nothing else) is kept. Output buffers are allocated by pyarrow, so that Arrow's
memory pool counts them.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uintptr_t

import pyarrow as pa


cdef object _allocate_buffer = pa.allocate_buffer
cdef object _from_buffers = pa.Array.from_buffers


cdef class ColumnView:
    """A borrowed look at one Arrow array: raw pointers plus the struct that keeps them alive."""

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)

    @property
    def address(self):
        """Address of the first value (characters for strings), for tests."""
        return <uintptr_t> self.values


cdef Layout _layout(const char* format) except? LAYOUT_BOOL:
    cdef char first = format[0]
    if first == b"l":
        return LAYOUT_I64
    if first == b"i":
        return LAYOUT_I32
    if first == b"g":
        return LAYOUT_F64
    if first == b"u" or first == b"z":
        return LAYOUT_BYTES
    if first == b"b":
        return LAYOUT_BOOL
    if first == b"s":
        return LAYOUT_I16
    if first == b"c":
        return LAYOUT_I8
    if first == b"f":
        return LAYOUT_F32
    if first == b"n":
        return LAYOUT_NULL
    if first == b"d":                       # d:precision,scale with an optional ,width; only 128 bits are used here
        return LAYOUT_I128
    if first == b"t":
        if format[1] == b"d":               # tdD date32, tdm date64
            return LAYOUT_I32 if format[2] == b"D" else LAYOUT_I64
        if format[1] == b"t":               # tts, ttm time32; ttu, ttn time64
            return LAYOUT_I32 if format[2] == b"s" or format[2] == b"m" else LAYOUT_I64
        if format[1] == b"s" or format[1] == b"D":
            return LAYOUT_I64
    raise TypeError(f"the core has no layout for Arrow format {format.decode()!r}")


cdef ColumnView import_array(object array):
    """A view of a pyarrow array (or anything with `__arrow_c_array__`)."""
    schema_capsule, array_capsule = array.__arrow_c_array__()
    # SAFETY: the names are those of the PyCapsule interface; a wrong capsule raises instead of returning.
    cdef ArrowSchema* schema = <ArrowSchema*> PyCapsule_GetPointer(schema_capsule, "arrow_schema")
    cdef ArrowArray* source = <ArrowArray*> PyCapsule_GetPointer(array_capsule, "arrow_array")
    cdef ColumnView view = ColumnView.__new__(ColumnView)
    view.layout = _layout(schema.format)
    view.array = source[0]
    source.release = NULL                   # moved: the capsule must not release it as well
    view.length = view.array.length
    view.offset = view.array.offset
    if view.layout == LAYOUT_NULL:
        view.null_count = view.length
        return view
    view.null_count = view.array.null_count
    if view.null_count < 0:                 # -1: not computed yet
        view.null_count = array.null_count
    if view.null_count:
        view.validity = <const uint8_t*> view.array.buffers[0]
    if view.layout == LAYOUT_BYTES:
        view.offsets = <const int32_t*> view.array.buffers[1]
        view.values = view.array.buffers[2]
    else:
        view.values = view.array.buffers[1]
    return view


cdef ColumnView part_of_view(ColumnView whole, int64_t start, int64_t length):
    """A view of `length` values of another view from number `start` on; no Arrow array is made for it."""
    cdef ColumnView view = ColumnView.__new__(ColumnView)
    cdef int64_t row
    view.whole = whole
    view.layout = whole.layout
    view.length = length
    view.offset = whole.offset + start
    view.values = whole.values
    view.offsets = whole.offsets
    if view.layout == LAYOUT_NULL:
        view.null_count = length
    elif whole.null_count:
        for row in range(view.offset, view.offset + length):
            view.null_count += not is_valid(whole.validity, row)
        if view.null_count:
            view.validity = whole.validity
    return view


cdef object allocate(int64_t size):
    """A new pyarrow buffer of `size` bytes (uninitialised)."""
    return _allocate_buffer(size)


cdef void* buffer_address(object buffer) except NULL:
    """Where a pyarrow buffer starts. Keep the buffer alive while using the pointer."""
    cdef uintptr_t address = buffer.address
    if address == 0:                        # an empty buffer may have no memory
        address = 8
    return <void*> address


cdef object fixed_width_array(object arrow_type, object values, object validity, int64_t length, int64_t null_count):
    """An Arrow array over finished buffers; `validity` is None when nothing is null."""
    return _from_buffers(arrow_type, length, [validity if null_count else None, values], null_count)


cdef object bytes_array(
    object arrow_type, object offsets, object data, object validity, int64_t length, int64_t null_count
):
    """An Arrow utf8 or binary array over finished buffers."""
    return _from_buffers(arrow_type, length, [validity if null_count else None, offsets, data], null_count)
