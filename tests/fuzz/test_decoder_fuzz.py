"""The decoders against slow, obvious twins: mutated real lines, generated JSON, random bytes. Bounded and seeded.

`STREAMSQL_FUZZ_ROUNDS` makes it run longer; a failure prints the line, which then belongs into `KNOWN`.
"""

import csv
import io
import json
import math
import os
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql._core.csv_decode import CsvDecoder
from streamsql._core.json_decode import JsonDecoder
from streamsql._core.records import IngestError
from streamsql.types import BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, decimal, varbinary, varchar

ROUNDS = int(os.environ.get("STREAMSQL_FUZZ_ROUNDS", "4000"))

TEXT = varchar(65534)
COLUMNS = [("a", TEXT), ("b", TEXT), ("price", TEXT), ("ä", TEXT)]
NAMES = [name for name, _ in COLUMNS]

SEEDS = [
    b'{"auction":1001,"bidder":1002,"price":45909,"channel":"Google","url":"https://x/?q=1","a":"x","b":null}',
    b'{"a":"\\u00e4\\ud83d\\ude00\\n\\"","b":[1,2.5e-3,{"c":[]},true,false,null],"\xc3\xa4":-0.0}',
    b' { "a" : { "b" : { "c" : [ [ ] , { } ] } } , "price" : 1E+5 , "b":"\xf0\x9f\x98\x80\xe2\x82\xac" } \r',
    b'{"\\u0061":1,"a":2,"b":"\\\\","a":"last"}',
    b"{}",
    b'{"a":123456789012345678901234567890,"b":1e400,"price":-12.50}',
]
PIECES = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\r", b"0", b"-", b".", b"e", b"E+", b"1e5", b"null",
    b"true", b"fals", b'"a":', b"\\u", b"\\ud800", b"\\udc00", b"\\u00", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3",
    b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"//", b"NaN", b"01", b"'",
]  # fmt: skip
#: Lines that were wrong once.
KNOWN = [
    b'{"a":""}',
    b'{"a":"',
    b'{"a":1.}',
    b'{"a":"\\u12"}',
    b'{"a"',
    b'{"a":1,}',
    b'{"":""}',
    b'{"a":tru\n',
    b'{"a":-}',
]


def mutate(rng, line):
    """A line with a few random edits."""
    data = bytearray(line)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at:at] = rng.choice(PIECES)
            case 1:
                del data[at : at + rng.randrange(1, 4)]
            case 2 if at < len(data):
                data[at] = rng.randrange(256)
            case 3:
                other = rng.choice(SEEDS)
                cut = rng.randrange(len(other))
                data[at:] = other[cut:]
            case 4:
                data[at : at + 1] = rng.choice(PIECES)
            case _:
                del data[at:]
    return bytes(data).replace(b"\n", b" ")


def compact(text):
    """JSON source without blanks between tokens."""
    out, in_string, escaped = [], False, False
    for character in text:
        if in_string or character not in " \t\r\n":
            out.append(character)
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            in_string = not in_string
    return "".join(out)


STRICT = msgspec.json.Decoder(float_hook=str)  # floats stay text, so that none is out of range
RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def reference(line):
    """What a line means: None for a blank one, "bad", or the texts of the columns; msgspec decides what is JSON."""
    if not line.strip(b" \t\r"):
        return None
    try:
        whole = STRICT.decode(line)
        return texts(RAW.decode(line), whole) if isinstance(whole, dict) else "bad"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "bad"


def texts(raw, whole):
    """The text each column gets."""
    row = {}
    for name in NAMES:
        source = bytes(raw[name]).decode() if name in raw else "null"
        value = whole.get(name)
        is_text = source.startswith('"')
        row[name] = None if value is None else value if is_text else compact(source)
    return row


def decode_lines(lines, columns=COLUMNS, **options):
    """Rows and reports of lines given to one decoder."""
    decoder = JsonDecoder(columns, len(columns), **options)
    decoder.feed(b"\n".join(lines) + b"\n")
    rows, bad = [], []
    while True:
        batch, more = decoder.decode(10_000, True)
        batch.validate(full=True)
        rows += batch.to_pylist()
        bad += more
        if decoder.needs_more:
            return rows, bad


def check(lines):
    """The decoder agrees with the reference on every line, whatever its neighbours."""
    expected = [reference(line) for line in lines]
    rows, bad = decode_lines(lines)
    assert [(report[0], report[5] - 1) for report in bad] == [
        (line, number) for number, (line, meaning) in enumerate(zip(lines, expected, strict=True)) if meaning == "bad"
    ]
    assert all(report[1] >= IngestError.PARSE_FIRST for report in bad)
    good = [meaning for meaning in expected if isinstance(meaning, dict)]
    for row, meaning in zip(rows, good, strict=True):
        assert row == meaning


def test_known_lines():
    check([line.replace(b"\n", b"") for line in KNOWN + SEEDS])


