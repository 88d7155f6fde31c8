"""All of it together: storage opened, models loaded, the demo in place. One ``Services`` a process."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from app.answering import Answering, Ask
from app.documents import Library
from app.errors import BadRequest, NotFound, NotReady
from app.models import Models
from app.quotes import Quotes
from app.reports import FileReport
from app.result import Result
from app.settings import Settings, shipped
from app.storage.blobs import BlobStore
from app.storage.chunks import Chunks
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.lock import DirectoryLock
from app.vector_index import VectorIndex
from ingest.load import find_files
from ingest.pipeline import Progress
from retrieval.fts5 import Fts5Index
from retrieval.manifest import check
from retrieval.protocols import TermStatistics, VectorStore
from retrieval.types import Notice, Scope

T = TypeVar("T")
DEMO = "demo"
BuildModels = Callable[[Settings, TermStatistics], Models]
MAX_QUESTION = 2000  # characters; a question, not a document
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How far starting has come: loading (what is being done), ready, or failed (why)."""

    name: str
    detail: str = ""


def quiet(stage: str, done: int, total: int) -> None:
    """The progress callback of a caller that shows none."""


class Services:
    """Owns the data directory and everything in it until ``close``.

    The constructor is quick and opens SQLite only. ``load`` opens the vector index and the models (seconds to
    minutes); until it ends, ``models``, ``library`` and ``answering`` raise ``NotReady``.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        build_models: BuildModels,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the data directory. Raises ``DataDirectoryLocked`` or ``DataDirectoryDamaged``."""
        self.settings = settings
        self._build_models = build_models
        self.lock = DirectoryLock(settings.data_dir)
        try:
            self.database = Database(settings.data_dir / "touchstone.sqlite3")
        except BaseException:
            self.lock.release()
            raise
        self.collections = Collections(self.database, now=now)
        self.documents = Documents(self.database, now=now)
        self.chunks = Chunks(self.database)
        self.lexical = Fts5Index(self.database.connection)
        self.blobs = BlobStore(settings.data_dir / "blobs")
        self.state = State("loading", "starting")
        self.notices: tuple[Notice, ...] = ()
        self._writing = threading.Lock()
        self._vectors: VectorStore | None = None
        self._models: Models | None = None
        self._library: Library | None = None
        self._answering: Answering | None = None

    def __enter__(self) -> "Services":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, *, demo: bool = False) -> None:
        """Open the vector index, load the models and, where asked and never done before, the demo."""
        try:
            self.state = State("loading", "models")
            self._models = self._build_models(self.settings, self.lexical)
            self.state = State("loading", "index")
            self._vectors = self._open_vectors()
            index = VectorIndex(
                self._vectors,
                collections=self.collections,
                documents=self.documents,
                chunks=self.chunks,
                lexical=self.lexical,
            )
            self.notices = tuple(index.reconcile())
            self._library = Library(
                database=self.database,
                collections=self.collections,
                documents=self.documents,
                blobs=self.blobs,
                vectors=self._vectors,
                lexical=self.lexical,
                index=index,
                embedder=self._models.embedder,
                settings=self.settings.ingest,
            )
            self._library.discard_unfinished()
            self._answering = Answering(
                models=self._models,
                vectors=self._vectors,
                lexical=self.lexical,
                chunks=self.chunks,
                quotes=Quotes(self.database, self.blobs),
                settings=self.settings,
            )
            if demo:
                self._install_demo()
        except BaseException as error:
            self.state = State("failed", str(error))
            raise
        self.state = State("ready")

    @property
    def models(self) -> Models:
        """The models. Raises ``NotReady`` while they load."""
        return self._ready(self._models)

    @property
    def answering(self) -> Answering:
        """Where questions go. Raises ``NotReady`` while models load."""
        return self._ready(self._answering)

    @property
    def vectors(self) -> VectorStore:
        """The vector index. Raises ``NotReady`` while it is opened."""
        return self._ready(self._vectors)

    def ask(
        self,
        question: str,
        *,
        collection: str | None = None,
        instruction: str | None = None,
        rerank: bool = True,
        top_k: int | None = None,
        top_n: int | None = None,
    ) -> Ask:
        """A checked question. Without a collection, every collection is searched.

        The instruction is the caller's, else the collection's, else the default of the settings. Raises
        ``BadRequest`` or ``NotFound``.
        """
        if not question.strip():
            raise BadRequest("the question is empty; type one")
        if len(question) > MAX_QUESTION:
            raise BadRequest(f"the question has {len(question)} characters; at most {MAX_QUESTION} are read")
        found = [self.collections.named(collection)] if collection else self.collections.all()
        if not found:
            raise NotFound(
                "there is nothing to search yet; `touchstone ingest PATH --collection NAME` adds documents"
            )
        for each in found:
            if each.manifest is not None:
                check(each.manifest, self.models.embedder, each.name)
        own = found[0].instruction if len(found) == 1 else ""
        return Ask(
            question=question,
            scope=Scope(frozenset(each.id for each in found)),
            collections=tuple(each.name for each in found),
            instruction=instruction if instruction is not None else own or self.settings.rerank.instruction,
            rerank=rerank,
            top_k=top_k or self.settings.retrieval.top_k,
            top_n=top_n or self.settings.rerank.top_n,
        )

    def answer(self, request: Ask) -> Result:
        """The result of a question, for callers that do not show it as it is written."""
        return next(e for e in self.answering.ask(request, lambda: False) if isinstance(e, Result))

    def ingest(
        self,
        files: list[tuple[Path, str]],
        collection: str,
        progress: Callable[[str], Progress] = lambda _: quiet,
    ) -> list[FileReport]:
        """Ingest files and wait for all of them. See ``Library.ingest``."""
        with self.writing() as library:
            return list(library.ingest(files, collection, progress))

    def add(self, data: bytes, name: str, collection: str) -> FileReport:
        """Ingest one file's bytes and wait for it. See ``Library.add``."""
        with self.writing() as library:
            return library.add(data, name, collection, quiet)

    def writing(self) -> "Writing":
        """The library, for one writer at a time."""
        return Writing(self._ready(self._library), self._writing)

    def close(self) -> None:
        """Give the data directory back."""
        closing = getattr(self._vectors, "close", None)
        if closing is not None:
            closing()
        self.database.close()
        self.lock.release()

    def _open_vectors(self) -> VectorStore:
        from retrieval.chroma import ChromaStore  # chromadb takes over a second to import

        chroma = self.settings.chroma
        if chroma.host:
            return ChromaStore.connect(chroma.host, chroma.port)
        return ChromaStore.open(self.settings.data_dir / "chroma")

    def _install_demo(self) -> None:
        connection = self.database.connection()
        if connection.execute("SELECT 1 FROM meta WHERE name = 'demo'").fetchone():
            return
        self.state = State("loading", "demo")
        files = find_files([shipped("demo") / "documents"]).files
        for report in self.ingest(list(files), DEMO):
            if report.error is not None:
                log.error("demo document %s failed: %s", report.name, report.error[1])
        with self.database.transaction() as writing:
            writing.execute("INSERT INTO meta (name, value) VALUES ('demo', '1')")

    def _ready(self, part: T | None) -> T:
        if part is None:
            raise NotReady(f"Touchstone is {self.state.name} ({self.state.detail}); try again shortly")
        return part


class Writing:
    """Holds the writer's lock while the library is used."""

    def __init__(self, library: Library, lock: threading.Lock) -> None:
        self._library = library
        self._lock = lock

    def __enter__(self) -> Library:
        self._lock.acquire()
        return self._library

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
