"""Whole applications under other batch sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsql.app import Result, run


def replay(sql: str, inputs: Mapping[str, object], *, batch_rows: int, **keywords: Any) -> Result:
    """Run a finite application with all checks on and its inputs cut into batches of `batch_rows` rows.

    The result must not depend on `batch_rows`: comparing 1, 7 and 1024 is a good test of an operator or function.
    Keywords are those of `streamsql.run`, without `options`.
    """
    return run(sql, inputs, options={"max_batch_rows": batch_rows, "checks": True}, **keywords)
