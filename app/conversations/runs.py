"""The answers that are being written: begun behind the gate of questions, stopped, ended with the server."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from app.answering import Ask, Event, Stopped
from app.conversations.asking import sources_of
from app.conversations.run import Run
from app.errors import ServerDraining
from app.gate import Gate, Visit
from app.result import Result, result_view
from app.services import Services
from app.storage.message_events import End, MessageEvent, MessageEvents
from app.storage.messages import MessageRow, Messages, Source, State

CLOSE_S = 5.0  # how long ending the server waits for answers to be written down
log = logging.getLogger(__name__)


class Runs:
    """Every open answer of this server. ``recover`` and ``drain`` may be called from any thread."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self.beginning = asyncio.Lock()  # between a row and its run: nobody may take the row for an orphan
        self._services = services
        self._gate = gate
        self._messages: Messages = services.caretaker.chats.messages
        self._events: MessageEvents = services.caretaker.chats.events
        self._live: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> Callable[[], None]:
        """Hear when the server is told to stop; call the result to end that. Called on the event loop."""
        self._loop = asyncio.get_running_loop()
        board = self._services.ingestion.board
        return board.listen(lambda: self.drain() if board.closed else None)

    def enter(self) -> Visit:
        """A place in the line of questions. Raises ``Busy`` or ``ServerDraining``."""
        if self._draining:
            raise ServerDraining("Touchstone is stopping, and takes no more questions; try again shortly")
        return self._gate.enter()

    def start(
        self,
        row: MessageRow,
        first: MessageEvent,
        ask: Ask,
        visit: Visit,
        before: tuple[Source, ...],
        owner: str,
    ) -> None:
        """Write the answer to a message that is in its row; the place is freed when it has ended.

        ``before``: what the history of the question rests on.
        """
        run = Run(
            row.id,
            row.conversation_id,
            owner,
            log=self._events,
            first=first,
            abandoned_s=self._services.settings.server.abandoned_s,
        )
        self._live[row.id] = run
        task = asyncio.create_task(self._write(run, ask, visit, before))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def live(self, message_id: str) -> Run | None:
        """The answer, while it is being written."""
        return self._live.get(message_id)

    def of(self, conversation_id: str) -> list[Run]:
        """The open answers of a conversation."""
        return [run for run in self._live.values() if run.conversation_id == conversation_id]

    def recover(self) -> int:
        """End what the rows call open and nobody writes: answers of a process that was killed. How many."""
        return self._events.interrupt(each for each in self._messages.open() if each not in self._live)

    def drain(self) -> None:
        """The server is about to end: what is being written ends now, with what there is."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drain)

    async def close(self) -> None:
        """Drain, and wait a little until everything is written down."""
        self._drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_S)

    def _drain(self) -> None:
        self._draining = True
        for run in self._live.values():
            run.stop("server_draining")

    async def _write(self, run: Run, ask: Ask, visit: Visit, before: tuple[Source, ...]) -> None:
        def work(stopped: Stopped) -> Iterator[Event]:
            return self._services.answering.ask(ask, lambda: stopped() or run.halted())

        def ended(result: Result) -> End:
            return self._end(run, result, ask, before)

        try:
            await run.write(visit.run(work), ended)
        except Exception:
            log.exception("message %s: it could not be written down how it ended", run.message_id)
            run.give_up()
        finally:
            visit.leave()
            del self._live[run.message_id]

    def _end(self, run: Run, result: Result, ask: Ask, before: tuple[Source, ...]) -> End:
        """How an answer ended, by its result; it is kept where it was not cut off."""
        state, code = _state_of(run, result)
        if result.answer.outcome != "cancelled":
            result = self._services.caretaker.answers.keep(result, owner=run.owner)
        sources = sources_of(result, ask)
        if any(each.code == "follow_up_completed" for each in result.notices):
            sources += before  # its words come from the answers before
        partial = run.text and (state == "failed" or not result.answer.text)
        return End(
            state=state,
            text=run.text if partial else result.answer.text,
            result=result_view(result).model_dump_json(),
            code=code,
            answer_id=result.answer_id,
            sources=sources,
        )


def _state_of(run: Run, result: Result) -> tuple[State, str]:
    """State and code of a message with this result."""
    if result.answer.outcome == "cancelled":
        if run.why is None:
            return "failed", "generation_timeout"
        return ("interrupted" if run.why == "server_draining" else "stopped"), run.why
    if any(each.code == "generation_failed" for each in result.notices):
        return "failed", "generation_failed"
    return "complete", ""
