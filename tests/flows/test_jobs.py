"""Files come twice, at once, while the embedder is away, and are cancelled, deleted and tried again."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pypdf
import pytest

from app import failpoints
from app.access.principal import LOCAL
from app.jobs.trouble import FileTrouble
from app.models import Models
from app.services import Services
from app.settings import JobSettings, Settings
from app.storage.job_types import Job
from app.wiring import build_models
from retrieval.protocols import SoftStatistics
from tests.fakes.embedder import SwitchEmbedder
from tests.faults.whole import check_whole
from tests.ingest.pdfs import make_pdf, text

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"
SECTIONS = "".join(
    f"# Section {n}\n\n{'Sentence number ' + str(n) + ' says this. ' * 30}\n\n" for n in range(9)
)


class House:
    """Services on a data directory, with an embedder that can be switched."""

    def __init__(self, data_dir: Path, jobs: JobSettings) -> None:
        self._settings = Settings(data_dir=data_dir, profile="starter", demo=False, trash_days=0, jobs=jobs)
        self._stack = ExitStack()
        self.embedder: SwitchEmbedder

    def open(self, *, load: bool = True) -> Services:
        """As a new process would."""
        services = self._stack.enter_context(Services(self._settings, build_models=self._build))
        if load:
            services.load()
        return services

    def close(self) -> None:
        self._stack.close()

    def _build(self, settings: Settings, statistics: SoftStatistics) -> Models:
        models = build_models(settings, statistics)
        self.embedder = SwitchEmbedder(models.embedder)
        return replace(models, embedder=self.embedder)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data", JobSettings(parsers=2, uploads_per_owner=50, disk_reserve_bytes=0))
    yield made
    failpoints.arm("")
    made.close()


def _names(services: Services) -> list[str]:
    return [row.name for row in services.documents.shown(services.collections.named("handbook").id)]


def _hand_in(services: Services, data: str | bytes, name: str) -> Job:
    """Hand a file in without waiting for it."""
    collection = services.collections.create("handbook")
    services.ingestion.start()
    data = data.encode() if isinstance(data, str) else data
    return services.ingestion.service.submit_bytes(data, name, collection.id)


def _ended(services: Services, *jobs: Job) -> list[Job]:
    found = list(services.ingestion.service.wait([job.id for job in jobs]))
    services.library.settle()
    return found


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_same_file_twenty_times_at_once_is_one_document_and_one_blob(house: House) -> None:
    services = house.open()
    services.collections.create("handbook")
    together = threading.Barrier(20)

    def send(_: int) -> str:
        together.wait()
        return services.add(LEAVE.encode(), "leave.md", "handbook").status

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(send, range(20)))
    assert statuses == ["added", *["unchanged"] * 19]
    check_whole(services)


def test_same_bytes_under_another_name_are_skipped_renamed_or_kept_as_asked(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "a.md", "handbook")
    skipped = services.add(LEAVE.encode(), "b.md", "handbook", duplicates="skip")
    assert (skipped.status, skipped.notices[0].code) == ("skipped", "duplicate_skipped")
    assert skipped.notices[0].values == (("document", "a.md"),)
    assert _names(services) == ["a.md"]
    assert services.add(LEAVE.encode(), "b.md", "handbook", duplicates="replace").status == "renamed"
    assert _names(services) == ["b.md"]
    kept = services.add(LEAVE.encode(), "c.md", "handbook", duplicates="keep")
    assert (kept.status, kept.reused, kept.notices[0].code) == ("added", kept.chunks, "duplicate_kept")
    assert _names(services) == ["b.md", "c.md"]
    check_whole(services)


def test_replacing_a_duplicate_by_a_name_that_is_taken_leaves_one_document(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "a.md", "handbook")
    services.add(b"# Travel\n\nFlights are booked by the office.\n", "b.md", "handbook")
    assert services.add(LEAVE.encode(), "b.md", "handbook", duplicates="replace").status == "replaced"
    assert _names(services) == ["b.md"]
    check_whole(services)


def test_new_version_embeds_only_the_chunks_that_changed(house: House) -> None:
    services = house.open()
    first = services.add(SECTIONS.encode(), "sections.md", "handbook")
    assert (first.chunks, first.reused) == (9, 0)
    house.embedder.texts.clear()
    changed = SECTIONS.replace("Sentence number 4", "Sentence number four")
    second = services.add(changed.encode(), "sections.md", "handbook")
    assert (second.status, second.chunks, second.reused) == ("replaced", 9, 8)
    assert len(house.embedder.texts) == 1
    assert "Sentence number four" in house.embedder.texts[0]
    check_whole(services)


def test_file_handed_in_while_models_load_is_ingested_when_they_are_there(house: House) -> None:
    services = house.open(load=False)
    collection = services.collections.create("handbook")
    job = services.ingestion.service.submit_bytes(LEAVE.encode(), "leave.md", collection.id)
    assert services.ingestion.jobs.get(job.id).state == "stored"
    services.load()
    services.ingestion.start()
    assert [ended.state for ended in _ended(services, job)] == ["ready"]
    check_whole(services)


def test_jobs_wait_for_an_embedder_that_is_away_and_are_not_failed(house: House) -> None:
    services = house.open()
    house.embedder.away = True
    job = _hand_in(services, LEAVE, "leave.md")
    _until(lambda: services.ingestion.jobs.get(job.id).code == "embedder_unavailable")
    waiting = services.ingestion.jobs.get(job.id)
    assert (waiting.state, waiting.message) == (
        "embedding", "the embedding server does not answer; start it again",
    )  # fmt: skip
    assert waiting.retry_at is not None
    house.embedder.away = False
    assert [ended.state for ended in _ended(services, job)] == ["ready"]
    check_whole(services)


def test_acknowledged_files_outlive_a_restart_and_keep_the_vectors_they_had(house: House) -> None:
    services = house.open()
    house.embedder.hold()
    jobs = [_hand_in(services, LEAVE, "leave.md"), _hand_in(services, SECTIONS, "sections.md")]
    house.embedder.entered.wait(10)
    threading.Timer(0.2, house.embedder.release).start()
    services.close()
    services = house.open()
    assert [job.lease for job in services.ingestion.jobs.open()] in ([None], [None, None])
    services.ingestion.start()
    assert [ended.state for ended in _ended(services, *jobs)] == ["ready", "ready"]
    assert _names(services) == ["leave.md", "sections.md"]
    check_whole(services)


def test_document_deleted_while_it_is_ingested_does_not_come_back(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    house.embedder.hold()
    job = _hand_in(services, LEAVE.replace("12", "15"), "leave.md")
    house.embedder.entered.wait(10)
    with services.writing() as library:
        library.delete("handbook", "leave.md")
    assert services.ingestion.jobs.get(job.id).state == "cancelled"
    house.embedder.release()
    _until(lambda: not services.ingestion.jobs.open())
    services.add(b"# Travel\n\nFlights.\n", "travel.md", "handbook")  # the worker has let go of the other
    assert _names(services) == ["travel.md"]
    check_whole(services)


def test_collection_deleted_while_files_come_in_leaves_nothing(house: House, tmp_path: Path) -> None:
    services = house.open()
    house.embedder.hold()
    for number in range(5):
        _hand_in(services, f"# Leave {number}\n\nEmployees have {number} days.\n", f"{number}.md")
    house.embedder.entered.wait(10)
    with services.writing() as library:
        library.delete_collection("handbook")
    house.embedder.release()
    services.add(b"# Travel\n\nFlights.\n", "travel.md", "handbook")
    assert _names(services) == ["travel.md"]
    check_whole(services)


def _locked_pdf() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf([text(72, 700, "Annual leave is 12 days.")])))
    writer.encrypt("Password1234_", algorithm="AES-128")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def _locked_workbook() -> bytes:
    pytest.importorskip("msoffcrypto")
    golden = Path(__file__).parents[2] / "data" / "golden" / "office"
    return (golden / "locked_agile.xlsx").read_bytes()


@pytest.mark.parametrize(("make", "name"), [(_locked_pdf, "leave.pdf"), (_locked_workbook, "leave.xlsx")])
def test_failed_file_is_kept_until_it_is_tried_again_with_its_password(
    house: House, make: Callable[[], bytes], name: str
) -> None:
    services = house.open()
    (failed,) = _ended(services, _hand_in(services, make(), name))
    assert (failed.state, failed.step, failed.code, failed.attempt) == ("failed", "parsing", "encrypted", 1)
    services.ingestion.service.retry(failed.id, "wrong")
    assert [job.code for job in _ended(services, failed)] == ["encrypted"]
    services.ingestion.service.retry(failed.id, "Password1234_")
    assert [job.state for job in _ended(services, failed)] == ["ready"]
    assert services.ingestion.service.passwords == {}
    dump = "\n".join(services.database.connection().iterdump())
    assert "Password1234_" not in dump
    check_whole(services)


def test_failed_upload_does_not_poison_the_next_of_the_same_name(house: House) -> None:
    services = house.open()
    assert services.add(b"%PDF-1.7 broken", "leave.pdf", "handbook").status == "failed"
    good = make_pdf([text(72, 700, "Annual leave is 12 days.")])
    assert services.add(good, "leave.pdf", "handbook").status == "added"
    assert services.add(b"%PDF-1.7 broken", "leave.pdf", "handbook").status == "failed"
    assert services.add(good, "leave.pdf", "handbook").status == "unchanged"
    check_whole(services)


def test_file_of_an_embedder_that_left_is_embedded_anew(house: House) -> None:
    services = house.open()
    house.embedder.away = True
    job = _hand_in(services, LEAVE, "leave.md")
    _until(lambda: services.ingestion.jobs.get(job.id).code == "embedder_unavailable")
    house.embedder.name, house.embedder.away = "another-model", False
    assert [ended.state for ended in _ended(services, job)] == ["ready"]
    manifest = services.collections.named("handbook").manifest
    assert manifest is not None
    assert manifest.embedder_identity == "another-model"


def test_reindex_takes_in_what_came_and_leaves_out_what_went_meanwhile(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    services.add(SECTIONS.encode(), "sections.md", "handbook")
    collection = services.collections.named("handbook")
    ids = {row.name: row.id for row in services.documents.shown(collection.id)}
    house.embedder.name = "touchstone-hashing-2"
    house.embedder.hold()
    services.ingestion.start()
    job = services.ingestion.service.reindex(collection.id, "handbook")
    assert services.ingestion.service.reindex(collection.id, "handbook").id == job.id
    house.embedder.entered.wait(10)
    with services.writing() as library:
        library.delete("handbook", "leave.md")
    house.embedder.release()
    (done,) = _ended(services, job)
    assert (done.state, done.outcome, done.chunks) == ("ready", "reindexed", 9)
    shown = services.documents.shown(collection.id)
    assert [(row.name, row.id, row.version) for row in shown] == [("sections.md", ids["sections.md"], 2)]
    services.ask("Sentence number 4", collections=("handbook",), principal=LOCAL)  # no mismatch any more
    check_whole(services)


def test_cancelled_reindex_leaves_the_old_index_and_nothing_of_the_new(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    collection = services.collections.named("handbook")
    house.embedder.name = "touchstone-hashing-2"
    house.embedder.hold()
    job = services.ingestion.service.reindex(collection.id, "handbook")
    house.embedder.entered.wait(10)
    services.ingestion.service.cancel(job.id)
    house.embedder.release()
    _until(lambda: not services.ingestion.jobs.open())
    house.embedder.name = "touchstone-hashing-1/1024"
    assert services.documents.shown(collection.id)[0].version == 1
    _until(lambda: services.database.connection().execute("SELECT count(*) FROM version").fetchone()[0] == 1)
    check_whole(services)


def test_reindex_with_a_document_that_fails_keeps_the_old_index_until_it_is_gone(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    services.add(SECTIONS.encode(), "sections.md", "handbook")
    sha = services.documents.shown(services.collections.named("handbook").id)[0].sha256
    services.blobs.path(sha).write_bytes(b"changed on the disk")
    with pytest.raises(
        FileTrouble, match=r"'handbook' keeps its old index, because 1 failed: leave\.md: its"
    ):
        list(services.reindex("handbook", lambda _: lambda *_: None))
    assert _names(services) == ["leave.md", "sections.md"]
    with services.writing() as library:
        library.delete("handbook", "leave.md")
    (failed,) = services.ingestion.jobs.page(states=("failed",))
    services.ingestion.service.retry(failed.id)
    assert [job.state for job in _ended(services, failed)] == ["ready"]
    assert _names(services) == ["sections.md"]
    check_whole(services)


def test_step_that_breaks_is_tried_again_and_a_sweep_that_breaks_is_made_up_for(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    for number, point in enumerate(("chunk.before", "publish.inside", "sweep.before")):
        failpoints.arm(f"{point}:1=raise")
        report = services.add(LEAVE.replace("12", f"1{number + 3}").encode(), "leave.md", "handbook")
        assert (point, report.status) == (point, "replaced")
        check_whole(services, within_s=4)


def test_step_that_always_breaks_fails_after_three_tries_and_goes_on_from_there(house: House) -> None:
    services = house.open()
    failpoints.arm("embed.before=raise")
    report = services.add(LEAVE.encode(), "leave.md", "handbook")
    assert (report.status, report.error) == (
        "failed", ("internal", "leave.md: Injected; the log says where"),
    )  # fmt: skip
    failpoints.arm("")
    (failed,) = services.ingestion.jobs.page()
    assert (failed.step, failed.attempt, failed.chunks) == ("embedding", 3, 1)
    services.ingestion.service.retry(failed.id)
    assert [job.state for job in _ended(services, failed)] == ["ready"]
    check_whole(services)


def test_time_left_is_known_from_jobs_that_ended(house: House) -> None:
    services = house.open()
    services.add(SECTIONS.encode(), "sections.md", "handbook")
    house.embedder.hold()
    job = _hand_in(services, SECTIONS.replace("says", "tells"), "other.md")
    house.embedder.entered.wait(10)
    left = services.ingestion.service.seconds_left(services.ingestion.jobs.get(job.id))
    assert left is not None
    assert 0 < left < 60
    house.embedder.release()
    assert [services.ingestion.service.seconds_left(ended) for ended in _ended(services, job)] == [None]


def test_idle_workers_use_no_processor(house: House) -> None:
    services = house.open()
    services.add(LEAVE.encode(), "leave.md", "handbook")
    time.sleep(0.3)
    began, used = time.monotonic(), time.process_time()
    time.sleep(1.0)
    assert (time.process_time() - used) / (time.monotonic() - began) < 0.05
