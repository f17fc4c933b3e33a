"""Tests of operators and of the runtime."""
