from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from streamsql._core.accum import AggregatePlan

class Multiset: ...

class FrameSet:
    plans: list[AggregatePlan]
    plan_slides: list[list[int]]
    multisets: list[Multiset]
    columns: list[int]
    row_count: int
    heap_bytes: int
    def __init__(
        self, partition: tuple[int, ...], frames: list[Any], calls: list[list[Any]], places: list[tuple[Any, ...]],
        schema: Any,
    ) -> None: ...
    def without_partial(self, frame: int, column: pa.Array, n: int) -> pa.Array: ...
    def save(self) -> dict[str, pa.RecordBatch]: ...
    def load(self, tables: Mapping[str, pa.RecordBatch]) -> None: ...
    def size(self) -> tuple[int, int]: ...
