"""Evaluations that the server runs: one at a time, behind the chat, written down question by question."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass

from app.errors import NotReady, TouchstoneError
from app.evaluation.asked import Halted
from app.evaluation.shown import Chosen, Source, Wanted, ask_shown, choose
from app.gate import Gate, Stopped, Tell, Visit
from app.services import Services
from app.storage.collections import Collection
from app.storage.evaluations import EvaluationRow, EvaluationRows, QuestionRow, State
from retrieval.errors import IndexMismatch, RetrievalError

CLOSE_S = 5.0  # how long ending the server waits for evaluations to be written down
LOOK_S = 0.05  # between two looks whether the chat is quiet
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """``waiting``: it lets the chat go first."""

    state: State
    done: int
    total: int
    waiting: bool = False


class Live:
    """An evaluation that has not ended. Everything but ``stopped`` happens on the event loop."""

    def __init__(self, row: EvaluationRow) -> None:
        self.id = row.id
        self.progress = Progress("queued", 0, row.total)
        self.ended = False
        self.why: State | None = None
        self.halt = threading.Event()
        self._changed = asyncio.Event()

    def stopped(self) -> bool:
        """Whether it shall end; polled by the models, in their thread."""
        return self.halt.is_set()

    def stop(self, why: State) -> None:
        """End it soon; the first reason counts."""
        self.why = self.why or why
        self.halt.set()

    def tell(self, progress: Progress, *, ended: bool = False) -> None:
        """Let whoever follows know."""
        self.progress, self.ended = progress, ended
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def follow(self, poll_s: float) -> AsyncGenerator[Progress | None]:
        """Where it stands, now and whenever that changes; None when nothing did for ``poll_s``."""
        told: Progress | None = None
        while True:
            changed = self._changed
            if self.progress != told:
                told = self.progress
                yield told
            if self.ended:
                return
            try:
                async with asyncio.timeout(poll_s):
                    await changed.wait()
            except TimeoutError:
                yield None


class Evaluations:
    """Every evaluation of this server. ``recover`` may be called from any thread.

    They have a gate of their own, and between two questions they wait until nobody is in the gate of the
    chat: they take no place of it, and a chat that is never quiet keeps them waiting.
    """

    def __init__(self, services: Services, gate: Gate, chat: Gate) -> None:
        self.rows: EvaluationRows = services.caretaker.evaluations
        self._services = services
        self._gate = gate
        self._chat = chat
        self._live: dict[str, Live] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False
        self._making = threading.Lock()  # between a row and its run: nobody may take the row for an orphan
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Hear when the server is told to stop. Called on the event loop."""
        self._loop = asyncio.get_running_loop()
        board = self._services.ingestion.board
        board.listen(lambda: self._drain_soon() if board.closed else None)

    async def start(self, collection: Collection, set_name: str, wanted: Wanted) -> EvaluationRow:
        """Begin as soon as those before it have ended.

        Raises ``Busy`` where too many wait, ``NotReady``, and what ``choose`` raises.
        """
        if self._draining:
            raise NotReady("Touchstone is stopping; try again shortly")
        _ = self._services.answering  # raises NotReady while models load
        visit = self._gate.enter()
        try:
            chosen = await asyncio.to_thread(choose, self._services, set_name, collection.id, wanted)
            options = json.dumps(asdict(wanted), ensure_ascii=False)
            row = await asyncio.to_thread(
                self._make, collection.id, set_name, options, len(chosen.questions)
            )
        except BaseException:
            visit.leave()
            raise
        live = self._live[row.id]
        task = asyncio.create_task(self._run(live, row, chosen, wanted, visit))
        self._tasks[row.id] = task
        return row

    def live(self, evaluation_id: str) -> Live | None:
        """It, while it has not ended."""
        return self._live.get(evaluation_id)

    async def cancel(self, evaluation_id: str) -> None:
        """End it soon, what was asked so far is kept; nothing where it has ended."""
        live = self._live.get(evaluation_id)
        if live is None:
            return
        live.stop("cancelled")
        waited = await asyncio.to_thread(
            self.rows.end, evaluation_id, "cancelled", code="cancelled", before=("queued",)
        )
        if waited:
            self._tasks[evaluation_id].cancel()  # it stands before the gate

    def recover(self) -> int:
        """Say of those that nobody runs that they were interrupted; how many."""
        with self._making:
            orphans = [each for each in self.rows.open() if each not in self._live]
            for each in orphans:
                self.rows.end(each, "interrupted", code="interrupted")
        return len(orphans)

    async def close(self) -> None:
        """End all of them, and wait a little until that is written down."""
        self._drain()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=CLOSE_S)

    def _make(self, collection_id: str, set_name: str, options: str, total: int) -> EvaluationRow:
        with self._making:
            row = self.rows.make(collection_id, set_name, options, total)
            self._live[row.id] = Live(row)
        return row

    def _drain_soon(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._draining = True
        for live in self._live.values():
            live.stop("interrupted")

    async def _run(
        self, live: Live, row: EvaluationRow, chosen: Chosen, wanted: Wanted, visit: Visit
    ) -> None:
        def work(stopped: Stopped, tell: Tell[Progress]) -> None:
            self._ask(live, row, chosen, wanted, lambda: stopped() or live.stopped(), tell)

        try:
            async for progress in visit.run_telling(work):
                live.tell(progress)
        except asyncio.CancelledError:
            if not live.halt.is_set():
                raise
        except Exception:
            log.exception("evaluation %s: it could not be written down how it ended", row.id)
        finally:
            visit.leave()
            self._live.pop(row.id, None)
            self._tasks.pop(row.id, None)
            live.tell(live.progress, ended=True)

    def _ask(
        self,
        live: Live,
        row: EvaluationRow,
        chosen: Chosen,
        wanted: Wanted,
        stopped: Stopped,
        tell: Tell[Progress],
    ) -> None:
        """Ask it all, in the thread of the gate, and write down how it ended."""
        rows, total, done = self.rows, row.total, 0
        if not rows.begin(row.id):
            return
        tell(Progress("running", 0, total))

        def keep(asked: list[QuestionRow], sources: set[Source]) -> None:
            nonlocal done
            rows.asked(row.id, asked, sources)
            done += 1
            tell(Progress("running", done, total))

        def turn() -> None:
            if self._chat.inside:
                tell(Progress("running", done, total, waiting=True))
                quiet(self._chat, stopped)
                tell(Progress("running", done, total))
            if stopped():
                raise Halted

        words = self._services.settings.keep_answers_days > 0
        try:
            report = ask_shown(
                self._services,
                chosen,
                row.collection_id,
                wanted,
                keep=keep,
                words=words,
                turn=turn,
                stopped=stopped,
            )
            rows.end(row.id, "done", report=json.dumps(report, ensure_ascii=False))
        except Halted:
            why = live.why or "interrupted"
            rows.end(row.id, why, code=why)
        except (TouchstoneError, RetrievalError) as error:
            rows.end(row.id, "failed", code=_code(error), message=str(error))
        except Exception:
            log.exception("evaluation %s", row.id)
            rows.end(row.id, "failed", code="internal", message="")


def _code(error: TouchstoneError | RetrievalError) -> str:
    if isinstance(error, TouchstoneError):
        return error.code
    return "index_mismatch" if isinstance(error, IndexMismatch) else "index_unavailable"


def quiet(chat: Gate, stopped: Stopped) -> bool:
    """Wait until nobody is in the gate; False where it was told to stop."""
    while chat.inside and not stopped():
        time.sleep(LOOK_S)
    return not stopped()
