"""A reranker behind HTTP: Jina, Cohere, vLLM, SGLang, infinity, llama.cpp and TEI speak one of two shapes."""

import json
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

import httpx

from rerank.errors import RerankError, RerankerUnavailable, RerankStopped
from rerank.prompt import MAX_TOKENS, defuse, encodable, halves
from rerank.protocols import Stopped, never
from rerank.types import Scores
from retrieval.types import Notice

Shape = Literal["auto", "documents", "texts"]
"""``documents``: {query, documents} → {results: [...]} (Jina, Cohere, vLLM); ``texts``: TEI's bare list."""

_NOT_THIS_WAY = frozenset((400, 404, 405, 422))
"""Statuses of a server that lives at another path or wants another shape."""

BATCH = 32
"""Passages per request: TEI's default limit (``--max-client-batch-size``)."""


class RemoteReranker:
    """Scores from a rerank server, believed only when they are complete, finite and in 0..1.

    ``url`` is the server's base or its rerank endpoint. ``preformatted`` sends the Qwen3-Reranker prompt in
    two halves as query and document, for servers that only concatenate them (vLLM without its chat template,
    infinity); otherwise a given instruction goes into the field ``instruction``. Control strings in texts
    are broken before they are sent, since servers read them as control tokens. Redirects are not followed
    and proxy settings of the environment not used: nothing goes anywhere but to ``url``. Close it after use.
    """

    default_floor = 0.5
    """Not calibrated: the model behind the address is not known here."""

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        api_key: str = "",
        timeout_s: float = 60.0,
        shape: Shape = "auto",
        preformatted: bool = False,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RerankerUnavailable(f"{url!r} is not an http(s) address")
        self.max_tokens = max_tokens
        self._url = url.rstrip("/")
        self._model = model
        self._attempts = _attempts(self._url, shape)
        self._preformatted = preformatted
        self._identity = f"remote:{parts.hostname}:{parts.port or parts.scheme}/{model or 'default'}" + (
            "/preformatted" if preformatted else ""
        )
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(timeout=timeout_s, headers=headers, trust_env=False)

    @property
    def identity(self) -> str:
        """Server, model and how prompts are sent. What the server really runs is its owner's promise."""
        return self._identity

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """See the role. Raises ``RerankerUnavailable`` when the server cannot be reached.

        Notices: what a Touchstone server has to say about its answer (``reranker_says``: identity, text).
        """
        relevance: list[float] = []
        told: dict[Notice, None] = {}
        tokens = 0
        for start in range(0, len(passages), BATCH):
            if stopped():
                raise RerankStopped(f"stopped with {len(passages) - start} passages unscored")
            values, used, texts = self._ask(query, passages[start : start + BATCH], instruction)
            relevance.extend(values)
            tokens += used
            told |= {Notice.of("reranker_says", identity=self._identity, text=text): None for text in texts}
        return Scores(tuple(relevance), tuple(told), tokens)

    def _ask(
        self, query: str, passages: Sequence[str], instruction: str
    ) -> tuple[list[float], int, list[str]]:
        """One request: relevance in the order given, the tokens the server counted, and what it tells."""
        query, instruction, *documents = (
            defuse(encodable(text)) for text in (query, instruction, *passages)
        )
        if self._preformatted:
            pairs = [halves(instruction, query, document) for document in documents]
            query, documents, instruction = pairs[0][0], [document for _, document in pairs], ""
        response = self._post(query, documents, instruction)
        try:
            answer: object = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RerankError(f"{self._url} answered something that is not JSON") from error
        return _relevance(answer, len(documents)), _tokens(answer), _told(answer)

    def _post(self, query: str, documents: Sequence[str], instruction: str) -> httpx.Response:
        """The server's answer in the shape it understands; what ``auto`` finds is kept."""
        statuses = []
        for address, shape in self._attempts:
            try:
                response = self._client.post(address, json=self._body(shape, query, documents, instruction))
            except httpx.TimeoutException as error:
                raise RerankError(f"{self._url} gave no answer in time") from error
            except httpx.HTTPError as error:
                raise RerankerUnavailable(f"{self._url} cannot be reached: {type(error).__name__}") from error
            if response.status_code == httpx.codes.OK:
                self._attempts = [(address, shape)]
                return response
            statuses.append(str(response.status_code))
            if response.status_code not in _NOT_THIS_WAY:
                break
        raise RerankError(
            f"{self._url} answered status {', '.join(statuses)}; check address, model name, key and shape"
        )

    def _body(
        self, shape: Shape, query: str, documents: Sequence[str], instruction: str
    ) -> dict[str, object]:
        if shape == "texts":
            body: dict[str, object] = {"query": query, "texts": list(documents), "truncate": True}
        else:
            body = {"query": query, "documents": list(documents), "top_n": len(documents)}
            body["return_documents"] = False
            if self._model:
                body["model"] = self._model
        if instruction:
            body["instruction"] = instruction
        return body


def _attempts(url: str, shape: Shape) -> list[tuple[str, Shape]]:
    """Where to ask and how, likeliest first."""
    path = urlsplit(url).path
    if path.endswith("rerank"):
        bases = [url]
    elif path.endswith(("/v1", "/v2")):
        bases = [f"{url}/rerank"]
    else:
        bases = [f"{url}/v1/rerank", f"{url}/rerank"]
    shapes: list[Shape] = ["documents", "texts"] if shape == "auto" else [shape]
    return [(base, kind) for kind in shapes for base in bases]


def _relevance(answer: object, count: int) -> list[float]:
    """Relevance by the server's own ``index``; its order and length are not trusted."""
    if isinstance(answer, dict):
        answer = next((answer[key] for key in ("results", "data", "list") if key in answer), None)
    if not isinstance(answer, list):
        raise RerankError("the answer holds no list under results, data or list")
    values: dict[int, float] = {}
    for entry in answer:
        index, value = _entry(entry)
        if not 0 <= index < count:
            raise RerankError(f"the answer names passage {index} of {count}")
        if index in values:
            raise RerankError(f"the answer names passage {index} twice")
        if not 0 <= value <= 1:  # also refuses NaN
            raise RerankError(f"passage {index} has score {value}, outside 0..1: raw or broken scores")
        values[index] = float(value)
    missing = [index for index in range(count) if index not in values]
    if missing:
        raise RerankError(f"the answer lacks passages {missing[:5]} of {count}")
    return [values[index] for index in range(count)]


def _entry(entry: object) -> tuple[int, float]:
    """Index and score of one result."""
    if not isinstance(entry, dict):
        raise RerankError("a result is not an object")
    index = entry.get("index")
    value = entry.get("relevance_score", entry.get("score"))
    if isinstance(index, bool) or not isinstance(index, int):
        raise RerankError(f"a result has index {index!r}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RerankError(f"passage {index} has no number under relevance_score or score")
    return index, value


def _tokens(answer: object) -> int:
    """``usage.total_tokens`` where the server counts them, else 0."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total >= 0 else 0


def _told(answer: object) -> list[str]:
    """The sentences under ``notices``, which Touchstone's own routes send."""
    notices = answer.get("notices") if isinstance(answer, dict) else None
    if not isinstance(notices, list):
        return []
    texts = [notice.get("text") for notice in notices if isinstance(notice, dict)]
    return [text for text in texts if isinstance(text, str)]
