"""Files as sinks: JSON lines and CSV (also .gz and .zst), Parquet, Arrow IPC."""

from __future__ import annotations

import gzip
import os
from typing import IO, Protocol

import pyarrow as pa

from streamsql.connectors.formats.detect import TEXT_FORMATS, detect
from streamsql.connectors.formats.encode import text_encoder
from streamsql.errors import ConnectorError, ErrorCode

MODES = ("create", "append", "overwrite")
_BUFFER_BYTES = 1 << 20
_ROW_GROUP_ROWS = 131_072


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class _TextWriter:
    """Encodes at once, writes a mebibyte at a time and at every flush."""

    def __init__(self, path: str, format_name: str, compression: str | None, mode: str, schema: pa.Schema) -> None:
        flags = {"create": "xb", "append": "ab", "overwrite": "wb"}[mode]
        raw = open(path, flags, buffering=0)  # noqa: SIM115 - closed with the sink
        self._encoder = text_encoder(format_name, schema, has_header=raw.tell() == 0)
        self._raw = raw
        self._out: IO[bytes] | pa.NativeFile = raw
        if compression == "gzip":
            self._out = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)
        elif compression == "zstd":
            self._out = pa.CompressedOutputStream(pa.PythonFile(raw, mode="w"), "zstd")
        self._waiting: list[bytes] = []
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        data = self._encoder.encode(batch)
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= _BUFFER_BYTES:
            self._drain()

    def _drain(self) -> None:
        view = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._bytes = 0
        while view:
            written = self._out.write(view)
            view = view[len(view) if written is None else written :]

    def flush(self) -> None:
        self._drain()
        self._out.flush()

    def close(self) -> None:
        self._drain()
        if self._out is not self._raw:
            self._out.close()
        self._raw.close()


class _ColumnarWriter:
    """Writes under a temporary name beside the file and renames it when closed: a file is whole or not there."""

    def __init__(self, path: str, format_name: str, schema: pa.Schema) -> None:
        self._path = path
        self._temporary = f"{path}.partial"
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        if format_name == "parquet":
            import pyarrow.parquet as pq

            self._out = pq.ParquetWriter(self._temporary, schema)
        else:
            self._out = pa.ipc.new_file(self._temporary, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _ROW_GROUP_ROWS:
            self._drain()

    def _drain(self) -> None:
        if self._rows:
            self._out.write_table(pa.Table.from_batches(self._waiting, self._schema).combine_chunks())
        self._waiting.clear()
        self._rows = 0

    def flush(self) -> None:
        """Nothing becomes visible before the end."""

    def close(self) -> None:
        self._drain()
        self._out.close()
        os.replace(self._temporary, self._path)


class FileSink:
    """One file of the rows of one stream, ROWTIME first.

    `mode` says what happens when the file exists: `create` (the default) refuses it, `overwrite` replaces it, `append`
    adds to it (JSON lines and CSV without compression only; CSV then writes no second header). Text files grow with
    every flush; Parquet and Arrow files appear, whole, when the sink is closed.
    """

    def __init__(self, path: str, *, format: str | None = None, mode: str = "create") -> None:
        self._path = path
        self._format, self._compression = detect(path, format)
        self._mode = mode
        self.guarantee = (
            "at least once: after a crash the file may end in a part of a row, and a replay repeats rows"
            if self._format in TEXT_FORMATS
            else "all or nothing: the file appears when the run ends"
        )
        self._writer: _Writer | None = None
        self._schema: pa.Schema | None = None
        if mode not in MODES:
            raise ConnectorError(ErrorCode.URI, f'unknown mode "{mode}"', hint=f"the modes are {', '.join(MODES)}")
        if mode == "append" and (self._format not in TEXT_FORMATS or self._compression is not None):
            raise ConnectorError(ErrorCode.URI, "append works on uncompressed JSON lines and CSV files")
        if mode == "create" and os.path.exists(path):
            raise self._exists()
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise ConnectorError(ErrorCode.SINK, f'folder "{folder}" does not exist')

    def _exists(self) -> ConnectorError:
        return ConnectorError(
            ErrorCode.SINK,
            f'file "{self._path}" exists',
            hint="add ?mode=overwrite to replace it or ?mode=append to go on",
        )

    def open(self, schema: pa.Schema) -> None:
        """Create the file. Raises ConnectorError when it cannot be written."""
        try:
            if self._format in TEXT_FORMATS:
                self._writer = _TextWriter(self._path, self._format, self._compression, self._mode, schema)
            else:
                self._writer = _ColumnarWriter(self._path, self._format, schema)
        except FileExistsError as error:
            raise self._exists() from error
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ConnectorError:
        return ConnectorError(ErrorCode.SINK, f'writing "{self._path}" failed: {error.strerror or error}')

    def write(self, batch: pa.RecordBatch) -> None:
        """Deliver rows in order."""
        if self._writer is None:
            raise ConnectorError(ErrorCode.SINK, f'file "{self._path}" is not open')
        try:
            self._writer.write(batch)
        except OSError as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Write everything so far to the file (text formats; the others are written when closed)."""
        if self._writer is not None:
            try:
                self._writer.flush()
            except OSError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Write the rest and finish the file. May be called twice."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                raise self._failed(error) from error
