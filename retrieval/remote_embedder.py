"""Embeddings from a server that speaks the OpenAI API (vLLM, TEI, Ollama, llama.cpp, LM Studio)."""

from collections.abc import Sequence
from functools import cached_property

import httpx
import numpy as np

from retrieval.errors import ModelUnavailable
from retrieval.protocols import Vectors
from retrieval.types import Notice

QUERY_PREFIX = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
"""For Qwen3-Embedding, whose servers do not add it. Source: model card of Qwen/Qwen3-Embedding-0.6B."""

_BATCH = 32


class RemoteEmbedder:
    """``Embedder`` over ``POST {url}/embeddings``. ``url`` ends in the API's version: ``http://host:8080/v1``.

    ``query_prefix`` stands before every query and must fit the model. Answers are put in order by their
    ``index``, checked, and scaled to norm 1. Texts over the model's limit are the server's affair: it
    cuts them or refuses. Thread-safe. Every failure raises ``ModelUnavailable``.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str = "",
        query_prefix: str = QUERY_PREFIX,
        timeout_s: float = 60.0,
    ) -> None:
        self._url = url.rstrip("/") + "/embeddings"
        self._name = model
        self._query_prefix = query_prefix
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(timeout=timeout_s, headers=headers)

    @property
    def identity(self) -> str:
        """The model's name as the server knows it; the server alone knows more."""
        return f"remote:{self._name}/{self.dim}"

    @cached_property
    def dim(self) -> int:
        """The length of a vector, asked of the server by one short text when first needed."""
        return int(self._post(["touchstone"]).shape[1])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1; each text behind the query prefix."""
        return self._embed([self._query_prefix + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1, in the order given."""
        return self._embed(list(texts))

    def drain_notices(self) -> tuple[Notice, ...]:
        """Always empty: the API does not say whether a text was cut."""
        return ()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _embed(self, texts: list[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            part = self._post(texts[start : start + _BATCH])
            if part.shape[1] != self.dim:
                raise self._failure(f"answered with {part.shape[1]} dimensions instead of {self.dim}")
            vectors[start : start + _BATCH] = part
        return vectors

    def _post(self, texts: list[str]) -> Vectors:
        """One request: float32 of shape (len(texts), dimensions), rows of norm 1."""
        request = {"model": self._name, "input": texts, "encoding_format": "float"}
        try:
            response = self._client.post(self._url, json=request)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise self._failure(f"does not answer ({kind}); start it or correct the URL") from error
        if response.status_code != 200:
            raise self._failure(f"answered {response.status_code}; check model, key and its log")
        try:
            items = sorted(response.json()["data"], key=lambda item: int(item["index"]))
            positions = [int(item["index"]) for item in items]
            vectors = np.array([item["embedding"] for item in items], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            kind = type(error).__name__
            raise self._failure(f"answered something else than embeddings ({kind}); check the URL") from error
        if positions != list(range(len(texts))) or vectors.ndim != 2:
            raise self._failure(f"answered {len(positions)} embeddings for {len(texts)} texts")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms == 0.0).any():
            raise self._failure("answered with a vector that has no direction")
        return np.asarray(vectors / norms, dtype=np.float32)

    def _failure(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"embedding server {self._url} (model {self._name}) {what}")
