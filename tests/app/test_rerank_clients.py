"""Other makers' clients and our own, against a real server on a real port."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cohere
import httpx
import pytest
from cohere.core.api_error import ApiError

from app.models import Models
from app.services import Services
from app.settings import RerankApiSettings, Settings
from app.wiring import build_models
from rerank.client import RerankerClient
from rerank.guarded import GuardedReranker
from rerank.protocols import Stopped, never
from rerank.remote import RemoteReranker
from rerank.types import Scores
from retrieval.protocols import SoftStatistics
from tests.app.server import serving
from tests.fakes.rerank import OverlapReranker

QUERY = "What is the capital of France?"
DOCUMENTS = [
    "London is the capital of the United Kingdom.",
    "Paris is the capital and largest city of France.",
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("clients"), profile="starter", demo=False)
    with serving(Services(settings, build_models=build_models)) as url:
        yield url


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def test_cohere_v2_client(url: str, http: httpx.Client) -> None:
    client = cohere.ClientV2(api_key="key", base_url=url, httpx_client=http)
    answer = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=1)
    assert [result.index for result in answer.results] == [1]
    assert answer.results[0].relevance_score > 0.5
    assert answer.id


def test_cohere_v1_client_with_documents(url: str, http: httpx.Client) -> None:
    client = cohere.Client(api_key="key", base_url=url, httpx_client=http)
    answer = client.rerank(query=QUERY, documents=DOCUMENTS, return_documents=True)
    assert answer.results[0].document is not None
    assert answer.results[0].document.text == DOCUMENTS[1]


def test_cohere_client_reads_the_problem(url: str, http: httpx.Client) -> None:
    client = cohere.ClientV2(api_key="key", base_url=url, httpx_client=http)
    with pytest.raises(ApiError) as refused:
        client.rerank(model="any", query=QUERY, documents=[])
    assert refused.value.status_code == 422
    assert "at least one document" in str(refused.value.body)


def test_tei_request(url: str) -> None:
    body = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": False, "return_text": False, "truncate": True}
    answer = httpx.post(f"{url}/rerank", json=body, trust_env=False).json()
    assert [set(entry) for entry in answer] == [{"index", "score"}] * 2
    assert answer[0]["index"] == 1


def test_own_remote_reranker_speaks_both_shapes_to_it(url: str) -> None:
    for remote in (RemoteReranker(url, shape="documents"), RemoteReranker(url, shape="texts")):
        relevance = remote.score(QUERY, DOCUMENTS, "").relevance
        assert relevance[1] > 0.5 > relevance[0]
        remote.close()


def test_own_client_ranks_by_url(url: str) -> None:
    with RerankerClient(url) as client:
        ranking = client.rerank(QUERY, DOCUMENTS, instruction="prefer capitals", top_n=1)
    assert [(found.index, found.text) for found in ranking] == [(1, DOCUMENTS[1])]
    assert ranking.notices == ()


class PatientReranker(OverlapReranker):
    """Never done with the first call before it is told to stop."""

    def __init__(self) -> None:
        self.calls = 0

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.calls += 1
        while self.calls == 1 and not stopped():
            time.sleep(0.01)
        return super().score(query, passages, instruction, stopped)


def test_caller_who_leaves_frees_the_model_and_the_place(tmp_path: Path) -> None:
    patient = PatientReranker()

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), reranker=GuardedReranker(patient))

    limits = RerankApiSettings(concurrency=1, queue=0)
    settings = Settings(data_dir=tmp_path, profile="starter", demo=False, rerank_api=limits)
    body = {"query": QUERY, "documents": DOCUMENTS}
    services = Services(settings, build_models=build)
    with serving(services) as url, httpx.Client(base_url=url, trust_env=False) as client:
        while not patient.calls:  # on a busy machine the first may leave before the model hears of it
            with suppress(httpx.ReadTimeout):
                client.post("/rerank", json=body, timeout=0.3)
        for _ in range(100):
            answer = client.post("/rerank", json=body)
            if answer.status_code == 200:
                break
            time.sleep(0.05)
        assert answer.status_code == 200
        assert services.models.reranker.status().breaker.failures == ()
