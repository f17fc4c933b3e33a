"""The clauses in which expressions stand, and what each allows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """Where an expression stands and what that allows."""

    name: str
    has_aggregates: bool = False
    has_analytics: bool = False
    is_output: bool = False


WHERE = Clause("WHERE")
GROUP_BY = Clause("GROUP BY")
PARTITION_BY = Clause("PARTITION BY")
SELECT_LIST = Clause("the select list", has_aggregates=True, has_analytics=True, is_output=True)
HAVING = Clause("HAVING", has_aggregates=True, is_output=True)
ORDER_BY = Clause("ORDER BY", has_aggregates=True, has_analytics=True)
DEFAULT = Clause("DEFAULT")
VALUES = Clause("VALUES")
