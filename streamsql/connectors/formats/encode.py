"""Record batches to the bytes of text formats."""

from __future__ import annotations

import io
from typing import Protocol

import pyarrow as pa
import pyarrow.csv as pcsv

from streamsql._core.json_encode import JsonEncoder


class TextEncoder(Protocol):
    """Rows to bytes; rows are whole in what each call gives."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The rows of a batch, each ended by a line feed."""
        ...


class CsvEncoder:
    """CSV: a header first (unless the file goes on), quotes where needed, NULL an empty field, binary `X'..'`.

    Timestamps and times have three digits of fractional seconds, floats the shortest digits that read back the same.
    """

    def __init__(self, schema: pa.Schema, has_header: bool = True) -> None:
        self._header = has_header
        self._binary = tuple(index for index, field in enumerate(schema) if pa.types.is_binary(field.type))

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The rows of a batch, each ended by a line feed."""
        for index in self._binary:
            texts = [None if v is None else f"X'{v.hex().upper()}'" for v in batch.column(index).to_pylist()]
            batch = batch.set_column(index, batch.schema.field(index).name, pa.array(texts, pa.string()))
        out = io.BytesIO()
        pcsv.write_csv(batch, out, pcsv.WriteOptions(include_header=self._header, quoting_style="needed"))
        self._header = False
        return out.getvalue()


def text_encoder(format_name: str, schema: pa.Schema, has_header: bool = True) -> TextEncoder:
    """The encoder of the format `json` or `csv`."""
    return JsonEncoder(schema) if format_name == "json" else CsvEncoder(schema, has_header)
