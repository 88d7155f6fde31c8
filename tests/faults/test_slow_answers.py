"""Generators that hang and readers that hardly read: neither takes anything from others."""

import gc
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.models import Models
from app.services import Services
from app.settings import ServerSettings, Settings
from app.wiring import build_models
from generation.settings import GenerationSettings
from retrieval.protocols import SoftStatistics
from tests.app.server import serving
from tests.conversations.pacing import ANSWER, PacedGenerator
from tests.conversations.talking import Person

pytestmark = pytest.mark.fault
LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"
READERS, MOST_GROWTH_BYTES = 50, 50_000_000


@contextmanager
def _server(data_dir: Path, generator: PacedGenerator, timeout_s: float = 120) -> Iterator[Person]:
    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), generator=generator)

    settings = Settings(
        data_dir=data_dir,
        profile="starter",
        demo=False,
        server=ServerSettings(concurrency=1),
        generation=GenerationSettings(timeout_s=timeout_s),
    )
    services = Services(settings, build_models=build)
    with ExitStack() as stack:
        person = Person(stack.enter_context(serving(services)))
        stack.callback(person.close)
        services.add(LEAVE.encode(), "leave.md", "handbook")
        yield person


@pytest.mark.parametrize("words", [0, 9])
def test_generator_that_hangs_fails_the_message_in_time_and_frees_its_place(
    tmp_path: Path, words: int
) -> None:
    generator = PacedGenerator()
    with _server(tmp_path, generator, timeout_s=0.7) as person:
        generator.hold(after=words)
        began = time.monotonic()
        found = person.answered(person.talk())
        assert time.monotonic() - began < 3
        assert (found["state"], found["code"]) == ("failed", "generation_timeout")
        assert found["text"].split() == ANSWER.split()[:words]
        generator.reset()
        assert person.answered(person.talk())["state"] == "complete"


def test_fifty_readers_who_read_nothing_cost_neither_memory_nor_time(tmp_path: Path) -> None:
    generator = PacedGenerator()
    with _server(tmp_path, generator) as person, ExitStack() as stack:
        generator.say(" ".join(f"{number:0120}" for number in range(800)))
        warm = person.answered(person.talk())
        assert len(warm["text"]) > 90_000
        generator.hold(after=1)
        message = person.ask(person.talk())
        with person.following(message) as events:
            next(events)
            for _ in range(READERS):
                stack.enter_context(_deaf(person, message))
            gc.collect()
            before = _resident_bytes()
            began = time.monotonic()
            generator.reset()
            done = list(events)[-1]
        assert (done.name, done.data["state"]) == ("done", "complete")
        assert time.monotonic() - began < 10
        assert person.answered(person.talk())["state"] == "complete"
        assert _resident_bytes() - before < MOST_GROWTH_BYTES


@contextmanager
def _deaf(person: Person, message: str) -> Iterator[None]:
    """Somebody who asks for the events and does not read them."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect((person.http.base_url.host, person.http.base_url.port))
        reader.sendall(f"GET /api/messages/{message}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
