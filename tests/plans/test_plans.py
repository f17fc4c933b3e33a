"""Golden plans: `pytest tests/plans --update` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamsql.plan.explain import explain
from tests.support.sql_files import read

FILES = sorted(Path(__file__).parent.glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_plan(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".plan"), explain(read(path).compile()))


def test_compiling_twice_gives_the_same_text() -> None:
    for path in FILES:
        file = read(path)
        assert explain(file.compile()) == explain(file.compile())


def test_no_plan_is_left_over() -> None:
    assert {path.stem for path in Path(__file__).parent.glob("*.plan")} == {path.stem for path in FILES}
