from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

class Elementwise:
    def __init__(
        self,
        name: str,
        out_type: pa.DataType,
        *,
        left: int | float | None = None,
        right: int | float | None = None,
        constant_type: str = "",
        divisor: int | None = None,
        factor_a: int = 1,
        factor_b: int = 1,
        reduce: int = 1,
        digits_bound: int | None = None,
        digits: int = 0,
        months: int = 0,
        offset: int = 0,
    ) -> None: ...
    def __call__(self, first: Any, second: Any = None) -> tuple[pa.Array, npt.NDArray[np.uint8] | None]: ...

def selected_rows(mask: pa.Array) -> pa.Array: ...
def unset_bits(mask: pa.Array, codes: npt.NDArray[np.uint8]) -> pa.Array: ...
