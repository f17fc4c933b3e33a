"""Runs a graph of operators: steps, watermarks, back-pressure, metrics."""
