"""The rerank routes: ``/v1/rerank``, ``/v2/rerank``, ``/rerank``, ``/v1/score`` and ``/score``.

They use the reranker of the chat, with its breaker and fallback, through a gate of their own: bulk calls wait
for each other, a question never for a place of theirs.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from app.api.rerank_shapes import Body, RerankBody, ScoreBody
from app.api.single import only
from app.api.state import language_of, rerank_gate, services
from app.catalogue import say
from app.errors import BadRequest, RerankFailed, TooLarge
from app.gate import Gate, Stopped
from app.services import Services
from app.settings import RerankApiSettings
from ingest.tokens import longest_prefix
from rerank.log_odds import log_odds
from rerank.types import Judgement
from retrieval.types import Notice

NOTICES_HEADER = "X-Touchstone-Notices"
CUT = frozenset(("passages_cut", "query_cut"))
Held = Annotated[Services, Depends(services)]
Entrance = Annotated[Gate, Depends(rerank_gate)]


class Answer(JSONResponse):
    """JSON that gives documents back as they came, with halves of surrogate pairs where they held some."""

    def render(self, content: object) -> bytes:
        """UTF-8, or ASCII with escapes for what UTF-8 cannot hold."""
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return json.dumps(content, allow_nan=False).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Judged:
    """A score per document in the order given, and what has to be said about it."""

    scores: tuple[float, ...]
    model: str
    tokens: int
    notices: tuple[Notice, ...]


def routes(limits: RerankApiSettings) -> APIRouter:
    """The routes, with their own body limit."""
    router = APIRouter(tags=["rerank"])

    @router.post("/v1/rerank", max_body_size=limits.max_body_bytes)
    @router.post("/rerank", max_body_size=limits.max_body_bytes)
    async def rerank(body: RerankBody, request: Request, held: Held, entrance: Entrance) -> Response:
        """Documents by relevance to the query, best first; TEI's shape where ``texts`` are given."""
        return await _rerank(body, request, held, entrance, with_documents=True)

    @router.post("/v2/rerank", max_body_size=limits.max_body_bytes)
    async def rerank_v2(body: RerankBody, request: Request, held: Held, entrance: Entrance) -> Response:
        """As ``/v1/rerank``, without documents in the answer unless they are asked for."""
        return await _rerank(body, request, held, entrance, with_documents=False)

    @router.post("/v1/score", max_body_size=limits.max_body_bytes)
    @router.post("/score", max_body_size=limits.max_body_bytes)
    async def score(body: ScoreBody, request: Request, held: Held, entrance: Entrance) -> Response:
        """A score for each pair, in the order given."""
        pairs = body.pairs()
        judged = await _judge(body, pairs, request, held, entrance)
        data = [{"index": i, "object": "score", "score": value} for i, value in enumerate(judged.scores)]
        return _answer(request, judged, {"object": "list", "created": int(time.time()), "data": data})

    return router


async def _rerank(
    body: RerankBody, request: Request, held: Services, entrance: Gate, *, with_documents: bool
) -> Response:
    documents = body.given()
    judged = await _judge(body, [(body.query, text) for text in documents], request, held, entrance)
    order = sorted(range(len(documents)), key=lambda i: (-judged.scores[i], i))[: body.top_n or None]
    if body.texts is not None:
        cut = next((notice for notice in judged.notices if notice.code in CUT), None)
        if cut is not None and not body.truncate:
            raise TooLarge(f"{say(cut, language_of(request))} Send truncate: true to allow this.")
        bare: list[dict[str, object]] = [{"index": i, "score": judged.scores[i]} for i in order]
        if body.return_text:
            bare = [{**entry, "text": documents[i]} for entry, i in zip(bare, order, strict=True)]
        return Answer(bare, headers=_header(judged))
    shown = with_documents if body.return_documents is None else body.return_documents
    results: list[dict[str, object]] = []
    for i in order:
        result: dict[str, object] = {"index": i, "relevance_score": judged.scores[i]}
        if shown:
            given = (body.documents or [])[i]
            result["document"] = {"text": given} if isinstance(given, str) else given
        results.append(result)
    return _answer(request, judged, {"object": "list", "results": results})


