"""A server judges texts; what becomes of a caller's own list when it does not."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.catalogue import say
from rerank.client import RerankerClient
from rerank.errors import RerankError

log = logging.getLogger(__name__)
OnError = Literal["raise", "keep"]
"""When a server does not judge: raise its error, or keep the order given, unjudged, with a warning."""


class NotJudged(UserWarning):
    """A server did not judge, and the order given was kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """A text by its place (from 0) in the list given; ``relevance`` 0..1, None where nothing judged it."""

    index: int
    relevance: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server is asked with; its connections last for one call, so that nothing has to be closed."""

    url: str
    api_key: str
    instruction: str
    top_n: int | None
    timeout_s: float
    on_error: OnError


def judged(asked: Asked, query: str, texts: Sequence[str]) -> list[Place]:
    """Places of the best ``top_n`` texts (all where None), best first, equals in the order given.

    What the server has to say about its judgement is logged as warnings. Raises ``RerankError`` where it does
    not judge; with ``on_error="keep"`` that becomes a warning ``NotJudged``, and the first ``top_n`` texts
    are given back in their order.
    """
    try:
        with RerankerClient(asked.url, api_key=asked.api_key, timeout_s=asked.timeout_s) as client:
            ranking = client.rerank(query, texts, instruction=asked.instruction, top_n=asked.top_n)
    except RerankError as error:
        if asked.on_error == "raise":
            raise
        warnings.warn(f"nothing was reranked: {error}", NotJudged, stacklevel=3)
        return [Place(index, None) for index in range(len(texts))][: asked.top_n]
    for notice in ranking.notices:
        log.warning("%s", say(notice, "en"))
    return [Place(found.index, found.relevance) for found in ranking]
