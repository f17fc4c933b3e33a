import asyncio

import pyarrow as pa
import pytest

import streamsql
from streamsql.clock import ManualClock

PASS = "SELECT V FROM S"
WINDOW = "SELECT COUNT(*) AS N FROM S GROUP BY STEP(S.ROWTIME BY INTERVAL '10' SECOND)"


def application(sql=PASS, **keywords):
    keywords.setdefault("options", {"checks": True, "linger_ms": 1})
    return streamsql.Application(sql, schemas={"S": "V BIGINT"}, **keywords)


async def collect(app, name, rows):
    seen = []
    async for batch in app.stream(name):
        seen += batch.column(1).to_pylist()
        if len(seen) >= rows:
            return seen
    return seen


async def test_a_stream_wakes_on_data():
    async with application() as app:
        reader = asyncio.create_task(collect(app, "RESULT", 3))
        await asyncio.sleep(0)
        app.push("S", {"V": 1})
        app.push("S", [{"V": 2}, {"V": 3}])
        assert await asyncio.wait_for(reader, 5) == [1, 2, 3]


async def test_a_stream_wakes_on_the_clock():
    clock = ManualClock(12_000_000)
    async with application(WINDOW, clock=clock) as app:
        reader = asyncio.create_task(collect(app, "RESULT", 1))
        app.push("S", {"V": 1})
        await asyncio.sleep(0)
        clock.set(20_000_000)
        assert await asyncio.wait_for(reader, 5) == [1]


async def test_a_stream_ends_with_its_inputs_or_its_application():
    async with application(WINDOW) as app:
        reader = asyncio.create_task(collect(app, "RESULT", 99))
        app.push("S", {"V": 1})
        app.end_of_input()
        assert await asyncio.wait_for(reader, 5) == [1]
    app = application()
    reader = asyncio.create_task(collect(app, "RESULT", 99))
    await asyncio.sleep(0)
    app.close()
    assert await asyncio.wait_for(reader, 5) == []


async def test_pushes_from_another_thread_wake_the_loop():
    async with application() as app:
        reader = asyncio.create_task(collect(app, "RESULT", 2))
        await asyncio.sleep(0)
        await asyncio.to_thread(app.push, "S", [{"V": 1}, {"V": 2}])
        assert await asyncio.wait_for(reader, 5) == [1, 2]


async def test_apush_waits_for_room():
    options = {"queue_rows": 10, "max_batch_rows": 5, "linger_ms": 0}
    async with application(options=options) as app:
        async def produce():
            for first in range(0, 500, 5):
                await app.apush("S", pa.table({"V": range(first, first + 5)}))

        producer = asyncio.create_task(produce())
        done, _ = await asyncio.wait([producer], timeout=0.1)
        assert not done, "nobody reads, so the producer has to wait"
        waiting = app.metrics()
        assert waiting.inputs[0].queued_rows + waiting.outputs[0].queued_rows <= 40
        assert await asyncio.wait_for(collect(app, "RESULT", 500), 5) == list(range(500))
        await producer


async def test_an_error_reaches_the_reader():
    async with application() as app:
        with pytest.raises(streamsql.errors.RunError, match="not found"):
            await collect(app, "NOPE", 1)
