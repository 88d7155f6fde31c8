"""The parse worker's part of a job: settle duplicates, parse, chunk, stage."""

import logging
import time
from collections.abc import Callable, MutableMapping
from dataclasses import replace

import numpy as np

from app.chunk_tokens import ChunkTokens
from app.failpoints import hit
from app.jobs.cutting import Cut, cut
from app.jobs.held import Held
from app.jobs.trouble import FileTrouble
from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.job_types import Job
from app.storage.jobs import Jobs
from app.storage.staging import ParseResults
from app.storage.suspicious import write_flags
from ingest.errors import IngestError
from ingest.load import to_source
from ingest.parse import parse, parser_identity
from ingest.reply import unpack
from ingest.settings import IngestSettings
from ingest.types import Document, Prepared, Source
from ingest.wire import pack
from retrieval.types import Notice

log = logging.getLogger(__name__)


class Preparing:
    """From kept bytes to staged chunks without vectors. Each step's result is kept before the next begins."""

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        documents: Documents,
        parsed: ParseResults,
        blobs: BlobStore,
        tokens: ChunkTokens,
        settings: IngestSettings,
        settings_of: Callable[[str], IngestSettings],
        passwords: MutableMapping[str, str],
    ) -> None:
        """``passwords`` of encrypted files by job, kept in memory until they have been tried.

        ``settings_of`` a collection say how it is cut; it may raise what is wrong with them.
        """
        self._database = database
        self._jobs = jobs
        self._documents = documents
        self._parsed = parsed
        self._blobs = blobs
        self._tokens = tokens
        self._settings = settings
        self._settings_of = settings_of
        self._passwords = passwords

    def run(self, held: Held) -> None:
        """Lead a job from parsing to embedding, or to its end where nothing is to be made.

        Raises what is wrong with the file, and ``LeaseLost``.
        """
        if not held.job.parent and self.settled(held):
            return
        document = self._document(held)
        if held.job.state == "parsing":
            held.advance("chunking", pages=len(document.pages))
        hit("chunk.before")
        began = time.perf_counter()
        held.progress("chunk", 0, 1)
        made = cut(document, self._settings_of(held.job.collection_id), self._tokens.read)
        held.took("chunk", time.perf_counter() - began)
        with self._database.transaction():
            self.stage(held, made, hand_over=True)
        hit("chunk.after")

    def settled(self, held: Held) -> bool:
        """Whether the job has nothing to do, because the collection holds these bytes already."""
        job = held.job
        present = self._documents.find(job.collection_id, job.name)
        if _reads_again(job):
            if present is None or not present.version:
                held.finish("gone")
                return True
            if present.sha256 == job.sha256:
                return False
            held.finish("unchanged", pages=present.pages, chunks=present.chunks)  # newer bytes came first
            return True
        if present is not None and present.version and present.sha256 == job.sha256:
            held.finish("unchanged", pages=present.pages, chunks=present.chunks)
            return True
        other = self._jobs.same_bytes(job.collection_id, job.sha256, job.name)
        if other is None or job.duplicates == "keep":
            return False
        if job.duplicates == "skip":
            held.finish("skipped", notices=(Notice.of("duplicate_skipped", document=other),))
            return True
        if present is not None and present.version:
            return False  # both names are there: this one gets a new version, the other goes when it is shown
        with self._database.transaction():
            if not self._documents.rename(job.collection_id, other, job.name):
                return False  # a deleted document of this name is kept: this becomes its new version
            held.finish("renamed", notices=(Notice.of("duplicate_renamed", document=other),))
        return True

    def _document(self, held: Held) -> Document:
        """The parsed document: kept from an earlier try, or parsed now and kept."""
        job = held.job
        source = self.source(job)
        # The name belongs to it: a document without a title of its own is called by its name.
        parser = f"{parser_identity(source.media_type, self._settings)} {job.name}"
        kept = self._kept(source, parser)
        if kept is not None:
            document, seconds = kept
            held.seconds.setdefault("parse", seconds)
            return document
        hit("parse.before")
        began = time.perf_counter()
        held.progress("parse", 0, 1)
        try:
            document = parse(
                source, self._settings, progress=held.progress, password=self._passwords.get(job.id, "")
            )
        except IngestError:
            self._passwords.pop(job.id, None)
            raise
        seconds = time.perf_counter() - began
        held.took("parse", seconds)
        held.check()
        self._parsed.put(job.sha256, parser, pack(document), seconds)
        self._passwords.pop(job.id, None)
        hit("parse.after")
        return document

    def _kept(self, source: Source, parser: str) -> tuple[Document, float] | None:
        kept = self._parsed.get(source.sha256, parser)
        if kept is None:
            return None
        try:
            return unpack(kept[0], source), kept[1]
        except ValueError as error:
            log.warning("a kept parse result cannot be used: %s", error)
            return None

    def source(self, job: Job) -> Source:
        """The kept bytes of a job. Raises ``FileTrouble`` where they are gone or changed, ``IngestError``."""
        try:
            data = self._blobs.path(job.sha256).read_bytes()
        except FileNotFoundError as error:
            raise FileTrouble(
                "bytes_lost", f"{job.name}: its kept bytes are gone; upload it again"
            ) from error
        source = to_source(
            data, name=job.name, collection=job.collection_id, document_id="", settings=self._settings
        )
        if source.sha256 != job.sha256:
            raise FileTrouble(
                "bytes_damaged", f"{job.name}: its kept bytes have changed on the disk; upload it again"
            )
        return source

    def stage(self, held: Held, made: Cut, *, hand_over: bool) -> None:
        """Stage the version that a cut document becomes; inside a transaction. The job goes to embedding.

        It ends as ``gone`` where its document was deleted while it was prepared again. ``hand_over`` gives it
        to the index worker.
        """
        held.check()
        claimed = self._claim(held.job)
        if claimed is None:
            held.finish("gone")
            return
        document_id, version = claimed
        notices = (*made.notices, *self._kept_twice(held.job))
        source = replace(made.document.source, document_id=document_id)
        named = tuple(
            replace(
                each, id=f"{document_id}:{version}:{each.ordinal}", document_id=document_id, version=version
            )
            for each in made.chunks
        )
        prepared = Prepared(
            replace(made.document, source=source), named, np.zeros((len(named), 0), np.float32), notices, ()
        )
        self._documents.stage(
            prepared,
            version,
            [replace(row, chunk_id=each.id) for row, each in zip(made.tokens, named, strict=True)]
            if made.tokens
            else (),
            cut=made.size,
        )
        write_flags(self._database.connection(), document_id, version, made.flags, named)
        held.advance(
            "embedding",
            hand_over=hand_over,
            document_id=document_id,
            version=version,
            pages=len(made.document.pages),
            chunks=len(named),
            tokens=sum(each.tokens for each in named),
            notices=notices,
        )

    def _claim(self, job: Job) -> tuple[str, int] | None:
        """Document and version to fill; None for a document that was deleted while it was prepared again."""
        if job.parent or _reads_again(job):
            return self._documents.claim_again(job.document_id)
        return self._documents.claim(job.collection_id, job.name)

    def _kept_twice(self, job: Job) -> tuple[Notice, ...]:
        other = self._jobs.same_bytes(job.collection_id, job.sha256, job.name)
        if other is None or job.parent or _reads_again(job):
            return ()
        return (Notice.of("duplicate_kept", document=other),) if job.duplicates == "keep" else ()


def _reads_again(job: Job) -> bool:
    """Whether it was made to read a document again, by name: only such a job knows it before it claims."""
    return not job.parent and bool(job.document_id) and not job.version
