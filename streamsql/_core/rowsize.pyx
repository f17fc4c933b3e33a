"""How many bytes the strings of a row take."""

from libc.stdint cimport int32_t, int64_t

from streamsql._core.arrow_c cimport LAYOUT_BYTES, ColumnView
from streamsql._core.batch cimport ChangeBatch

import numpy as np


def oversized_rows(ChangeBatch batch, tuple columns, int64_t limit):
    """The numbers of the rows whose strings in `columns` (string or binary) together exceed `limit` bytes, or None.

    Costs one subtraction per column unless the whole batch has more bytes than one row may have, and then one pass over
    the offsets that only finds the longest value of each column.
    """
    cdef int64_t total = 0, longest = 0, most, i, length
    cdef ColumnView view
    cdef const int32_t* offsets
    for index in columns:
        view = batch.view(index)
        if view.layout != LAYOUT_BYTES or view.length == 0:
            continue
        total += view.offsets[view.offset + view.length] - view.offsets[view.offset]
    if total <= limit:
        return None
    for index in columns:
        view = batch.view(index)
        if view.layout != LAYOUT_BYTES:
            continue
        offsets = view.offsets + view.offset
        most = 0
        with nogil:
            for i in range(view.length):
                length = offsets[i + 1] - offsets[i]
                most = length if length > most else most
        longest += most
    if longest <= limit:
        return None
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    cdef int64_t[::1] target = sizes
    for index in columns:
        view = batch.view(index)
        if view.layout != LAYOUT_BYTES:
            continue
        offsets = view.offsets + view.offset
        with nogil:
            for i in range(view.length):
                target[i] += offsets[i + 1] - offsets[i]
    large = np.flatnonzero(sizes > limit)
    return large if len(large) else None
