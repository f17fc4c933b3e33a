import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Operator

class RowQueue:
    runs: list[tuple[int, ChangeBatch]]
    rows: int

class MergeOperator(Operator): ...

def save_rows(port: int, batch: ChangeBatch) -> pa.RecordBatch: ...
def load_rows(table: pa.RecordBatch) -> tuple[int, ChangeBatch]: ...
