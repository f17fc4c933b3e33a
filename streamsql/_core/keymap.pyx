"""`KeyMap`: from a key to a small dense group number, by open addressing with linear probing.

Deleting shifts the following cells back instead of leaving a dead cell, so endless new keys never fill the table.
Emptying it is one increment of `epoch`. Group numbers are given in order of first appearance; the keys are kept by
group, outside the table, so that results leave in that order and the table can be rebuilt at any size. Groups outlive
their key in the table: `forget_all` and `erase` make keys unknown, `drop_first` and `release` give up groups.
"""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memmove

from streamsql._core.arena cimport raise_memory_error, reserve
from streamsql._core.arrow_c cimport is_valid
from streamsql._core.hashing cimport hash_bytes, mix

cdef int64_t _SMALLEST = 64


cdef class KeyMap:
    """A map for fixed keys (`is_fixed`) or for encoded keys; see the module's docstring."""

    def __cinit__(self, bint is_fixed):
        self.is_fixed = is_fixed
        self.null_group = -1
        self.epoch = 1
        self._resize(_SMALLEST)

    def __dealloc__(self):
        free(self.slots)
        free(self.words)
        free(self.nulls)
        free(self.starts)
        free(self.lengths)
        free(self.data)
        free(self.freed)

    @property
    def capacity(self):
        """Cells of the table."""
        return self.mask + 1

    cdef int _resize(self, int64_t capacity) except -1 nogil:
        """Give the table `capacity` cells (a power of two) and put every findable key in again."""
        cdef Slot* old = self.slots
        cdef uint64_t old_cells = self.mask + 1 if old != NULL else 0
        cdef uint64_t i, at, hashed
        cdef uint32_t old_epoch = self.epoch
        cdef int bits = 0
        while (<int64_t> 1 << bits) < capacity:
            bits += 1
        self.slots = <Slot*> calloc(<size_t> capacity, sizeof(Slot))
        if self.slots == NULL:
            self.slots = old
            return raise_memory_error()
        self.mask = <uint64_t> capacity - 1
        self.shift = 64 - bits
        self.epoch = 1
        for i in range(old_cells):
            if old[i].epoch == old_epoch:
                hashed = mix(old[i].key) if self.is_fixed else old[i].key
                at = hashed >> self.shift
                while self.slots[at].epoch == 1:
                    at = (at + 1) & self.mask
                self.slots[at] = old[i]
                self.slots[at].epoch = 1
        free(old)
        return 0

    cdef int _place(self, uint64_t key, int64_t group) except -1 nogil:
        """Fill a cell for a key that is not in the table."""
        cdef uint64_t at
        if 2 * (self.live + 1) > <int64_t> self.mask + 1:
            self._resize(2 * (<int64_t> self.mask + 1))
        at = (mix(key) if self.is_fixed else key) >> self.shift
        while self.slots[at].epoch == self.epoch:
            at = (at + 1) & self.mask
        self.slots[at].key = key
        self.slots[at].group = <uint32_t> group
        self.slots[at].epoch = self.epoch
        self.live += 1
        return 0

    cdef int64_t _new_group(self) except -1 nogil:
        if self.freed_count:
            self.freed_count -= 1
            return self.freed[self.freed_count]
        if self.is_fixed:
            reserve(<void**> &self.words, &self._words_capacity, self.count + 1, 8)
            reserve(<void**> &self.nulls, &self._nulls_capacity, self.count + 1, 1)
        else:
            reserve(<void**> &self.starts, &self._starts_capacity, self.count + 1, 8)
            reserve(<void**> &self.lengths, &self._lengths_capacity, self.count + 1, 8)
        self.count += 1
        return self.count - 1

    cdef int64_t insert_word(self, int64_t word) except -1 nogil:
        """A new group for a fixed key that is not in the table."""
        cdef int64_t group = self._new_group()
        self.words[group] = word
        self.nulls[group] = 0
        self._place(<uint64_t> word, group)
        return group

    cdef int64_t insert_null(self) except -1 nogil:
        """A new group for the NULL fixed key."""
        cdef int64_t group = self._new_group()
        self.words[group] = 0
        self.nulls[group] = 1
        if self.null_group < 0:
            self.live += 1
        self.null_group = group
        return group

    cdef int64_t insert_bytes(self, const char* data, int64_t length, uint64_t hashed) except -1 nogil:
        """A new group for an encoded key that is not in the table."""
        cdef int64_t group
        if self.data_dead > 4096 and 2 * self.data_dead > self.data_used:
            self._compact_data()
        group = self._new_group()
        reserve(<void**> &self.data, &self._data_capacity, self.data_used + length + 8, 1)
        memcpy(self.data + self.data_used, data, <size_t> length)
        self.starts[group] = self.data_used
        self.lengths[group] = length
        self.data_used += length
        self._place(hashed, group)
        return group

    cdef int64_t insert(self, KeyEncoder keys, int64_t row) except -1 nogil:
        """A new group for the key of one encoded row; the key must not be in the table."""
        if not self.is_fixed:
            return self.insert_bytes(
                keys.data + keys.offsets[row], keys.offsets[row + 1] - keys.offsets[row], keys.hashes[row]
            )
        if keys.width == 0:
            return self.insert_word(0)
        if keys.validity != NULL and not is_valid(keys.validity, keys.validity_offset + row):
            return self.insert_null()
        return self.insert_word(keys.words[row])

    cdef int64_t find_bytes(self, const char* data, int64_t length, uint64_t hashed) noexcept nogil:
        """The group of an encoded key, or -1."""
        cdef uint64_t at = hashed >> self.shift
        cdef Slot* slot
        while True:
            slot = &self.slots[at]
            if slot.epoch != self.epoch:
                return -1
            if slot.key == hashed and self.lengths[slot.group] == length and memcmp(
                self.data + self.starts[slot.group], data, <size_t> length
            ) == 0:
                return slot.group
            at = (at + 1) & self.mask

    cdef int64_t find(self, KeyEncoder keys, int64_t row) noexcept nogil:
        """The group of the key of one encoded row, or -1."""
        cdef uint64_t key, at
        if not self.is_fixed:
            return self.find_bytes(
                keys.data + keys.offsets[row], keys.offsets[row + 1] - keys.offsets[row], keys.hashes[row]
            )
        if keys.validity != NULL and not is_valid(keys.validity, keys.validity_offset + row):
            return self.null_group
        key = 0 if keys.width == 0 else <uint64_t> keys.words[row]
        at = mix(key) >> self.shift
        while self.slots[at].epoch == self.epoch:
            if self.slots[at].key == key:
                return self.slots[at].group
            at = (at + 1) & self.mask
        return -1

    cdef int assign(self, KeyEncoder keys, int64_t start, int64_t n, uint32_t* groups) except -1 nogil:
        """Write the group of each of `n` rows from row `start` to groups[0 .. n - 1]; unknown keys get new groups."""
        cdef int64_t i, group
        cdef const int64_t* words = keys.words + start
        cdef Slot* slots = self.slots
        cdef uint64_t mask = self.mask
        cdef int shift = self.shift
        cdef uint32_t epoch = self.epoch
        cdef uint64_t key, at
        if not self.is_fixed or keys.validity != NULL:
            for i in range(n):
                group = self.find(keys, start + i)
                if group < 0:
                    group = self.insert(keys, start + i)
                groups[i] = <uint32_t> group
            return 0
        if keys.width == 0:
            group = self.find(keys, start)
            if group < 0:
                group = self.insert(keys, start)
            for i in range(n):
                groups[i] = <uint32_t> group
            return 0
        for i in range(n):
            key = <uint64_t> words[i]
            at = mix(key) >> shift
            while True:
                if slots[at].epoch != epoch:
                    groups[i] = <uint32_t> self.insert_word(<int64_t> key)
                    slots = self.slots
                    mask = self.mask
                    shift = self.shift
                    epoch = self.epoch
                    break
                if slots[at].key == key:
                    groups[i] = slots[at].group
                    break
                at = (at + 1) & mask
        return 0

    cdef int64_t _slot_of(self, int64_t group) noexcept nogil:
        """The cell that leads to `group`, or -1 when its key is unknown or leads to another group."""
        cdef uint64_t key, at
        if self.is_fixed:
            key = <uint64_t> self.words[group]
            at = mix(key) >> self.shift
        else:
            key = hash_bytes(self.data + self.starts[group], self.lengths[group])
            at = key >> self.shift
        while self.slots[at].epoch == self.epoch:
            if self.slots[at].group == group and self.slots[at].key == key:
                return <int64_t> at
            at = (at + 1) & self.mask
        return -1

    cdef int supersede(self, int64_t old) except -1 nogil:
        """Number a new group for the key of group `old`, which it now leads to; `old` keeps its place. Returns 0.

        The new group is `count - 1`.
        """
        cdef int64_t at, group
        if self.is_fixed and self.nulls[old]:
            self.insert_null()
            return 0
        at = self._slot_of(old)
        group = self._new_group()
        if self.is_fixed:
            self.words[group] = self.words[old]
            self.nulls[group] = 0
        else:
            reserve(<void**> &self.data, &self._data_capacity, self.data_used + self.lengths[old] + 8, 1)
            memcpy(self.data + self.data_used, self.data + self.starts[old], <size_t> self.lengths[old])
            self.starts[group] = self.data_used
            self.lengths[group] = self.lengths[old]
            self.data_used += self.lengths[old]
        # SAFETY: `old` was found through the table by the caller, so its cell exists.
        self.slots[at].group = <uint32_t> group
        return 0

    cdef int erase(self, int64_t group) noexcept nogil:
        """Make the key of `group` unknown, unless it leads to another group by now."""
        cdef uint64_t hole, at, home
        cdef int64_t found
        if self.is_fixed and self.nulls[group]:
            if self.null_group == group:
                self.null_group = -1
                self.live -= 1
            return 0
        found = self._slot_of(group)
        if found < 0:
            return 0
        hole = <uint64_t> found
        at = hole
        while True:
            at = (at + 1) & self.mask
            if self.slots[at].epoch != self.epoch:
                break
            home = (mix(self.slots[at].key) if self.is_fixed else self.slots[at].key) >> self.shift
            if ((at - home) & self.mask) >= ((at - hole) & self.mask):
                self.slots[hole] = self.slots[at]
                hole = at
        self.slots[hole].epoch = 0
        self.live -= 1
        return 0

    cdef int release(self, int64_t group) except -1 nogil:
        """Erase the key of `group` and give its number out again later. Shrinks a table that has become too large."""
        self.erase(group)
        if not self.is_fixed:
            self.data_dead += self.lengths[group]
            self.lengths[group] = 0
        reserve(<void**> &self.freed, &self._freed_capacity, self.freed_count + 1, 4)
        self.freed[self.freed_count] = <uint32_t> group
        self.freed_count += 1
        if <int64_t> self.mask + 1 > _SMALLEST and 16 * self.live < <int64_t> self.mask + 1:
            self._resize((<int64_t> self.mask + 1) // 4 if self.mask + 1 > 256 else _SMALLEST)
        return 0

    cdef int _compact_data(self) except -1 nogil:
        """Close the gaps that released keys left in the key bytes."""
        cdef char* packed = NULL
        cdef int64_t capacity = 0
        cdef int64_t used = 0
        cdef int64_t group
        reserve(<void**> &packed, &capacity, self.data_used - self.data_dead + 64, 1)
        for group in range(self.count):
            if self.lengths[group]:
                memcpy(packed + used, self.data + self.starts[group], <size_t> self.lengths[group])
            self.starts[group] = used
            used += self.lengths[group]
        free(self.data)
        self.data = packed
        self._data_capacity = capacity
        self.data_used = used
        self.data_dead = 0
        return 0

    cdef int forget_all(self) noexcept nogil:
        """Make every key unknown. Groups and their numbers stay."""
        cdef uint64_t i
        self.live = 0
        self.null_group = -1
        self.epoch += 1
        if self.epoch == 0:                     # after 2^32 - 1 windows the stamps start again
            for i in range(self.mask + 1):
                self.slots[i].epoch = 0
            self.epoch = 1
        return 0

    cdef int drop_first(self, int64_t dropped) except -1 nogil:
        """Give up the groups 0 .. dropped - 1; the others are renumbered from 0 and stay findable if they were.

        Where a key has several groups the last one is found. Memory that the rest does not need is returned.
        """
        cdef int64_t left = self.count - dropped
        cdef int64_t group, base, cells, kept = self.live
        cdef uint64_t i
        cdef void* moved
        if dropped == 0:
            return 0
        if not self.is_fixed and left:
            base = self.starts[dropped]
            memmove(self.data, self.data + base, <size_t> (self.data_used - base))
            self.data_used -= base
            for group in range(left):
                self.starts[group] = self.starts[group + dropped] - base
                self.lengths[group] = self.lengths[group + dropped]
        elif not self.is_fixed:
            self.data_used = 0
        elif left:
            memmove(self.words, self.words + dropped, <size_t> left * 8)
            memmove(self.nulls, self.nulls + dropped, <size_t> left)
        self.count = left
        if self.null_group >= 0:
            if self.null_group < dropped:
                self.null_group = -1
                kept -= 1
            else:
                self.null_group -= dropped
        for i in range(self.mask + 1 if kept else 0):
            if self.slots[i].epoch == self.epoch:
                # The caller has erased or forgotten the keys of dropped groups, so every cell leads to a kept one.
                self.slots[i].group -= <uint32_t> dropped
        self.live = kept
        cells = _SMALLEST
        while cells < 2 * (left + dropped):
            cells *= 2
        if 4 * cells < <int64_t> self.mask + 1:
            self._resize(cells)
        if self.is_fixed and self._words_capacity > 4 * (left + dropped) + 64:
            moved = realloc(self.words, <size_t> (2 * (left + dropped) + 64) * 8)
            if moved != NULL:
                self.words = <int64_t*> moved
                self._words_capacity = 2 * (left + dropped) + 64
        if not self.is_fixed and self._data_capacity > 4 * self.data_used + 65536:
            moved = realloc(self.data, <size_t> (2 * self.data_used + 64))
            if moved != NULL:
                self.data = <char*> moved
                self._data_capacity = 2 * self.data_used + 64
        return 0

    cdef int64_t size_bytes(self) noexcept nogil:
        """Bytes allocated."""
        return (
            <int64_t> (self.mask + 1) * <int64_t> sizeof(Slot)
            + 8 * (self._words_capacity + self._starts_capacity + self._lengths_capacity)
            + self._nulls_capacity + self._data_capacity + 4 * self._freed_capacity
        )

    cdef list key_columns(self, KeyEncoder keys, int64_t first, int64_t n):
        """The key columns of `n` groups from group `first`, as Arrow arrays."""
        if keys.width == 0:
            return []
        if self.is_fixed:
            return keys.decode_words(self.words + first, self.nulls + first, n)
        return keys.decode_bytes(self.data, self.starts + first, n)
