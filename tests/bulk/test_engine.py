"""Files that were read elsewhere end as those that jobs read here, whatever comes back, and when."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import failpoints
from app.bulk.engine import BulkEngine
from app.bulk.parcels import Parcel
from app.bulk.ray_data import Makers
from app.bulk.terms import Terms, TermsDiffer
from app.models import Models
from app.services import BuildModels, Services
from app.settings import Settings
from app.storage.job_types import Duplicates, Job
from app.wiring import build_models, build_tokenizer
from ingest.load import find_files
from ingest.settings import ChunkSize
from rerank.checkpoint import open_checkpoint, open_tokenizer
from rerank.guarded import GuardedReranker
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings
from retrieval.embedder import SentenceTransformerEmbedder
from retrieval.protocols import SoftStatistics
from tests.bulk.contents import AGAIN, BROKEN, COLLECTION, fill, rows, vectors_of
from tests.fakes.driver import HereDriver
from tests.fakes.hashing import HashingEmbedder
from tests.faults.whole import check_whole
from tests.tiny import tiny_qwen3

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"
TRAVEL = "# Travel\n\nThe head of department approves a business trip.\n"


class House:
    """Data directories, each opened as a process of its own would."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack

    def open(self, name: str = "bulk", build: BuildModels = build_models) -> Services:
        settings = Settings(data_dir=self._folder / name, profile="starter", demo=False, trash_days=0)
        services = self._stack.enter_context(Services(settings, build_models=build))
        services.load()
        return services

    def run(self, services: Services, driver: HereDriver | None = None) -> BulkEngine:
        """Let an engine bring everything that waits to its end."""
        engine = BulkEngine(services, driver or HereDriver(services.blobs))
        self._stack.callback(engine.stop)
        engine.begin()
        _ended(services, engine)
        engine.stop()
        return engine


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        stack.callback(failpoints.arm, "")
        yield House(tmp_path, stack)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    fill(path)
    return path


def _hand_in(
    services: Services, files: Sequence[tuple[str, str]], *, duplicates: Duplicates = "keep"
) -> list[Job]:
    """Hand texts in under their names; nobody works on them yet."""
    collection = services.collections.create(COLLECTION)
    service = services.ingestion.service
    return [
        service.submit_bytes(text.encode(), name, collection.id, duplicates=duplicates)
        for name, text in files
    ]


def _hand_in_folder(services: Services, folder: Path) -> None:
    collection = services.collections.create(COLLECTION)
    for path, name in find_files([folder]).files:
        services.ingestion.service.submit_path(path, name, collection.id)


def _ended(services: Services, engine: BulkEngine) -> None:
    deadline = time.monotonic() + 60
    while services.ingestion.jobs.open():
        engine.check()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    services.library.settle()


def _here(services: Services) -> None:
    """What jobs make of what waits."""
    services.ingestion.start()
    assert [*services.ingestion.service.wait([job.id for job in services.ingestion.jobs.open()])]
    services.library.settle()


def _outcomes(services: Services) -> list[tuple[str, str, int]]:
    found = services.ingestion.jobs.page(limit=200)
    return sorted((job.name, job.outcome or job.state, job.reused) for job in found)


def _names(services: Services) -> list[str]:
    return [row.name for row in services.documents.shown(services.collections.named(COLLECTION).id)]


def _tiny(folder: Path) -> BuildModels:
    """A real embedder and a real tokenizer of the reranker, on random weights."""

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        opened = open_checkpoint(
            folder / "reranker", revision=None, device="cpu", local_files_only=True, settings=EngineSettings()
        )
        reranker = Qwen3Reranker(opened.engine, opened.encoder, identity="tiny", batch_tokens=4096)
        return replace(
            build_models(settings, statistics),
            embedder=SentenceTransformerEmbedder.load(folder / "embedder", device="cpu"),
            reranker=GuardedReranker(reranker),  # not verified: a random model passes no self-test
        )

    return build


