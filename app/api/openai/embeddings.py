"""``POST /v1/embeddings``: vectors of the model that the knowledge bases are indexed with."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.openai.names import EMBEDDER
from app.api.single import only
from app.api.state import embed_gate, language_of, services
from app.api_settings import EmbedApiSettings
from app.catalogue import say
from app.errors import InvalidParameter, TooLarge, UnknownModel, Unsupported
from app.gate import Gate, Stopped
from app.result import NoticeView, View
from app.services import Services
from ingest.tokens import estimate_tokens
from retrieval.protocols import CountsTokens, Embedder, Vectors
from retrieval.types import Notice

AT_ONCE = 32  # texts between two looks at whether the caller has gone, and at a question that waits


class EmbedBody(BaseModel):
    """A request for embeddings."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        min_length=1, max_length=300, description=f"{EMBEDDER}, or the identity the answer names"
    )
    input: str | list[JsonValue] = Field(description="a text, or texts; token ids are refused")
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="base64: 32-bit floats, little-endian"
    )
    dimensions: int | None = Field(None, ge=1, description="must be the model's own")
    input_type: Literal["passage", "query"] = Field("passage", description="query: behind the query prompt")
    user: JsonValue = None

    def texts(self, limits: EmbedApiSettings) -> list[str]:
        """The texts, in order. Raises ``InvalidParameter``, ``Unsupported`` and ``TooLarge``."""
        given = [self.input] if isinstance(self.input, str) else self.input
        if not given:
            raise InvalidParameter("input", "there is nothing to embed: send at least one text")
        if len(given) > limits.max_texts:
            raise TooLarge(f"{len(given)} texts; at most {limits.max_texts} in one request")
        texts: list[str] = []
        for i, each in enumerate(given):
            if not isinstance(each, str):
                raise Unsupported(
                    f"input.{i}", "token ids are not taken: they are those of another model; send text"
                )
            if not each.strip():
                raise InvalidParameter(f"input.{i}", f"text {i} is empty")
            if len(each) > limits.max_characters:
                raise TooLarge(f"text {i} has {len(each)} characters; at most {limits.max_characters}")
            texts.append(each)
        return texts


class EmbeddingView(View):
    """The vector of one text: numbers, or base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbedUsage(View):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class EmbedExtra(View):
    """``usage_estimated``: the model does not tell how many tokens it read."""

    dimensions: int
    usage_estimated: bool
    notices: tuple[NoticeView, ...]


class EmbeddingsView(View):
    """Vectors of norm 1 in the order of the texts. Those of equal ``model`` can be compared."""

    object: Literal["list"] = "list"
    data: tuple[EmbeddingView, ...]
    model: str
    usage: EmbedUsage
    touchstone: EmbedExtra


@dataclass(frozen=True, slots=True)
class _Embedded:
    vectors: Vectors
    tokens: int
    estimated: bool
    notices: tuple[Notice, ...]


def routes(limits: EmbedApiSettings) -> APIRouter:
    """The route, with its own body limit."""
    router = APIRouter(prefix="/v1", tags=["openai"])

    @router.post("/embeddings", max_body_size=limits.max_body_bytes, response_model=EmbeddingsView)
    async def embeddings(
        body: EmbedBody,
        request: Request,
        held: Annotated[Services, Depends(services)],
        entrance: Annotated[Gate, Depends(embed_gate)],
    ) -> JSONResponse:
        """A vector for each text. Queries and passages are embedded differently, see ``input_type``."""
        texts, embedder = body.texts(limits), held.models.embedder
        if body.model not in (EMBEDDER, embedder.identity):
            raise UnknownModel(f"the model {body.model!r} does not exist; ask for {EMBEDDER}")
        if body.dimensions not in (None, embedder.dim):
            raise Unsupported(
                "dimensions", f"the vectors of this model have {embedder.dim} dimensions, and are not cut"
            )
        queries = body.input_type == "query"

        def work(stopped: Stopped) -> Iterator[_Embedded]:
            found = _embed(embedder, texts, queries=queries, stopped=stopped)
            if found is not None:
                yield found

        done = await only(entrance.enter(), work, request)
        return JSONResponse(_view(body, request, embedder, done).model_dump(mode="json"))

    return router


def _embed(
    embedder: Embedder, texts: Sequence[str], *, queries: bool, stopped: Stopped
) -> _Embedded | None:
    """All vectors, a few texts at a time; None where the caller has gone."""
    embed = embedder.embed_queries if queries else embedder.embed_passages
    embedder.drain_notices()  # what others of this thread were told is not ours
    parts: list[Vectors] = []
    for start in range(0, len(texts), AT_ONCE):
        if stopped():
            return None
        parts.append(embed(texts[start : start + AT_ONCE]))
    counts = embedder.passage_tokens(texts) if isinstance(embedder, CountsTokens) else None
    tokens = sum(map(estimate_tokens, texts) if counts is None else counts)
    return _Embedded(np.concatenate(parts), tokens, counts is None, embedder.drain_notices())


def _view(body: EmbedBody, request: Request, embedder: Embedder, done: _Embedded) -> EmbeddingsView:
    language = language_of(request)
    ignored = [Notice.of("option_ignored", name="user")] if body.user else []
    notices = (*ignored, *done.notices)
    return EmbeddingsView(
        data=tuple(
            EmbeddingView(
                index=i,
                embedding=base64.b64encode(row.astype("<f4").tobytes()).decode()
                if body.encoding_format == "base64"
                else row.tolist(),
            )
            for i, row in enumerate(done.vectors)
        ),
        model=embedder.identity,
        usage=EmbedUsage(prompt_tokens=done.tokens, total_tokens=done.tokens),
        touchstone=EmbedExtra(
            dimensions=embedder.dim,
            usage_estimated=done.estimated,
            notices=tuple(NoticeView(code=each.code, text=say(each, language)) for each in notices),
        ),
    )
