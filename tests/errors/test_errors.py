"""Golden errors: `pytest tests/errors --update` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamsql.errors import CompileErrors, ErrorCode
from tests.support.sql_files import read

FILES = sorted(Path(__file__).parent.glob("*.sql"))

#: Codes of §14 that belong to parts of the language that are refused as a whole for now.
LATER = {ErrorCode.UDF, ErrorCode.OUTER_TABLE}


def errors_of(path: Path) -> CompileErrors:
    with pytest.raises(CompileErrors) as caught:
        read(path).compile()
    return caught.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_error(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), str(errors_of(path)) + "\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_errors_are_complete(path: Path) -> None:
    caught = errors_of(path)
    starts = []
    for error in caught.errors:
        phrase = error.error_code.phrase
        assert phrase is None or phrase in error.message.lower(), f"{error.message!r} lacks {phrase!r}"
        assert error.span is not None
        assert error.line is not None
        assert not error.message.endswith(".")
        starts.append(error.span.start)
    assert starts == sorted(starts)


def test_every_refusal_of_this_version_has_a_case() -> None:
    seen = {error.error_code for path in FILES for error in errors_of(path).errors}
    wanted = {code for code in ErrorCode if code.code[:2] in ("S1", "S2", "S3")} - LATER
    assert wanted - seen == set()
