import pytest

from streamsql.columns import parse_columns
from streamsql.errors import BindError


def test_names_types_and_nullability():
    text = ' ticker VARCHAR(4), "last ""price""" double not null , d DECIMAL(10, 2) NULL, ts timestamp'
    assert str(parse_columns(text)) == (
        'TICKER VARCHAR(4), last "price" DOUBLE NOT NULL, D DECIMAL(10, 2), TS TIMESTAMP'
    )


def test_rowtime_is_left_out():
    assert parse_columns("ROWTIME TIMESTAMP, A INTEGER").names == ("A",)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("A INTEGER, B VARCHR(4)", 'column "B": VARCHR is not a SQL type', 14),
        ("A INTEGER,, B DOUBLE", "a column needs a name and a type", 11),
        ("A", "a column needs a name and a type", 1),
        ("A INTEGER, a DOUBLE", 'column "A" already exists', 12),
        ("A VARCHAR(0)", "the length of VARCHAR is from 1 to 65534", 3),
        ("", "a column needs a name and a type", 1),
    ],
)
def test_errors_point_at_the_place(text, message, column):
    with pytest.raises(BindError, match=message.replace("(", r"\(")) as caught:
        parse_columns(text)
    assert caught.value.column == column
