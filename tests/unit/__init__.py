"""Unit tests, in the layout of the package."""
