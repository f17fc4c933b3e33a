"""SQL text to a typed plan; the only importer of sqlglot."""
