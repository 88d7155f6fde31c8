"""What a person does with jobs; the API and the command line both go through here."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.access.principal import Level, Principal
from app.access.visible import Visible
from app.errors import BadRequest, NotFound
from app.jobs.views import JobDetail, JobList, JobView, attempt_view, event_view, job_view
from app.services import Services
from app.storage.blobs import Incoming
from app.storage.collections import Collection, check_name
from app.storage.job_types import Duplicates, Job, NewJob, State
from app.storage.jobs import missing

PAGE = 50
LARGEST_PAGE = 200


class Desk:
    """Hands files in, lists jobs, cancels and retries them.

    What is unknown raises ``NotFound``, and so do the jobs of a collection the principal may not write to.
    """

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._visible = Visible(services.collections, principal)
        self._service = services.ingestion.service

    def expect(self, collection: str) -> None:
        """Raise, before any byte is sent, what would refuse a file for this collection.

        ``BadRequest`` for a name that cannot be given, ``IndexMismatch`` where another embedder made the
        vectors (where the models are loaded: else the job waits for them, and fails with that code).
        """
        found = self._visible.expected(collection, "write")
        if found is None:
            check_name(collection)
        elif self._services.state.name == "ready":
            self._services.library.require(found.id)

    def take(
        self,
        incoming: Incoming,
        name: str,
        collection: str,
        *,
        duplicates: Duplicates = "keep",
        batch: str = "",
        instruction: str | None = None,
    ) -> JobView:
        """Acknowledge a received file; the collection is made where it did not exist."""
        found = self._taking(collection, instruction)
        owner = self._principal.id
        job = self._service.submit(
            incoming, name, found.id, duplicates=duplicates, batch=batch, owner=owner
        )
        self._services.accounts.audit.note(self._principal, "upload", job.id)
        return job_view(job, collection, self._service)

    def submit(
        self,
        path: Path,
        name: str,
        collection: str,
        *,
        duplicates: Duplicates = "keep",
        batch: str = "",
        instruction: str | None = None,
    ) -> JobView:
        """Hand in a file of this machine. Raises ``IngestError`` where it cannot be taken."""
        found = self._taking(collection, instruction)
        job = self._service.submit_path(
            path, name, found.id, duplicates=duplicates, batch=batch, owner=self._principal.id
        )
        self._services.accounts.audit.note(self._principal, "upload", job.id)
        return job_view(job, collection, self._service)

    def read_again(self, collection: str, names: Sequence[str]) -> tuple[JobView, ...]:
        """Read the kept bytes of these documents again, with the present chunk size and parser: a job each.

        All of them are taken, or none. Each stays as it is until its new version is there. Raises
        ``NotFound`` for a document that is not shown, ``IndexMismatch`` where another embedder made the
        vectors (where the models are loaded: else the jobs wait for them, and fail with that code).
        """
        found, batch, jobs = self._visible.named(collection, "write"), uuid.uuid4().hex, list[Job]()
        if self._services.state.name == "ready":
            self._services.library.require(found.id)
        with self._services.database.transaction():
            for name in dict.fromkeys(names):
                row = self._services.documents.find(found.id, name)
                if row is None or not row.version:
                    raise NotFound(f"document {name!r} is not in collection {collection!r}")
                new = NewJob(
                    "ingest",
                    found.id,
                    name,
                    sha256=row.sha256,
                    size_bytes=row.size_bytes,
                    batch=batch,
                    owner=self._principal.id,
                    document_id=row.id,
                )
                jobs.append(self._service.jobs.add(new))
            self._services.accounts.audit.note(
                self._principal, "reindex", found.id, details={"documents": str(len(jobs))}
            )
        self._service.board.ring()
        return self._views(jobs)

    def jobs(
        self,
        *,
        collection: str = "",
        states: Sequence[State] = (),
        batch: str = "",
        cursor: str = "",
        limit: int = PAGE,
    ) -> JobList:
        """Jobs that fit, newest first, page by page; the jobs of a reindex's documents are part of it."""
        if cursor and not cursor.isdecimal():
            raise BadRequest(
                f"cursor {cursor!r} is not one that a list gave; leave it out for the first page"
            )
        limit = max(1, min(limit, LARGEST_PAGE))
        seen = self._seen(collection)
        found = self._service.jobs.page(
            collections=seen, states=states, batch=batch, before=int(cursor or 0), limit=limit
        )
        return JobList(
            data=self._views(found),
            next_cursor=str(found[-1].seq) if len(found) == limit else None,
            counts=self._service.jobs.counts(collections=seen, batch=batch),
        )

    def running(self) -> list[JobView]:
        """Jobs that a worker has, and reindexes that wait for theirs, oldest first."""
        running = self._service.jobs.running()
        return list(self._views([each for each in running if self.sees(each.collection_id)]))

    def sees(self, collection_id: str) -> bool:
        """Whether the jobs of a collection are his to see."""
        return self._principal.may(collection_id, "write")

    def job(self, job_id: str) -> JobDetail:
        """One job with what happened to it."""
        return JobDetail(
            job=self._view(self._known(job_id)),
            events=tuple(event_view(each) for each in self._service.jobs.history(job_id)),
            attempts=tuple(attempt_view(each) for each in self._service.jobs.attempts(job_id)),
        )

    def cancel_job(self, job_id: str) -> JobView:
        """End a job; a running one is ``cancelling`` until its worker lets go of it, within two seconds."""
        return self._view(self._service.cancel(self._known(job_id).id))

    def retry_job(self, job_id: str, password: str = "") -> JobView:
        """Let a failed job go on at the step that failed. Raises ``BadRequest`` where it cannot."""
        return self._view(self._service.retry(self._known(job_id).id, password))

    def finish(self, job_ids: Sequence[str]) -> Iterator[JobView]:
        """Each of these jobs when it has ended; the workers must run."""
        for job in self._service.wait(job_ids):
            yield self._view(job)

    def _taking(self, collection: str, instruction: str | None) -> Collection:
        """The collection a file goes to, made where it did not exist."""
        level: Level = "write" if instruction is None else "manage"
        with self._services.database.transaction():
            found = self._visible.created(collection, level, self._services.accounts.granted_on_creation)
            if instruction is not None:
                self._services.collections.set_instruction(found.id, instruction)
        return found

    @property
    def _principal(self) -> Principal:
        return self._visible.principal

    def _known(self, job_id: str) -> Job:
        job = self._service.jobs.get(job_id)
        if not self.sees(job.collection_id):
            raise NotFound(missing(job_id))
        return job

    def _seen(self, collection: str) -> frozenset[str] | None:
        """The ids of the collections whose jobs are wanted and his; None for all there are."""
        if collection:
            return frozenset((self._visible.named(collection, "write").id,))
        if self._principal.sees_all:
            return None
        return frozenset(each.id for each in self._visible.all("write"))

    def _view(self, job: Job) -> JobView:
        return self._views([job])[0]

    def _views(self, jobs: Sequence[Job]) -> tuple[JobView, ...]:
        waiting = any(job.lease is None and not job.ended for job in jobs)
        line = self._service.jobs.line() if waiting else {}
        names = self._services.collections.names() if jobs else {}
        return tuple(
            job_view(job, names.get(job.collection_id, ""), self._service, line.get(job.id, 0))
            for job in jobs
        )
