"""Public helpers for testing streaming SQL and operators.

`chunk` writes a batch as a text table, `rows` reads one back; `OperatorHarness` drives one operator with the contract
checked; `replay` runs an application over inputs cut into batches of a given size; `ManualClock` moves when told to.
"""

from __future__ import annotations

from streamsql.clock import ManualClock
from streamsql.testing.harness import OperatorHarness
from streamsql.testing.replay import replay
from streamsql.testing.tables import chunk, rows, table

__all__ = ["ManualClock", "OperatorHarness", "chunk", "replay", "rows", "table"]
