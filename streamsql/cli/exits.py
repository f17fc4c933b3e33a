"""Exit codes of the command line, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from streamsql.errors import ErrorCode, StreamSQLError


class Exit(IntEnum):
    """What the process says to its caller; documented in docs/cli.md."""

    OK = 0
    #: The run began and failed: a source or sink broke, or the engine did.
    FAILED = 1
    #: Nothing ran: the SQL was refused, or the command line makes no sense.
    REFUSED = 2
    #: Stopped by Ctrl-C, after draining.
    INTERRUPTED = 130
    #: The reader of standard output went away.
    PIPE_CLOSED = 141
    #: Stopped by SIGTERM, after draining.
    TERMINATED = 143


_REFUSALS = {ErrorCode.URI, ErrorCode.SCHEMA, ErrorCode.MISSING_EXTRA, ErrorCode.APPLICATION_STATE}


def exit_code(error: StreamSQLError) -> Exit:
    """REFUSED for everything that is found before the first row, FAILED for the rest."""
    refused = error.code[:2] in ("S1", "S2", "S3", "S7") or error.error_code in _REFUSALS
    return Exit.REFUSED if refused else Exit.FAILED
