"""The rerank playground: candidates that somebody typed in, judged; nothing is kept."""

import json
import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.single import only
from app.api.state import language_of, rerank_gate, services
from app.catalogue import say
from app.errors import BadRequest, RerankFailed, TooLarge
from app.gate import Gate, Stopped
from app.result import NoticeView, View
from app.services import Services
from app.settings import RerankApiSettings, shipped
from rerank.prompt import clean_instruction
from rerank.types import Judgement
from retrieval.types import Language

MAX_CANDIDATES = 100
MAX_CHARACTERS = 32_000  # of one candidate: about what the model reads before it cuts
MAX_QUERY = 2_000
MAX_INSTRUCTION = 2_000
MAX_BODY_BYTES = 16_000_000  # that many characters of four bytes, quoted as JSON


class Candidates(BaseModel):
    """What to judge. ``instruction`` empty: the model's own default, as the answer names it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str = Field(description=f"at most {MAX_QUERY} characters")
    candidates: list[str] = Field(
        description=f"1 to {MAX_CANDIDATES}, each of at most {MAX_CHARACTERS} characters"
    )
    instruction: str = Field("", max_length=MAX_INSTRUCTION)

    def check(self) -> None:
        """Raise ``BadRequest`` or ``TooLarge`` where this cannot be judged."""
        if not self.query.strip():
            raise BadRequest("the query is empty; type one")
        if len(self.query) > MAX_QUERY:
            raise TooLarge(f"the query has {len(self.query)} characters; at most {MAX_QUERY} are taken")
        if not self.candidates:
            raise BadRequest("there are no candidates; give at least one")
        if len(self.candidates) > MAX_CANDIDATES:
            raise TooLarge(f"{len(self.candidates)} candidates; at most {MAX_CANDIDATES} are judged at once")
        for number, text in enumerate(self.candidates, 1):
            if not text.strip():
                raise BadRequest(f"candidate {number} is empty; leave it out")
            if len(text) > MAX_CHARACTERS:
                raise TooLarge(
                    f"candidate {number} has {len(text)} characters; at most {MAX_CHARACTERS} are taken"
                )


class PlaceView(View):
    """Where a candidate came. ``index`` counts from 0 as it was given, ``rank`` from 1.

    ``truncated``: the model did not read it to its end.
    """

    index: int
    rank: int
    relevance: float
    truncated: bool


class JudgedView(View):
    """Every candidate, best first; equal relevance in the order given.

    ``instruction``: as the model was given it. ``fallback``: not the configured reranker judged. ``floor``:
    the relevance below which that reranker's judgement is no evidence. ``ms``: of the whole judgement,
    without waiting for a place.
    """

    model: str
    fallback: bool
    instruction: str
    floor: float | None
    tokens: int
    ms: float
    results: tuple[PlaceView, ...]
    notices: tuple[NoticeView, ...]


class PlaygroundExample(View):
    """Candidates to begin with."""

    id: str
    language: Language
    question: str
    instruction: str
    candidates: tuple[str, ...]


class PlaygroundExamples(View):
    """Examples: those of the demo knowledge base whose wanted order is known, then the same in English."""

    data: tuple[PlaygroundExample, ...]


def routes(limits: RerankApiSettings) -> APIRouter:
    """The routes; no body may be larger than the rerank routes take."""
    router = APIRouter(prefix="/api", tags=["playground"])
    router.get("/rerank/examples")(examples)
    router.post("/rerank", max_body_size=min(MAX_BODY_BYTES, limits.max_body_bytes))(rerank)
    return router


def examples() -> PlaygroundExamples:
    """Queries with candidates; the one about single sign-on is the first of each language."""
    listed = [
        each
        for name in ("examples.json", "playground.json")
        for each in json.loads((shipped("demo") / name).read_text(encoding="utf-8"))
        if each.get("candidates")
    ]
    names = PlaygroundExample.model_fields
    return PlaygroundExamples(
        data=tuple(
            PlaygroundExample.model_validate({name: each[name] for name in names})
            for each in sorted(listed, key=lambda each: not each["id"].startswith("sso"))
        )
    )


async def rerank(
    body: Candidates,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(rerank_gate)],
) -> JudgedView:
    """Judge candidates by the chat's reranker; for the playground, cookies open it."""
    body.check()
    reranker, timeout_s = held.models.reranker, held.settings.rerank.timeout_s
    ms = 0.0

    def work(stopped: Stopped) -> Iterator[Judgement]:
        nonlocal ms
        began = time.perf_counter()
        judged = reranker.judge(
            body.query, body.candidates, body.instruction, timeout_s=timeout_s, stopped=stopped, complete=True
        )
        ms = (time.perf_counter() - began) * 1000
        yield judged

    judged = await only(entrance.enter(), work, request)
    if not judged.identity:
        raise RerankFailed("; ".join(say(notice, language_of(request)) for notice in judged.notices))
    return _view(body, judged, ms, language_of(request))


def _view(body: Candidates, judged: Judgement, ms: float, language: Language) -> JudgedView:
    scores = [each for each in judged.relevance if each is not None]  # a complete judgement leaves none out
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    return JudgedView(
        model=judged.identity,
        fallback=judged.fallback,
        instruction=clean_instruction(body.instruction),
        floor=judged.floor,
        tokens=judged.tokens,
        ms=round(ms, 1),
        results=tuple(
            PlaceView(index=i, rank=rank, relevance=scores[i], truncated=i in judged.cut)
            for rank, i in enumerate(order, 1)
        ),
        notices=tuple(NoticeView(code=each.code, text=say(each, language)) for each in judged.notices),
    )
