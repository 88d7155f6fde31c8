"""Chat, bulk reranking and writing each have their own places: none of them takes those of another."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.models import Models
from app.services import Services
from app.settings import ServerSettings, Settings
from app.wiring import build_models
from rerank.guarded import GuardedReranker
from rerank.protocols import Stopped, never
from rerank.types import Scores
from retrieval.protocols import SoftStatistics
from tests.fakes.rerank import OverlapReranker

HELD = "held leave"
TEXT = "# Leave\n\nEmployees have 12 days of annual leave.\n"
BODY = {"documents": ["12 days of leave", "Office hours"]}


class HoldingReranker(OverlapReranker):
    """Keeps whoever asks for ``HELD`` until it is released; serves everybody else meanwhile."""

    concurrent = True

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        if HELD in query:
            self.entered.release()
            while not self.release.wait(0.01) and not stopped():
                pass
        return super().score(query, passages, instruction, stopped)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, read."""

    status: int
    retry_after_s: int
    text: str

    @property
    def busy(self) -> bool:
        problem = json.loads(self.text)
        return (self.status, problem["code"], problem["retryable"]) == (503, "busy", True) and (
            self.retry_after_s >= 1
        )


class Server:
    """A server whose chat has two places and no queue."""

    def __init__(self, client: TestClient, reranker: HoldingReranker) -> None:
        self._client = client
        self._reranker = reranker

    def rerank(self, query: str) -> Reply:
        return self._post("/v1/rerank", {**BODY, "query": query})

    def ask(self, question: str) -> Reply:
        return self._post("/api/ask", {"question": question})

    @contextmanager
    def held(self, call: Callable[[str], Reply], *, calls: int, refused: int) -> Iterator[list[int]]:
        """So many calls at once, of which so many are refused; two are inside and the others wait.

        The statuses in the list are complete when the context is left.
        """
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(call(HELD).status)) for _ in range(calls)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            assert self._reranker.entered.acquire(timeout=20)
        while len(answers) < refused:
            time.sleep(0.01)
        try:
            yield answers
        finally:
            self._reranker.release.set()
            for thread in threads:
                thread.join()

    def _post(self, path: str, body: dict[str, object]) -> Reply:
        response = self._client.post(path, json=body)
        return Reply(response.status_code, int(response.headers.get("retry-after", 0)), response.text)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    reranker = HoldingReranker()

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), reranker=GuardedReranker(reranker))

    chat = ServerSettings(concurrency=2, queue=0)
    settings = Settings(data_dir=tmp_path / "data", profile="starter", demo=False, server=chat)
    services = Services(settings, build_models=build)
    with ExitStack() as stack:
        client = stack.enter_context(TestClient(create_app(services), base_url="http://localhost"))
        while services.state.name == "loading":
            pass
        (tmp_path / "leave.md").write_text(TEXT, encoding="utf-8")
        services.ingest([(tmp_path / "leave.md", "leave.md")], "x")
        yield Server(client, reranker)


def test_question_is_answered_while_fifty_bulk_calls_take_every_rerank_place(server: Server) -> None:
    with server.held(server.rerank, calls=50, refused=32) as bulk:
        assert server.rerank("days of leave").busy
        answered = server.ask("How many days of annual leave?")
        assert answered.status == 200
        assert "event: answer" in answered.text
        assert "12 days" in answered.text
        assert bulk == [503] * 32
    assert sorted(bulk) == [200] * 18 + [503] * 32


def test_documents_are_judged_while_every_chat_place_is_taken(server: Server) -> None:
    with server.held(server.ask, calls=2, refused=0) as chat:
        assert server.ask("How many days of annual leave?").busy
        judged = server.rerank("days of leave")
        assert judged.status == 200
        assert json.loads(judged.text)["results"][0]["index"] == 0
    assert chat == [200, 200]
