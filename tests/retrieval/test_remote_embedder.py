from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.errors import ModelUnavailable
from retrieval.remote_embedder import RemoteEmbedder
from tests.fakes.embedding_server import DIM, EmbeddingServer, embedding_server


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def embedder(server: EmbeddingServer) -> Iterator[RemoteEmbedder]:
    made = RemoteEmbedder(server.url, model="m", api_key="secret", query_prefix="Q: ")
    yield made
    made.close()


def test_answers_out_of_order_are_put_in_order(embedder: RemoteEmbedder) -> None:
    together = embedder.embed_passages(["aaa", "bbb"])
    assert np.array_equal(together[0], embedder.embed_passages(["aaa"])[0])
    assert np.array_equal(together[1], embedder.embed_passages(["bbb"])[0])


def test_request_names_model_key_and_texts(embedder: RemoteEmbedder, server: EmbeddingServer) -> None:
    embedder.embed_passages(["报销"])
    assert server.requests[-1] == {
        "path": "/v1/embeddings", "model": "m", "input": ["报销"], "encoding_format": "float",
    }  # fmt: skip
    assert server.keys[-1] == "Bearer secret"


def test_queries_stand_behind_the_prefix_and_passages_do_not(
    embedder: RemoteEmbedder, server: EmbeddingServer
) -> None:
    embedder.embed_queries(["报销"])
    assert server.requests[-1]["input"] == ["Q: 报销"]


def test_dimension_is_asked_of_the_server_once(embedder: RemoteEmbedder, server: EmbeddingServer) -> None:
    assert (embedder.dim, embedder.dim) == (DIM, DIM)
    assert embedder.identity == f"remote:m/{DIM}"
    assert len(server.requests) == 1


def test_many_texts_are_sent_in_parts(embedder: RemoteEmbedder, server: EmbeddingServer) -> None:
    assert embedder.embed_passages([f"text {i}" for i in range(70)]).shape == (70, DIM)
    assert [len(request["input"]) for request in server.requests] == [1, 32, 32, 6]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "reply", "message"),
    [
        (500, None, r"answered 500; check model, key and its log"),
        (200, {"error": "no"}, r"answered something else than embeddings \(KeyError\)"),
        (200, [], r"answered something else than embeddings \(TypeError\)"),
        (200, {"data": []}, r"answered 0 embeddings for 1 texts"),
        (200, {"data": [{"index": 3, "embedding": [1.0]}]}, r"answered 1 embeddings for 1 texts"),
        (200, {"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, r"a vector that has no direction"),
        (200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}, r"answered with 2 dimensions instead of 48"),
    ],
)
def test_bad_answers_are_reported(
    embedder: RemoteEmbedder, server: EmbeddingServer, status: int, reply: object, message: str
) -> None:
    assert embedder.dim == DIM
    server.status, server.reply = status, reply
    with pytest.raises(ModelUnavailable, match=message):
        embedder.embed_passages(["x"])


def test_server_that_is_not_there_is_reported_with_the_remedy() -> None:
    embedder = RemoteEmbedder("http://127.0.0.1:1/v1", model="m")
    with pytest.raises(
        ModelUnavailable,
        match=r"server http://127.0.0.1:1/v1/embeddings \(model m\) does not answer \(ConnectError\); start",
    ):
        embedder.embed_queries(["x"])
    embedder.close()
