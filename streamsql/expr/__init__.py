"""Typed expressions and the functions they call."""
