"""``/v1/embeddings`` and ``/v1/models`` with OpenAI's own client."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from retrieval.starter_embedder import StarterEmbedder
from retrieval.starter_table import starter_table
from tests.api.served import client, served, services_of
from tests.starter import EMBEDDER, RERANKER

TEXTS = ["Refunds take 5 days.", "退款需要五天。"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    limits = {"max_texts": 3, "max_characters": 50}
    services = services_of(tmp_path_factory.mktemp("lists"), embed_api=limits)
    with served(services, tmp_path_factory.mktemp("files")) as url:
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> openai.OpenAI:
    return client(url)


def test_vectors_are_those_the_index_is_made_of(api: openai.OpenAI) -> None:
    wanted = StarterEmbedder(starter_table())
    answer = api.embeddings.create(model="touchstone-embedding", input=TEXTS)
    assert [each.index for each in answer.data] == [0, 1]
    found = np.array([each.embedding for each in answer.data], dtype=np.float32)
    np.testing.assert_array_equal(found, wanted.embed_passages(TEXTS))
    assert answer.model == EMBEDDER
    assert answer.usage.prompt_tokens == sum(wanted.passage_tokens(TEXTS)) > 0
    one = api.embeddings.create(model=EMBEDDER, input=TEXTS[0], dimensions=wanted.dim)
    np.testing.assert_array_equal(one.data[0].embedding, found[0])


def test_floats_and_base64_hold_the_same_numbers(url: str) -> None:
    body = {"model": "touchstone-embedding", "input": TEXTS}
    floats, packed = (
        httpx.post(f"{url}/v1/embeddings", json={**body, "encoding_format": each}, trust_env=False).json()
        for each in ("float", "base64")
    )
    for one, other in zip(floats["data"], packed["data"], strict=True):
        unpacked = np.frombuffer(base64.b64decode(other["embedding"]), dtype="<f4")
        np.testing.assert_array_equal(np.array(one["embedding"], dtype=np.float32), unpacked)


def test_queries_are_embedded_as_queries(api: openai.OpenAI) -> None:
    wanted = StarterEmbedder(starter_table()).embed_queries(["How long do refunds take?"])[0]
    answer = api.embeddings.create(
        model="touchstone-embedding", input="How long do refunds take?", extra_body={"input_type": "query"}
    )
    np.testing.assert_array_equal(np.array(answer.data[0].embedding, dtype=np.float32), wanted)


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"input": [1, 2]}, 400, "input.0", "unsupported_parameter"),
        ({"input": [[1, 2]]}, 400, "input.0", "unsupported_parameter"),
        ({"input": []}, 400, "input", "invalid_parameter"),
        ({"input": ["a", " "]}, 400, "input.1", "invalid_parameter"),
        ({"dimensions": 7}, 400, "dimensions", "unsupported_parameter"),
        ({"encoding_format": "int8"}, 400, "encoding_format", "invalid"),
        ({"input": ["a"] * 4}, 413, None, "too_large"),
        ({"input": "a" * 51}, 413, None, "too_large"),
        ({"model": "text-embedding-3-small"}, 404, None, "model_not_found"),
    ],
)
def test_what_cannot_be_embedded_is_refused(
    api: openai.OpenAI, body: dict[str, Any], status: int, param: str | None, code: str
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        api.post(
            "/embeddings", body={"model": "touchstone-embedding", "input": "a", **body}, cast_to=object
        )
    assert (refused.value.status_code, refused.value.param, refused.value.code) == (status, param, code)


def test_models_are_the_knowledge_bases_the_embedder_and_the_reranker(api: openai.OpenAI) -> None:
    found = {model.id: model.touchstone for model in api.models.list()}  # type: ignore[attr-defined]
    assert list(found) == [
        "touchstone",
        "touchstone/handbook",
        "touchstone/salaries",
        "touchstone-embedding",
        "touchstone-reranker",
    ]
    assert found["touchstone"]["documents"] == 2
    assert found["touchstone-embedding"]["identity"] == EMBEDDER
    assert found["touchstone-reranker"]["identity"] == RERANKER


def test_each_model_can_be_looked_up_by_its_name(api: openai.OpenAI) -> None:
    for model in api.models.list():
        assert api.models.retrieve(model.id) == model
    with pytest.raises(openai.NotFoundError) as unknown:
        api.models.retrieve("gpt-4o")
    assert unknown.value.code == "model_not_found"


def test_embedding_while_loading_says_when_to_come_back(tmp_path: Path) -> None:
    app = create_app(services_of(tmp_path))  # never entered, so nothing is loaded
    body = {"model": "touchstone-embedding", "input": "a"}
    answer = TestClient(app, base_url="http://localhost").post("/v1/embeddings", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "2"
    app.state.services.close()
