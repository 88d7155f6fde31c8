"""Ingestion put together: what can be done before the models are there, and what needs them."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from app.chunk_tokens import ChunkTokens
from app.chunking import chunk_settings
from app.documents import Library
from app.errors import BadRequest, NotReady
from app.failpoints import hit
from app.jobs.board import Board
from app.jobs.delivery import Delivery, Made
from app.jobs.indexing import Indexing
from app.jobs.preparing import Preparing
from app.jobs.reindexing import Reindexing
from app.jobs.service import JobService
from app.jobs.trouble import FileTrouble
from app.jobs.workers import Workers
from app.partitions import CurrentPartitions
from app.settings import Settings
from app.storage.blobs import BlobStore
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.job_leases import JobLeases
from app.storage.job_recovery import JobRecovery
from app.storage.jobs import Jobs
from app.storage.partitions import PartitionRows
from app.storage.staging import ParseResults, Staging
from app.vector_index import VectorIndex
from ingest.settings import IngestSettings
from ingest.types import Source
from retrieval.protocols import Embedder, LexicalIndex


class Ingestion:
    """Takes jobs in from the first moment; ``load`` brings what runs them, ``start`` runs them."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        blobs: BlobStore,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._database = database
        self._collections = collections
        self._documents = documents
        self._blobs = blobs
        self._monotonic = monotonic
        instance = uuid.uuid4().hex
        self.board = Board(monotonic=monotonic)
        self.jobs = Jobs(database, now=now)
        self.staging = Staging(database)
        self.partitions = PartitionRows(database)
        self._parsed = ParseResults(database)
        self._leases = JobLeases(
            database, instance=instance, now=now, monotonic=monotonic, lease_s=settings.jobs.lease_s
        )
        self.recovery = JobRecovery(
            database,
            instance=instance,
            now=now,
            monotonic=monotonic,
            lease_s=settings.jobs.lease_s,
            max_attempts=settings.jobs.max_attempts,
        )
        self.service = JobService(
            jobs=self.jobs,
            recovery=self.recovery,
            blobs=blobs,
            board=self.board,
            data_dir=settings.data_dir,
            settings=settings.jobs,
            max_file_bytes=settings.ingest.max_file_bytes,
            cleanup=self._clean_up,
        )
        self._library: Library | None = None
        self._workers: Workers | None = None
        self._delivery: Delivery | None = None
        blobs.sweep_tmp()

    def recover(self) -> None:
        """Take over what a stopped process left; before the vector index is compared with what is shown."""
        hit("recover.before")
        self.recovery.reclaim_foreign()
        self.recovery.end_cancelled()
        self.recovery.wake_parents()
        self.jobs.forget_old(keep_failed=timedelta(days=self._settings.jobs.keep_failed_days))
        hit("recover.after")

    def load(
        self,
        *,
        index: VectorIndex,
        vectors: CurrentPartitions,
        lexical: LexicalIndex,
        embedder: Embedder,
        tokens: ChunkTokens,
    ) -> Library:
        """Make the workers, which ``start`` sets to work, and the library they write to."""
        library = Library(
            database=self._database,
            collections=self._collections,
            documents=self._documents,
            staging=self.staging,
            parsed=self._parsed,
            partitions=self.partitions,
            jobs=self.recovery,
            blobs=self._blobs,
            vectors=vectors,
            lexical=lexical,
            index=index,
            embedder=embedder,
            changed=self.board.ring,
        )
        preparing = Preparing(
            database=self._database,
            jobs=self.jobs,
            documents=self._documents,
            parsed=self._parsed,
            blobs=self._blobs,
            tokens=tokens,
            settings=self._settings.ingest,
            settings_of=self.settings_of,
            passwords=self.service.passwords,
        )
        indexing = Indexing(
            database=self._database,
            documents=self._documents,
            staging=self.staging,
            partitions=self.partitions,
            library=library,
            embedder=embedder,
        )
        reindexing = Reindexing(
            database=self._database,
            collections=self._collections,
            documents=self._documents,
            jobs=self.jobs,
            recovery=self.recovery,
            staging=self.staging,
            partitions=self.partitions,
            library=library,
            embedder=embedder,
            settings_of=self.settings_of,
        )
        self._delivery = Delivery(
            database=self._database,
            preparing=preparing,
            staging=self.staging,
            library=library,
            embedder=embedder,
        )
        self._workers = Workers(
            leases=self._leases,
            recovery=self.recovery,
            board=self.board,
            preparing=preparing,
            indexing=indexing,
            reindexing=reindexing,
            cleanup=library.end_cancelled,
            cleanup_all=library.tidy,
            discard=library.discard,
            parsers=self._settings.jobs.parsers or os.cpu_count() or 1,
            lease_s=self._settings.jobs.lease_s,
            max_attempts=self._settings.jobs.max_attempts,
            monotonic=self._monotonic,
        )
        self._library = library
        library.tidy()
        return library

    def start(self, *, parse: bool = True) -> None:
        """Let the workers work; again is no error. Without ``parse`` files wait for ``deliver``."""
        if self._workers is not None:
            self._workers.start(parse=parse)

    def deliver(self, job_id: str, made_of: Callable[[Source], Made]) -> bool:
        """Take in what became of a waiting job's file elsewhere; whether the job waited and may run.

        ``made_of`` the file's bytes may raise; the job then ends, waits or is tried again as ever.
        """
        if self._workers is None or self._delivery is None:
            raise NotReady("models are still loading; what was made elsewhere cannot be taken in yet")
        delivery = self._delivery
        return self._workers.work_on(job_id, lambda held: delivery.take(held, made_of))

    def stop(self) -> None:
        """Give back what the workers have at hand, and stop them; whoever listens is told."""
        self.board.close()
        if self._workers is not None:
            self._workers.stop()

    def settings_of(self, collection_id: str) -> IngestSettings:
        """The settings with the collection's own size of chunks."""
        try:
            return chunk_settings(self._settings.ingest, self._collections.chunking(collection_id))
        except BadRequest as error:  # the settings' own size has changed since the collection's was chosen
            raise FileTrouble(
                "chunk_size", f"{error} (`touchstone collections chunking NAME` sets it for a collection)"
            ) from error

    def _clean_up(self, shas: list[str]) -> None:
        if self._library is not None and self._workers is not None:
            library = self._library
            self._workers.tidy(lambda: library.end_cancelled(shas))
            return
        self._parsed.forget_unheld()  # the rest, which needs the indexes, is swept by ``load``
        for sha256 in set(shas):
            self._blobs.discard(sha256, self._documents.uses)
