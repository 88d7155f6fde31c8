"""How long a job will still take: this step by its own speed, later steps by the jobs that ended before."""

from collections.abc import Mapping, Sequence
from statistics import median

from app.jobs.board import Progress
from app.storage.job_types import STEPS, Job

# (stage, the step it belongs to, whether it goes by bytes or by chunks)
_STAGES = (
    ("parse", "parsing", "bytes"),
    ("chunk", "chunking", "bytes"),
    ("embed", "embedding", "chunks"),
    ("index", "indexing", "chunks"),
    ("publish", "publishing", "chunks"),
)
_BYTES_PER_CHUNK = 1_000  # of files whose chunks are not counted yet, before any job has ended


def rates(finished: Sequence[Job]) -> dict[str, float]:
    """Units (bytes or chunks) a second of each stage: the median of these jobs, leaving out what was free."""
    found: dict[str, list[float]] = {}
    for job in finished:
        seconds = dict(job.seconds)
        for stage, _, unit in _STAGES:
            units = (
                job.size_bytes if unit == "bytes" else job.chunks - (job.reused if stage == "embed" else 0)
            )
            if seconds.get(stage, 0.0) > 0 and units > 0:
                found.setdefault(stage, []).append(units / seconds[stage])
    return {stage: median(values) for stage, values in found.items()}


def bytes_per_chunk(finished: Sequence[Job]) -> float:
    """How many bytes of a file become one chunk here (median)."""
    shares = [job.size_bytes / job.chunks for job in finished if job.chunks]
    return median(shares) if shares else _BYTES_PER_CHUNK


def seconds_left(
    job: Job, progress: Progress | None, known: Mapping[str, float], chunk_bytes: float
) -> float | None:
    """Seconds of work until the job is ready, without waiting for others; None where nothing tells."""
    if job.ended or job.state == "cancelling":
        return None
    chunks = job.chunks or job.size_bytes / max(chunk_bytes, 1.0)
    at, left, told = STEPS.index(job.step), 0.0, False
    for stage, step, unit in _STAGES:
        if STEPS.index(step) < at:
            continue
        units = job.size_bytes if unit == "bytes" else chunks
        here = progress if progress is not None and progress.stage == stage else None
        if here is not None and here.rate is not None:
            left, told = left + (here.total - here.done) / here.rate, True
        elif stage in known:
            done = here.done / here.total if here is not None and here.total else 0.0
            left, told = left + units * (1 - done) / known[stage], True
    return left if told else None