@pytest.mark.parametrize("seed", range(4))
def test_mutated_lines_mean_what_msgspec_says(seed):
    rng = random.Random(seed)
    for _ in range(ROUNDS // 400):
        check([mutate(rng, rng.choice(SEEDS)) for _ in range(100)])


def test_random_bytes_are_refused_or_agreed_on():
    rng = random.Random(99)
    lines = [rng.randbytes(rng.randrange(40)).replace(b"\n", b"") for _ in range(ROUNDS // 4)]
    lines += [bytes(rng.choices(b'{}[]",:\\ue0123-+. tfn', k=rng.randrange(30))) for _ in range(ROUNDS)]
    check(lines)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*NAMES, "z", "\n"]), JSON, max_size=6), max_size=5), st.booleans())
def test_generated_objects_round_trip(objects, ensure_ascii):
    separators = random.Random(len(objects)).choice([(",", ":"), (", ", " : ")])
    lines = [json.dumps(each, ensure_ascii=ensure_ascii, separators=separators) for each in objects]
    rows, bad = decode_lines([line.encode("utf-8", "surrogatepass") for line in lines])
    assert not bad
    for row, each in zip(rows, objects, strict=True):
        for name in NAMES:
            value = each.get(name)
            if isinstance(value, str) or value is None:
                assert row[name] == value
            elif isinstance(value, float):
                assert float(row[name]) == value
            else:
                assert json.loads(row[name]) == value


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=False) | st.integers(-(10**30), 10**30), max_size=50))
def test_numbers_are_those_of_json(values):
    lines = [b'{"x":%s}' % (b"1e999" if value in (math.inf, -math.inf) else repr(value).encode()) for value in values]
    rows, bad = decode_lines(lines, [("x", DOUBLE)])
    assert [row["x"] for row in rows] == [float(value) for value in values if not math.isinf(value)]
    assert len(bad) == sum(math.isinf(value) for value in values)


TYPED = [
    ("a", BIGINT), ("b", DOUBLE), ("c", decimal(9, 2)), ("d", TIMESTAMP), ("e", DATE), ("f", varbinary(4)),
    ("g", BOOLEAN),
]  # fmt: skip


def test_typed_columns_survive_anything():
    """No reference here: arrays are valid, every line is a row, bad or blank, and cuts change nothing."""
    rng = random.Random(5)
    values = [
        b"1", b"-9223372036854775808", b"1.25", b"1e300", b"1e-400", b"true", b"null", b'"1"', b'" 2.5 "',
        b'"2020-02-30"', b'"2020-02-29T00:00:00.123456+14:00"', b"\"X'0aff'\"", b"\"X'0aff0011aabb'\"", b"[1]",
        b'"\\u0031"', b'"x"', b"1" * 50,
    ]  # fmt: skip
    lines = []
    for _ in range(ROUNDS // 2):
        members = [
            b'"%s":%s' % (rng.choice(b"a b c d e f g h".split()), rng.choice(values)) for _ in range(rng.randrange(9))
        ]
        line = b"{" + b",".join(members) + b"}"
        lines.append(mutate(rng, line) if rng.random() < 0.3 else line)
    rows, bad = decode_lines(lines, TYPED)
    assert len(rows) + len(bad) + sum(not line.strip(b" \t\r") for line in lines) == len(lines)
    decoder = JsonDecoder(TYPED, len(TYPED))
    again, bad_again = [], []
    data = b"\n".join(lines) + b"\n"
    while data or not decoder.needs_more:
        size = rng.randrange(1, 300)
        decoder.feed(data[:size])
        data = data[size:]
        batch, more = decoder.decode(rng.randrange(1, 9))
        again += batch.to_pylist()
        bad_again += more
    assert repr(again) == repr(rows)
    assert bad_again == bad


def csv_rows(data, cuts, rng):
    """Rows and reports of CSV bytes."""
    decoder = CsvDecoder([("a", TEXT), ("b", TEXT)], 2, ["a", "b"], has_header=False)
    rows, bad = [], []
    pieces = [data] if not cuts else []
    while cuts and data:
        size = rng.randrange(1, 12)
        pieces.append(data[:size])
        data = data[size:]
    for index, piece in enumerate(pieces):
        decoder.feed(piece)
        while True:
            batch, more = decoder.decode(rng.randrange(1, 9), index == len(pieces) - 1)
            batch.validate(full=True)
            rows += batch.to_pylist()
            bad += more
            if decoder.needs_more:
                break
    return rows, bad


def test_csv_never_depends_on_cuts_and_agrees_with_the_standard_library():
    rng = random.Random(3)
    for _ in range(ROUNDS // 20):
        data = bytes(rng.choices(b'ab1,,"""\n\n\r \xc3\xa4', k=rng.randrange(1, 60)))
        rows, bad = csv_rows(data, False, rng)
        assert csv_rows(data, True, rng) == (rows, bad), data
        assert data.count(b"\n") + 1 >= len(rows) + len(bad)
        if b"\r" in data or bad:
            continue
        try:
            expected = [r for r in csv.reader(io.StringIO(data.decode(), newline=""), strict=True) if r]
        except (csv.Error, UnicodeDecodeError):
            continue
        assert [[row["a"], row["b"]] for row in rows] == expected, data
