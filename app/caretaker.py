"""What is done now and then: mending the index, deleting what was kept long enough, finding duplicates."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from app.documents import Library
from app.duplicates.report import DuplicatesView, survey
from app.errors import NotReady
from app.jobs.ingestion import Ingestion
from app.kept_answers import KeptAnswers
from app.offered import Offered
from app.settings import Settings
from app.storage.answers import Answers
from app.storage.assistants import AssistantRows
from app.storage.chats import Chats
from app.storage.chunks import Chunks
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.duplicates import DuplicateReports
from app.storage.evaluations import EvaluationRows
from app.storage.shelf import Shelf
from app.storage.snippets import SnippetRows
from app.trash import Trash
from retrieval.errors import RetrievalError
from retrieval.protocols import Embedder

DAY_S, HOUR_S = 86_400.0, 3_600.0
QUIET_S = 5.0  # seconds without a new job before duplicates are looked for behind the scenes
MOST_CHUNKS = 20_000  # of a collection that is looked through unasked; larger ones only on demand
REST = 20.0  # times as long as it took is waited before a collection is looked through unasked again
HEAL_AGAIN_S = 30.0  # between two tries to mend a vector index
CLOSE_S = 5.0
log = logging.getLogger(__name__)


class Caretaker:
    """Keeps answers and conversations, expires what is kept, mends the vector index, and reports duplicates.

    One quiet thread once it is started.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        chunks: Chunks,
        ingestion: Ingestion,
        stopping: threading.Event,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``stopping`` is set, and the board closed, when the thread should end."""
        self.answers = KeptAnswers(Answers(database, now=now), days=settings.keep_answers_days)
        self.chats = Chats(
            database, now=now, days=settings.keep_answers_days, trash_days=settings.trash_days
        )
        self.evaluations = EvaluationRows(database, now=now)
        self.assistants = AssistantRows(database, now=now)
        self.snippets = SnippetRows(database, now=now)
        self.offered = Offered(self.assistants, self.snippets)
        self._keep_deleted = timedelta(days=settings.trash_days)
        self._keep_answers = timedelta(days=settings.keep_answers_days)
        self._expire_every_s = DAY_S if settings.keep_answers_days else HOUR_S
        self._reports = DuplicateReports(database, now=now)
        self.shelf = Shelf(database, now=now)
        self._database = database
        self._collections = collections
        self._documents = documents
        self._chunks = chunks
        self._ingestion = ingestion
        self._board = ingestion.board
        self._stopping = stopping
        self._now = now
        self._monotonic = monotonic
        self._looking = threading.Lock()
        self._not_before: dict[str, float] = {}
        self._heal_at = 0.0
        self._library: Library | None = None
        self._trash: Trash | None = None
        self._thread: threading.Thread | None = None

    def load(self, library: Library, embedder: Embedder) -> None:
        """The library is there: delete for good what was kept long enough."""
        self._library = library
        self._trash = Trash(
            database=self._database,
            collections=self._collections,
            documents=self._documents,
            shelf=self.shelf,
            staging=self._ingestion.staging,
            library=library,
            service=self._ingestion.service,
            embedder=embedder,
            settings_of=self._ingestion.settings_of,
        )
        self.expire()

    @property
    def trash(self) -> Trash:
        """What was deleted or replaced. Raises ``NotReady`` while models load."""
        if self._trash is None:
            raise NotReady("Touchstone is still loading; try again shortly")
        return self._trash

    def expire(self) -> None:
        """Delete for good what was kept long enough."""
        versions = self._trash.expire() if self._trash is not None else 0
        answers = self.answers.expire() + self.evaluations.forget_answers(self._keep_answers)
        chats = self.chats.expire()
        snippets = self.snippets.forget(deleted=self._keep_deleted)
        if versions or answers or chats or snippets:
            log.info(
                "kept long enough: %d versions, %d answers, %d conversations and %d snippets are deleted",
                versions,
                answers,
                chats,
                snippets,
            )

    def duplicates(self, collection_name: str) -> DuplicatesView:
        """The report about what a collection shows now, made where there is none (up to a minute)."""
        found = self._collections.named(collection_name)
        with self._looking:
            return self._kept(found) or self._look(found)

    def heal(self) -> None:
        """Mend a vector index that somebody found damaged. Raises what stands in the way."""
        if self._library is not None and self._library.suspect and self._monotonic() >= self._heal_at:
            self._heal_at = self._monotonic() + HEAL_AGAIN_S
            for notice in self._library.heal():
                log.warning("the vector index was damaged: %s %s", notice.code, dict(notice.values))

    def start(self) -> None:
        """Begin with what is done unasked."""
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def look_around(self) -> None:
        """Look for duplicates where something else is shown than in the last report, unless jobs are open."""
        for collection in self._collections.all():
            if self._stopping.is_set() or self._ingestion.jobs.open():
                return
            resting = self._monotonic() < self._not_before.get(collection.id, 0.0)
            if resting or collection.documents < 2 or collection.chunks > MOST_CHUNKS:
                continue
            with self._looking:
                if self._kept(collection) is None:
                    report = self._look(collection)
                    self._not_before[collection.id] = self._monotonic() + REST * report.seconds

    def _kept(self, collection: Collection) -> DuplicatesView | None:
        kept = self._reports.get(collection.id)
        return None if kept is None else DuplicatesView.model_validate_json(kept)

    def _look(self, collection: Collection) -> DuplicatesView:
        state = self._reports.state(collection.id)
        report = survey(
            self._reports.texts(collection.id),
            self._chunks.of_document,
            collection=collection.name,
            made_at=self._now(),
            stopped=self._stopping.is_set,
        )
        if not self._stopping.is_set():
            self._reports.keep(collection.id, report.model_dump_json(), state)
        return report

    def _try_to_heal(self) -> None:
        try:
            self.heal()
        except RetrievalError as error:
            log.warning("the vector index cannot be mended yet: %s", error)

    def _run(self) -> None:
        expire_at = self._monotonic() + self._expire_every_s
        while not self._stopping.is_set():
            rings = self._board.rings
            try:
                self._try_to_heal()
                if self._monotonic() >= expire_at:
                    expire_at = self._monotonic() + self._expire_every_s
                    self.expire()
                self.look_around()
            except Exception:
                if self._stopping.is_set():
                    return
                log.exception("caretaker")
            self._board.wait(rings, self._patience_s(expire_at))
            quiet = self._monotonic() + QUIET_S
            while not self._stopping.is_set() and self._monotonic() < quiet and self._patience_s(expire_at):
                self._board.wait(self._board.rings, QUIET_S)  # rung where the index turns out to be damaged

    def _patience_s(self, expire_at: float) -> float:
        """Seconds until something is due; 0 for now."""
        due = [expire_at, self._monotonic() + HOUR_S]
        if self._library is not None and self._library.suspect:
            due.append(self._heal_at)
        return max(min(due) - self._monotonic(), 0.0)
