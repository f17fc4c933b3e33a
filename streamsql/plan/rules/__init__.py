"""Rewrites of logical plans, one rule per file."""
