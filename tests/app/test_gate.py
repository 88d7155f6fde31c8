import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from app.errors import Busy
from app.gate import Gate, Stopped, Tell


async def _all(gate: Gate, items: list[int]) -> list[int]:
    visit = gate.enter()
    try:
        return [item async for item in visit.run(lambda stopped: iter(items))]
    finally:
        visit.leave()


def test_items_arrive_in_order() -> None:
    async def scenario() -> list[int]:
        return await _all(Gate(concurrency=1, queue=0), list(range(200)))

    assert asyncio.run(scenario()) == list(range(200))


def test_full_queue_is_refused_with_a_time_to_come_back() -> None:
    async def scenario() -> None:
        gate = Gate(concurrency=1, queue=1)
        gate.enter()
        gate.enter()
        with pytest.raises(Busy, match="all 2 places are taken") as error:
            gate.enter()
        assert error.value.retry_after_s >= 1

    asyncio.run(scenario())


def test_leaving_early_stops_the_work_and_frees_the_place() -> None:
    ended = threading.Event()

    def endless(stopped: Stopped) -> Iterator[int]:
        number = 0
        try:
            while not stopped():
                yield number
                number += 1
        finally:
            ended.set()

    async def scenario() -> None:
        gate = Gate(concurrency=1, queue=0)
        visit = gate.enter()
        items = visit.run(endless)
        assert await anext(items) == 0
        await items.aclose()
        visit.leave()
        assert gate.inside == 0
        assert await _all(gate, [1, 2]) == [1, 2]

    asyncio.run(scenario())
    assert ended.wait(2)


def test_error_of_the_work_reaches_the_caller() -> None:
    def failing(stopped: Stopped) -> Iterator[int]:
        yield 1
        raise ValueError("broken in the middle")

    async def scenario() -> list[int]:
        visit = Gate(concurrency=1, queue=0).enter()
        seen = []
        with pytest.raises(ValueError, match="broken in the middle"):  # noqa: PT012 - the loop raises
            async for item in visit.run(failing):
                seen.append(item)
        return seen

    assert asyncio.run(scenario()) == [1]


def test_leaving_twice_frees_one_place_only() -> None:
    async def scenario() -> int:
        gate = Gate(concurrency=1, queue=1)
        first, _ = gate.enter(), gate.enter()
        first.leave()
        first.leave()
        return gate.inside

    assert asyncio.run(scenario()) == 1


def test_what_work_tells_from_its_callbacks_arrives_in_order() -> None:
    def telling(stopped: Stopped, tell: Tell[int]) -> None:
        for number in range(200):
            tell(number)

    async def scenario() -> list[int]:
        visit = Gate(concurrency=1, queue=0).enter()
        return [item async for item in visit.run_telling(telling)]

    assert asyncio.run(scenario()) == list(range(200))


def test_closing_ends_work_whose_caller_was_cancelled_and_waits_for_it() -> None:
    ended = threading.Event()

    def patient(stopped: Stopped) -> Iterator[int]:
        yield 1
        while not stopped():
            pass
        time.sleep(0.2)
        ended.set()

    async def scenario() -> None:
        gate = Gate(concurrency=1, queue=0)
        items = gate.enter().run(patient)
        assert await anext(items) == 1
        await gate.close()
        assert ended.is_set()

    asyncio.run(scenario())
