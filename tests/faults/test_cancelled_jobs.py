"""A job cancelled in any state is gone in two seconds, and leaves nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import failpoints
from tests.faults.whole import check_whole, opened

pytestmark = pytest.mark.fault

LEAVE = b"# Leave\n\nEmployees have 12 days of annual leave.\n"
SLEEP_S = 1.3  # a worker that cannot hear: longer than it is given to let go of the job
STATES = {
    "parse.before": "parsing",
    "chunk.before": "chunking",
    "embed.batch": "embedding",
    "index.before": "indexing",
    "publish.before": "publishing",
}


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@pytest.mark.parametrize("point", STATES)
def test_job_cancelled_in_any_state_is_gone_in_two_seconds_without_residue(
    point: str, tmp_path: Path
) -> None:
    with opened(tmp_path / "data") as services:
        services.add(LEAVE, "leave.md", "handbook")
        collection, service = services.collections.named("handbook"), services.ingestion.service
        failpoints.arm(f"{point}:1=sleep:{SLEEP_S}")
        job = service.submit_bytes(LEAVE.replace(b"12", b"15"), "leave.md", collection.id)
        while (now := service.jobs.get(job.id)).state != STATES[point] or not failpoints.passed(point):
            assert not now.ended
            time.sleep(0.005)
        began = time.monotonic()
        service.cancel(job.id)
        (ended,) = service.wait([job.id])
        assert time.monotonic() - began < 2
        assert ended.state == "cancelled"
        time.sleep(max(0.0, SLEEP_S + 0.3 - (time.monotonic() - began)))  # the worker wakes up and finds out
        check_whole(services)
        assert services.documents.shown(collection.id)[0].version == 1
        assert services.add(LEAVE.replace(b"12", b"15"), "leave.md", "handbook").status == "replaced"
        check_whole(services)
