"""All of it together: storage opened, models loaded, the demo in place. One ``Services`` a process."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, Unpack

from app.access.accounts import Accounts
from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Answering, Ask
from app.asking import How, checked
from app.audience import Audiences
from app.caretaker import Caretaker
from app.chunk_tokens import ChunkTokens
from app.demo import demo_installed, install_demo
from app.documents import Library
from app.errors import NotReady
from app.jobs.ingestion import Ingestion
from app.jobs.waiting import Waiting, unheard
from app.metrics import Metrics
from app.models import Models
from app.offers import Matching
from app.partitions import CurrentPartitions, open_partitions
from app.quotes import Quotes
from app.reports import FileReport
from app.result import Result
from app.settings import Settings
from app.starting import State, state_after
from app.storage.blobs import BlobStore
from app.storage.chunks import Chunks
from app.storage.collections import Collections
from app.storage.database import open_database
from app.storage.documents import Documents
from app.storage.floors import CalibratedFloors
from app.storage.idempotency import IdempotencyKeys
from app.storage.job_types import Duplicates
from app.storage.lock import DirectoryLock
from app.storage.token_ids import TokenIds
from app.vector_index import VectorIndex
from app.word_index import reconcile_words
from ingest.pipeline import Progress
from retrieval.inverted import InvertedIndex
from retrieval.protocols import SoftStatistics
from retrieval.starter_table import starter_table
from retrieval.types import Notice

T = TypeVar("T")
BuildModels = Callable[[Settings, SoftStatistics], Models]


class Services(AbstractContextManager["Services"]):
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
        """Take the data directory. Raises what ``DirectoryLock`` and ``open_database`` raise."""
        self.settings = settings
        self._build_models = build_models
        self._now = now
        self.lock = DirectoryLock(settings.data_dir)
        try:
            self.database = open_database(settings.data_dir, settings.database_busy_s)
        except BaseException:
            self.lock.release()
            raise
        self.accounts = Accounts(self.database, settings=settings.access, now=now)
        self.collections = Collections(self.database, now=now)
        self.documents = Documents(self.database, now=now, keep=timedelta(days=settings.trash_days))
        self.chunks = Chunks(self.database)
        self.floors = CalibratedFloors(self.database, now=now)
        self.audiences = Audiences(self.database)
        self.lexical = InvertedIndex(self.database.connection, table=starter_table())
        self.blobs = BlobStore(settings.data_dir / "blobs")
        self.ingestion = Ingestion(
            settings,
            database=self.database,
            collections=self.collections,
            documents=self.documents,
            blobs=self.blobs,
            now=now,
        )
        self._stopping = threading.Event()
        self.caretaker = Caretaker(
            settings,
            database=self.database,
            collections=self.collections,
            documents=self.documents,
            chunks=self.chunks,
            ingestion=self.ingestion,
            stopping=self._stopping,
            now=now,
        )
        self.state = State("loading", "starting")
        self.notices: tuple[Notice, ...] = ()
        self.metrics = Metrics()
        self.idempotency_keys = IdempotencyKeys(self.database, now=now)
        self.idempotency_keys.forget_interrupted()
        self._vectors: CurrentPartitions | None = None
        self._models: Models | None = None
        self._tokens: ChunkTokens | None = None
        self._library: Library | None = None
        self._waiting: Waiting | None = None
        self._answering: Answering | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, *, demo: bool = False) -> None:
        """Open index, models and, where asked and never done before, the demo; again after an error."""
        try:
            self.state = State("loading", "words")
            self._tell(self.build_words())
            self.state = State("loading", "models")
            self._models = self._models or self._build_models(self.settings, self.lexical)
            self.state = State("loading", "index")
            index = self.open_index()
            self._tell(self.build_index())
            self._tokens = ChunkTokens(
                TokenIds(self.database),
                chunks=self.chunks,
                tokenizer=self._models.reranker.tokenizer(),
                stopping=self._stopping,
            )
            self._library = self.ingestion.load(
                index=index,
                vectors=self.vectors,
                lexical=self.lexical,
                embedder=self._models.embedder,
                tokens=self._tokens,
            )
            self.caretaker.load(self._library, self._models.embedder)
            self._waiting = Waiting(
                collections=self.collections,
                library=self._library,
                service=self.ingestion.service,
                start=self.ingestion.start,
            )
            self._answering = Answering(
                models=self._models,
                vectors=self.vectors,
                lexical=self.lexical,
                chunks=self.chunks,
                quotes=Quotes(self.database, self.blobs),
                floors=self.floors,
                audiences=self.audiences,
                matching=Matching(
                    self.caretaker.snippets, self._models, timeout_s=self.settings.rerank.timeout_s
                ),
                settings=self.settings,
                observe=self.metrics.answered,
            )
            if demo and not demo_installed(self.database):
                self.state = State("loading", "demo")
                install_demo(self.database, self.ingest, now=self._now)
        except BaseException as error:
            self.state = state_after(error)
            raise
        self.state = State("ready")
        self._tokens.start()

    def open_index(self) -> VectorIndex:
        """Open the vector index as it is; ``load`` does so itself and makes it equal to the database."""
        if self._vectors is None:
            self._vectors, told = open_partitions(
                self.settings, self.ingestion.partitions.current, self._now, self.ingestion.board.ring
            )
            self._tell(told)
        return VectorIndex(
            self._vectors,
            database=self.database,
            collections=self.collections,
            documents=self.documents,
            staging=self.ingestion.staging,
            lexical=self.lexical,
            tell=self._tell,
        )

    def build_index(self) -> list[Notice]:
        """Make the vector index equal to the database, without any model; what had to be done."""
        self.database.require_sound()
        index = self.open_index()
        self.ingestion.recover()
        return index.reconcile()

    def build_words(self) -> list[Notice]:
        """Make the word index equal to the database; what had to be done. It is read while models load."""
        notices = reconcile_words(self.lexical, self.database, self.collections, self.ingestion.staging)
        self.lexical.start()
        return notices

    @property
    def models(self) -> Models:
        """The models. Raises ``NotReady`` while they load."""
        return self._ready(self._models)

    @property
    def answering(self) -> Answering:
        """Where questions go. Raises ``NotReady`` while models load."""
        return self._ready(self._answering)

    @property
    def tokens(self) -> ChunkTokens:
        """The stored token ids. Raises ``NotReady`` while models load."""
        return self._ready(self._tokens)

    @property
    def vectors(self) -> CurrentPartitions:
        """The vector index. Raises ``NotReady`` while it is opened."""
        return self._ready(self._vectors)

    def ask(self, question: str, *, principal: Principal, **how: Unpack[How]) -> Ask:
        """A question of this principal, checked. See ``app.asking.checked``."""
        return checked(
            question,
            Visible(self.collections, principal),
            again=self.accounts.again,
            assistants=self.caretaker.assistants,
            embedder=self.models.embedder,
            settings=self.settings,
            **how,
        )

    def answer(self, request: Ask) -> Result:
        """The result of a question, for callers that do not show it as it is written."""
        return next(e for e in self.answering.ask(request, lambda: False) if isinstance(e, Result))

    def ingest(
        self,
        files: Sequence[tuple[Path, str]],
        collection: str,
        progress: Callable[[str], Progress] = unheard,
        *,
        duplicates: Duplicates = "keep",
    ) -> list[FileReport]:
        """Ingest (path, name) pairs and wait for all of them. See ``Waiting.ingest``."""
        return self._ready(self._waiting).ingest(files, collection, progress, duplicates=duplicates)

    def add(self, data: bytes, name: str, collection: str, *, duplicates: Duplicates = "keep") -> FileReport:
        """Ingest one file's bytes and wait for it. See ``Waiting.add``."""
        return self._ready(self._waiting).add(data, name, collection, duplicates=duplicates)

    def reindex(
        self, name: str, progress: Callable[[str], Progress], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[FileReport]:
        """Build the index of a collection again and wait for it. See ``Waiting.reindex``."""
        return self._ready(self._waiting).reindex(name, progress, stopped)

    @property
    def library(self) -> Library:
        """The writer's side of the knowledge bases. Raises ``NotReady`` while models load."""
        return self._ready(self._library)

    def writing(self) -> AbstractContextManager[Library]:
        """The library, for one writer at a time."""
        return self.library.writing()

    def close(self) -> None:
        """Give the data directory back."""
        self._stopping.set()
        self.ingestion.stop()
        self.caretaker.join()
        if self._tokens is not None:
            self._tokens.join()
        if self._vectors is not None:
            self._vectors.close()
        self.lexical.close()
        self.database.close()
        self.lock.release()

    def _tell(self, notices: Sequence[Notice]) -> None:
        self.notices += tuple(each for each in notices if each not in self.notices)

    def _ready(self, part: T | None) -> T:
        if part is None:
            raise NotReady(f"Touchstone is {self.state.name} ({self.state.detail}); try again shortly")
        return part
