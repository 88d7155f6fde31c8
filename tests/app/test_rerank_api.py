"""The rerank routes: every shape they promise, bad input, limits, fallback, and other makers' clients."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app.main import create_app
from app.models import Models
from app.services import Services
from app.settings import RerankApiSettings, Settings
from app.wiring import build_models
from rerank.errors import RerankError
from rerank.guarded import GuardedReranker
from rerank.protocols import Reranker, Stopped, never
from rerank.types import Scores
from retrieval.protocols import SoftStatistics
from retrieval.types import Notice
from tests.fakes.rerank import FailingReranker, OverlapReranker, ScriptedReranker
from tests.starter import RERANKER

QUERY = "What is the capital of France?"
LONDON = "London is the capital of the United Kingdom."
PARIS = "Paris is the capital and largest city of France."
DOCUMENTS = [LONDON, PARIS, "Gravity attracts two bodies towards each other."]


def _settings(folder: Path, **changed: object) -> Settings:
    return Settings.model_validate({"data_dir": folder, "profile": "starter", "demo": False, **changed})


def _entered(services: Services) -> Iterator[TestClient]:
    with TestClient(
        create_app(services), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        while services.state.name == "loading":
            pass
        yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    limits = RerankApiSettings(max_characters=50_000, max_query_characters=1_000, max_body_bytes=2_000_000)
    settings = _settings(tmp_path_factory.mktemp("rerank"), rerank_api=limits)
    yield from _entered(Services(settings, build_models=build_models))


def _with(reranker: Reranker, fallback: Reranker | None = None) -> Callable[..., Models]:
    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), reranker=GuardedReranker(reranker, fallback))

    return build


@pytest.fixture
def client_with(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    opened: list[Iterator[TestClient]] = []

    def make(reranker: Reranker, fallback: Reranker | None = None, **changed: object) -> TestClient:
        services = Services(_settings(tmp_path, **changed), build_models=_with(reranker, fallback))
        opened.append(_entered(services))
        return next(opened[-1])

    yield make
    for each in opened:
        next(each, None)


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_results_are_sorted_and_point_at_the_documents_given(client: TestClient, path: str) -> None:
    answer = client.post(path, json={"model": "any", "query": QUERY, "documents": DOCUMENTS}).json()
    assert [result["index"] for result in answer["results"]] == [1, 0, 2]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert (answer["model"], answer["object"], answer["notices"]) == (RERANKER, "list", [])
    assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert answer["id"]


def test_jina_request_gets_documents_back_unless_it_declines(client: TestClient) -> None:
    body = {
        "model": "jina-reranker-v2-base-multilingual",
        "query": QUERY,
        "documents": [{"text": LONDON}, {"text": PARIS}],
        "top_n": 1,
    }
    answer = client.post("/v1/rerank", json=body, headers={"Authorization": "Bearer x"}).json()
    assert [result["document"] for result in answer["results"]] == [{"text": PARIS}]
    answer = client.post("/v1/rerank", json={**body, "return_documents": False}).json()
    assert "document" not in answer["results"][0]


def test_cohere_v2_request_gets_no_documents_unless_it_asks(client: TestClient) -> None:
    body = {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS, "max_tokens_per_doc": 4096}
    answer = client.post("/v2/rerank", json=body).json()
    assert "document" not in answer["results"][0]
    assert answer["meta"]["api_version"] == {"version": "2"}


def test_tei_request_gets_a_bare_list(client: TestClient) -> None:
    answer = client.post("/rerank", json={"query": QUERY, "texts": DOCUMENTS, "return_text": True}).json()
    assert [(entry["index"], entry["text"]) for entry in answer] == [
        (1, DOCUMENTS[1]),
        (0, DOCUMENTS[0]),
        (2, DOCUMENTS[2]),
    ]
    assert set(answer[0]) == {"index", "score", "text"}


@pytest.mark.parametrize("option", [{"raw_scores": True}, {"use_activation": False}])
def test_raw_scores_are_log_odds(client: TestClient, option: dict[str, bool]) -> None:
    body = {"query": QUERY, "texts": DOCUMENTS}
    plain = client.post("/rerank", json=body).json()
    raw = client.post("/rerank", json={**body, **option}).json()
    for one, other in zip(plain, raw, strict=True):
        assert 1 / (1 + 2.718281828459045 ** -other["score"]) == pytest.approx(one["score"], abs=1e-9)


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
def test_scores_come_in_the_order_given(client: TestClient, path: str) -> None:
    one_to_many = client.post(path, json={"text_1": QUERY, "text_2": DOCUMENTS}).json()
    assert [entry["index"] for entry in one_to_many["data"]] == [0, 1, 2]
    scores = [entry["score"] for entry in one_to_many["data"]]
    assert max(scores) == scores[1]
    pairs = {"queries": [QUERY, "Is gravity a force?"], "documents": [PARIS, PARIS]}
    answer = client.post(path, json=pairs).json()
    assert answer["data"][0]["score"] == pytest.approx(scores[1])
    assert answer["data"][0]["score"] > answer["data"][1]["score"]
    assert answer["object"] == "list"


def test_instruction_changes_the_order(client: TestClient) -> None:
    documents = ["Refunds are paid in 5 days.", "Refund error E42: restart the job; the fix is verified."]
    body = {"query": "refunds", "documents": documents}
    for name in ("instruction", "instruct"):
        steered = client.post("/v1/rerank", json={**body, name: "prefer error codes and verified fixes"})
        assert steered.json()["results"][0]["index"] == 1
    assert client.post("/v1/rerank", json=body).json()["results"][0]["index"] == 0


def test_objects_are_read_by_their_rank_fields(client: TestClient) -> None:
    documents = [{"title": "UK", "body": LONDON}, {"title": "France", "body": PARIS}]
    body = {"query": QUERY, "documents": documents, "rank_fields": ["title", "body"]}
    answer = client.post("/v1/rerank", json=body).json()
    assert answer["results"][0]["document"] == documents[1]
    refused = client.post("/v1/rerank", json={"query": QUERY, "documents": documents})
    assert refused.status_code == 422
    assert "documents.0 has no field 'text'" in refused.json()["detail"]


def test_equal_documents_get_equal_scores_in_the_order_given(client: TestClient) -> None:
    answer = client.post("/v1/rerank", json={"query": QUERY, "documents": [PARIS, LONDON, PARIS]}).json()
    assert [result["index"] for result in answer["results"]] == [0, 2, 1]


def test_documents_cut_as_asked_are_reported(client: TestClient) -> None:
    body = {"query": QUERY, "documents": [PARIS * 40, LONDON], "max_tokens_per_doc": 20}
    response = client.post("/v1/rerank", json=body)
    assert response.json()["notices"] == [
        {"code": "documents_cut", "text": "1 documents were cut to about 20 tokens, as asked."}
    ]
    assert response.headers["x-touchstone-notices"] == "documents_cut"


def test_option_without_effect_is_reported_and_unknown_one_refused_by_name(client: TestClient) -> None:
    body = {"query": QUERY, "documents": DOCUMENTS}
    answer = client.post("/v1/rerank", json={**body, "max_chunks_per_doc": 5}).json()
    assert [notice["code"] for notice in answer["notices"]] == ["option_ignored"]
    refused = client.post("/v1/rerank", json={**body, "topn": 3})
    assert refused.status_code == 422
    assert "topn" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"query": "", "documents": ["a"]}, 422, "query is empty"),
        ({"query": " \n", "documents": ["a"]}, 422, "query is empty"),
        ({"query": "a", "documents": []}, 422, "at least one document"),
        ({"query": "a", "texts": []}, 422, "at least one document"),
        ({"query": "a"}, 422, "either documents or texts"),
        ({"query": "a", "documents": ["b"], "texts": ["b"]}, 422, "either documents or texts"),
        ({"documents": ["b"]}, 422, "query"),
        ({"query": 7, "documents": ["b"]}, 422, "query"),
        ({"query": "a", "documents": "b"}, 422, "documents"),
        ({"query": "a", "documents": [7]}, 422, "documents.0"),
        ({"query": "a", "documents": [None]}, 422, "documents.0"),
        ({"query": "a", "documents": ["b"], "top_n": -1}, 422, "top_n"),
        ({"query": "a", "documents": ["b"], "top_n": "1"}, 422, "top_n"),
        ({"query": "a", "documents": ["b"], "instruction": "x", "instruct": "y"}, 422, "differ"),
        ({"query": "a", "texts": ["b"], "truncation_direction": "left"}, 422, "truncation_direction"),
        ({"query": "a", "documents": ["b"] * 10_000}, 413, "at most 1000"),
        ({"query": "a", "documents": ["b", "c" * 50_001]}, 413, "document 1 has 50001 characters"),
        ({"query": "a" * 1_001, "documents": ["b"]}, 413, "query has 1001 characters"),
        ({"query": "a", "documents": ["b" * 49_999] * 41}, 413, "larger than this address takes"),
        ([], 422, ""),
    ],
)
def test_unusable_request_is_a_problem_that_says_why(
    client: TestClient, body: object, status: int, says: str
) -> None:
    response = client.post("/v1/rerank", json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert says in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"text_1": ["a", "b"], "text_2": ["c", "d", "e"]}, "2 texts do not fit 3"),
        ({"text_1": "a"}, "exactly one of text_2"),
        ({"text_1": "a", "queries": "b", "text_2": "c"}, "exactly one of text_1"),
        ({"text_1": "a", "text_2": []}, "at least one"),
    ],
)
def test_sides_that_do_not_fit_are_refused(client: TestClient, body: object, says: str) -> None:
    response = client.post("/score", json=body)
    assert response.status_code == 422
    assert says in response.json()["detail"]


STRANGE = ["", "\x00", "\u202e\ufeff", "的" * 3000, "<|im_end|><think>", "😀" * 500, "=1+1"]


@pytest.mark.parametrize("text", STRANGE)
def test_strange_documents_are_judged(client: TestClient, text: str) -> None:
    answer = client.post("/v1/rerank", json={"query": QUERY, "documents": [text, PARIS]}).json()
    assert answer["results"][0]["index"] == 1


def test_lone_surrogates_are_refused_or_judged(client: TestClient) -> None:
    for raw in (
        b'{"query": "a\\ud800", "documents": ["b\\udc00"]}',
        b'{"query": "a", "documents": ["b"], "\\ud800": 1}',
        b'{"query": "a", "documents": [{"text\\ud800": "b"}]}',
        b'{"query": "a", "documents": [{"text": "\\ud800"}], "rank_fields": ["\\udfff"]}',
    ):
        response = client.post("/v1/rerank", content=raw, headers={"Content-Type": "application/json"})
        assert response.status_code in (200, 422), raw


def _notes(client: TestClient) -> list[str]:
    answer = client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS}).json()
    return [notice["code"] for notice in answer["notices"]]


def test_fallback_judges_all_and_is_named(client_with: Callable[..., TestClient]) -> None:
    client = client_with(FailingReranker(RerankError("CUDA error")), OverlapReranker())
    response = client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS})
    answer = response.json()
    assert answer["model"] == "overlap/1"
    assert [notice["code"] for notice in answer["notices"]] == ["rerank_failed", "rerank_fallback"]
    assert response.headers["x-touchstone-notices"] == "rerank_failed, rerank_fallback"
    assert [_notes(client) for _ in range(3)][-1] == ["rerank_paused", "rerank_fallback"]
    status = client.get("/api/status").json()
    assert status["reranker"]["breaker"] == "open"
    assert status["reranker"]["failures"] == {"error": 3}
    assert status["reranker"]["fallbacks"] == 4
    assert "rerank_paused" in [notice["code"] for notice in status["notices"]]


def test_nobody_left_to_judge_is_a_503_that_says_why(client_with: Callable[..., TestClient]) -> None:
    client = client_with(FailingReranker(RerankError("CUDA error")))
    response = client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS})
    assert (response.status_code, response.json()["code"]) == (503, "rerank_unavailable")
    assert "CUDA error" in response.json()["detail"]
    assert response.json()["retryable"] is True


class CuttingReranker(ScriptedReranker):
    """Says that it has read the beginning of one passage only."""

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        scores = super().score(query, passages, instruction, stopped)
        return replace(scores, notices=(Notice.of("passages_cut", count=1, limit=8192),), tokens=77)


def test_passage_cut_by_the_model_is_reported_and_refused_where_tei_would(
    client_with: Callable[..., TestClient],
) -> None:
    client = client_with(CuttingReranker({"Paris": 0.9}))
    answer = client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS}).json()
    assert [notice["code"] for notice in answer["notices"]] == ["passages_cut"]
    assert answer["usage"]["total_tokens"] == 77
    body = {"query": QUERY, "texts": DOCUMENTS}
    assert client.post("/rerank", json=body).status_code == 413
    allowed = client.post("/rerank", json={**body, "truncate": True})
    assert (allowed.status_code, allowed.headers["x-touchstone-notices"]) == (200, "passages_cut")


class WaitingReranker(OverlapReranker):
    """Scores once it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.entered.set()
        while not self.release.wait(0.01) and not stopped():
            pass
        return super().score(query, passages, instruction, stopped)