async def _judge(
    body: Body, pairs: Sequence[tuple[str, str]], request: Request, held: Services, entrance: Gate
) -> _Judged:
    """Every pair's score, through the gate. Raises what the routes answer with as problems."""
    _check(pairs, held.settings.rerank_api)
    notices = body.ignored()
    texts = [text for _, text in pairs]
    if body.max_tokens_per_doc is not None:
        texts, cut = _cut(texts, body.max_tokens_per_doc)
        notices += cut
    instruction = body.wanted
    if instruction is None:
        instruction = held.settings.rerank.instruction
    reranker, timeout_s = held.models.reranker, held.settings.rerank.timeout_s

    def judge(query: str, documents: Sequence[str], stopped: Stopped) -> Judgement:
        return reranker.judge(
            query, documents, instruction, timeout_s=timeout_s, stopped=stopped, complete=True
        )

    def work(stopped: Stopped) -> Iterator[_Judged]:
        yield _by_query([query for query, _ in pairs], texts, lambda q, d: judge(q, d, stopped))

    judged = await only(entrance.enter(), work, request)
    scores = tuple(map(log_odds, judged.scores)) if body.raw else judged.scores
    return _Judged(scores, judged.model, judged.tokens, (*notices, *judged.notices))


def _by_query(
    queries: Sequence[str], texts: Sequence[str], judge: Callable[[str, Sequence[str]], Judgement]
) -> _Judged:
    """Judge the texts of each query together. Raises ``RerankFailed`` where nobody or several judge."""
    scores = [0.0] * len(texts)
    judgements: list[Judgement] = []
    places: dict[str, list[int]] = {}
    for i, query in enumerate(queries):
        places.setdefault(query, []).append(i)
    for query, indices in places.items():
        judged = judge(query, [texts[i] for i in indices])
        if not judged.identity:
            raise RerankFailed("; ".join(say(notice, "en") for notice in judged.notices))
        for i, value in zip(indices, judged.relevance, strict=True):
            assert value is not None  # noqa: S101 - a complete judgement leaves nothing out
            scores[i] = value
        judgements.append(judged)
    if len({judged.identity for judged in judgements}) > 1:
        raise RerankFailed("the reranker failed half way, and scores of two rerankers do not compare")
    told = dict.fromkeys(notice for judged in judgements for notice in judged.notices)
    return _Judged(
        tuple(scores), judgements[0].identity, sum(judged.tokens for judged in judgements), tuple(told)
    )


def _check(pairs: Sequence[tuple[str, str]], limits: RerankApiSettings) -> None:
    if not pairs:
        raise BadRequest("there is nothing to judge: send at least one document")
    if len(pairs) > limits.max_documents:
        raise TooLarge(f"{len(pairs)} documents; at most {limits.max_documents} in one request")
    for i, (query, text) in enumerate(pairs):
        if not query.strip():
            raise BadRequest("the query is empty")
        if len(query) > limits.max_query_characters:
            raise TooLarge(
                f"the query has {len(query)} characters; at most {limits.max_query_characters} are taken"
            )
        if len(text) > limits.max_characters:
            raise TooLarge(
                f"document {i} has {len(text)} characters; at most {limits.max_characters} are taken"
            )


def _cut(texts: Sequence[str], limit: int) -> tuple[list[str], list[Notice]]:
    """Texts of at most about ``limit`` tokens, and the notice ``documents_cut`` (count, limit)."""
    kept = [text[: longest_prefix(text, 0, len(text), limit)] if text else text for text in texts]
    count = sum(len(short) < len(text) for short, text in zip(kept, texts, strict=True))
    return kept, [Notice.of("documents_cut", count=count, limit=limit)] if count else []


def _answer(request: Request, judged: _Judged, body: dict[str, object]) -> Response:
    """The superset of what Jina, Cohere and vLLM answer."""
    language = language_of(request)
    version = "2" if request.url.path.startswith("/v2/") else "1"
    told = [{"code": notice.code, "text": say(notice, language)} for notice in judged.notices]
    return Answer(
        {
            "id": uuid.uuid4().hex,
            "model": judged.model,
            **body,
            "usage": {"prompt_tokens": judged.tokens, "total_tokens": judged.tokens},
            "meta": {"api_version": {"version": version}, "billed_units": {"search_units": 1}},
            "notices": told,
        },
        headers=_header(judged),
    )


def _header(judged: _Judged) -> dict[str, str]:
    """The notices' codes, for clients that read a bare list."""
    codes = dict.fromkeys(notice.code for notice in judged.notices)
    return {NOTICES_HEADER: ", ".join(codes)} if codes else {}
