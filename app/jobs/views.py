"""Jobs as the API, the page and the command line see them."""

from datetime import datetime

from app.jobs.service import JobService, report_of
from app.reports import FileReportView, file_report_view
from app.result import View
from app.storage.job_types import Duplicates, Job, JobAttempt, JobEvent, Kind, State, Step


class ProgressView(View):
    """How far a step is: ``done`` of ``total`` pages (parse), chunks (embed) or documents (reindex)."""

    stage: str
    done: int
    total: int


class JobView(View):
    """A job.

    ``step``: where it is, or where it stopped. ``running``: a worker is at it. ``ahead``: how many wait
    before it. ``seconds_left``: of its own work, null where nothing tells yet. ``code`` and ``message``: why
    it failed, or what it waits for until ``retry_at``. ``report``: what became of the file, at the end.
    """

    id: str
    kind: Kind
    batch: str
    collection: str
    name: str
    size_bytes: int
    duplicates: Duplicates
    state: State
    step: Step
    running: bool
    ahead: int
    attempt: int
    progress: ProgressView | None
    seconds_left: float | None
    code: str
    message: str
    retryable: bool
    retry_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    report: FileReportView | None


class JobList(View):
    """Jobs, newest first; ``counts`` by state are of all that fit but for the state asked for."""

    data: tuple[JobView, ...]
    next_cursor: str | None
    counts: dict[State, int]


class EventView(View):
    """Something that happened to a job: a new state, or a milestone (received, waiting, resumed, retried)."""

    id: int
    job_id: str
    at: datetime
    state: str
    code: str
    message: str


class AttemptView(View):
    """One worker's try: from which step, and how it ended ("" while it runs)."""

    number: int
    step: Step
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    message: str


class JobDetail(View):
    """A job with all that happened to it, oldest first."""

    job: JobView
    events: tuple[EventView, ...]
    attempts: tuple[AttemptView, ...]


def job_view(job: Job, collection: str, service: JobService, ahead: int = 0) -> JobView:
    """A job as it stands, under the name of its collection, with so many waiting before it."""
    left = service.seconds_left(job)
    return JobView(
        id=job.id,
        kind=job.kind,
        batch=job.batch,
        collection=collection,
        name=job.name,
        size_bytes=job.size_bytes,
        duplicates=job.duplicates,
        state=job.state,
        step=job.step,
        running=job.lease is not None,
        ahead=ahead,
        attempt=job.attempt,
        progress=_progress(job, service),
        seconds_left=None if left is None else round(left, 1),
        code=job.code,
        message=job.message,
        retryable=job.state == "failed" and job.held,
        retry_at=job.retry_at,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        report=file_report_view(report_of(job)) if job.ended else None,
    )


def event_view(event: JobEvent) -> EventView:
    """An event for JSON."""
    return EventView(
        id=event.id,
        job_id=event.job_id,
        at=event.at,
        state=event.state,
        code=event.code,
        message=event.message,
    )


def attempt_view(attempt: JobAttempt) -> AttemptView:
    """An attempt for JSON."""
    return AttemptView(
        number=attempt.number,
        step=attempt.step,
        worker=attempt.worker,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=attempt.outcome,
        message=attempt.message,
    )


def _progress(job: Job, service: JobService) -> ProgressView | None:
    if job.kind == "reindex" and not job.ended:
        family = service.jobs.family(job.id)
        return ProgressView(stage="documents", done=sum(each.ended for each in family), total=len(family))
    found = service.progress(job)
    return None if found is None else ProgressView(stage=found.stage, done=found.done, total=found.total)
