"""One answer that is being written: into its log first, then to whoever reads along."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from app.answering import Event, Offers, Sources, Stage
from app.cards import PartBegins
from app.conversations.asking import read_of
from app.conversations.cards import OFFERS, PART
from app.errors import TouchstoneError
from app.result import Result, passage_view
from app.storage.database import in_words
from app.storage.message_events import DELTA, DONE, End, MessageEvent, MessageEvents
from app.storage.messages import Source, State
from generation.types import Delta
from retrieval.errors import IndexMismatch, ModelUnavailable, RetrievalError

Why = Literal["stopped", "abandoned", "server_draining"]
"""A person stopped it; nobody read along for too long; the program is about to end."""

BATCH_S = 0.1  # pieces of text wait so long for others before they are written
BATCH_DELTAS = 32  # and not longer than until so many are there
STOP_S = 2.0  # how long a model that was told to stop may take to say what it has
log = logging.getLogger(__name__)


class Run:
    """Writes one answer. Everything here happens on the event loop, except ``halted``.

    A reader is told an event only after it is on the disk: what anybody has seen survives a kill, and whoever
    comes back finds the same text.
    """

    def __init__(
        self,
        message_id: str,
        conversation_id: str,
        owner: str,
        *,
        log: MessageEvents,
        first: MessageEvent,
        abandoned_s: float,
    ) -> None:
        """``first``: the event that is in the log already. ``abandoned_s``: see ``Why``."""
        self.message_id = message_id
        self.conversation_id = conversation_id
        self.owner = owner
        self.events = [first]
        self.sources: tuple[Source, ...] = ()
        self.changed = asyncio.Event()  # set at the next event, and replaced by another
        self.ended = False
        self.why: Why | None = None
        self._log = log
        self._abandoned_s = abandoned_s
        self._loop = asyncio.get_running_loop()
        self._halt = threading.Event()
        self._nudged = asyncio.Event()
        self._readers = 0
        self._alone_since = self._loop.time()
        self._begun = False
        self._stop_at = 0.0
        self._due = 0.0
        self._pending: list[tuple[str, str]] = []  # events that are not in the log yet
        self._pieces: list[str] = []  # of the text, not in an event yet
        self.text = ""  # all of it, so far
        self._new_sources: tuple[Source, ...] = ()

    def halted(self) -> bool:
        """Whether it shall end; polled by the models, in their thread."""
        return self._halt.is_set()

    def stop(self, why: Why) -> None:
        """End it soon, and keep what is written. The first reason counts."""
        if self.why is None:
            self.why = why
            self._stop_at = self._loop.time() + STOP_S
            self._halt.set()
            self._nudged.set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Somebody reads along."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._alone_since = self._loop.time()
            self._nudged.set()

    async def follow(self, after: int, poll_s: float) -> AsyncGenerator[MessageEvent | None]:
        """The events behind ``after``, as they come; None when nothing came for ``poll_s``.

        Ends behind the last one, ``done``.
        """
        after = min(after, len(self.events))
        with self.reading():
            while True:
                changed = self.changed
                for event in self.events[after:]:  # events count from 1 without gaps
                    after = event.seq
                    yield event
                if self.ended and after == len(self.events):
                    return
                try:
                    async with asyncio.timeout(poll_s):
                        await changed.wait()
                except TimeoutError:
                    yield None

    async def wait(self, timeout_s: float) -> None:
        """Until it has ended, or the time is over."""
        deadline = self._loop.time() + timeout_s
        while not self.ended and self._loop.time() < deadline:
            changed = self.changed
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                return

    async def write(self, items: AsyncGenerator[Event], ended: Callable[[Result], End]) -> None:
        """Take what the models give until it has ended; ``ended`` (called in a thread) says how.

        Raises only what stands in the way of writing that down.
        """
        waiting = [_next(items)]
        try:
            try:
                end = await self._taken(items, waiting, ended)
            except Exception as error:  # noqa: BLE001 - the boundary of a run: told to whoever reads it
                end = End("failed", code=code_of(error))
            await self._finish(end)
        finally:
            # Last, because it waits for the model: who reads along need not.
            waiting[0].cancel()
            await asyncio.gather(waiting[0], return_exceptions=True)  # it is inside items until it has ended
            await items.aclose()

    def give_up(self) -> None:
        """It could not even be written down how it ended: let whoever reads along go."""
        self.ended = True
        self._tell()

    async def _taken(
        self,
        items: AsyncGenerator[Event],
        waiting: list[asyncio.Task[Event]],
        ended: Callable[[Result], End],
    ) -> End:
        """How it ended, once it has. ``waiting`` holds the item that is being waited for."""
        while True:
            await self._look(waiting[0])
            if waiting[0].done():
                try:
                    item = waiting[0].result()
                except StopAsyncIteration:
                    return self._cut_short()
                if isinstance(item, Result):
                    return await asyncio.to_thread(ended, item)
                waiting[0] = _next(items)
                self._take(item)
            elif self.why is not None and (not self._begun or self._loop.time() >= self._stop_at):
                return self._cut_short()
            if self._due and self._loop.time() >= self._due:
                await self._flush()
            if not self._readers and self._loop.time() >= self._alone_since + self._abandoned_s:
                self.stop("abandoned")

    def _cut_short(self) -> End:
        """It ended without a result."""
        state: State = "interrupted" if self.why in (None, "server_draining") else "stopped"
        return End(state, code=self.why or "server_draining")

    async def _look(self, waiting: asyncio.Task[Event]) -> None:
        """Until there is an item, or something else to do."""
        times = [self._due] if self._due else []
        if self.why is not None:
            times.append(self._stop_at)
        elif not self._readers:
            times.append(self._alone_since + self._abandoned_s)
        nudge = asyncio.ensure_future(self._nudged.wait())
        either: set[asyncio.Future[Any]] = {waiting, nudge}
        try:
            timeout = max(0.0, min(times) - self._loop.time()) if times else None
            await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudge.cancel()
        self._nudged.clear()

    def _take(self, item: Event) -> None:
        now = self._loop.time()
        self._begun = True
        match item:
            case Delta():
                # The first words go out at once: that is what people wait for.
                due = now + BATCH_S if self.text and len(self._pieces) < BATCH_DELTAS else now
                self._due = min(self._due or due, due)
                self._pieces.append(item.text)
                self.text += item.text
            case Stage():
                self._add("stage", {"name": item.name, "ms": round(item.ms, 3)})
            case Offers():
                listed = [each.model_dump(mode="json") for each in item.offers]
                self._add(OFFERS, {"offers": listed})
            case PartBegins():
                self._add(PART, item.model_dump(mode="json"))
            case Sources():
                passages = [passage_view(each).model_dump(mode="json") for each in item.passages]
                self._new_sources = read_of([each.chunk for each in item.passages])
                self._add("sources", {"passages": passages})

    def _add(self, name: str, data: object) -> None:
        self._close_text()
        self._pending.append((name, json.dumps(data, ensure_ascii=False)))
        self._due = self._loop.time()

    def _close_text(self) -> None:
        """What was written since the last event becomes one."""
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._pending.append((DELTA, json.dumps({"text": text}, ensure_ascii=False)))

    async def _flush(self) -> None:
        """Write down what there is, then tell it."""
        sources, events = self._new_sources, self._fresh()
        try:
            await asyncio.to_thread(self._log.append, self.message_id, events, self.text, sources)
        except BaseException:
            self._pending = [(each.name, each.data) for each in events]  # to be written down with the end
            raise
        self._new_sources = ()
        self.sources += sources
        self.events += events
        self._tell()

    async def _finish(self, end: End) -> None:
        self._close_text()
        self._pending.append((DONE, ""))
        events = self._fresh()
        text = self.text if end.text is None else end.text
        end = replace(end, text=text, sources=(*self._new_sources, *end.sources))
        await asyncio.to_thread(self._log.end, self.message_id, events, end)
        self.sources += end.sources
        self.events += events
        self.ended = True
        self._tell()

    def _fresh(self) -> list[MessageEvent]:
        """The events that are not in the log yet, in order."""
        self._close_text()
        self._due = 0.0
        fresh = [
            MessageEvent(number, name, data)
            for number, (name, data) in enumerate(self._pending, start=len(self.events) + 1)
        ]
        self._pending.clear()
        return fresh

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


def _next(items: AsyncGenerator[Event]) -> asyncio.Task[Event]:
    async def wanted() -> Event:
        return await anext(items)

    return asyncio.create_task(wanted())


def code_of(error: Exception) -> str:
    """The stable code of what went wrong; what nobody expected is logged and called ``internal``."""
    error = in_words(error)
    if isinstance(error, TouchstoneError):
        return error.code
    if isinstance(error, IndexMismatch):
        return "index_mismatch"
    if isinstance(error, RetrievalError):
        return "embedder_unavailable" if isinstance(error, ModelUnavailable) else "index_unavailable"
    log.error("unexpected error while answering", exc_info=error)
    return "internal"
