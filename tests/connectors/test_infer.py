"""Types from a sample are those that nearly all values have."""

from __future__ import annotations

import pytest

from streamsql.connectors.formats.infer import infer, infer_texts


def test_a_broken_record_does_not_turn_numbers_into_text() -> None:
    records = [{"V": i, "D": i / 2, "T": "2026-01-01 00:00:00", "B": True} for i in range(200)]
    records[17] = {"V": "cheap", "D": "?", "T": 5, "B": "x"}
    assert str(infer(records)) == "V BIGINT, D DOUBLE, T TIMESTAMP, B BOOLEAN"


@pytest.mark.parametrize(("odd", "expected"), [(1, "BIGINT"), (2, "VARCHAR(65534)")])
def test_from_one_in_a_hundred_on_a_mixture_is_text(odd: int, expected: str) -> None:
    texts = [["x" if i < odd else str(i)] for i in range(100)]
    assert str(infer_texts(["V"], texts)[0].type) == expected


def test_integers_and_fractions_are_double_and_dates_and_timestamps_timestamp() -> None:
    assert str(infer([{"V": 1, "T": "2026-01-01"}, {"V": 1.5, "T": "2026-01-01 10:00:00"}])) == "V DOUBLE, T TIMESTAMP"
