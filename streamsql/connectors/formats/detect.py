"""Which format and compression a path has, and how its bytes are read."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import IO, Protocol

import pyarrow as pa

from streamsql.errors import ConnectorError, ErrorCode

#: Name of each format (as in `?format=`) and its file extensions.
EXTENSIONS = {
    "json": (".jsonl", ".json", ".ndjson"),
    "csv": (".csv",),
    "parquet": (".parquet",),
    "arrow": (".arrow", ".feather"),
}
TEXT_FORMATS = ("json", "csv")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def detect(path: str, format_name: str | None) -> tuple[str, str | None]:
    """`(format, compression or None)` of a path; `format_name` overrules the extension.

    Raises ConnectorError for an unknown format, an extension that says nothing, and compressed Parquet or Arrow files.
    """
    known = ", ".join(f"{name} ({' '.join(endings)})" for name, endings in EXTENSIONS.items())
    stem, extension = os.path.splitext(path)
    compression = COMPRESSIONS.get(extension.lower())
    if compression is not None:
        extension = os.path.splitext(stem)[1]
    if format_name is not None:
        if format_name not in EXTENSIONS:
            raise ConnectorError(ErrorCode.URI, f'unknown format "{format_name}"', hint=f"the formats are {known}")
        found = format_name
    else:
        found = next((name for name, endings in EXTENSIONS.items() if extension.lower() in endings), "")
        if not found:
            raise ConnectorError(
                ErrorCode.URI,
                f'the extension of "{path}" does not tell its format',
                hint=f"add ?format=, one of {known}; text formats may end in .gz or .zst as well",
            )
    if compression is not None and found not in TEXT_FORMATS:
        raise ConnectorError(
            ErrorCode.URI,
            f'"{path}" is a compressed {found} file, which cannot be read or written',
            hint="Parquet and Arrow files compress their columns themselves; leave the outer compression away",
        )
    return found, compression


class ByteReader(Protocol):
    """What is needed of an open file."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start; the number of bytes, 0 at the end."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


def open_bytes(path: str, compression: str | None) -> tuple[ByteReader, IO[bytes]]:
    """The decompressed bytes of a file, and the raw file below (for how far reading has come)."""
    if compression is None:
        plain = open(path, "rb", buffering=0)  # noqa: SIM115 - the caller closes it
        return plain, plain
    raw = open(path, "rb")  # noqa: SIM115
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb"), raw
    return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), raw


def reading(path: str, read: Callable[[], int | None]) -> int:
    """What `read` gives, with the errors of reading and decompressing `path` as ConnectorError."""
    try:
        return read() or 0
    except (OSError, EOFError, pa.ArrowException) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConnectorError(ErrorCode.SOURCE, f'reading "{path}" failed: {detail}') from error
