import pyarrow as pa

class KeyEncoder:
    columns: tuple[int, ...]
    types: tuple[pa.DataType, ...]
    width: int
    is_fixed: bool
    def __init__(self, columns: tuple[int, ...], types: tuple[pa.DataType, ...]) -> None: ...
