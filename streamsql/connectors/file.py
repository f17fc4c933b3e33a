"""Files as sources: JSON lines, CSV, Parquet, Arrow IPC; globs; gzip and zstd; growing files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streamsql.connectors.base import SourceBatch
from streamsql.connectors.coerce import infer_schema
from streamsql.connectors.formats.columnar import ColumnarReader, read_schema
from streamsql.connectors.formats.csv_records import CsvDecoder, CsvLayout, csv_layout
from streamsql.connectors.formats.detect import TEXT_FORMATS, detect
from streamsql.connectors.formats.infer import infer, sample_json
from streamsql.connectors.formats.json_lines import JsonLinesDecoder
from streamsql.connectors.formats.text import TextDecoder, TextReader, read_sample, refuse_empty
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import ROWTIME, Schema

#: Seconds between two looks at a followed file that did not grow.
FOLLOW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is read.

    `format` overrules the extension; `rowtime` names the field that is the row's ROWTIME (a field called ROWTIME is it
    without saying so); `follow` waits for more at the end. CSV only: `has_header` (then fields go by name), `delimiter`
    and `quote`, one character each.
    """

    format: str | None = None
    rowtime: str | None = None
    follow: bool = False
    has_header: bool = True
    delimiter: str = ","
    quote: str = '"'


class _Reader(Protocol):
    def next_batch(self, max_rows: int) -> SourceBatch | None: ...
    def position(self) -> int: ...
    def fraction(self) -> float: ...
    def close(self) -> None: ...


def find_files(pattern: str) -> tuple[str, ...]:
    """The file of this name, or the files a glob matches, sorted by name; ConnectorError when there is none."""
    if os.path.exists(pattern):
        if os.path.isdir(pattern):
            raise ConnectorError(
                ErrorCode.SOURCE,
                f'"{pattern}" is a folder',
                hint=f"use a glob, for example {pattern.rstrip('/')}/*.jsonl",
            )
        return (pattern,)
    if not glob.has_magic(pattern):
        raise ConnectorError(ErrorCode.SOURCE, f'file "{pattern}" does not exist')
    paths = tuple(sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)))
    if not paths:
        raise ConnectorError(ErrorCode.SOURCE, f'no file matches "{pattern}"')
    return paths


class FileSource:
    """The rows of one file, or of all files of a glob one after another in order of their names.

    Without a schema the columns are inferred from the first file: from its own schema for Parquet and Arrow, from its
    first records for JSON lines and CSV. All files of a glob have one format and these columns; a column that a later
    file lacks is NULL (CSV files must have equal headers). No reading takes longer than one block of one file does.
    """

    def __init__(self, pattern: str, schema: Schema | None = None, options: FileOptions | None = None) -> None:
        self._options = options or FileOptions()
        self._paths = find_files(pattern)
        self._sizes = [os.path.getsize(path) for path in self._paths]
        first = self._paths[0]
        self._format, compression = detect(first, self._options.format)
        self._csv: CsvLayout | None = None
        self._check_follow(pattern, compression)
        self.schema, self._rowtime = self._look(first, compression, schema)
        self.has_rowtime = self._rowtime is not None
        self.is_bounded = not self._options.follow
        self.is_live = self._options.follow
        self._columns = self.schema.names
        self._decoder: TextDecoder | None = None
        self._reader: _Reader | None = None
        self._next_path = 0
        self._is_waiting = False
        self._is_closed = False

    def _check_follow(self, pattern: str, compression: str | None) -> None:
        if not self._options.follow:
            return
        if len(self._paths) > 1 or (glob.has_magic(pattern) and not os.path.exists(pattern)):
            raise ConnectorError(ErrorCode.URI, "follow works on one file, not on a glob")
        if compression is not None or self._format not in TEXT_FORMATS:
            raise ConnectorError(ErrorCode.URI, "follow works on uncompressed JSON lines and CSV files")

    def _look(self, path: str, compression: str | None, schema: Schema | None) -> tuple[Schema, str | None]:
        """The declared or inferred schema, and the field that is ROWTIME (None: the data has none)."""
        named = self._options.rowtime
        if self._format in TEXT_FORMATS:
            sample = read_sample(path, compression)
            if self._format == "csv":
                self._csv = csv_layout(
                    path, sample, schema, self._options.has_header, self._options.delimiter, self._options.quote
                )
                fields, schema = self._csv.fields, self._csv.schema
            else:
                records = sample_json(sample)
                if schema is None:
                    if not records:
                        raise refuse_empty(path)
                    schema = infer(records)
                # A JSON member may be missing from every record of the sample.
                return schema, named or (ROWTIME if any(ROWTIME in record for record in records) else None)
        else:
            arrow = read_schema(path, self._format)
            fields = tuple(arrow.names)
            schema = infer_schema(arrow) if schema is None else schema
        if named is not None and named not in fields:
            raise ConnectorError(
                ErrorCode.SCHEMA,
                f'"{path}" has no field "{named}" to take ROWTIME from',
                hint=f"it has {', '.join(fields)}",
            )
        return schema, named or (ROWTIME if ROWTIME in fields else None)

    def project(self, columns: Sequence[str]) -> None:
        """Deliver only these columns, in this order. Called once, before the first reading."""
        self._columns = tuple(columns)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next rows, read from at most one block of one file; None after the last file."""
        while not self._is_closed:
            if self._reader is None:
                if self._next_path == len(self._paths):
                    return None
                self._reader = self._open(self._paths[self._next_path])
                self._next_path += 1
            batch = self._reader.next_batch(max_rows)
            if batch is not None:
                self._is_waiting = self._options.follow and not batch.rows.num_rows and not batch.bad
                return batch
            self._reader.close()
            self._reader = None
        return None

    def _open(self, path: str) -> _Reader:
        found, compression = detect(path, self._options.format)
        if found != self._format:
            raise ConnectorError(ErrorCode.SOURCE, f'"{path}" is {found}, but the first file matched is {self._format}')
        try:
            if found not in TEXT_FORMATS:
                return ColumnarReader(path, found, self.schema, self._columns, self._rowtime)
            if self._decoder is None:
                self._decoder = self._make_decoder()
            return TextReader(path, compression, self._decoder, self._options.follow)
        except OSError as error:
            raise ConnectorError(ErrorCode.SOURCE, f'opening "{path}" failed: {error.strerror}') from error

    def _make_decoder(self) -> TextDecoder:
        if self._csv is not None:
            return CsvDecoder(self._csv, self._columns, self._rowtime)
        return JsonLinesDecoder(self.schema, self._columns, self._rowtime)

    def next_awake(self) -> float | None:
        """How long to leave a followed file alone after a look that found nothing."""
        return FOLLOW_SECONDS if self._is_waiting else 0

    def position(self) -> str:
        """Number of the file, and its bytes (Parquet, Arrow: rows) whose rows were returned; sorts as text."""
        index = self._next_path - (self._reader is not None)
        return f"{index:06d}:{self._reader.position() if self._reader is not None else 0:015d}"

    def progress(self) -> float | None:
        """Fraction of the files' bytes read (compressed ones as they are stored); None for a followed file."""
        if self._options.follow:
            return None
        done = float(sum(self._sizes[: self._next_path]))
        if self._reader is not None:
            done -= self._sizes[self._next_path - 1] * (1 - self._reader.fraction())
        return done / (sum(self._sizes) or 1)

    def close(self) -> None:
        """Close the open file. May be called twice."""
        self._is_closed = True
        if self._reader is not None:
            self._reader.close()
            self._reader = None
