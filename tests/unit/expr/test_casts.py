"""Every rule of the CAST table (language reference §4.4)."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from conftest import column, literal

from streamsql.errors import RowError
from streamsql.expr.coercion import can_assign, can_cast
from streamsql.expr.functions import resolve_datetime_difference
from streamsql.expr.nodes import Cast
from streamsql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    REAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TINYINT,
    IntervalUnit,
    binary,
    char,
    decimal,
    interval,
    varbinary,
    varchar,
)  # fmt: skip

U = IntervalUnit
OVERFLOW, INVALID, LONG = RowError.NUMERIC_OVERFLOW, RowError.INVALID_CAST, RowError.STRING_TOO_LONG
TEXT = varchar(40)
MINUTE = interval(U.MINUTE)


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        (DOUBLE, INTEGER, 1.5, 2),
        (DOUBLE, INTEGER, -1.5, -2),
        (DOUBLE, INTEGER, 2.5, 3),
        (DOUBLE, INTEGER, -2.5, -3),
        (decimal(4, 2), INTEGER, Decimal("-2.50"), -3),
        (decimal(4, 2), TINYINT, Decimal("2.49"), 2),
        (DOUBLE, INTEGER, 2147483647.5, OVERFLOW),
        (DOUBLE, BIGINT, 9.3e18, OVERFLOW),
        (BIGINT, SMALLINT, 32768, OVERFLOW),
        (BIGINT, INTEGER, -(2**31), -(2**31)),
        (decimal(19, 0), BIGINT, Decimal(9999999999999999999), OVERFLOW),
        (decimal(3, 2), decimal(2, 1), Decimal("9.99"), OVERFLOW),
        (decimal(3, 2), decimal(2, 1), Decimal("9.94"), Decimal("9.9")),
        (decimal(3, 2), decimal(3, 1), Decimal("-9.95"), Decimal("-10.0")),
        (INTEGER, decimal(3, 1), 100, OVERFLOW),
        (INTEGER, decimal(3, 1), -99, Decimal("-99.0")),
        (DOUBLE, decimal(5, 2), 1.005, Decimal("1.00")),
        (DOUBLE, decimal(5, 2), -0.125, Decimal("-0.13")),
        (DOUBLE, decimal(5, 2), 1e9, OVERFLOW),
        (DOUBLE, decimal(18, 6), 1e-300, Decimal("0.000000")),
        (REAL, decimal(18, 3), 0.5, Decimal("0.500")),
        (DOUBLE, REAL, 3.5e38, OVERFLOW),
        (decimal(19, 19), DOUBLE, Decimal("0.1234567890123456789"), 0.1234567890123456789),
        (BIGINT, DOUBLE, 2**53 + 1, float(2**53)),
        (INTEGER, TEXT, -120, "-120"),
        (BIGINT, TEXT, -(2**63), "-9223372036854775808"),
        (INTEGER, varchar(2), 123, LONG),
        (INTEGER, char(5), 12, "12   "),
        (decimal(4, 2), TEXT, Decimal("0.48"), ".48"),
        (decimal(4, 2), TEXT, Decimal("-0.29"), "-.29"),
        (decimal(4, 2), TEXT, Decimal(1), "1.00"),
        (decimal(4, 2), TEXT, Decimal(0), ".00"),
        (decimal(4, 0), TEXT, Decimal(0), "0"),
        (decimal(4, 2), varchar(3), Decimal("1.25"), LONG),
        (DOUBLE, TEXT, 1.0, "1E0"),
        (DOUBLE, TEXT, -0.45, "-4.5E-1"),
        (DOUBLE, TEXT, 3.141592653589793, "3.141592653589793E0"),
        (DOUBLE, TEXT, 0.0, "0E0"),
        (DOUBLE, TEXT, -0.0, "0E0"),
        (DOUBLE, TEXT, 1e300, "1E300"),
        (DOUBLE, TEXT, 1234500.0, "1.2345E6"),
        (DOUBLE, TEXT, 1.5e-7, "1.5E-7"),
        (REAL, TEXT, 0.10000000149011612, "1E-1"),
        (DOUBLE, varchar(3), 1.25, LONG),
        (TEXT, INTEGER, "  0042 ", 42),
        (TEXT, INTEGER, "-12.5", -13),
        (TEXT, INTEGER, "1.25e2", 125),
        (TEXT, INTEGER, "+7", 7),
        (TEXT, INTEGER, "2147483648", OVERFLOW),
        (TEXT, BIGINT, "-9223372036854775808", -(2**63)),
        (TEXT, BIGINT, "9223372036854775808", OVERFLOW),
        (TEXT, BIGINT, "1e99999999", OVERFLOW),
        (TEXT, INTEGER, "", INVALID),
        (TEXT, INTEGER, "1 2", INVALID),
        (TEXT, INTEGER, "1e", INVALID),
        (TEXT, INTEGER, "0x10", INVALID),
        (TEXT, DOUBLE, "NaN", INVALID),
        (TEXT, DOUBLE, "Infinity", INVALID),
        (TEXT, DOUBLE, " .5 ", 0.5),
        (TEXT, DOUBLE, "1e400", OVERFLOW),
        (TEXT, DOUBLE, "0.1234567890123456789", 0.1234567890123456789),
        (TEXT, decimal(4, 1), "12.25", Decimal("12.3")),
        (TEXT, decimal(4, 1), "-12.25", Decimal("-12.3")),
        (TEXT, decimal(4, 1), "1000", OVERFLOW),
        (TEXT, varchar(3), "abcdef", "abc"),
        (TEXT, char(4), "äb", "äb  "),
        (TEXT, char(1), "äb", "ä"),
        (TEXT, BOOLEAN, " True ", True),
        (TEXT, BOOLEAN, "FALSE", False),
        (TEXT, BOOLEAN, "1", INVALID),
        (BOOLEAN, TEXT, True, "TRUE"),
        (BOOLEAN, char(5), True, "TRUE "),
        (BOOLEAN, varchar(4), False, LONG),
        (DATE, TEXT, date(2008, 8, 23), "2008-08-23"),
        (DATE, char(12), date(2008, 8, 23), "2008-08-23  "),
        (DATE, varchar(9), date(2008, 8, 23), LONG),
        (TIME, TEXT, time(1, 2, 3), "01:02:03"),
        (TIME, TEXT, time(1, 2, 3, 4000), "01:02:03.004"),
        (TIMESTAMP, TEXT, datetime(1969, 12, 31, 23, 59, 59), "1969-12-31 23:59:59"),
        (TIMESTAMP, TEXT, datetime(2020, 1, 2, 3, 4, 5, 60000), "2020-01-02 03:04:05.060"),
        (TIMESTAMP, varchar(18), datetime(2020, 1, 2, 3, 4, 5), LONG),
        (TEXT, DATE, " 2008-1-3 ", date(2008, 1, 3)),
        (TEXT, DATE, "2008-02-30", INVALID),
        (TEXT, DATE, "2008-02-03 00:00:00", INVALID),
        (TEXT, TIMESTAMP, "2008-02-03 04:05:06", datetime(2008, 2, 3, 4, 5, 6)),
        (TEXT, TIMESTAMP, "2008-02-03 04:05", INVALID),
        (TEXT, TIMESTAMP, "2008-02-03T04:05:06", INVALID),
        (TEXT, TIMESTAMP, "2008-02-03 04:05:06.5", INVALID),
        (TEXT, TIME, "04:05:06", time(4, 5, 6)),
        (TEXT, TIME, "24:00:00", INVALID),
        (DATE, TIMESTAMP, date(2008, 2, 3), datetime(2008, 2, 3)),
        (TIMESTAMP, DATE, datetime(1969, 12, 31, 23), date(1969, 12, 31)),
        (TIMESTAMP, TIME, datetime(1969, 12, 31, 23), time(23)),
        (TIME, TIMESTAMP, time(1, 2, 3), datetime(2020, 9, 13, 1, 2, 3)),
        (interval(U.MINUTE, U.SECOND), TEXT, timedelta(seconds=371), "+6:11"),
        (interval(U.SECOND), TEXT, timedelta(seconds=371), "+371"),
        (interval(U.MINUTE, U.SECOND), TEXT, timedelta(seconds=-40), "-0:40"),
        (interval(U.DAY, U.SECOND), TEXT, timedelta(days=2, seconds=371), "+2 00:06:11"),
        (interval(U.DAY, U.SECOND), varchar(8), timedelta(days=2, seconds=371), "+2 00:06"),
        (interval(U.DAY, U.HOUR), TEXT, timedelta(days=4, hours=4), "+4 04"),
        (interval(U.YEAR, U.MONTH), TEXT, 38, "+3-02"),
        (interval(U.SECOND), INTEGER, timedelta(seconds=1.25), 1),
        (interval(U.SECOND), BIGINT, timedelta(seconds=-1.25), -1),
        (interval(U.SECOND), decimal(5, 2), timedelta(seconds=1.25), Decimal("1.25")),
        (MINUTE, decimal(5, 2), timedelta(seconds=90), Decimal("1.50")),
        (INTEGER, MINUTE, 3, timedelta(minutes=3)),
        (decimal(4, 1), MINUTE, Decimal("2.5"), timedelta(minutes=3)),
        (decimal(6, 4), interval(U.SECOND), Decimal("1.2345"), timedelta(seconds=1.235)),
        (DOUBLE, interval(U.SECOND), 1.5, timedelta(seconds=1.5)),
        (TEXT, interval(U.DAY, U.HOUR), "-3 04", timedelta(days=-3, hours=-4)),
        (TEXT, interval(U.MINUTE, U.SECOND), "+6:11.5", timedelta(seconds=371.5)),
        (TEXT, interval(U.MINUTE, U.SECOND), "6:60", INVALID),
        (interval(U.MINUTE, U.SECOND), MINUTE, timedelta(seconds=-371), timedelta(minutes=-6)),
        (varbinary(4), varbinary(2), b"abcd", b"ab"),
        (varbinary(4), binary(4), b"a", b"a\0\0\0"),
    ],
)
def test_rule(run, source, target, value, expected):
    assert can_cast(source, target)
    values, codes = run(Cast(column(0, source), target), (source, [value, None, value]))
    if isinstance(expected, RowError):
        assert codes == [expected, 0, expected]
    else:
        assert (values, codes) == ([expected, None, expected], [0, 0, 0])


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        (DOUBLE, TEXT, 1.0, "1.0"),
        (DOUBLE, TEXT, -0.45, "-0.45"),
        (DOUBLE, TEXT, 1234500.0, "1234500.0"),
        (DOUBLE, TEXT, 123.25, "123.25"),
        (DOUBLE, TEXT, 1e300, "1E300"),
        (TEXT, TIMESTAMP, "2008-02-03T04:05:06.5Z", datetime(2008, 2, 3, 4, 5, 6, 500000)),
        (TEXT, TIMESTAMP, "2008-02-03 04:05:06", datetime(2008, 2, 3, 4, 5, 6)),
    ],
)
def test_the_superset_dialect_is_lenient(run, source, target, value, expected):
    assert run(Cast(column(0, source), target, lenient=True), (source, [value]))[0] == [expected]


def test_null_casts_to_anything(run):
    for target in (INTEGER, TEXT, DATE, MINUTE, BOOLEAN):
        assert run(Cast(literal(None, NULL), target), rows=2)[0] == [None, None]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (DATE, TIME), (TIME, DATE), (DATE, INTEGER), (BOOLEAN, INTEGER), (INTEGER, BOOLEAN), (INTEGER, DATE),
        (TEXT, binary(4)), (binary(4), TEXT), (TEXT, interval(U.YEAR)), (interval(U.DAY), interval(U.YEAR)),
        (interval(U.DAY, U.HOUR), BIGINT), (INTEGER, interval(U.DAY, U.HOUR)), (interval(U.DAY), DOUBLE),
    ],
)  # fmt: skip
def test_other_pairs_are_refused(source, target):
    assert not can_cast(source, target)


def test_assignment_is_narrower_than_cast():
    assert can_assign(TINYINT, DOUBLE)
    assert can_assign(char(2), varchar(9))
    assert can_assign(DATE, NULL)
    assert not can_assign(TIMESTAMP, DATE)
    assert not can_assign(TEXT, INTEGER)
    assert not can_assign(BOOLEAN, INTEGER)


def test_differences_truncate_to_the_qualifier(run):
    later, earlier = literal(43_414_000, TIME), literal(43_043_000, TIME)   # 12:03:34 and 11:57:23
    minutes = resolve_datetime_difference(later, earlier, MINUTE)
    assert run(minutes)[0] == [timedelta(minutes=6)]
    back = resolve_datetime_difference(column(0, TIME), later, interval(U.MINUTE, U.SECOND))
    assert run(back, (TIME, [time(11, 57, 23), None]))[0] == [timedelta(seconds=-371), None]
    dates = resolve_datetime_difference(column(0, DATE), column(1, DATE), interval(U.DAY))
    assert run(dates, (DATE, [date(2020, 3, 1)]), (DATE, [date(2020, 2, 1)]))[0] == [timedelta(days=29)]
    months = resolve_datetime_difference(column(0, DATE), column(1, DATE), interval(U.YEAR, U.MONTH))
    assert run(months, (DATE, [date(2020, 3, 1), date(2019, 1, 31)]), (DATE, [date(2019, 1, 31), date(2020, 3, 1)]))[
        0
    ] == [13, -13]
