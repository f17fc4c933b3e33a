import pyarrow as pa

from streamsql._core.records import RecordBuffer
from streamsql.types import SqlType

class CsvDecoder(RecordBuffer):
    @property
    def needs_more(self) -> bool: ...
    @property
    def decoded_bytes(self) -> int: ...
    @property
    def header(self) -> list[str] | None: ...
    def __init__(
        self,
        columns: list[tuple[str, SqlType]],
        delivered: int,
        fields: list[str],
        *,
        rowtime: str | None = None,
        has_header: bool = True,
        delimiter: str = ",",
        quote: str = '"',
    ) -> None: ...
    def restart(self) -> None: ...
    def decode(
        self, max_rows: int, is_last: bool = False
    ) -> tuple[pa.RecordBatch, list[tuple[bytes, int, str | None, int, bytes, int]]]: ...
