import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Failure
from streamsql.connectors.base import BadRecord
from streamsql.errors import RowError
from streamsql.runtime.error_stream import ERROR_SCHEMA, ErrorLog, Origin, row_bytes
from streamsql.testing import chunk

LAYOUT = pa.schema([("K", pa.string()), ("V", pa.int64())])
ORIGIN = Origin("P", (LAYOUT,), 3)


def failure(*rows, code=RowError.NUMERIC_OVERFLOW):
    lines = [f"{time} | {key} | {value}" for time, key, value in rows]
    batch = chunk("\n".join(["ROWTIME | K | V", "TIMESTAMP | VARCHAR(99) | BIGINT", *lines]))
    return Failure(batch, np.full(len(rows), code, dtype=np.uint8), [f"bad {row[2]}" for row in rows])


def test_one_row_per_failed_row():
    log = ErrorLog()
    log.add_failure(ORIGIN, failure(("00:00:01", "a", 1), ("00:00:02", "b", 2)), None)
    taken = log.take()
    assert taken.schema == ERROR_SCHEMA.arrow
    assert taken.to_pylist()[1] == {
        "ERROR_TIME": dt.datetime(1970, 1, 1, 0, 0, 2),
        "ERROR_LEVEL": "ERROR",
        "ERROR_NAME": "NUMERIC_OVERFLOW",
        "MESSAGE": "bad 2",
        "DATA_ROWTIME": dt.datetime(1970, 1, 1, 0, 0, 2),
        "DATA_ROW": b'{"ROWTIME": "1970-01-01 00:00:02.000", "K": "b", "V": 2}'.hex(),
        "PUMP_NAME": "P",
    }
    assert log.take() is None


def test_the_time_is_the_rows_own_or_given():
    log = ErrorLog()
    log.add_failure(ORIGIN, failure(("00:00:01", "a", 1)), 9_000_000)
    log.add_failure(ORIGIN, failure(("00:00:01", "a", 1), ("00:00:01", "a", 1)), [7_000_000, 8_000_000])
    assert [time.second for time in log.take().column("ERROR_TIME").to_pylist()] == [9, 7, 8]


def test_sorted_the_order_does_not_depend_on_when_rows_were_found():
    early, late = failure(("00:00:01", "a", 1)), failure(("00:00:02", "b", 2))
    second = Origin("Q", (LAYOUT,), 5)
    logs = []
    for order in ((early, late), (late, early)):
        log = ErrorLog()
        for origin in (second, ORIGIN):
            for each in order:
                log.add_failure(origin, each, None)
        logs.append(log.take(sort=True).to_pylist())
    assert logs[0] == logs[1]
    assert [(row["MESSAGE"], row["PUMP_NAME"]) for row in logs[0]] == [
        ("bad 1", "P"), ("bad 1", "Q"), ("bad 2", "P"), ("bad 2", "Q"),
    ]  # fmt: skip


def test_long_texts_are_cut_to_their_columns():
    log = ErrorLog()
    log.add_records([BadRecord(b"\xab" * 50_000, RowError.PARSE_ERROR, "m" * 9_000, "x")], "S", 0)
    [row] = log.take().to_pylist()
    assert row["DATA_ROW"] == "ab" * 24_576
    assert len(row["MESSAGE"]) == 4096
    assert row["DATA_ROWTIME"] is None


def test_the_oldest_rows_go_first_and_are_counted():
    log = ErrorLog(limit=2)
    for number in range(5):
        log.add_failure(ORIGIN, failure(("00:00:01", "a", number)), None)
    assert (len(log), log.total, log.dropped) == (2, 5, 3)
    assert log.take().column("MESSAGE").to_pylist() == ["bad 3", "bad 4"]


def test_values_that_json_does_not_know():
    row = {
        "A": Decimal("1.50"), "B": b"\x01\xff", "C": dt.datetime(2026, 1, 1, 10, 0, 0, 5_000), "D": None,
        "E": dt.date(2026, 1, 2), "F": "\u20ac", "G": True,
    }  # fmt: skip
    expected = (
        '{"A": "1.50", "B": "01ff", "C": "2026-01-01 10:00:00.005", "D": null, "E": "2026-01-02", '
        '"F": "\u20ac", "G": true}'
    )
    assert row_bytes(row) == expected.encode()


def test_rows_of_no_known_layout_have_numbered_columns():
    rows = ChangeBatch(pa.array([0], pa.int64()).cast(pa.timestamp("us")), (pa.array([1]),))
    log = ErrorLog()
    log.add_failure(Origin(None, (LAYOUT,), 0), Failure(rows, np.array([2], dtype=np.uint8), ["x"]), None)
    assert bytes.fromhex(log.take().column("DATA_ROW")[0].as_py()) == b'{"ROWTIME": "1970-01-01 00:00:00.000", "C1": 1}'


def test_rows_that_an_operator_could_not_emit_have_the_names_of_its_output():
    rows = ChangeBatch(pa.array([0], pa.int64()).cast(pa.timestamp("us")), (pa.array([1]),))
    log = ErrorLog()
    origin = Origin(None, (LAYOUT, pa.schema([("TOTAL", pa.int64())])), 0)
    log.add_failure(origin, Failure(rows, np.array([2], dtype=np.uint8), ["x"]), None)
    assert b'"TOTAL": 1' in bytes.fromhex(log.take().column("DATA_ROW")[0].as_py())
