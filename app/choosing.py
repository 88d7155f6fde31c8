"""Which candidates become passages: among all of them, or for customers and for colleagues apart."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from rerank.log_odds import log_odds
from rerank.select import Selection, select
from rerank.settings import RerankSettings
from retrieval.types import Audience, Chunk, Notice, Passage, Ranked

AUDIENCES: tuple[Audience, ...] = ("customer", "internal")
STARTER_MARGIN = 2.0
"""Log odds below the best passage from which on the starter reranker's internal passage is no note to it.

Tried on ten questions to the demo (``app/docs/experiments.md``): notes on another subject 2 → 0, none lost
that belonged to the answer. Other rerankers part the two by far more, and keep their floor.
"""


def chosen(
    ranked: Sequence[Ranked],
    *,
    top_n: int,
    floor: float,
    settings: RerankSettings,
    audience_of: Callable[[Chunk], Audience] | None,
    margin: float | None = None,
) -> Selection:
    """At most ``top_n`` passages, as ``select`` chooses them.

    With ``audience_of``: at most so many of each audience, those for customers first, numbered on, each with
    its audience. One audience takes no place of the other's and hides no near-duplicate of it; what nobody
    judged is passed over in both where anything was judged. Where there is something for customers, internal
    passages have to come within ``margin`` (log odds) of the best of it: they are notes to that answer.
    """
    if audience_of is None:
        return _selected(ranked, top_n, floor, settings)
    judged = [entry for entry in ranked if entry.relevance is not None] or list(ranked)
    fit = {entry.chunk.id: audience_of(entry.chunk) for entry in judged}
    found: list[tuple[Audience, Selection]] = []
    for audience in AUDIENCES:
        own = [entry for entry in judged if fit[entry.chunk.id] == audience]
        least = floor
        if found and margin is not None:
            least = max([floor, *(_below(each.relevance, margin) for each in found[0][1].passages[:1])])
        found.append((audience, _selected(own, top_n, least, settings)))
    return _together(found, top_n)


def _selected(ranked: Sequence[Ranked], top_n: int, floor: float, settings: RerankSettings) -> Selection:
    return select(
        ranked,
        top_n=top_n,
        floor=floor,
        near_duplicate=settings.near_duplicate,
        diversity=settings.diversity,
    )


def _below(relevance: float | None, margin: float) -> float:
    """The relevance so many log odds below this one."""
    return 0.0 if relevance is None else 1 / (1 + math.exp(margin - log_odds(relevance)))


def _together(selections: Sequence[tuple[Audience, Selection]], top_n: int) -> Selection:
    passages: list[Passage] = []
    for audience, selection in selections:
        for passage in selection.passages:
            passages.append(replace(passage, number=len(passages) + 1, audience=audience))
    nearest = sorted((each for _, one in selections for each in one.nearest), key=lambda each: each.rank)
    return Selection(
        passages=tuple(passages),
        evidence=bool(passages),
        best=max((one.best for _, one in selections if one.best is not None), default=None),
        nearest=() if passages else tuple(nearest[:top_n]),
        notices=_notices([one for _, one in selections], evidence=bool(passages)),
    )


def _notices(selections: Sequence[Selection], *, evidence: bool) -> tuple[Notice, ...]:
    """Each once, with what it counts added up; where there is evidence, none that says there is none."""
    counts: dict[str, int] = {}
    first: dict[str, Notice] = {}
    for notice in (each for one in selections for each in one.notices):
        if notice.code == "no_evidence":
            continue
        first.setdefault(notice.code, notice)
        counts[notice.code] = counts.get(notice.code, 0) + int(dict(notice.values).get("count", 0))
    told = [
        Notice.of(code, **{**dict(notice.values), "count": counts[code]}) for code, notice in first.items()
    ]
    if not evidence:
        lacking = [each for one in selections for each in one.notices if each.code == "no_evidence"]
        told += sorted(lacking, key=lambda each: dict(each.values)["best"])[-1:]
    return tuple(told)
