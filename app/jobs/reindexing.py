"""Reindex: every document prepared again beside the old index, then all of them switched at once.

The plan is one ordinary job for each document (its ``parent`` is the reindex), which ends with a version
that is staged and indexed in a partition of its own but not shown. They survive a stop as any job does.
"""

from collections.abc import Callable, Sequence

from app.documents import Library
from app.failpoints import hit
from app.jobs.held import Held
from app.jobs.trouble import FileTrouble
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import DocumentRow, Documents
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Job, NewJob
from app.storage.jobs import Jobs
from app.storage.partitions import PartitionRows
from app.storage.staging import Staging, VersionId
from ingest.settings import IngestSettings
from retrieval.manifest import IndexManifest
from retrieval.protocols import Embedder


class Reindexing:
    """The index worker's part of a reindex: plan it, and switch when every document is there."""

    def __init__(
        self,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        jobs: Jobs,
        recovery: JobRecovery,
        staging: Staging,
        partitions: PartitionRows,
        library: Library,
        embedder: Embedder,
        settings_of: Callable[[str], IngestSettings],
    ) -> None:
        """``settings_of`` a collection say how it is cut; it may raise what is wrong with them."""
        self._database = database
        self._collections = collections
        self._documents = documents
        self._jobs = jobs
        self._recovery = recovery
        self._staging = staging
        self._partitions = partitions
        self._library = library
        self._embedder = embedder
        self._settings_of = settings_of

    def run(self, held: Held) -> None:
        """Lead a reindex one step on. Raises ``FileTrouble`` where a document cannot be prepared again."""
        job = held.job
        with self._library.lock:
            if job.state == "stored":
                hit("reindex.before")
                self._partitions.building(job.collection_id, job.id)
            with self._database.transaction():
                ready, lacking, failed, waiting = self._compare(job)
                if failed:
                    raise FileTrouble(
                        failed[0].code,
                        f"collection {job.name!r} keeps its old index, because {len(failed)} failed: "
                        f"{failed[0].message}",
                    )
                if lacking or waiting:
                    self._prepare(held, lacking)
                    return
                versions = [VersionId(each.collection_id, each.document_id, each.version) for each in ready]
            self._library.complete(self._partitions.building(job.collection_id, job.id), versions)
            self._switch(held, ready)
            hit("reindex.after")
            self._library.sweep()

    def _compare(self, job: Job) -> tuple[list[Job], list[DocumentRow], list[Job], int]:
        """Of the documents shown: jobs that prepared them, those without, jobs that failed, how many wait."""
        latest = {(each.document_id, each.sha256): each for each in self._jobs.family(job.id)}
        ready: list[Job] = []
        lacking: list[DocumentRow] = []
        failed: list[Job] = []
        waiting = 0
        for row in self._documents.shown(job.collection_id):
            found = latest.get((row.id, row.sha256))
            if found is not None and found.state == "failed":
                failed.append(found)
            elif found is None or (found.ended and not self._usable(found, row)):
                lacking.append(row)
            elif found.ended:
                ready.append(found)
            else:
                waiting += 1
        return ready, lacking, failed, waiting

    def _usable(self, job: Job, row: DocumentRow) -> bool:
        """Whether what the job made is newer than what is shown, of the present embedder and chunk size."""
        version = VersionId(job.collection_id, job.document_id, job.version)
        if not job.held or job.version <= row.version:
            return False
        size = self._settings_of(job.collection_id).chunk_size
        return (
            self._staging.embedder(version) == self._embedder.identity and self._staging.cut(version) == size
        )

    def _prepare(self, held: Held, rows: Sequence[DocumentRow]) -> None:
        """Ask for a new version of each document, and wait for all of them."""
        job = held.job
        for row in rows:
            self._jobs.add(
                NewJob(
                    "ingest",
                    job.collection_id,
                    row.name,
                    sha256=row.sha256,
                    size_bytes=row.size_bytes,
                    batch=job.batch,
                    owner=job.owner,
                    parent=job.id,
                    document_id=row.id,
                )
            )
        held.advance("indexing", hand_over=True)

    def _switch(self, held: Held, ready: Sequence[Job]) -> None:
        """Show every new version, and search the new partition, in one transaction."""
        job = held.job
        with self._database.transaction():
            for each in ready:
                self._library.publish(VersionId(each.collection_id, each.document_id, each.version))
            self._documents.unindex_retired(job.collection_id)
            self._collections.set_manifest(
                job.collection_id, IndexManifest(self._embedder.identity, self._embedder.dim)
            )
            self._partitions.switch(job.collection_id, self._partitions.building(job.collection_id, job.id))
            self._recovery.embed_again(job.collection_id)
            hit("reindex.inside")
            held.finish(
                "reindexed",
                pages=sum(each.pages for each in ready),
                chunks=sum(each.chunks for each in ready),
                tokens=sum(each.tokens for each in ready),
                reused=sum(each.reused for each in ready),
            )
