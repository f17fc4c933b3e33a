"""Public helpers for testing streaming SQL."""
