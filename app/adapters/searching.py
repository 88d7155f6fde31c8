"""``POST /api/search`` of a Touchstone server, for retrievers of other libraries; sync and async."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger(__name__)
_SHOWN = 300  # characters of a server's own words that an error repeats


class SearchFailed(Exception):
    """A search gave nothing that can be used; the message says what the server answered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """With what to search. ``collections`` empty: all that the key may search; "" and None: the server's own.

    ``evidence_only``: the chunks that the chat would answer from, none where it would abstain; else every
    candidate.
    """

    collections: tuple[str, ...] = ()
    instruction: str = ""
    top_k: int | None = None
    top_n: int | None = None
    rerank: bool = True
    evidence_only: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found. ``relevance`` 0..1, None where nothing judged it; ``notices`` of the search."""

    chunk_id: str
    text: str
    relevance: float | None
    document: str
    document_id: str
    title: str
    collection: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    notices: tuple[str, ...]

    def metadata(self) -> dict[str, object]:
        """What a caller needs to cite it, as plain JSON values."""
        return {
            "chunk_id": self.chunk_id,
            "document": self.document,
            "document_id": self.document_id,
            "title": self.title,
            "collection": self.collection,
            "pages": list(self.pages),
            "headings": list(self.headings),
            "relevance_score": self.relevance,
            "notices": list(self.notices),
        }


class _Found(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # a later server may say more

    chunk_id: str
    text: str
    relevance: float | None
    passage: int | None
    document: str
    document_id: str
    title: str
    collection: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]


class _Notice(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    candidates: tuple[_Found, ...]
    notices: tuple[_Notice, ...]


class SearchClient:
    """Searches one server. Nothing is sent anywhere else: no redirects, no proxies of the environment.

    ``api_key`` goes along as a bearer token and needs the use search. Connections last for one search, so
    that nothing has to be closed. Raises ``ValueError`` for what is no
    http(s) address.
    """

    def __init__(self, url: str, *, api_key: str = "", timeout_s: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an http(s) address")
        self._address = f"{url.rstrip('/')}/api/search"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s = timeout_s

    def search(self, query: str, wanted: Wanted) -> list[Passage]:
        """What the query finds, best first. Raises ``SearchFailed``."""
        try:
            with httpx.Client(timeout=self._timeout_s, headers=self._headers, trust_env=False) as client:
                response = client.post(self._address, json=_body(query, wanted))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        return self._passages(response, wanted)

    async def asearch(self, query: str, wanted: Wanted) -> list[Passage]:
        """As ``search``, in the caller's event loop."""
        try:
            async with httpx.AsyncClient(
                timeout=self._timeout_s, headers=self._headers, trust_env=False
            ) as client:
                response = await client.post(self._address, json=_body(query, wanted))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        return self._passages(response, wanted)

    def _passages(self, response: httpx.Response, wanted: Wanted) -> list[Passage]:
        if response.status_code != httpx.codes.OK:
            raise SearchFailed(f"{self._address} answered {response.status_code}: {response.text[:_SHOWN]}")
        try:
            answer = _Answer.model_validate_json(response.content)
        except ValidationError as error:
            raise SearchFailed(f"{self._address} answered something that is no search: {error}") from error
        told = tuple(notice.text for notice in answer.notices)
        for text in told:
            log.info("%s", text)
        found = [each for each in answer.candidates if each.passage is not None or not wanted.evidence_only]
        return [
            Passage(
                chunk_id=each.chunk_id,
                text=each.text,
                relevance=each.relevance,
                document=each.document,
                document_id=each.document_id,
                title=each.title,
                collection=each.collection,
                pages=each.pages,
                headings=each.headings,
                notices=told,
            )
            for each in found
        ]

    def _unreachable(self, error: httpx.HTTPError) -> SearchFailed:
        return SearchFailed(f"{self._address} cannot be reached: {type(error).__name__} {error}")


def _body(query: str, wanted: Wanted) -> Mapping[str, object]:
    """Only what was asked for: the server's own settings hold for the rest."""
    chosen = {
        "collections": list(wanted.collections),
        "instruction": wanted.instruction,
        "top_k": wanted.top_k,
        "top_n": wanted.top_n,
    }
    given = {name: value for name, value in chosen.items() if value}
    return {"question": query, "rerank": wanted.rerank, **given}
