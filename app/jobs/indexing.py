"""The index worker's part of jobs: embed what is new, index, publish. Small documents go together."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import groupby

from app.documents import Library
from app.failpoints import hit
from app.jobs.held import Held
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.job_leases import LeaseLost
from app.storage.job_types import Outcome
from app.storage.partitions import PartitionRows
from app.storage.staging import Staging, VersionId
from retrieval.errors import RetrievalError
from retrieval.protocols import Embedder
from retrieval.types import Chunk

BATCH_S = 0.5  # seconds one call of the embedder should take: a cancelled job is let go of that soon
FIRST_BATCH, LARGEST_BATCH = 8, 256  # chunks
GiveUp = Callable[[Held, Exception], None]


class Indexing:
    """From staged chunks to a version that is shown. A group of jobs goes through each step together."""

    def __init__(
        self,
        *,
        database: Database,
        documents: Documents,
        staging: Staging,
        partitions: PartitionRows,
        library: Library,
        embedder: Embedder,
    ) -> None:
        self._database = database
        self._documents = documents
        self._staging = staging
        self._partitions = partitions
        self._library = library
        self._embedder = embedder
        self._batch = FIRST_BATCH
        self.rate = 0.0  # chunks a second of late; 0 before the first batch

    def run(self, group: Sequence[Held], give_up: GiveUp) -> None:
        """Lead jobs to their end. ``give_up`` hears of each job that cannot go on, and why.

        Raises what hit the whole group; its jobs are then as they were after the last step that was kept.
        """
        going = _each(group, self._begin, give_up)
        going = self._embed(going, give_up)
        going = self._index(going, give_up)
        self._publish(going, give_up)

    def _begin(self, held: Held) -> None:
        """Take over the vectors that are known already."""
        if held.job.state == "embedding":
            if not held.job.parent:
                self._library.require(held.job.collection_id)
            held.reused = self._staging.begin(version_of(held), self._embedder.identity)

    def _embed(self, group: list[Held], give_up: GiveUp) -> list[Held]:
        """Make the vectors that lack, batch by batch over all documents, texts of like length together."""
        embedding = [held for held in group if held.job.state == "embedding"]
        if not embedding:
            return group
        hit("embed.before")
        pending = [(held, each) for held in embedding for each in self._staging.pending(version_of(held))]
        pending.sort(key=lambda pair: (-pair[1].tokens, pair[1].id))
        lacking = Counter(held.job.id for held, _ in pending)
        while pending:
            batch, pending = pending[: self._batch], pending[self._batch :]
            self._embed_batch(batch)
            lacking.subtract(held.job.id for held, _ in batch)
            touched = list({held.job.id: held for held, _ in batch}.values())
            alive = _each(touched, lambda held: _tell(held, "embed", lacking[held.job.id]), give_up)
            gone = {held.job.id for held in touched} - {held.job.id for held in alive}
            pending = [pair for pair in pending if pair[0].job.id not in gone]
            group = [held for held in group if held.job.id not in gone]
        hit("embed.after")
        with self._database.transaction():
            return _each(group, _embedded, give_up)

    def _embed_batch(self, batch: Sequence[tuple[Held, Chunk]]) -> None:
        began = time.perf_counter()
        rows = self._embedder.embed_passages([each.contextual_text for _, each in batch])
        seconds = time.perf_counter() - began
        if rows.shape != (len(batch), self._embedder.dim):
            raise ValueError(
                f"{self._embedder.identity} gave vectors of shape {rows.shape} for {len(batch)} texts; "
                f"({len(batch)}, {self._embedder.dim}) was promised"
            )
        self._staging.keep([each.id for _, each in batch], rows)
        hit("embed.batch")
        told = self._embedder.drain_notices()
        for held in {held.job.id: held for held, _ in batch}.values():
            held.notices += told
        for held, _ in batch:
            held.took("embed", seconds / len(batch))
        self.rate = len(batch) / max(seconds, 1e-6)
        fitting = int(self.rate * BATCH_S)
        self._batch = max(1, min(fitting, 2 * self._batch, LARGEST_BATCH))

    def _index(self, group: list[Held], give_up: GiveUp) -> list[Held]:
        """Put the vectors of all documents into the vector index, as few large adds."""
        indexing = [held for held in group if held.job.state == "indexing"]
        hit("index.before")
        began = time.perf_counter()
        with self._library.lock:
            for place, same in groupby(sorted(indexing, key=self._place), key=self._place):
                self._library.index(place, [version_of(held) for held in same], lambda: _tell_all(indexing))
            hit("index.after")
            _share(indexing, "index", time.perf_counter() - began)
            with self._database.transaction():
                going = _each(indexing, lambda held: held.advance("publishing"), give_up)
            self._retract(indexing, going)
        return going + [held for held in group if held not in indexing]

    def _place(self, held: Held) -> str:
        """The partition the job's vectors go to."""
        if held.job.parent:
            return self._partitions.building(held.job.collection_id, held.job.parent)
        return held.job.collection_id

    def _publish(self, group: list[Held], give_up: GiveUp) -> None:
        """Show the versions: words, current version and job in one transaction for all of them."""
        hit("publish.before")
        began = time.perf_counter()
        with self._library.lock:
            with self._database.transaction():
                going = _each(group, Held.check, give_up)
                outcomes = [(held, self._show(held)) for held in going]
                hit("publish.inside")
                _share(going, "publish", time.perf_counter() - began)
                for held, outcome in outcomes:
                    held.finish(outcome, held=outcome == "reindexed")
            hit("publish.after")
            self._retract(group, going)
            self._library.sweep()

    def _show(self, held: Held) -> Outcome:
        """Inside the publishing transaction: the version becomes the current one."""
        job = held.job
        if job.parent:
            return "reindexed"  # it is shown together with all others
        present = self._documents.find(job.collection_id, job.name)
        if job.duplicates == "replace":
            self._library.retire_same_bytes(job.collection_id, job.sha256, but=job.name)
        self._library.publish(version_of(held))
        return "replaced" if present is not None and present.version else "added"

    def _retract(self, group: Sequence[Held], going: Sequence[Held]) -> None:
        """Take out of the vector index what was put in for jobs that were cancelled meanwhile."""
        kept = {held.job.id for held in going}
        for held in group:
            if held.job.id not in kept:
                self._library.retract(self._place(held), version_of(held), held.job.chunks)


def version_of(held: Held) -> VersionId:
    """The version a job has staged."""
    return VersionId(held.job.collection_id, held.job.document_id, held.job.version)


def _each(group: Sequence[Held], act: Callable[[Held], object], give_up: GiveUp) -> list[Held]:
    """Do it for each job; those for which it went well. Storage that fails hits all: it is raised."""
    going = []
    for held in group:
        try:
            act(held)
        except (LeaseLost, RetrievalError) as error:
            give_up(held, error)
        else:
            going.append(held)
    return going


def _tell(held: Held, stage: str, lacking: int) -> None:
    held.progress(stage, held.job.chunks - lacking, max(held.job.chunks, 1))


def _tell_all(group: Sequence[Held]) -> None:
    for held in group:
        with suppress(LeaseLost):  # seen by the next step, once the index is whole again
            held.progress("index", 0, 1)


def _embedded(held: Held) -> None:
    if held.job.state == "embedding":
        held.advance("indexing", reused=held.reused, notices=held.job.notices + held.notices)


def _share(group: Sequence[Held], stage: str, seconds: float) -> None:
    """Share out the time a common step took, by chunks."""
    chunks = sum(held.job.chunks for held in group)
    for held in group:
        held.took(stage, seconds * held.job.chunks / max(chunks, 1))
