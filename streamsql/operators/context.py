"""The clock readings of the running step, shared by all operators that evaluate expressions."""

from __future__ import annotations

from streamsql.expr.compile import EvalContext


class StepContext:
    """Holds the `EvalContext` of the step that is running.

    The executor calls `set` before a step; operators read `current` while it runs. Operators never read a clock
    themselves: within one step every row sees the same readings.
    """

    def __init__(self, started_us: int) -> None:
        self._started_us = started_us
        self.current = EvalContext(started_us=started_us, now_us=started_us)

    def set(self, now_us: int | None) -> None:
        """Make `now_us` the reading of the step that starts; None: the rows' own ROWTIME."""
        if now_us != self.current.now_us:
            self.current = EvalContext(started_us=self._started_us, now_us=now_us)
