"""Tests of the source tree itself: layering, style, typing, packaging and the examples in the documentation."""