def test_files_read_elsewhere_equal_those_that_jobs_read_to_the_token(
    house: House, folder: Path, tmp_path: Path
) -> None:
    for seed, role in enumerate(("embedder", "reranker")):
        tiny_qwen3(tmp_path / "models" / role, seed=seed)
    build = _tiny(tmp_path / "models")
    jobs, bulk = house.open("jobs", build), house.open("bulk", build)
    for services in (jobs, bulk):
        _hand_in_folder(services, folder)
    _here(jobs)
    makers = Makers(
        lambda _: SentenceTransformerEmbedder.load(tmp_path / "models" / "embedder", device="cpu"),
        lambda _: open_tokenizer(tmp_path / "models" / "reranker", revision=None),
    )
    driver = HereDriver(bulk.blobs, makers=makers)
    engine = house.run(bulk, driver)
    assert (engine.left, len(driver.sent)) == (0, 7)
    assert rows(bulk, vectors=False) == rows(jobs, vectors=False)
    # Texts have other batch mates, so the sums of float32 are of another order.
    np.testing.assert_allclose(vectors_of(bulk), vectors_of(jobs), atol=2e-3)
    assert bulk.tokens.stored() == bulk.collections.named(COLLECTION).chunks > 40
    assert bulk.vectors.count(bulk.collections.named(COLLECTION).id) == bulk.tokens.stored()


@pytest.mark.parametrize("duplicates", ["keep", "skip", "replace"])
def test_duplicates_end_as_with_jobs_whichever_comes_back_first(
    house: House, duplicates: Duplicates
) -> None:
    files = [("a.md", LEAVE), ("b.md", LEAVE), ("c.md", TRAVEL), ("d.md", LEAVE), ("e.md", TRAVEL)]
    jobs, bulk = house.open("jobs"), house.open("bulk")
    for services in (jobs, bulk):
        _hand_in(services, files, duplicates=duplicates)
    _here(jobs)
    driver = HereDriver(bulk.blobs)
    house.run(bulk, driver)
    assert _outcomes(bulk) == _outcomes(jobs)
    assert _names(bulk) == _names(jobs)
    assert len(driver.sent) == (5 if duplicates == "keep" else 2)
    check_whole(bulk)


def test_second_run_sends_only_what_has_changed_and_embeds_only_new_chunks(house: House) -> None:
    long = "".join(f"# Section {n}\n\n{'Sentence ' + str(n) + ' says this. ' * 30}\n\n" for n in range(9))
    services = house.open()
    _hand_in(services, [("a.md", LEAVE), ("long.md", long)])
    house.run(services)
    services.close()
    services = house.open()
    _hand_in(services, [("a.md", LEAVE), ("long.md", long + "# New\n\n" + "One more thing. " * 30)])
    driver = HereDriver(services.blobs)
    house.run(services, driver)
    assert driver.sent == ["long.md"]
    outcomes = {name: (end, reused) for name, end, reused in _outcomes(services) if end != "added"}
    chunks = services.collections.named(COLLECTION).chunks - 1
    assert outcomes == {"a.md": ("unchanged", 0), "long.md": ("replaced", chunks - 1)}
    check_whole(services)


