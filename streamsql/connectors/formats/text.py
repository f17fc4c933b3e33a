"""One text file (JSON lines or CSV), read block by block."""

from __future__ import annotations

import os
from typing import Protocol

from streamsql.connectors.base import SourceBatch
from streamsql.connectors.formats.detect import open_bytes, reading
from streamsql.errors import ConnectorError, ErrorCode

BLOCK_BYTES = 1 << 20
#: How much of a file is looked at to find its columns.
SAMPLE_BYTES = 1 << 20


class TextDecoder(Protocol):
    """Bytes in, rows out; results do not depend on where the bytes were cut."""

    @property
    def needs_more(self) -> bool:
        """True when every whole record given so far is decoded."""
        ...

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the current file that decoded records took up."""
        ...

    def restart(self, name: str) -> None:
        """Begin the file or stream called `name`."""
        ...

    def space(self, size: int) -> memoryview:
        """A view to read the next `size` bytes into; say how many came with `filled`."""
        ...

    def filled(self, size: int) -> None:
        """Take the first `size` bytes of the last `space`."""
        ...

    def feed(self, data: bytes) -> None:
        """Take a block of bytes, cut anywhere."""
        ...

    def decode(self, max_rows: int, is_last: bool) -> SourceBatch:
        """At most `max_rows` rows of the whole records there are, and of the unfinished last one with `is_last`."""
        ...


def read_sample(path: str, compression: str | None) -> bytes:
    """The first bytes of a file, up to SAMPLE_BYTES; without a last line that was cut."""
    reader, raw = open_bytes(path, compression)
    sample = bytearray(SAMPLE_BYTES)
    filled = 0
    try:
        while filled < SAMPLE_BYTES:
            view = memoryview(sample)[filled:]
            count = reading(path, lambda view=view: reader.readinto(view))  # type: ignore[misc]
            if count == 0:
                return bytes(sample[:filled])
            filled += count
    finally:
        reader.close()
        raw.close()
    return bytes(sample[: sample.rfind(b"\n") + 1]) or bytes(sample)


class TextReader:
    """The rows of one file. With `follow` it never ends: it waits for more, and notices truncation and rotation.

    A followed file that got shorter was truncated: what was read of it stands, reading goes on from its start. A path
    that names another file than the open one was rotated: the old file is read to its end first. An unfinished last
    line waits for its end; at a truncation or rotation it counts as finished. (A file truncated and grown past the old
    size between two looks cannot be told from one that grew.)
    """

    def __init__(self, path: str, compression: str | None, decoder: TextDecoder, follow: bool) -> None:
        self._path = path
        self._compression = compression
        self._decoder = decoder
        self._follow = follow
        self._is_last = False
        self._open()

    def _open(self) -> None:
        self._reader, self._raw = open_bytes(self._path, self._compression)
        self._size = os.fstat(self._raw.fileno()).st_size
        self._decoder.restart(self._path)
        self._is_last = False

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next rows, read from at most one more block; None at the end of the file."""
        decoder = self._decoder
        if decoder.needs_more and self._is_last:
            if not self._follow:
                return None
            self.close()
            self._open()
        if decoder.needs_more:
            view = decoder.space(BLOCK_BYTES)
            count = reading(self._path, lambda: self._reader.readinto(view))
            decoder.filled(count)
            if count == 0:
                self._is_last = self._was_replaced() if self._follow else True
        return decoder.decode(max_rows, self._is_last)

    def _was_replaced(self) -> bool:
        """Whether a followed file that has no more bytes was truncated or rotated."""
        here = os.fstat(self._raw.fileno())
        if here.st_size != self._raw.tell():
            return here.st_size < self._raw.tell()  # else it grew since the last reading
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False  # renamed, and the new one is not there yet
        return (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)

    def position(self) -> int:
        """Bytes of the (decompressed) file whose rows were returned."""
        return self._decoder.decoded_bytes

    def fraction(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(1.0, self._raw.tell() / self._size) if self._size else 1.0

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._raw.close()


def refuse_empty(path: str) -> ConnectorError:
    """The error for a file whose columns cannot be found because it has no records."""
    return ConnectorError(
        ErrorCode.SCHEMA,
        f'the columns of "{path}" cannot be inferred: it has no readable records',
        hint="declare the columns of the input",
    )
