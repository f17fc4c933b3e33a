import pyarrow as pa
import pytest

from streamsql._core.batch import ChangeBatch
from streamsql.expr.compile import EvalContext, compile_expr
from streamsql.expr.nodes import Column, Expr, Literal
from streamsql.types import SqlType

NOW_US = 1_600_000_000_123_456


@pytest.fixture
def run():
    """Evaluate an expression over columns given as lists: values (None for NULL) and RowError codes."""

    def evaluate(expr: Expr, *columns: tuple[SqlType, list], rows: int | None = None):
        arrays = tuple(pa.array(values, sql_type.arrow) for sql_type, values in columns)
        n = len(arrays[0]) if arrays else rows or 1
        batch = ChangeBatch(pa.array(range(n), pa.timestamp("us")), arrays)
        value = compile_expr(expr).eval(batch, EvalContext(NOW_US, NOW_US + 1_000_000))
        assert value.array.type == expr.type.arrow
        assert len(value.array) == n
        codes = [0] * n if value.errors is None else value.errors.codes.tolist()
        if value.errors is not None:
            assert any(codes)
            assert [m is not None for m in value.errors.messages] == [c != 0 for c in codes]
        return [None if c else v for v, c in zip(value.array.to_pylist(), codes, strict=True)], codes

    return evaluate


def column(index: int, sql_type: SqlType) -> Column:
    return Column(index, sql_type, f"c{index}")


def literal(value, sql_type: SqlType) -> Literal:
    return Literal(value, sql_type)
