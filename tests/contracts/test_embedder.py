"""What every ``Embedder`` promises: starter, hashed words, a tiny Qwen3, a server with the OpenAI API."""

from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.embedder import SentenceTransformerEmbedder
from retrieval.protocols import Embedder
from retrieval.remote_embedder import RemoteEmbedder
from retrieval.starter_embedder import StarterEmbedder
from retrieval.starter_table import starter_table
from tests.fakes.embedding_server import embedding_server
from tests.fakes.hashing import HashingEmbedder
from tests.tiny import tiny_qwen3

TEXTS = ["报销发票需要哪些盖章？", "单点登录", "a much longer passage about single sign-on " * 7, "x"]


@pytest.fixture(scope="module", params=["starter", "hashing", "tiny Qwen3", "remote"])
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    if request.param == "starter":
        yield StarterEmbedder(starter_table())
    elif request.param == "hashing":
        yield HashingEmbedder()
    elif request.param == "tiny Qwen3":
        yield SentenceTransformerEmbedder.load(tiny_qwen3(tmp_path_factory.mktemp("tiny")), device="cpu")
    else:
        with embedding_server() as server:
            remote = RemoteEmbedder(server.url, model="bag-of-letters")
            yield remote
            remote.close()


def test_rows_are_float32_of_norm_one_and_of_the_announced_length(embedder: Embedder) -> None:
    for vectors in (embedder.embed_queries(TEXTS), embedder.embed_passages(TEXTS)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (4, embedder.dim)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0] * 4, abs=1e-5)


def test_rows_come_in_the_order_given_and_do_not_depend_on_their_neighbours(embedder: Embedder) -> None:
    together = embedder.embed_passages(TEXTS)
    alone = np.concatenate([embedder.embed_passages([text]) for text in TEXTS])
    backwards = embedder.embed_passages(TEXTS[::-1])[::-1]
    assert np.abs(together - alone).max() < 1e-4
    assert np.abs(together - backwards).max() < 1e-4


def test_different_texts_have_different_vectors(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    similarities = vectors @ vectors.T - np.eye(4)
    assert similarities.max() < 0.999


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.dim)
    assert embedder.embed_queries([]).shape == (0, embedder.dim)


def test_identity_stays_the_same_and_nothing_was_cut(embedder: Embedder) -> None:
    assert embedder.identity == embedder.identity != ""
    embedder.embed_passages(TEXTS)
    assert embedder.drain_notices() == ()
