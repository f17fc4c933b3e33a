"""How fast streamsql is, as ratios to DuckDB run beside it in the same process. Run it with `python -m benchmarks`."""