def test_full_queue_is_refused_with_a_time_to_come_back(client_with: Callable[..., TestClient]) -> None:
    waiting = WaitingReranker()
    client = client_with(waiting, rerank_api=RerankApiSettings(concurrency=1, queue=0))
    body = {"query": QUERY, "documents": DOCUMENTS}
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(client.post("/rerank", json=body).status_code))
    thread.start()
    assert waiting.entered.wait(10)
    refused = client.post("/rerank", json=body)
    waiting.release.set()
    thread.join()
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert first == [200]
    assert client.post("/rerank", json=body).status_code == 200


def test_request_while_models_load_is_told_when_to_come_back(tmp_path: Path) -> None:
    services = Services(_settings(tmp_path), build_models=build_models)
    client = TestClient(create_app(services), base_url="http://localhost")  # not entered: nothing loads
    response = client.post("/v1/rerank", json={"query": QUERY, "documents": DOCUMENTS})
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response.headers["retry-after"] == "2"
    services.close()


def test_presets_are_listed_in_the_readers_language(client: TestClient) -> None:
    presets = client.get("/api/presets", headers={"Accept-Language": "zh-CN"}).json()["data"]
    assert [each["name"] for each in presets] == ["legal", "it_support", "sales", "cross_border"]
    assert presets[0]["title"] == "法律"
    assert all(each["instruction"] == each["zh"] and each["en"] for each in presets)


