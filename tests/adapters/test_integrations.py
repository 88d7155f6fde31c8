"""What RAGFlow, Dify and Open WebUI send to a rerank server, to the letter, and what they read of the answer.

Bodies as their sources have them: RAGFlow ``rag/llm/rerank_model.py`` (b1b8cd62, August 2026), Dify
``dify_plugin/interfaces/model/openai_compatible/rerank.py`` and ``dify-official-plugins``
``models/openai_api_compatible`` (225e44da), Open WebUI ``backend/open_webui/retrieval/models/external.py``.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import cohere
import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
QUERY = "What is the capital of the United States?"
TEXTS = [
    "Carson City is the capital city of the American state of Nevada.",
    "Washington, D.C. is the capital of the United States.",
]
KEY = {"Authorization": "Bearer x", "Content-Type": "application/json"}

PLAIN: Mapping[str, object] = {"model": "touchstone", "query": QUERY, "documents": TEXTS, "top_n": 2}
"""RAGFlow as OpenAI-API-Compatible, LocalAI or Jina; Open WebUI; Dify's own plugin."""


def _post(address: str, body: Mapping[str, object], **headers: str) -> httpx.Response:
    return httpx.post(address, json=body, headers=headers or KEY, trust_env=False)


def _scores(response: httpx.Response) -> dict[int, float]:
    """What all of them read: index and relevance_score of each result, in any order."""
    assert response.status_code == 200, response.text
    return {each["index"]: each["relevance_score"] for each in response.json()["results"]}


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_ragflow_openai_api_compatible_appends_rerank_to_its_base_url(url: str, path: str) -> None:
    response = _post(f"{url}{path}", PLAIN)
    scores = _scores(response)
    assert scores[1] > scores[0]
    assert all(0 <= score <= 1 for score in scores.values())  # within 0..1 RAGFlow leaves them as they are
    assert response.json()["usage"]["total_tokens"] >= 0  # what it counts


def test_ragflow_vllm_speaks_through_the_cohere_client(url: str) -> None:
    with httpx.Client(trust_env=False) as http:
        client = cohere.Client(api_key="x", base_url=url, timeout=30.0, httpx_client=http)
        answer = client.rerank(
            model="touchstone", query=QUERY, documents=TEXTS, top_n=2, return_documents=False
        )
    assert {each.index for each in answer.results} == {0, 1}


def test_ragflow_huggingface_sends_what_text_embeddings_inference_takes(url: str) -> None:
    body = {"query": QUERY, "texts": TEXTS, "raw_scores": False, "truncate": True}
    response = _post(f"{url}/rerank", body)
    assert response.status_code == 200
    assert {each["index"]: each["score"] for each in response.json()}.keys() == {0, 1}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"return_documents": "true", "return_len": "true"}, "return_documents"),  # Xinference
        ({"return_documents": False, "max_chunks_per_doc": 1024, "overlap_tokens": 80}, "overlap_tokens"),
    ],
)
def test_ragflow_factories_that_do_not_fit_are_refused_by_name(
    url: str, more: Mapping[str, object], field: str
) -> None:
    response = _post(f"{url}/v1/rerank", {**PLAIN, **more})
    assert response.status_code == 422
    assert field in response.text


def test_dify_by_its_sdk_leaves_top_n_empty_and_asks_for_documents(url: str) -> None:
    body = {**PLAIN, "top_n": None, "return_documents": True}
    response = _post(f"{url}/v1/rerank", body)
    scores = _scores(response)
    assert scores.keys() == {0, 1}
    assert max(scores.values()) > min(scores.values())  # it stretches them to 0..1 and drops those below 0.8
    assert {each["document"]["text"] for each in response.json()["results"]} == set(TEXTS)


def test_dify_by_its_plugin_reads_scores_as_they_are(url: str) -> None:
    assert _scores(_post(f"{url}/v1/rerank", PLAIN)).keys() == {0, 1}


def test_dify_without_a_key_sends_an_empty_header(url: str) -> None:
    body = {**PLAIN, "top_n": 2}
    response = _post(f"{url}/v1/rerank", body, **{"Content-Type": "application/json", "Authorization": ""})
    assert response.status_code == 200  # in single-user mode; with accounts a key is needed


def test_open_webui_posts_to_the_whole_address_and_sorts_by_index(url: str) -> None:
    forwarded = {
        **KEY,
        "X-OpenWebUI-User-Name": "Ada",
        "X-OpenWebUI-User-Id": "1",
        "X-OpenWebUI-User-Email": "ada@example.org",
        "X-OpenWebUI-User-Role": "user",
    }
    response = _post(f"{url}/v1/rerank", PLAIN, **forwarded)
    assert sorted(_scores(response)) == [0, 1]


def test_a_base_address_without_the_path_is_no_rerank_address(url: str) -> None:
    assert _post(f"{url}/v1", PLAIN).status_code in (404, 405)


def test_the_page_names_every_application_and_address_that_is_tested_here() -> None:
    page = (ROOT / "app/docs/integrations.md").read_text(encoding="utf-8")
    for name in ("RAGFlow", "Dify", "Open WebUI", "LangChain", "LlamaIndex"):
        assert f"## {name}" in page
    assert set(re.findall(r"http://HOST:8400(/[\w/]*)?", page)) >= {"", "/v1", "/v1/rerank"}
