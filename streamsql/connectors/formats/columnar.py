"""One Parquet or Arrow IPC file, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from streamsql.connectors.base import SourceBatch
from streamsql.connectors.coerce import coerce_batch
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import Schema

_BATCH_ROWS = 65_536
_ARROW_MAGIC = b"ARROW1"


def _failed(path: str, error: Exception) -> ConnectorError:
    return ConnectorError(ErrorCode.SOURCE, f'reading "{path}" failed: {error}')


def read_schema(path: str, format_name: str) -> pa.Schema:
    """The Arrow schema of a Parquet or Arrow IPC file."""
    try:
        if format_name == "parquet":
            import pyarrow.parquet as pq

            schema: pa.Schema = pq.read_schema(path)
            return schema
        with pa.OSFile(path) as file:
            schema = _open_ipc(file).schema
            return schema
    except (pa.ArrowException, OSError) as error:
        raise _failed(path, error) from error


def _open_ipc(file: pa.NativeFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    """The reader for the file form or the stream form of Arrow IPC."""
    magic = file.read(len(_ARROW_MAGIC))
    file.seek(0)
    return pa.ipc.open_file(file) if magic == _ARROW_MAGIC else pa.ipc.open_stream(file)


def _batches(path: str, format_name: str, columns: list[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
    """The record batches of a file with how much of it is read after each; Parquet reads only `columns`."""
    if format_name == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as parquet:
            present = [name for name in parquet.schema_arrow.names if name in columns]
            total, done = parquet.metadata.num_rows, 0
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=present, use_threads=False):
                done += batch.num_rows
                yield batch, done / total
        return
    with pa.OSFile(path) as file:
        reader = _open_ipc(file)
        if isinstance(reader, pa.RecordBatchFileReader):
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index), (index + 1) / reader.num_record_batches
        else:
            size = file.size()
            for batch in reader:
                yield batch, file.tell() / size


class ColumnarReader:
    """The rows of one file, coerced to the declared types (see `connectors.coerce`)."""

    def __init__(
        self, path: str, format_name: str, schema: Schema, columns: tuple[str, ...], rowtime: str | None
    ) -> None:
        self._path = path
        self._schema = schema
        self._columns = columns
        self._rowtime = rowtime
        needed = [*schema.names, *([] if rowtime is None else [rowtime])]
        self._source = _batches(path, format_name, needed)
        self._batch: pa.RecordBatch | None = None
        self._offset = 0
        self._rows = 0
        self._fraction = 0.0

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next rows, at most of one record batch of the file; None at the end of the file."""
        if self._batch is None or self._offset == self._batch.num_rows:
            try:
                self._batch, self._fraction = next(self._source)
            except StopIteration:
                return None
            except (pa.ArrowException, OSError) as error:
                raise _failed(self._path, error) from error
            self._offset = 0
        part = self._batch.slice(self._offset, max_rows)
        first = self._rows
        self._offset += part.num_rows
        self._rows += part.num_rows
        return coerce_batch(
            part,
            self._schema,
            columns=self._columns,
            rowtime=self._rowtime,
            position=lambda row: f"{self._path} row {first + row + 1}",
        )

    def position(self) -> int:
        """Rows returned."""
        return self._rows

    def fraction(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return self._fraction

    def close(self) -> None:
        """Close the file."""
        self._source.close()  # type: ignore[attr-defined]
