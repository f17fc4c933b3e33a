"""JSON lines out: what is written is JSON, reads back as the same values, and looks as documented."""



import datetime as dt
import json
import math
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql._core.json_decode import JsonDecoder
from streamsql._core.json_encode import JsonEncoder
from streamsql.types import DOUBLE, REAL


def encode(batch):
    """The lines of a batch."""
    data = JsonEncoder(batch.schema).encode(batch)
    assert data.count(b"\n") >= batch.num_rows
    return data.decode().splitlines() if b"\r" not in data else data.decode().split("\n")[:-1]


def column(values, arrow_type):
    """The texts of one column's values."""
    lines = encode(pa.record_batch({"x": pa.array(values, arrow_type)}))
    return [line[len('{"x":') : -1] for line in lines]


def test_every_type_as_documented():
    moment = dt.datetime(2024, 2, 29, 1, 2, 3, 45000)
    batch = pa.record_batch(
        {
            "ROWTIME": pa.array([moment, moment], pa.timestamp("ms")),
            "us": pa.array([moment, dt.datetime(1969, 12, 31, 23, 59, 59, 999999)], pa.timestamp("us")),
            "day": pa.array([moment.date(), dt.date(1, 1, 1)]),
            "time": pa.array([moment.time(), dt.time(0)], pa.time32("ms")),
            "i8": pa.array([-128, 127], pa.int8()),
            "i16": pa.array([-32768, 32767], pa.int16()),
            "i32": pa.array([-(2**31), 2**31 - 1], pa.int32()),
            "i64": pa.array([-(2**63), 2**63 - 1]),
            "dec": pa.array([Decimal("-0.05"), Decimal("12345678901234.56")], pa.decimal128(19, 2)),
            "whole": pa.array([Decimal(0), Decimal(-7)], pa.decimal128(9, 0)),
            "real": pa.array([0.1, 1e10], pa.float32()),
            "double": pa.array([0.1, 45.0]),
            "yes": pa.array([True, False]),
            "text": pa.array(['a"\\\n\r\t\b\f\x01é😀', ""]),
            "bin": pa.array([b"\x00\xfe", b""]),
            "none": pa.array([None, None]),
        }
    )
    first, second = encode(batch)
    assert first == (
        '{"ROWTIME":"2024-02-29 01:02:03.045","us":"2024-02-29 01:02:03.045","day":"2024-02-29","time":"01:02:03.045",'
        '"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"dec":-0.05,"whole":0,"real":0.1,"double":0.1,'
        '"yes":true,"text":"a\\"\\\\\\n\\r\\t\\b\\f\\u0001é😀","bin":"X\'00FE\'","none":null}'
    )
    assert second == (
        '{"ROWTIME":"2024-02-29 01:02:03.045","us":"1969-12-31 23:59:59.999","day":"0001-01-01","time":"00:00:00.000",'
        '"i8":127,"i16":32767,"i32":2147483647,"i64":9223372036854775807,"dec":12345678901234.56,"whole":-7,'
        '"real":10000000000.0,"double":45.0,"yes":false,"text":"","bin":"X\'\'","none":null}'
    )


def test_slices_nulls_and_names():
    batch = pa.record_batch({'a"b': [1, None, 3, None], "é": ["x", None, None, "y"], "o": [True, None, False, True]})
    assert encode(batch.slice(1, 2)) == ['{"a\\"b":null,"é":null,"o":null}', '{"a\\"b":3,"é":null,"o":false}']
    assert encode(batch.slice(4)) == []
    assert encode(batch.select([]).slice(0, 2)) in (["{}", "{}"], [])


def test_refuses_what_it_cannot_write():
    with pytest.raises(TypeError, match="list"):
        JsonEncoder(pa.schema([("x", pa.list_(pa.int64()))]))
    encoder = JsonEncoder(pa.schema([("x", pa.int64())]))
    with pytest.raises(TypeError, match="int32"):
        encoder.encode(pa.record_batch({"x": pa.array([1], pa.int32())}))


def test_not_finite_floats_are_strings():
    assert column([math.nan, math.inf, -math.inf], pa.float64()) == ['"NaN"', '"Infinity"', '"-Infinity"']
    assert column([math.nan, math.inf, -math.inf], pa.float32()) == ['"NaN"', '"Infinity"', '"-Infinity"']


def bits(value):
    """A double's bits, to tell zeros apart."""
    return struct.pack("<d", value)


EDGES = [
    *(math.ldexp(m, e) for e in range(-1074, 971) for m in (1, 2**53 - 1) if e + (m > 1) * 53 <= 1024),
    *(float(f"1e{e}") for e in range(-323, 309)), *(float(f"9.999999999999999e{e}") for e in range(-300, 308, 7)),
    0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0, 123456789012345680.0,
]  # fmt: skip


def decoded(texts, sql_type):
    """What the decoder makes of number texts."""
    decoder = JsonDecoder([("x", sql_type)], 1)
    decoder.feed(b"".join(b'{"x":%s}\n' % text.encode() for text in texts))
    batch, bad = decoder.decode(len(texts) + 1, True)
    assert not bad
    return batch.column("x")


def test_doubles_are_written_as_python_writes_them_and_read_back_exactly():
    rng = np.random.default_rng(7)
    random = [v for v in rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64).tolist() if math.isfinite(v)]
    values = EDGES + random + (rng.random(5000) * 1e6).round(2).tolist()
    texts = column(values, pa.float64())
    assert texts == [repr(value) for value in values]
    assert [bits(v) for v in decoded(texts, DOUBLE).to_pylist()] == [bits(v) for v in values]


def test_reals_are_written_with_the_fewest_digits():
    rng = np.random.default_rng(8)
    floats = rng.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    floats = floats[np.isfinite(floats)]
    texts = column(pa.array(floats), pa.float32())
    for value, text in zip(floats, texts, strict=True):
        shortest = np.format_float_scientific(value, unique=True, trim="-")
        assert Decimal(text) == Decimal(shortest)
    assert decoded(texts, REAL).to_numpy().tolist() == floats.tolist()


def test_numbers_of_any_length_round_to_the_nearest_double():
    rng = np.random.default_rng(9)
    texts = []
    for _ in range(2000):
        mantissa, shift = int(rng.integers(2**52, 2**53)), int(rng.integers(1, 60))
        half = (2 * mantissa + 1) * 5**shift  # exactly between two doubles, scaled by 10^-shift
        texts += [f"{half}e-{shift}", f"{half}0000000001e-{shift + 10}", f"{half - 1}e-{shift}", f"{half}e{shift}"]
        digits = int(rng.integers(1, 45))
        texts.append(f"0.{'0' * int(rng.integers(0, 9))}{''.join(map(str, rng.integers(0, 10, digits)))}")
    assert decoded(texts, DOUBLE).to_pylist() == [float(text) for text in texts]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "s": st.none() | st.text(),
                "i": st.none() | st.integers(-(2**63), 2**63 - 1),
                "d": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "b": st.none() | st.booleans(),
            }
        ),
        max_size=20,
    )
)
def test_round_trip_through_json(rows):
    schema = pa.schema([("s", pa.string()), ("i", pa.int64()), ("d", pa.float64()), ("b", pa.bool_())])
    data = JsonEncoder(schema).encode(pa.RecordBatch.from_pylist(rows, schema=schema))
    assert [json.loads(line) for line in data.split(b"\n")[:-1]] == rows