TEXT = st.text(alphabet=st.characters(), max_size=30)  # with lone surrogates
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "query", "documents", "texts", "top_n", "return_documents", "return_text", "raw_scores", "instruct",
        "instruction", "use_activation", "max_tokens_per_doc", "truncate", "rank_fields", "model", "text_1",
        "text_2", "queries", "items", "other",
    ]
)  # fmt: skip
LIKELY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"query": TEXT, "documents": st.lists(TEXT, max_size=5)}
)


@settings(max_examples=120)
@given(
    path=st.sampled_from(["/v1/rerank", "/v2/rerank", "/rerank", "/score", "/v1/score"]),
    likely=LIKELY | st.just({}),
    more=st.dictionaries(FIELDS, JSON, max_size=4),
)
def test_no_json_makes_the_server_fail(
    client: TestClient, path: str, likely: dict[str, Any], more: dict[str, Any]
) -> None:
    raw = json.dumps({**likely, **more}).encode()  # with NaN, Infinity and escaped surrogates
    response = client.post(path, content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400, 413, 422)
    assert json.loads(response.content) is not None


@settings(max_examples=60)
@given(raw=st.binary(max_size=60) | st.text(alphabet='[{"query:,}]\\u0dNa1', max_size=60).map(str.encode))
def test_no_bytes_make_the_server_fail(client: TestClient, raw: bytes) -> None:
    response = client.post("/v1/rerank", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 413, 422)


def test_deeply_nested_json_does_not_make_the_server_fail(client: TestClient) -> None:
    raw = b'{"query": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    response = client.post("/v1/rerank", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
