"""A document is deleted or replaced, or its collection deleted, while a worker is at any step of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import failpoints
from app.errors import NotFound
from app.services import Services
from app.storage.job_types import Job
from tests.faults.whole import COLLECTION, check_whole, contents, finish, opened

pytestmark = pytest.mark.fault

STEPS = (
    "parse.before", "parse.after", "chunk.before", "chunk.after", "embed.before", "embed.batch",
    "embed.after", "index.before", "index.after", "publish.before", "publish.inside", "publish.after",
)  # fmt: skip
SLEEP_S = 0.15


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with opened(tmp_path / "data") as made:
        made.ingestion.start()
        yield made
    failpoints.arm("")


def _text(name: str, days: int) -> bytes:
    return f"# Leave of {name}\n\nEmployees have {days} days of annual leave.\n".encode()


def _at(step: str, services: Services) -> Job:
    """Hand in a second version, and come back when its worker is at the step."""
    services.add(_text(step, 12), f"{step}.md", COLLECTION)
    collection = services.collections.named(COLLECTION)
    failpoints.arm(f"{step}:1=sleep:{SLEEP_S}")
    job = services.ingestion.service.submit_bytes(_text(step, 15), f"{step}.md", collection.id)
    deadline = time.monotonic() + 20
    while not failpoints.passed(step):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return job


def _shown(services: Services) -> dict[str, str]:
    """The text of each document."""
    return {
        row.name: "".join(chunk.text for chunk in services.chunks.of_document(row.id))
        for row in services.documents.shown(services.collections.named(COLLECTION).id)
    }


def test_document_deleted_at_any_step_of_its_ingestion_does_not_come_back(services: Services) -> None:
    services.add(_text("others", 9), "others.md", COLLECTION)
    for step in STEPS:
        job = _at(step, services)
        services.library.delete(COLLECTION, f"{step}.md")
        finish(services)
        time.sleep(SLEEP_S)  # a worker that was not asked wakes up and finds out
        late = step in ("index.after", *STEPS[-3:])  # the deletion waits for whoever publishes
        expected = {"cancelled", "ready"} if late else {"cancelled"}
        assert services.ingestion.jobs.get(job.id).state in expected, step
        assert set(contents(services)) == {"others.md"}, step
        check_whole(services)


def test_document_replaced_at_any_step_of_its_ingestion_ends_as_the_last_version(services: Services) -> None:
    for step in STEPS:
        _at(step, services)
        collection = services.collections.named(COLLECTION)
        services.ingestion.service.submit_bytes(_text(step, 20), f"{step}.md", collection.id)
        shown = _shown(services)[f"{step}.md"]
        assert "12 days" in shown or "15 days" in shown
        assert set(finish(services)) <= {"ready"}
        assert "20 days" in _shown(services)[f"{step}.md"], step
        check_whole(services)
    assert set(contents(services)) == {f"{step}.md" for step in STEPS}


def test_collection_deleted_at_any_step_of_an_ingestion_leaves_nothing(services: Services) -> None:
    for step in STEPS:
        _at(step, services)
        services.library.delete_collection(COLLECTION)
        with pytest.raises(NotFound):
            services.collections.named(COLLECTION)
        finish(services)
        time.sleep(SLEEP_S)
        assert services.collections.all() == [], step
        check_whole(services)
    services.add(_text("all", 1), "all.md", COLLECTION)
    assert set(contents(services)) == {"all.md"}
    check_whole(services)


def test_version_that_failed_to_be_published_is_indexed_again_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path / "data", attempts=1) as services:
        services.add(_text("a", 12), "a.md", COLLECTION)
        failpoints.arm("publish.inside=raise")
        assert services.add(_text("a", 15), "a.md", COLLECTION).status == "failed"
        failpoints.arm("")
        (failed,) = services.ingestion.jobs.page(states=("failed",))
        assert failed.step == "publishing"
    with opened(tmp_path / "data") as services:  # takes its vectors out, as of everything half-way
        services.ingestion.service.retry(failed.id)
        assert finish(services) == ["ready"]
        assert "15 days" in _shown(services)["a.md"]
        check_whole(services)
