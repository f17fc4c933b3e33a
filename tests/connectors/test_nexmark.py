"""Nexmark profile D, bit for bit: the published checks of the profile and the shape of the source."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from streamsql._core.nexmark import draw, generate, mix, pool_beginning, price_table, rows_before
from streamsql.connectors.nexmark import BASE_MS, SCHEMAS, NexmarkSource, auctions, bids, persons
from streamsql.errors import ConnectorError

HUNDRED_THOUSAND = 100_000


@pytest.fixture(scope="module")
def all_bids() -> pa.RecordBatch:
    return bids(0, HUNDRED_THOUSAND)


@pytest.fixture(scope="module")
def all_auctions() -> pa.RecordBatch:
    return auctions(0, HUNDRED_THOUSAND)


@pytest.fixture(scope="module")
def all_persons() -> pa.RecordBatch:
    return persons(0, HUNDRED_THOUSAND)


def lengths(batch: pa.RecordBatch, name: str) -> int:
    return pc.sum(pc.utf8_length(batch[name])).as_py()


def total(batch: pa.RecordBatch, name: str) -> int:
    return pc.sum(batch[name]).as_py()


def event(maker, number: int) -> dict[str, object]:
    rows = maker(number, number + 1).to_pylist()
    assert len(rows) == 1
    row = rows[0]
    row["ROWTIME"] = row["ROWTIME"].timestamp()
    return row


def test_mix_and_draw() -> None:
    assert mix(0) == 16294208416658607535
    assert mix(42) == 13679457532755275413
    assert draw(42, 0, 0) == 14769503741126384973
    assert draw(42, 4, 0) == 2409338592578117582
    assert draw(42, 99999, 63) == 9540148848401286976


def test_price_table() -> None:
    table = price_table().to_pylist()
    assert len(table) == 65536
    assert {i: table[i] for i in (0, 100, 1000, 10000, 32768, 65535)} == {
        0: 100,
        100: 102,
        1000: 123,
        10000: 823,
        32768: 100000,
        65535: 99978921,
    }
    assert sum(table) == 474314913522
    assert table == sorted(table)


def test_pools() -> None:
    assert pool_beginning(1, 12) == "doigwcklpguu"
    assert pool_beginning(2, 20) == "wy phtanwwms wiaylgt"
    assert pool_beginning(3, 20) == "g_gndjp_rmhsfz_fuxht"


def shortened(row: dict[str, object], *names: str) -> dict[str, object]:
    """The row without dateTime, its long texts replaced by their first eight characters and their length."""
    out = {k: v for k, v in row.items() if k != "dateTime"}
    for name in names:
        out[name] = (out[name][:8], len(out[name]))
    return out


def test_sample_persons() -> None:
    assert shortened(event(persons, 0), "extra") == {
        "ROWTIME": BASE_MS / 1000,
        "id": 1000,
        "name": "Sarah Bartels",
        "emailAddress": "oxd@ddy.com",
        "creditCard": "8696 2140 2194 0176",
        "city": "Kent",
        "state": "WY",
        "extra": ("tapbbfjt", 155),
    }
    assert shortened(event(persons, 50), "extra") == {
        "ROWTIME": (BASE_MS + 50) / 1000,
        "id": 1001,
        "name": "Julie Spencer",
        "emailAddress": "jkd@orp.com",
        "creditCard": "9533 4037 1700 9229",
        "city": "San Francisco",
        "state": "CA",
        "extra": ("uboshlfm", 110),
    }


def test_sample_auction() -> None:
    row = shortened(event(auctions, 1), "description", "extra")
    assert int(row.pop("expires").timestamp() * 1000) == BASE_MS + 2508
    assert row == {
        "ROWTIME": (BASE_MS + 1) / 1000,
        "id": 1000,
        "itemName": "xxegi",
        "description": ("jtbqgjip", 79),
        "initialBid": 46483344,
        "reserve": 46503258,
        "seller": 1000,
        "category": 11,
        "extra": ("oxpvcgwe", 378),
    }


@pytest.mark.parametrize(
    ("number", "auction", "bidder", "price", "channel", "url", "extra"),
    [
        (4, 1001, 1001, 45909, "Google", "https://www.nexmark.com/pai_/fkcq/aohs/item.htm?query=1", ("vltgqrln", 62)),
        (5, 1002, 1009, 34422, "Facebook", "https://www.nexmark.com/ewdc/rpqg/p_pi/item.htm?query=1", ("qnezepsw", 62)),
        (99999, 6900, 2194, 7935, "channel-9446", 75, ("scqftbpq", 71)),
    ],
)
def test_sample_bids(number, auction, bidder, price, channel, url, extra) -> None:
    row = shortened(event(bids, number), "extra")
    if isinstance(url, int):
        row["url"] = len(row["url"])
    assert row == {
        "ROWTIME": (BASE_MS + number) / 1000,
        "auction": auction,
        "bidder": bidder,
        "price": price,
        "channel": channel,
        "url": url,
        "extra": extra,
    }


def test_urls_of_channels(all_bids: pa.RecordBatch) -> None:
    urls = dict(zip(all_bids["channel"].to_pylist(), all_bids["url"].to_pylist(), strict=True))
    assert urls["channel-0"] == "https://www.nexmark.com/qkfd/bde/texf/item.htm?query=1&channel_id=0"
    assert "channel_id" not in urls["channel-1"]
    assert all("channel_id" not in urls[hot] for hot in ("Google", "Facebook", "Baidu", "Apple"))


def test_sums_of_persons(all_persons: pa.RecordBatch) -> None:
    assert all_persons.num_rows == 2000
    assert lengths(all_persons, "name") == 23096
    assert lengths(all_persons, "emailAddress") == 25285
    assert lengths(all_persons, "extra") == 278767
    assert len(set(all_persons["state"].to_pylist())) == 6


def test_sums_of_auctions(all_auctions: pa.RecordBatch) -> None:
    assert all_auctions.num_rows == 6000
    assert lengths(all_auctions, "itemName") == 65227
    assert lengths(all_auctions, "description") == 304679
    assert lengths(all_auctions, "extra") == 2341916
    assert total(all_auctions, "initialBid") == 45196648961
    assert total(all_auctions, "reserve") == 90490268294
    lives = pc.subtract(all_auctions["expires"], all_auctions["dateTime"]).cast(pa.int64())
    assert (pc.sum(lives).as_py(), pc.min(lives).as_py(), pc.max(lives).as_py()) == (9946493, 1, 3330)


def test_sums_of_bids(all_bids: pa.RecordBatch) -> None:
    assert all_bids.num_rows == 92000
    assert total(all_bids, "auction") == 363706215
    assert total(all_bids, "bidder") == 172004131
    assert total(all_bids, "price") == 663972466717
    assert lengths(all_bids, "extra") == 6207639
    assert lengths(all_bids, "url") == 5850478
    assert lengths(all_bids, "channel") == 824927


def test_shares(all_bids: pa.RecordBatch) -> None:
    def share(condition: pa.Array) -> float:
        return round(100 * pc.sum(condition.cast(pa.int64())).as_py() / all_bids.num_rows, 1)

    def remainder(name: str) -> pa.Array:
        hundred = pa.scalar(100, pa.int64())
        return pc.subtract(all_bids[name], pc.multiply(pc.divide(all_bids[name], hundred), hundred))

    assert share(pc.equal(remainder("auction"), 0)) == 50.7
    assert share(pc.equal(remainder("bidder"), 1)) == 75.1
    assert share(pc.is_in(all_bids["channel"], pa.array(["Google", "Facebook", "Baidu", "Apple"]))) == 49.6


@pytest.mark.parametrize("maker", [bids, auctions, persons])
def test_any_range_equals_its_part_of_the_whole(maker) -> None:
    whole = maker(0, 3000, seed=7, rate=333)
    cuts = [0, 1, 3, 4, 49, 50, 51, 777, 778, 2999, 3000]
    pieces = [maker(a, b, seed=7, rate=333) for a, b in itertools.pairwise(cuts)]
    assert pa.Table.from_batches(pieces).combine_chunks().to_batches()[0].equals(whole)
    assert maker(100, 100).num_rows == 0


@pytest.mark.parametrize("kind", ["person", "auction", "bid"])
def test_rows_before_counts(kind: str) -> None:
    first, count = {"person": (0, 1), "auction": (1, 3), "bid": (4, 46)}[kind]
    seen = 0
    for number in range(160):
        assert rows_before(kind, number) == seen
        seen += first <= number % 50 < first + count


def test_projection_gives_the_same_values(all_bids: pa.RecordBatch) -> None:
    some = bids(0, HUNDRED_THOUSAND, columns=["price", "url"])
    assert some.schema.names == ["ROWTIME", "price", "url"]
    assert some["url"].equals(all_bids["url"])
    assert some["ROWTIME"].equals(all_bids["ROWTIME"])


def test_seeds_differ_and_urls_follow_the_seed() -> None:
    first, second = bids(0, 500, seed=1), bids(0, 500, seed=2)
    assert not first["price"].equals(second["price"])
    assert not first["url"].equals(second["url"])
    assert bids(0, 500, seed=1)["url"].equals(first["url"])


def test_types_are_the_declared_ones() -> None:
    for kind, maker in (("person", persons), ("auction", auctions), ("bid", bids)):
        batch = maker(0, 200)
        assert batch.schema.names == ["ROWTIME", *SCHEMAS[kind].names]
        assert batch.schema.types == [pa.timestamp("us"), *SCHEMAS[kind].arrow.types]
        batch.validate(full=True)
        for column, declared in zip(batch.columns[1:], SCHEMAS[kind], strict=True):
            if declared.type.length is not None:
                assert pc.max(pc.utf8_length(column)).as_py() <= declared.type.length


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no column 'colour'"):
        generate("bid", ["colour"], 0, 1, seed=1, rate=1, base_ms=0)
    with pytest.raises(ValueError, match="not 'offer'"):
        generate("offer", ["price"], 0, 1, seed=1, rate=1, base_ms=0)
    with pytest.raises(ValueError, match="too many"):
        generate("bid", ["url"], 0, 10**8, seed=1, rate=1, base_ms=0)


def read_all(source: NexmarkSource, max_rows: int) -> list[pa.RecordBatch]:
    batches = []
    while (batch := source.next_batch(max_rows)) is not None:
        assert batch.bad == ()
        batches.append(batch.rows)
    return batches


@pytest.mark.parametrize("max_rows", [1, 7, 1000])
def test_source_reads_all_in_any_batch_size(max_rows: int) -> None:
    source = NexmarkSource({"events": "1010", "rate": "10000", "seed": "5"})
    assert source.is_bounded
    assert source.has_rowtime
    batches = read_all(source, max_rows)
    assert max(b.num_rows for b in batches) <= max_rows
    assert pa.Table.from_batches(batches).combine_chunks().to_batches()[0].equals(bids(0, 1010, rate=10000, seed=5))
    assert source.position() == str(20 * 46 + 6)
    assert source.progress() == 1.0
    assert source.next_batch(10) is None
    source.close()
    source.close()


def test_source_projects() -> None:
    source = NexmarkSource({"events": "100", "kind": "auction"})
    source.project(["category"])
    (batch,) = read_all(source, 1000)
    assert batch.equals(auctions(0, 100, columns=["category"]))


def test_endless_source() -> None:
    source = NexmarkSource({})
    assert not source.is_bounded
    assert source.progress() is None
    assert source.next_awake() is None
    assert source.next_batch(10).rows.equals(bids(0, 14))
    assert source.next_batch(10).rows.num_rows == 10


def test_no_events_end_at_once() -> None:
    source = NexmarkSource({"events": "0"})
    assert source.next_batch(10) is None
    assert source.progress() == 1.0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"speed": "3"}, "no option 'speed'"),
        ({"kind": "offer"}, "no kind 'offer'"),
        ({"rate": "0"}, "rate must be"),
        ({"events": "-1"}, "events must be"),
        ({"seed": "x"}, "seed must be"),
    ],
)
def test_bad_options(params: dict[str, str], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        NexmarkSource(params)
