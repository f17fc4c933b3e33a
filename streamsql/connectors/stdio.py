"""Standard input as a source of JSON lines or CSV, standard output as a sink."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

import pyarrow as pa

from streamsql.connectors.base import SourceBatch
from streamsql.connectors.formats.csv_records import CsvDecoder, CsvLayout, csv_layout
from streamsql.connectors.formats.detect import reading
from streamsql.connectors.formats.encode import TextEncoder, text_encoder
from streamsql.connectors.formats.infer import infer, sample_json
from streamsql.connectors.formats.json_lines import JsonLinesDecoder
from streamsql.connectors.formats.text import SAMPLE_BYTES, TextDecoder, refuse_empty
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import ROWTIME, Schema

_NAME = "stdin"
_BLOCK_BYTES = 1 << 18
_AWAKE_SECONDS = 0.005
_WRITE_BYTES = 1 << 16


class ReaderGoneError(ConnectorError):
    """The program that read standard output has ended: nothing is wrong, and there is nobody left to write to."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.SINK, "the reader of standard output is gone")


class StdinSource:
    """Rows from a pipe or a redirected file; a slow or silent writer never blocks a reading.

    Without a schema the columns are inferred from what the writer sends first: opening then waits for the first lines
    (and only then a field called ROWTIME is taken as the rowtime without saying so). So it does for a CSV header. With
    a schema and JSON lines opening reads nothing.
    """

    is_bounded = True
    is_live = False

    def __init__(
        self,
        schema: Schema | None = None,
        *,
        format: str = "json",
        rowtime: str | None = None,
        has_header: bool = True,
        delimiter: str = ",",
        quote: str = '"',
        fd: int = 0,
    ) -> None:
        self._fd = fd
        self._is_last = False
        self._is_waiting = False
        self._is_closed = False
        self._csv: CsvLayout | None = None
        needs_sample = schema is None or (format == "csv" and has_header)
        self._sample = self._read_sample() if needs_sample else b""
        if format == "csv":
            self._csv = csv_layout(_NAME, self._sample, schema, has_header, delimiter, quote)
            schema = self._csv.schema
            if rowtime is None and ROWTIME in self._csv.fields:
                rowtime = ROWTIME
            if rowtime is not None and rowtime not in self._csv.fields:
                raise ConnectorError(
                    ErrorCode.SCHEMA,
                    f'{_NAME} has no field "{rowtime}" to take ROWTIME from',
                    hint=f"it has {', '.join(self._csv.fields)}",
                )
        elif schema is None:
            records = sample_json(self._sample)
            if not records:
                raise refuse_empty(_NAME)
            schema = infer(records)
            if rowtime is None and any(ROWTIME in record for record in records):
                rowtime = ROWTIME
        self.schema: Schema = schema
        self._rowtime = rowtime
        self.has_rowtime = rowtime is not None
        self._columns = schema.names
        self._decoder: TextDecoder | None = None

    def _read_sample(self) -> bytes:
        """What the writer sends first: at least one whole line (or all there is), and what comes with it at once."""
        sample = b""
        while len(sample) < SAMPLE_BYTES and (b"\n" not in sample or self._has_input(0.05)):
            block = os.read(self._fd, _BLOCK_BYTES)
            if not block:
                break
            sample += block
        return sample

    def _has_input(self, seconds: float) -> bool:
        return bool(select.select([self._fd], [], [], seconds)[0])

    def project(self, columns: Sequence[str]) -> None:
        """Deliver only these columns, in this order. Called once, before the first reading."""
        self._columns = tuple(columns)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The rows there are without waiting, possibly none; None once the writer has closed the pipe."""
        if self._is_closed:
            return None
        decoder = self._decoder
        if decoder is None:
            decoder = self._decoder = self._make_decoder()
            decoder.restart(_NAME)
            decoder.feed(self._sample)
            self._sample = b""
        elif decoder.needs_more:
            if self._is_last:
                return None
            if self._has_input(0):
                view = decoder.space(_BLOCK_BYTES)
                count = reading(_NAME, lambda: os.readv(self._fd, [view]))
                decoder.filled(count)
                self._is_last = count == 0
        batch = decoder.decode(max_rows, self._is_last)
        self._is_waiting = not batch.rows.num_rows and not batch.bad and not self._is_last
        return batch

    def _make_decoder(self) -> TextDecoder:
        if self._csv is not None:
            return CsvDecoder(self._csv, self._columns, self._rowtime)
        return JsonLinesDecoder(self.schema, self._columns, self._rowtime)

    def next_awake(self) -> float | None:
        """A few milliseconds when nothing had come."""
        return _AWAKE_SECONDS if self._is_waiting else 0

    def position(self) -> str:
        """Bytes whose rows were returned; a pipe cannot be read again from there."""
        return f"{self._decoder.decoded_bytes if self._decoder is not None else 0:015d}"

    def progress(self) -> float | None:
        """Unknown for a pipe."""
        return None

    def close(self) -> None:
        """Read no further; standard input itself stays open."""
        self._is_closed = True


class StdoutSink:
    """Rows as JSON lines (or CSV) on standard output, written at every flush and 64 KB at a time between."""

    guarantee = "at least once: written to the pipe or terminal when flushed"

    def __init__(self, format: str = "json", fd: int = 1) -> None:
        self._format = format
        self._fd = fd
        self._encoder: TextEncoder | None = None
        self._waiting: list[bytes] = []
        self._bytes = 0

    def open(self, schema: pa.Schema) -> None:
        """Called once before the first write."""
        self._encoder = text_encoder(self._format, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Deliver rows in order. Raises ReaderGoneError when nobody reads any more."""
        if self._encoder is None:
            raise ConnectorError(ErrorCode.SINK, "standard output is not open")
        data = self._encoder.encode(batch)
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= _WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write everything so far. Raises ReaderGoneError when nobody reads any more."""
        view = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._bytes = 0
        try:
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:  # someone set the terminal non-blocking
                    select.select([], [self._fd], [])
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except OSError as error:
            raise ConnectorError(ErrorCode.SINK, f"writing to standard output failed: {error.strerror}") from error

    def close(self) -> None:
        """Write the rest; standard output itself stays open. May be called twice."""
        self.flush()
