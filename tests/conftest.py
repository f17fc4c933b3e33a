"""Options of the whole suite, and golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` rewrites golden files; review the diff."""
    parser.addoption("--update", action="store_true", help="rewrite golden files with what the tests get")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a file, or writes the file under `--update`."""
    update: bool = request.config.getoption("--update")

    def compare(path: Path, text: str) -> None:
        if update:
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} does not exist; run with --update and review it"
        assert text == path.read_text(encoding="utf-8")

    return compare
