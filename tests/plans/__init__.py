"""EXPLAIN of every `.sql` file here is the `.plan` file beside it."""
