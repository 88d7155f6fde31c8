"""A server is killed, or told to stop, while it writes answers: what anybody has read is there afterwards."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn

from app.main import create_app
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from retrieval.protocols import SoftStatistics
from tests.app.server import serving as in_this_process
from tests.conversations.pacing import ANSWER, PacedGenerator
from tests.conversations.talking import Person, Told, text_of
from tests.faults.forked import start

pytestmark = pytest.mark.fault
LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"


def _serve(data_dir: Path, pace_s: float) -> None:
    """The real server, with a generator that takes its time."""

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        generator = PacedGenerator()
        generator.pace_s = pace_s
        return replace(build_models(settings, statistics), generator=generator)

    services = Services(Settings(data_dir=data_dir, profile="starter", demo=False), build_models=build)
    config = uvicorn.Config(create_app(services), port=0, log_level="error", timeout_graceful_shutdown=5)
    server = _Announcing(config, services, data_dir / "url")
    server.run()


class _Announcing(uvicorn.Server):
    """Writes its address down once it listens, and gives the jobs back when told to stop, as ours does."""

    def __init__(self, config: uvicorn.Config, services: Services, file: Path) -> None:
        super().__init__(config)
        self._services = services
        self._file = file

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self._file.write_text(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}")

    def handle_exit(self, sig: int, frame: object) -> None:
        self._services.ingestion.stop()
        super().handle_exit(sig, None)


class Server:
    """A server in a process of its own."""

    def __init__(self, data_dir: Path, pace_s: float) -> None:
        self.log = data_dir.with_name("server.log")
        address = data_dir / "url"
        address.unlink(missing_ok=True)
        self.process = start(_serve, data_dir, pace_s, log=self.log)
        deadline = time.monotonic() + 60
        while not address.exists() or not address.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.url = address.read_text()
        while httpx.get(f"{self.url}/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.person = Person(self.url)


@contextmanager
def serving(data_dir: Path, pace_s: float = 0.0) -> Iterator[Server]:
    server = Server(data_dir, pace_s)
    try:
        yield server
    finally:
        server.person.close()
        server.process.kill()
        server.process.join()


def _upload(server: Server) -> None:
    params = {"name": "leave.md", "wait": "true"}
    path = "/api/collections/handbook/documents"
    assert server.person.http.post(path, params=params, content=LEAVE.encode()).is_success


def test_answer_of_a_killed_server_keeps_what_was_read_and_can_be_gone_on_from(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    seen: list[Told] = []
    with serving(data_dir, pace_s=0.02) as server:
        _upload(server)
        conversation = server.person.talk()
        message = server.person.ask(conversation)
        with server.person.following(message) as events:
            for event in events:
                seen.append(event)
                if len(text_of(seen).split()) >= 20:
                    break
            server.process.kill()
            server.process.join()
    with serving(data_dir) as server:
        person = server.person
        found = person.get(f"/api/messages/{message}")
        assert (found["state"], found["code"], found["retryable"]) == ("interrupted", "killed", True)
        assert [each["code"] for each in found["notices"]] == ["answer_interrupted"]
        assert found["text"].startswith(text_of(seen))
        assert ANSWER.startswith(found["text"])
        seen += person.events(message, seen[-1].seq)
        assert [each.seq for each in seen] == list(range(1, len(seen) + 1))
        assert text_of(seen) == found["text"]
        assert seen[-1].data == found
        taken = person.http.post(f"/api/messages/{message}/regenerate").json()
        again = person.done(taken["message_id"])
        assert (again["state"], again["variant"], again["text"].split()) == ("complete", 2, ANSWER.split())


def test_server_that_is_about_to_end_takes_no_more_questions(tmp_path: Path) -> None:
    services = Services(Settings(data_dir=tmp_path, profile="starter", demo=False), build_models=build_models)
    with in_this_process(services) as url, closing(Person(url)) as person:
        services.add(LEAVE.encode(), "leave.md", "handbook")
        conversation = person.talk()
        services.ingestion.board.close()
        deadline = time.monotonic() + 5
        while True:  # the bell is heard by the event loop a moment later
            path = f"/api/conversations/{conversation}/messages"
            refused = person.http.post(path, json={"question": "Why?"})
            if refused.status_code == 503:
                break
            assert time.monotonic() < deadline
        assert (refused.json()["code"], refused.json()["retryable"]) == ("server_draining", True)


def test_database_locked_while_an_answer_is_written_costs_no_word_that_was_read(tmp_path: Path) -> None:
    generator = PacedGenerator()

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), generator=generator)

    settings = Settings(data_dir=tmp_path, profile="starter", demo=False, database_busy_s=0.3)
    services = Services(settings, build_models=build)
    with in_this_process(services) as url, closing(Person(url)) as person:
        services.add(LEAVE.encode(), "leave.md", "handbook")
        generator.hold(after=9)
        message = person.ask(person.talk())
        with person.following(message) as events:
            seen = [next(events)]
            assert generator.held.wait(10)
            with closing(sqlite3.connect(tmp_path / "touchstone.sqlite3", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                generator.release.set()
                seen += events  # ends, for nothing can be written down
                assert "done" not in [each.name for each in seen]
                busy = person.http.get(f"/api/messages/{message}/events")
                assert (busy.status_code, busy.json()["code"]) == (503, "database_busy")
        seen += person.events(message, seen[-1].seq)
        assert [each.seq for each in seen] == list(range(1, len(seen) + 1))
        assert (seen[-1].name, seen[-1].data["state"]) == ("done", "interrupted")
        assert seen[-1].data["text"] == text_of(seen)


def test_stopped_server_tells_its_readers_and_ends_in_time(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serving(data_dir, pace_s=0.05) as server:
        _upload(server)
        person = server.person
        messages = [person.ask(person.talk()) for _ in range(5)]  # two are written, three wait
        seen: list[Told] = []
        with person.following(messages[0]) as events:
            for event in events:
                seen.append(event)
                if event.name == "delta":
                    break
            began = time.monotonic()
            server.process.terminate()
            seen += events
        server.process.join(10)
        assert server.process.exitcode in (0, -signal.SIGTERM), server.log.read_text(encoding="utf-8")
        assert time.monotonic() - began < 5
    assert seen[-1].name == "done"
    assert (seen[-1].data["state"], seen[-1].data["code"]) == ("interrupted", "server_draining")
    assert seen[-1].data["text"].split() == text_of(seen).split()
    with serving(data_dir) as server:
        states = [server.person.get(f"/api/messages/{each}")["state"] for each in messages]
        assert states == ["interrupted"] * 5
        assert json.dumps(server.person.get(f"/api/messages/{messages[0]}")) == json.dumps(seen[-1].data)
