"""The playground's routes: what is judged comes back in order, with what was cut; limits are said."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from rerank.errors import RerankError
from rerank.guarded import GuardedReranker
from rerank.protocols import Reranker, Stopped, never
from rerank.types import Scores
from retrieval.protocols import SoftStatistics
from tests.fakes.rerank import FailingReranker

SSO = ("B", "C", "E", "A", "D")  # the wanted order of the worked example


def _client(folder: Path, reranker: Reranker | None = None) -> Iterator[TestClient]:
    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        models = build_models(settings, statistics)
        return models if reranker is None else replace(models, reranker=GuardedReranker(reranker, None))

    make: Callable[..., Models] = build
    settings = Settings.model_validate({"data_dir": folder, "profile": "starter", "demo": False})
    services = Services(settings, build_models=make)
    with TestClient(
        create_app(services), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        while services.state.name == "loading":
            pass
        yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    yield from _client(tmp_path_factory.mktemp("playground"))


class CuttingReranker:
    """Reads ten characters of a passage, and says which it has not read to the end."""

    identity, max_tokens = "cutting", 10

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """A score by the length that was read."""
        del query, instruction, stopped
        cut = tuple(i for i, each in enumerate(passages) if len(each) > self.max_tokens)
        return Scores(tuple(len(each[:10]) / 20 for each in passages), cut=cut)


def test_examples_begin_with_single_sign_on_and_have_both_languages(client: TestClient) -> None:
    listed = client.get("/api/rerank/examples").json()["data"]
    for language in ("zh", "en"):
        mine = [each for each in listed if each["language"] == language]
        assert len(mine) >= 4
        assert "SSO" in "".join(mine[0]["candidates"])
        assert all(len(each["candidates"]) >= 2 for each in mine)


def test_single_sign_on_example_comes_in_the_wanted_order(client: TestClient) -> None:
    example = client.get("/api/rerank/examples").json()["data"][0]
    asked = {
        "query": example["question"],
        "candidates": example["candidates"],
        "instruction": example["instruction"],
    }
    judged = client.post("/api/rerank", json=asked).json()
    assert tuple("ABCDE"[each["index"]] for each in judged["results"]) == SSO
    assert [each["rank"] for each in judged["results"]] == [1, 2, 3, 4, 5]
    assert judged["instruction"] == example["instruction"]
    assert judged["ms"] > 0
    assert not judged["fallback"]


def test_without_an_instruction_the_models_default_is_named(client: TestClient) -> None:
    judged = client.post("/api/rerank", json={"query": "a", "candidates": ["a", "b"]}).json()
    assert judged["instruction"].startswith("Given a web search query")


def test_candidates_that_were_not_read_to_their_end_are_marked(tmp_path: Path) -> None:
    for client in _client(tmp_path, CuttingReranker()):
        given = ["short", "long enough to be cut", "short", "also much too long"]
        judged = client.post("/api/rerank", json={"query": "q", "candidates": given}).json()
        assert {each["index"]: each["truncated"] for each in judged["results"]} == {
            0: False, 1: True, 2: False, 3: True,
        }  # fmt: skip
        assert [each["index"] for each in judged["results"]] == [1, 3, 0, 2]  # ties in the order given


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"query": " ", "candidates": ["a"]}, 422, "the query is empty"),
        ({"query": "q", "candidates": []}, 422, "there are no candidates"),
        ({"query": "q", "candidates": ["a", " \n"]}, 422, "candidate 2 is empty"),
        ({"query": "q", "candidates": ["a"] * 101}, 413, "101 candidates; at most 100"),
        ({"query": "q", "candidates": ["a", "b" * 32_001]}, 413, "candidate 2 has 32001 characters"),
        ({"query": "q" * 2_001, "candidates": ["a"]}, 413, "the query has 2001 characters"),
    ],
)
def test_what_is_too_much_or_missing_is_named(
    client: TestClient, body: dict[str, object], status: int, said: str
) -> None:
    answer = client.post("/api/rerank", json=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_a_hundred_candidates_of_full_length_are_taken(client: TestClient) -> None:
    body = {"query": "发票", "candidates": ["发票专用章" * 400] * 99 + ["票" * 32_000]}
    answer = client.post("/api/rerank", json=body)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 100


def test_a_reranker_that_fails_is_an_error_and_no_made_up_order(tmp_path: Path) -> None:
    for client in _client(tmp_path, FailingReranker(RerankError("out of order"))):
        answer = client.post("/api/rerank", json={"query": "q", "candidates": ["a"]})
        assert answer.status_code >= 500
        assert answer.json()["code"] == "rerank_unavailable"
