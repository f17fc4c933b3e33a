from collections.abc import Sequence
from typing import Any

import pyarrow as pa

class AggregatePlan:
    primitive_count: int
    call_count: int
    argument_count: int
    distinct_count: int
    columns: list[int]
    types: list[pa.DataType]
    is_invertible: bool
    def __init__(self, specs: Sequence[Any], schema: Any) -> None: ...

class DistinctSet: ...

class States:
    def __init__(self, plan: AggregatePlan) -> None: ...