def test_broken_file_fails_alone_with_its_reason_and_leaves_nothing_to_tidy(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    services = house.open()
    _hand_in(services, [("a.md", LEAVE), (BROKEN, "%PDF-1.7 this is no PDF")])
    with caplog.at_level(logging.ERROR, logger="app.jobs.workers"):
        house.run(services)
    failed, added = services.ingestion.jobs.page()
    assert (failed.state, failed.code, failed.step) == ("failed", "damaged", "parsing")
    assert (added.name, added.outcome) == ("a.md", "added")
    assert caplog.messages == []


def test_file_that_a_worker_could_not_do_is_done_here_and_said(house: House) -> None:
    def lose(parcel: Parcel) -> None:
        if parcel.name == "a.md":
            parcel.refuse("here", "", "OSError: the disk of node 7 is full")

    services = house.open()
    _hand_in(services, [("a.md", LEAVE), ("b.md", TRAVEL)])
    engine = house.run(services, HereDriver(services.blobs, tamper=lose))
    assert (engine.left, engine.reason) == (1, "a.md: OSError: the disk of node 7 is full")
    assert _names(services) == ["a.md", "b.md"]
    check_whole(services)


@pytest.mark.parametrize("part", ["document", "chunks", "vectors"])
def test_damaged_parcel_is_not_believed(house: House, part: str) -> None:
    services = house.open()
    _hand_in(services, [("a.md", LEAVE)])
    house.run(
        services,
        HereDriver(services.blobs, tamper=lambda parcel: setattr(parcel, part, getattr(parcel, part)[:-3])),
    )
    jobs = house.open("jobs")
    _hand_in(jobs, [("a.md", LEAVE)])
    _here(jobs)
    assert rows(services) == rows(jobs)
    check_whole(services)


def test_worker_that_reads_or_embeds_otherwise_ends_the_run_and_everything_waits(house: House) -> None:
    def other_release(terms: Terms) -> Terms:
        return replace(terms, release="0.0.1")

    def other_reader(terms: Terms) -> Terms:
        return replace(terms, parsers={**terms.parsers, "application/pdf": "ingest.pdf/0"})

    other_model = Makers(lambda _: HashingEmbedder(64), build_tokenizer)
    services = house.open()
    jobs = _hand_in(services, [("a.md", LEAVE)])
    for driver, what in (
        (HereDriver(services.blobs, tell=other_release), "install one release everywhere"),
        (HereDriver(services.blobs, tell=other_reader), r"reads application/pdf with 'ingest\.pdf/\d"),
        (HereDriver(services.blobs, makers=other_model), "hashing-1/64, this machine with"),
    ):
        engine = BulkEngine(services, driver)
        engine.begin()
        with pytest.raises(TermsDiffer, match=what):
            _ended(services, engine)
        engine.stop()
        assert services.ingestion.jobs.get(jobs[0].id).state == "stored"
    house.run(services)
    assert _names(services) == ["a.md"]


def test_what_was_cancelled_meanwhile_is_not_taken_in(house: House) -> None:
    services = house.open()
    kept, cancelled = _hand_in(services, [("a.md", LEAVE), ("b.md", TRAVEL)])
    driver = HereDriver(services.blobs)
    driver.hold()
    engine = BulkEngine(services, driver)
    engine.begin()
    services.ingestion.service.cancel(cancelled.id)
    driver.release()
    _ended(services, engine)
    engine.stop()
    assert services.ingestion.jobs.get(kept.id).outcome == "added"
    assert _names(services) == ["a.md"]
    check_whole(services)


def test_stopping_leaves_what_was_away_waiting_for_the_next_start(house: House) -> None:
    services = house.open()
    _hand_in(services, [("a.md", LEAVE), ("b.md", TRAVEL)])
    driver = HereDriver(services.blobs)
    driver.hold()
    engine = BulkEngine(services, driver)
    engine.begin()
    engine.stop()
    services.close()

    again = house.open()
    assert [job.state for job in again.ingestion.jobs.open()] == ["stored", "stored"]
    house.run(again)
    assert _names(again) == ["a.md", "b.md"]
    check_whole(again)


def test_workers_that_break_off_keep_what_was_published(house: House) -> None:
    class Lost(RuntimeError):
        pass

    def lose(parcel: Parcel) -> None:
        if parcel.name == "a.md":
            deadline = time.monotonic() + 10
            while _names(services) != ["b.md"]:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            raise Lost

    services = house.open()
    _hand_in(services, [("a.md", LEAVE), ("b.md", TRAVEL)])
    engine = BulkEngine(services, HereDriver(services.blobs, tamper=lose))
    engine.begin()
    with pytest.raises(Lost):
        _ended(services, engine)
    engine.stop()
    assert _names(services) == ["b.md"]
    house.run(services)
    assert _names(services) == ["a.md", "b.md"]
    check_whole(services)


def test_chunks_are_cut_to_the_size_of_their_collection(house: House) -> None:
    text = "".join(f"# Section {n}\n\n{'Sentence ' + str(n) + ' says this. ' * 40}\n\n" for n in range(3))
    services = house.open()
    collection = services.collections.create(COLLECTION)
    services.collections.set_chunking(collection.id, tokens=100, overlap=10)
    _hand_in(services, [("a.md", text)])
    house.run(services)
    (row,) = services.documents.shown(collection.id)
    assert row.cut == ChunkSize(100, 10)
    assert row.chunks > 3


def test_bytes_that_are_gone_fail_their_own_file(house: House) -> None:
    services = house.open()
    lost, kept = _hand_in(services, [("a.md", LEAVE), ("b.md", TRAVEL)])
    services.blobs.path(lost.sha256).unlink()
    engine = house.run(services)
    assert services.ingestion.jobs.get(lost.id).code == "bytes_lost"
    assert services.ingestion.jobs.get(kept.id).outcome == "added"
    assert engine.left == 1


def test_two_names_of_the_same_bytes_may_come_back_in_any_number(house: House) -> None:
    services = house.open()
    _hand_in(services, [(f"{number:02d}.md", LEAVE) for number in range(40)])
    engine = house.run(services)
    assert len(_names(services)) == 40
    assert engine.left == 7  # beyond those that are kept in memory
    assert AGAIN not in _names(services)
    check_whole(services)

