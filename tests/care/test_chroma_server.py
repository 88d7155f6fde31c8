"""Vectors on a real Chroma server: there, away, and back."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.care.care import Care
from app.services import Services
from app.settings import ChromaSettings
from app.wiring import build_models
from tests.app.server import serving
from tests.care.conftest import COLLECTION, FILES, fill, found
from tests.fakes.chroma_server import chroma_server
from tests.flows.conftest import starter

pytestmark = pytest.mark.fault


class Chroma:
    """A Chroma server that can be stopped and started again at the same address."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        folder.mkdir()
        self._folder = folder
        self._running = stack.enter_context(ExitStack())
        self.port = self._running.enter_context(chroma_server(folder))

    def stop(self) -> None:
        self._running.close()

    def start(self) -> None:
        self._running.enter_context(chroma_server(self._folder, port=self.port))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def _services(data_dir: Path, chroma: Chroma, stack: ExitStack) -> Services:
    settings = starter(data_dir).model_copy(
        update={"chroma": ChromaSettings(host="127.0.0.1", port=chroma.port)}
    )
    return stack.enter_context(Services(settings, build_models=build_models))


def test_server_that_goes_away_and_comes_back_loses_nothing(tmp_path: Path, stack: ExitStack) -> None:
    chroma = Chroma(tmp_path / "chroma", stack)
    services = _services(tmp_path / "data", chroma, stack)
    services.load()
    fill(services, FILES)
    before = found(services)
    assert not (tmp_path / "data" / "chroma").exists()
    assert Care(services).diagnose().findings == ()
    assert Care(services).rebuild(None) == [COLLECTION]
    assert found(services) == before

    chroma.stop()
    result = services.answer(
        services.ask("How many days of annual leave do employees have?", principal=LOCAL)
    )
    assert "vector_channel_failed" in [each.code for each in result.notices]
    assert [each.document for each in result.answer.citations] == ["leave.md"]
    job = services.ingestion.service.submit_bytes(
        b"# Pets\n\nDogs may come on Fridays.\n", "pets.md", services.collections.named(COLLECTION).id
    )
    for state in _states(services, job.id):
        if state == ("indexing", "index_unavailable"):
            break
        assert state[0] not in ("failed", "ready"), state

    chroma.start()
    (ended,) = services.ingestion.service.wait([job.id])
    assert ended.state == "ready", ended
    assert found(services) == before
    assert Care(services).diagnose().findings == ()


def _states(services: Services, job_id: str) -> Iterator[tuple[str, str]]:
    """Each state of the job, with what it waits for."""
    while True:
        rings = services.ingestion.board.rings
        job = services.ingestion.jobs.get(job_id)
        yield job.state, job.code
        services.ingestion.board.wait(rings, 0.1)


def test_server_that_lost_everything_is_filled_again_at_the_start(tmp_path: Path, stack: ExitStack) -> None:
    first, second = Chroma(tmp_path / "first", stack), Chroma(tmp_path / "second", stack)
    services = _services(tmp_path / "data", first, stack)
    services.load()
    fill(services, FILES)
    before = found(services)
    services.close()
    services = _services(tmp_path / "data", second, stack)
    services.load()
    assert [each.code for each in services.notices] == ["index_rebuilt"]
    assert found(services) == before


def test_serving_waits_for_a_server_that_starts_later(tmp_path: Path, stack: ExitStack) -> None:
    chroma = Chroma(tmp_path / "chroma", stack)
    chroma.stop()
    services = _services(tmp_path / "data", chroma, stack)

    def later() -> None:
        while services.state.detail != "chroma":
            services.ingestion.board.wait(0, 0.05)
        chroma.start()

    thread = threading.Thread(target=later)
    thread.start()
    with serving(services):
        assert services.state.name == "ready"
    thread.join()
