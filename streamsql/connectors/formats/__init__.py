"""Bytes to Arrow and back."""
