import datetime as dt

import pyarrow as pa
import pytest

import streamsql
from streamsql.connectors.memory import MemorySource
from streamsql.errors import CompileErrors, ConnectorError, RunError
from streamsql.schema import Column, Schema
from streamsql.types import DOUBLE, varchar

SQL = "SELECT TICKER, PRICE FROM TRADES"
ROWS = [{"TICKER": "A", "PRICE": 1.5}, {"TICKER": "B", "PRICE": 2.5}, {"TICKER": None, "PRICE": 3.0}]
DECLARED = "ticker VARCHAR(4), price DOUBLE"


def table():
    return pa.Table.from_pylist(ROWS)


def pandas_frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(ROWS, index=[7, 8, 9])


def polars_frame():
    return pytest.importorskip("polars").DataFrame(ROWS)


FORMS = {
    "table": table,
    "chunked table": lambda: pa.concat_tables([table().slice(0, 1), table().slice(1)]),
    "batch": lambda: table().to_batches()[0],
    "reader": lambda: table().to_reader(max_chunksize=2),
    "pandas": pandas_frame,
    "polars": polars_frame,
    "dicts": lambda: ROWS,
    "source": lambda: MemorySource(table().to_batches(), table().schema),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("declared", [None, DECLARED], ids=["inferred", "declared"])
def test_every_form_of_an_input_gives_the_same_rows(form, declared):
    schemas = None if declared is None or form == "source" else {"TRADES": declared}
    result = streamsql.run(SQL, {"TRADES": FORMS[form]()}, schemas=schemas)
    assert result.table.select(["TICKER", "PRICE"]).to_pylist() == ROWS
    assert result.errors.num_rows == 0


@pytest.mark.parametrize(
    "declared",
    [
        DECLARED,
        '"TICKER" VARCHAR(4), "PRICE" DOUBLE NOT NULL',
        pa.schema([("TICKER", pa.string()), ("PRICE", pa.float64())]),
        Schema((Column("TICKER", varchar(4)), Column("PRICE", DOUBLE))),
    ],
    ids=["text", "quoted", "arrow", "schema"],
)
def test_every_form_of_a_schema(declared):
    assert streamsql.run(SQL, {"TRADES": ROWS}, schemas={"TRADES": declared}).table.num_rows == 3


def test_rowtime_comes_first_in_milliseconds():
    assert streamsql.run(SQL, {"TRADES": ROWS}).table.schema == pa.schema(
        [pa.field("ROWTIME", pa.timestamp("ms"), nullable=False), ("TICKER", pa.string()), ("PRICE", pa.float64())]
    )


def test_without_rowtime_row_i_arrives_at_i_milliseconds():
    times = streamsql.run(SQL, {"TRADES": ROWS}, options={"max_batch_rows": 2}).table["ROWTIME"]
    assert times.cast(pa.int64()).to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_rowtime_column_is_the_rowtime(unit):
    times = [dt.datetime(1969, 12, 31, 23, 59, 59), dt.datetime(2026, 1, 1, 10), dt.datetime(2026, 1, 1, 10)]
    data = table().append_column("ROWTIME", pa.array(times, pa.timestamp(unit)))
    assert streamsql.run(SQL, {"TRADES": data}).table["ROWTIME"].to_pylist() == times


def test_rows_behind_the_clock_of_their_input_are_reported_not_lost():
    times = pa.array([1000, 3000, 2000, 3000, 1], pa.int64()).cast(pa.timestamp("ms"))
    data = pa.table({"ROWTIME": times, "V": [1, 2, 3, 4, 5]})
    for batch_rows in (1, 2, 100):
        result = streamsql.run("SELECT V FROM S", {"S": data}, options={"max_batch_rows": batch_rows, "checks": True})
        assert result.table["V"].to_pylist() == [1, 2, 4]
        errors = result.errors.to_pylist()
        assert [row["ERROR_NAME"] for row in errors] == ["LATE_ROW", "LATE_ROW"]
        assert [bytes.fromhex(row["DATA_ROW"]) for row in errors] == [
            b'{"ROWTIME": "1970-01-01 00:00:02.000", "V": 3}',
            b'{"ROWTIME": "1970-01-01 00:00:00.001", "V": 5}',
        ]
        assert {row["ERROR_TIME"] for row in errors} == {dt.datetime(1970, 1, 1, 0, 0, 3)}
        assert errors[0]["DATA_ROWTIME"] == dt.datetime(1970, 1, 1, 0, 0, 2)
        assert 'input "S"' in errors[0]["MESSAGE"]


def test_rows_that_do_not_fit_their_declared_types_are_reported():
    rows = [{"TICKER": "A", "PRICE": 1}, {"TICKER": "B", "PRICE": "two"}, {"TICKER": "C", "PRICE": "3"}, {}]
    result = streamsql.run(SQL, {"TRADES": rows}, schemas={"TRADES": DECLARED})
    assert result.table["PRICE"].to_pylist() == [1.0, 3.0, None]
    [error] = result.errors.to_pylist()
    assert error["ERROR_NAME"] == "COERCION_ERROR"
    assert error["PUMP_NAME"] is None
    assert "row 1" in error["MESSAGE"]
    assert b'"two"' in bytes.fromhex(error["DATA_ROW"])


def test_the_error_stream_has_its_columns_even_when_empty():
    assert streamsql.run(SQL, {"TRADES": ROWS}).errors.column_names == [
        "ERROR_TIME", "ERROR_LEVEL", "ERROR_NAME", "MESSAGE", "DATA_ROWTIME", "DATA_ROW", "PUMP_NAME",
    ]  # fmt: skip


def test_a_result_is_a_mapping_and_table_needs_exactly_one_stream():
    sql = """CREATE STREAM A (K VARCHAR(4)); CREATE PUMP P AS INSERT INTO A SELECT STREAM TICKER FROM TRADES;
             CREATE STREAM "b" (K VARCHAR(4)); CREATE PUMP Q AS INSERT INTO "b" SELECT STREAM K FROM A;"""
    result = streamsql.run(sql, {"TRADES": ROWS}, schemas={"TRADES": DECLARED}, dialect="kinesis")
    assert list(result) == ["A", "b"]
    assert len(result) == 2
    assert result["b"]["K"].to_pylist() == ["A", "B", None]
    with pytest.raises(RunError, match=r"A, b"):
        _ = result.table
    with pytest.raises(KeyError, match=r"A, b"):
        _ = result["B"]


def test_query_is_one_select_into_result():
    result = streamsql.query("SELECT PRICE FROM TRADES WHERE PRICE > 2", {"TRADES": ROWS})
    assert list(result) == ["RESULT"]
    assert result.table["PRICE"].to_pylist() == [2.5, 3.0]


def test_an_input_that_is_not_read_by_the_application_is_no_trouble():
    assert streamsql.run(SQL, {"TRADES": ROWS, "OTHER": [{"A": 1}]}).table.num_rows == 3


EMPTY = pa.table({"TICKER": pa.array([], pa.string()), "PRICE": pa.array([], pa.float64())})


@pytest.mark.parametrize("data", [[], EMPTY])
def test_no_rows(data):
    assert streamsql.run(SQL, {"TRADES": data}, schemas={"TRADES": DECLARED}).table.num_rows == 0


def test_counting_needs_no_column():
    sql = "SELECT COUNT(*) AS N FROM TRADES GROUP BY FLOOR(TRADES.ROWTIME TO MINUTE)"
    assert streamsql.run(sql, {"TRADES": ROWS}, schemas={"TRADES": DECLARED}).table["N"].to_pylist() == [3]


def test_what_is_wrong_is_said():
    with pytest.raises(CompileErrors):
        streamsql.run("SELECT NOPE FROM TRADES", {"TRADES": ROWS})
    with pytest.raises(ConnectorError, match="a int"):
        streamsql.run(SQL, {"TRADES": 3})
    with pytest.raises(ConnectorError, match="a dict was expected"):
        streamsql.run(SQL, {"TRADES": [("A", 1)]})
    with pytest.raises(ValueError, match="unknown option 'batch'"):
        streamsql.run(SQL, {"TRADES": ROWS}, options={"batch": 1})
    with pytest.raises(ValueError, match="sqlite"):
        streamsql.run(SQL, {"TRADES": ROWS}, dialect="sqlite")


def test_an_endless_input_is_refused():
    source = MemorySource(table().to_batches(), table().schema)
    source.is_bounded = False
    with pytest.raises(ConnectorError, match='"TRADES" does not end'):
        streamsql.run(SQL, {"TRADES": source})


def test_several_inputs_are_merged_by_rowtime():
    def stamped(times, values):
        return pa.table({"ROWTIME": pa.array(times, pa.int64()).cast(pa.timestamp("ms")), "V": values})

    sql = """CREATE STREAM O (V BIGINT);
             CREATE PUMP P AS INSERT INTO O SELECT STREAM V FROM L;
             CREATE PUMP Q AS INSERT INTO O SELECT STREAM V FROM R;"""
    inputs = {"L": stamped([1, 3, 3, 9], [10, 11, 12, 13]), "R": stamped([0, 3, 5], [20, 21, 22])}
    for batch_rows in (1, 2, 100):
        result = streamsql.run(sql, inputs, dialect="kinesis", options={"max_batch_rows": batch_rows, "checks": True})
        assert result["O"]["V"].to_pylist() == [20, 10, 11, 12, 21, 22, 13]


def test_one_error_row_per_failing_row_and_pump():
    sql = """CREATE STREAM A (X INTEGER); CREATE STREAM B (X INTEGER);
             CREATE PUMP P AS INSERT INTO A SELECT STREAM 10 / V + 1 / V FROM S WHERE V < 5;
             CREATE PUMP Q AS INSERT INTO B SELECT STREAM V FROM S WHERE 10 / V > 1;"""
    result = streamsql.run(sql, {"S": [{"V": v} for v in (2, 0, 5)]}, schemas={"S": "V INTEGER"}, dialect="kinesis",
                           options={"checks": True})  # fmt: skip
    assert result["A"]["X"].to_pylist() == [5]
    assert result["B"]["X"].to_pylist() == [2, 5]
    errors = result.errors.to_pylist()
    assert sorted((row["PUMP_NAME"], row["ERROR_NAME"]) for row in errors) == [
        ("P", "DIVISION_BY_ZERO"), ("Q", "DIVISION_BY_ZERO"),
    ]  # fmt: skip
    assert {row["DATA_ROWTIME"] for row in errors} == {dt.datetime(1970, 1, 1, 0, 0, 0, 1000)}


def test_a_row_too_large_for_a_stream():
    sql = """CREATE STREAM O (A VARCHAR(65534), B VARCHAR(65534), C VARCHAR(65534), D VARCHAR(65534));
             CREATE PUMP P AS INSERT INTO O SELECT STREAM T, T, T, T FROM S;"""
    small, large = "x" * 60_000, "\u20ac" * 60_000
    result = streamsql.run(sql, {"S": [{"T": small}, {"T": large}, {"T": small}]}, schemas={"S": "T VARCHAR(65534)"},
                           dialect="kinesis", options={"checks": True})  # fmt: skip
    assert result["O"]["A"].to_pylist() == [small, small]
    [error] = result.errors.to_pylist()
    assert error["ERROR_NAME"] == "ROW_TOO_LARGE"
    assert len(error["DATA_ROW"]) == 49152
