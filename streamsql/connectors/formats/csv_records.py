"""CSV: which field is which column, and rows from blocks of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamsql._core.csv_decode import CsvDecoder as _CoreDecoder
from streamsql.connectors.base import SourceBatch
from streamsql.connectors.formats.bad import bad_record
from streamsql.connectors.formats.infer import infer_texts, sample_csv
from streamsql.connectors.formats.json_lines import split_columns
from streamsql.connectors.formats.text import refuse_empty
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import Schema


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """The fields of a record in order, the columns they make, and how they are written."""

    fields: tuple[str, ...]
    schema: Schema
    has_header: bool
    delimiter: str
    quote: str


def csv_layout(
    path: str, sample: bytes, schema: Schema | None, has_header: bool, delimiter: str, quote: str
) -> CsvLayout:
    """The layout of a file, from its first records.

    With a header fields go by their names, in any order, and each declared column must be among them. Without one they
    are the declared columns by position, or `COL_0`, `COL_1`, ... when nothing is declared; then a first field called
    ROWTIME cannot be told, so name it with `rowtime`.
    """
    records = sample_csv(sample, delimiter, quote)
    if has_header:
        if not records:
            raise refuse_empty(path)
        fields = tuple(records.pop(0))
        repeated = next((name for name in fields if fields.count(name) > 1), None)
        if repeated is not None:
            raise ConnectorError(ErrorCode.SCHEMA, f'the header of "{path}" has the name "{repeated}" twice')
        missing = [column.name for column in schema or () if column.name not in fields]
        if missing:
            raise ConnectorError(
                ErrorCode.SCHEMA,
                f'the header of "{path}" has no field "{missing[0]}"',
                hint=f"it has {', '.join(fields)}; add ?header=false when the first record is data",
            )
    elif schema is not None:
        fields = schema.names
    elif records:
        fields = tuple(f"COL_{index}" for index in range(len(records[0])))
    else:
        raise refuse_empty(path)
    return CsvLayout(fields, infer_texts(fields, records) if schema is None else schema, has_header, delimiter, quote)


class CsvDecoder:
    """Records of one file after another into rows of `columns` of the layout's schema (see `_core.csv_decode`)."""

    def __init__(self, layout: CsvLayout, columns: Sequence[str], rowtime: str | None) -> None:
        self._layout = layout
        built, delivered = split_columns(layout.schema, columns)
        self._types = {column.name: column.type for column in layout.schema}
        self._core = _CoreDecoder(
            built,
            delivered,
            list(layout.fields),
            rowtime=rowtime,
            has_header=layout.has_header,
            delimiter=layout.delimiter,
            quote=layout.quote,
        )
        self._name = "input"
        self._is_checked = False

    def restart(self, name: str) -> None:
        """Begin the file or stream called `name`; its header is expected again."""
        self._name = name
        self._is_checked = not self._layout.has_header
        self._core.restart()

    @property
    def needs_more(self) -> bool:
        """True when every whole record given so far is decoded."""
        return self._core.needs_more

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the current file that decoded records took up."""
        return self._core.decoded_bytes

    def space(self, size: int) -> memoryview:
        """A view to read the next `size` bytes into; say how many came with `filled`."""
        return self._core.space(size)

    def filled(self, size: int) -> None:
        """Take the first `size` bytes of the last `space`."""
        self._core.filled(size)

    def feed(self, data: bytes) -> None:
        """Take a block of bytes, cut anywhere."""
        self._core.feed(data)

    def decode(self, max_rows: int, is_last: bool) -> SourceBatch:
        """At most `max_rows` rows of the whole records there are, and of the unfinished last one with `is_last`.

        Raises ConnectorError when the header of this file is not that of the first.
        """
        rows, spans = self._core.decode(max_rows, is_last)
        if not self._is_checked and self._core.header is not None:
            self._is_checked = True
            if tuple(self._core.header) != self._layout.fields:
                raise ConnectorError(
                    ErrorCode.SCHEMA,
                    f'the header of "{self._name}" differs from that of the first file',
                    hint=f"expected {', '.join(self._layout.fields)}; found {', '.join(self._core.header)}",
                )
        if not spans:
            return SourceBatch(rows)
        count = len(self._layout.fields)
        return SourceBatch(rows, tuple(bad_record(span, self._types, self._position, count) for span in spans))

    def _position(self, line: int) -> str:
        return f"{self._name} line {line}"
