"""Logical and physical plans, and the rewrites between them."""
