import numpy as np
import numpy.typing as npt

from streamsql._core.batch import ChangeBatch

def oversized_rows(batch: ChangeBatch, columns: tuple[int, ...], limit: int) -> npt.NDArray[np.int64] | None: ...
