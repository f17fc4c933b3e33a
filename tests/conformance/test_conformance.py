"""Every conformance case, in both dialects, at several batch sizes."""

from __future__ import annotations

from typing import Any

import pytest

import streamsql
from streamsql.errors import CompileErrors
from tests.conformance.cases import Case, function_cases, language_cases, not_yet
from tests.support.values import compare_rows, inputs_of

ALL = language_cases() + function_cases()
NOT_YET = not_yet()
WHOLE = 65_536


def run_case(case: Case, dialect: str, max_batch_rows: int = WHOLE) -> None:
    """Run one case and assert what it expects."""
    assert case.property is None, f"property not checked: {case.property}"
    arguments: dict[str, Any] = {
        "schemas": dict(case.streams),
        "dialect": dialect,
        "options": {"checks": True, "max_batch_rows": max_batch_rows},
    }
    inputs = inputs_of(case.streams, case.rows)
    if case.refusal is not None:
        with pytest.raises(CompileErrors) as caught:
            streamsql.run(case.sql, inputs, **arguments)
        assert case.refusal in str(caught.value).lower()
        return
    result = streamsql.run(case.sql, inputs, **arguments)
    for expectation in case.expectations:
        difference = compare_rows(
            result[expectation.stream],
            expectation.rows,
            ordered=expectation.is_ordered,
            with_rowtime=expectation.with_rowtime,
        )
        assert difference is None, f"{expectation.stream}: {difference}\n{result.errors.to_pylist()}"
    assert result.errors.num_rows == case.error_rows, result.errors.to_pylist()


def mark(case: Case) -> Any:
    """The case as a parameter; a case that cannot pass yet must fail, with a refusal if it is a positive one."""
    feature = NOT_YET.get(case.id)
    marks = []
    if feature is not None:
        raises = AssertionError if case.refusal is not None or case.property else CompileErrors
        marks.append(pytest.mark.xfail(reason=f"notyet: {feature}", raises=raises, strict=True))
    return pytest.param(case, id=case.id, marks=marks)


POSITIVE = [case for case in ALL if case.refusal is None]


@pytest.mark.parametrize("case", [mark(case) for case in ALL])
def test_kinesis_dialect(case: Case) -> None:
    run_case(case, "kinesis")


@pytest.mark.parametrize("case", [mark(case) for case in POSITIVE])
def test_streamsql_dialect_gives_the_same_rows(case: Case) -> None:
    run_case(case, "streamsql")


@pytest.mark.parametrize("max_batch_rows", [1, 7])
@pytest.mark.parametrize("case", [mark(case) for case in POSITIVE if len(case.rows) and case.id not in NOT_YET])
def test_batch_size_does_not_matter(case: Case, max_batch_rows: int) -> None:
    run_case(case, "kinesis", max_batch_rows)


def test_every_notyet_case_exists() -> None:
    assert set(NOT_YET) <= {case.id for case in ALL}
