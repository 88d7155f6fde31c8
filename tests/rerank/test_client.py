import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rerank.client import RankedCandidate, RerankerClient
from rerank.errors import RerankerUnavailable, SelfTestFailed
from retrieval.types import Notice
from tests.rerank.server import RerankServer, jina
from tests.starter import RERANKER
from tests.tiny import tiny_qwen3


def test_candidates_come_best_first_with_their_places() -> None:
    candidates = ["Gravity is a force.", "Paris is the capital of France.", "Gravity is a force."]
    with RerankerClient(profile="starter") as client:
        ranking = client.rerank("What is the capital of France?", candidates)
    assert [found.index for found in ranking] == [1, 0, 2]
    assert isinstance(ranking[0], RankedCandidate)
    assert ranking[0].text == candidates[1]
    assert ranking[1].relevance == ranking[2].relevance
    assert ranking.model == RERANKER


def test_best_few_are_given_where_asked() -> None:
    client = RerankerClient(profile="starter")
    assert len(client.rerank("blue", ["blue", "red", "green"], top_n=2)) == 2
    assert client.rerank("blue", []) == []
    with pytest.raises(ValueError, match="top_n is 0"):
        client.rerank("blue", ["red"], top_n=0)


def test_server_is_asked_with_instruction_and_key() -> None:
    with RerankServer(jina) as server, RerankerClient(server.url, api_key="secret") as client:
        ranking = client.rerank("blue", ["red", "blue"], instruction="prefer colours")
    assert [found.index for found in ranking] == [1, 0]
    assert server.asked[0][1]["instruction"] == "prefer colours"
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_what_a_server_has_to_say_is_passed_on() -> None:
    def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        results = [{"index": 0, "relevance_score": 0.5}]
        notices = [{"code": "rerank_fallback", "text": "The fallback judged."}]
        return 200, {"results": results, "notices": notices}

    with RerankServer(answer) as server, RerankerClient(server.url) as client:
        ranking = client.rerank("blue", ["red"])
        says = Notice.of("reranker_says", identity=ranking.model, text="The fallback judged.")
    assert ranking.notices == (says,)


def test_exactly_one_place_must_be_named() -> None:
    with pytest.raises(ValueError, match="exactly one of url, model and profile"):
        RerankerClient()
    with pytest.raises(ValueError, match="exactly one of url, model and profile"):
        RerankerClient("http://localhost:1", model="x")


def test_unreachable_server_is_named() -> None:
    with (
        RerankerClient("http://127.0.0.1:9") as client,
        pytest.raises(RerankerUnavailable, match=r"http://127.0.0.1:9 cannot be reached"),
    ):
        client.rerank("blue", ["red"])


def test_local_model_is_asked_known_answers_first(tmp_path: Path) -> None:
    with pytest.raises(SelfTestFailed, match="right passage"):
        RerankerClient(model=str(tiny_qwen3(tmp_path / "random")), device="cpu")


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(RerankerUnavailable, match="cannot load the reranker"):
        RerankerClient(model=str(tmp_path / "nowhere"))


def test_client_of_a_server_needs_no_torch() -> None:
    code = (
        "import sys; from rerank.client import RerankerClient; RerankerClient('http://localhost:1');"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
