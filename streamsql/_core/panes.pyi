from typing import Any

from streamsql._core.accum import AggregatePlan
from streamsql._core.hashing import KeyEncoder

class Pane:
    def __init__(self, keys: KeyEncoder, plan: AggregatePlan) -> None: ...

class ResultBuilder:
    def __init__(self, keys: KeyEncoder, plan: AggregatePlan, schema: Any, has_window: bool) -> None: ...
