"""Micro-benchmarks of single kernels."""
from collections.abc import Iterator

def kernels(repeats: int) -> Iterator[dict[str, object]]:
    yield {"workload": "kernel"}
