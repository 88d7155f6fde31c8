"""Which candidates become passages: among all of them, or for customers and for colleagues apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rerank.select import Selection, select
from rerank.settings import RerankSettings
from retrieval.types import Audience, Chunk, Notice, Passage, Ranked

AUDIENCES: tuple[Audience, ...] = ("customer", "internal")


def chosen(
    ranked: Sequence[Ranked],
    *,
    top_n: int,
    floor: float,
    settings: RerankSettings,
    audience_of: Callable[[Chunk], Audience] | None,
) -> Selection:
    """At most ``top_n`` passages, as ``select`` chooses them.

    With ``audience_of``: at most so many of each audience, those for customers first, numbered on, each with
    its audience. One audience takes no place of the other's and hides no near-duplicate of it; what nobody
    judged is passed over in both where anything was judged.
    """
    if audience_of is None:
        return _selected(ranked, top_n, floor, settings)
    judged = [entry for entry in ranked if entry.relevance is not None] or list(ranked)
    fit = {entry.chunk.id: audience_of(entry.chunk) for entry in judged}
    return _together(
        [
            (each, _selected([e for e in judged if fit[e.chunk.id] == each], top_n, floor, settings))
            for each in AUDIENCES
        ],
        top_n,
    )


def _selected(ranked: Sequence[Ranked], top_n: int, floor: float, settings: RerankSettings) -> Selection:
    return select(
        ranked,
        top_n=top_n,
        floor=floor,
        near_duplicate=settings.near_duplicate,
        diversity=settings.diversity,
    )


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
