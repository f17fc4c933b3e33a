"""streamsql: streaming SQL for Python."""
