"""The only bridge from async code to slow work: a bounded queue, a few workers, a stop that frees.

A server has several, so that no kind of work takes the places of another: chat, reranking, embedding,
writing, previews.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from app.errors import Busy

T = TypeVar("T")
Stopped = Callable[[], bool]
Tell = Callable[[T], None]
_BUFFER = 64  # pieces a slow reader may lag behind before the model waits for him
_CLOSE_S = 5.0  # how long closing waits for work that was told to stop


class Gate:
    """Runs blocking work in threads: ``concurrency`` at a time, ``queue`` waiting, the rest refused."""

    def __init__(self, *, concurrency: int, queue: int, name: str = "answer") -> None:
        self.name = name
        self.concurrency = concurrency
        self.places = concurrency + queue
        self.refused = 0
        self.inside = 0
        self.slots = asyncio.Semaphore(concurrency)
        self.pool = ThreadPoolExecutor(concurrency, thread_name_prefix=name)
        self.running: dict[asyncio.Future[None], threading.Event] = {}
        self._recent_s: deque[float] = deque([2.0], maxlen=20)

    def enter(self) -> "Visit":
        """A place in the queue. Raises ``Busy`` with a time to come back when all are taken."""
        if self.inside >= self.places:
            self.refused += 1
            waiting = self.inside / self.concurrency * sum(self._recent_s) / len(self._recent_s)
            raise Busy(f"all {self.places} places are taken; try again shortly", max(1, math.ceil(waiting)))
        self.inside += 1
        return Visit(self)

    def took(self, seconds: float) -> None:
        """Remember how long an answer took, for the time that ``Busy`` names."""
        self._recent_s.append(seconds)

    async def close(self) -> None:
        """Stop what runs, also where its caller could not be told, and wait a little for it to end.

        What is closed after this (database, index) so is not in use any more.
        """
        for stop in self.running.values():
            stop.set()
        if self.running:
            await asyncio.wait(self.running, timeout=_CLOSE_S)
        self.pool.shutdown(wait=False, cancel_futures=True)


class Visit:
    """One caller's place, held until ``leave``. ``run`` may be iterated once; leaving stops it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._left = False

    @property
    def position(self) -> int:
        """How many are before this caller, 0 when a worker is free."""
        return max(0, self._gate.inside - self._gate.concurrency)

    def leave(self) -> None:
        """Free the place; more than once is no error."""
        if not self._left:
            self._left = True
            self._gate.inside -= 1

    def run(self, work: Callable[[Stopped], Iterator[T]]) -> AsyncGenerator[T]:
        """The items of ``work(stopped)``, produced in a thread. Exceptions of the work are raised here."""

        def telling(stopped: Stopped, tell: Tell[T]) -> None:
            for item in work(stopped):
                if stopped():
                    return
                tell(item)

        return self.run_telling(telling)

    async def run_telling(self, work: Callable[[Stopped, Tell[T]], None]) -> AsyncGenerator[T]:
        """What ``work(stopped, tell)`` tells from a thread, as ``run``: for work that calls back."""
        loop = asyncio.get_running_loop()
        channel: _Channel[T] = _Channel(loop)
        async with self._gate.slots:
            began = loop.time()
            running = loop.run_in_executor(self._gate.pool, channel.produce, work)
            self._gate.running[running] = channel.stop
            running.add_done_callback(self._gate.running.pop)
            try:
                async for item in channel.items():
                    yield item
            finally:
                channel.stop.set()
                await asyncio.shield(running)
                self._gate.took(loop.time() - began)


class _Channel(Generic[T]):
    """Carries items from a producing thread to the event loop, a few ahead at most."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop = threading.Event()
        self._loop = loop
        self._pieces: asyncio.Queue[tuple[T] | BaseException | None] = asyncio.Queue(_BUFFER)

    def produce(self, work: Callable[[Stopped, Tell[T]], None]) -> None:
        """Run the work to its end, or until ``stop``; called in the thread."""
        try:
            work(self.stop.is_set, lambda item: self._put((item,)))
            self._put(None)
        except Exception as error:  # noqa: BLE001 - handed to the caller, who acts on it
            self._put(error)

    async def items(self) -> AsyncGenerator[T]:
        """What the thread produced, in order."""
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece[0]

    def _put(self, piece: tuple[T] | BaseException | None) -> None:
        if self.stop.is_set():  # nobody reads any more, and the loop may be gone
            return
        future = asyncio.run_coroutine_threadsafe(self._pieces.put(piece), self._loop)
        while not self.stop.is_set():
            try:
                future.result(timeout=0.25)
            except TimeoutError:
                continue
            return
        future.cancel()
