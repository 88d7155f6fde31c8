"""One gap with everything that helps to close it: wordings, what came near, what was said, answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from app.conversations.shown import shown
from app.errors import NotFound
from app.gaps.inbox import Inbox, Seen
from app.gaps.views import AgainView, AnsweredView, GapDetail, NearestView, SaidView, WordingView
from app.storage.answers import Answers
from app.storage.gaps import AskedRow, CheckRow, WordingRow
from retrieval.types import Language

MOST_ANSWERS = 20  # the latest times whose answers are shown
MOST_NEAREST = 5


@dataclass(frozen=True, slots=True)
class _Told:
    """What was answered, as far as the reader may see it."""

    question: str
    text: str
    result: Mapping[str, JsonValue]
    withheld: bool
    wiped: bool


def detail(inbox: Inbox, gap_id: str, language: Language) -> GapDetail:
    """The gap. Raises ``NotFound`` where he does not manage every knowledge base behind it."""
    seen = inbox.get(gap_id)
    latest = sorted(seen.asked, key=lambda each: (each.asked_at, each.seq), reverse=True)
    told = [(each, _told(inbox, each, language)) for each in latest[:MOST_ANSWERS]]
    return GapDetail(
        gap=inbox.view(seen),
        wordings=wordings_of(inbox, seen),
        nearest=nearest(each.result for _, each in told if each is not None),
        said=tuple(
            SaidView(
                reasons=each.reasons, text=each.text, said_at=each.said_at, wording_id=each.wording_id
            )
            for each in latest
            if each.said_at is not None and (each.text or each.reasons)
        ),
        answers=tuple(
            AnsweredView(
                asked_at=each.asked_at,
                wording_id=each.wording_id,
                question=answer.question,
                kinds=each.kinds,
                relevance=each.relevance,
                answer=answer.text,
                withheld=answer.withheld,
                wiped=answer.wiped,
            )
            for each, answer in told
            if answer is not None
        ),
        earlier=len(latest) - len(told),
    )


def wordings_of(inbox: Inbox, seen: Seen) -> tuple[WordingView, ...]:
    """Every wording, the one asked most first."""
    asked: dict[str, list[AskedRow]] = {}
    for each in seen.asked:
        asked.setdefault(each.wording_id, []).append(each)
    words, checks = inbox.rows.wordings(list(asked)), inbox.rows.checks([seen.row.id])
    views = [
        _wording(words[each], listed, checks.get((seen.row.id, each))) for each, listed in asked.items()
    ]
    return tuple(sorted(views, key=lambda each: (-each.asked, -each.last_asked_at.timestamp(), each.id)))


def again_view(check: CheckRow, before: float | None) -> AgainView:
    """What asking again gave, for JSON."""
    return AgainView(
        checked_at=check.checked_at,
        outcome=check.outcome,
        answered=check.outcome == "answered",
        before=before,
        relevance=check.relevance,
    )


def nearest(results: Iterable[Mapping[str, JsonValue]]) -> tuple[NearestView, ...]:
    """The documents that came nearest in any of these results (``ResultView`` as JSON), best first."""
    best: dict[str, NearestView] = {}
    for result in results:
        listed = result.get("candidates")
        for each in listed if isinstance(listed, list) else []:
            view = _nearest(each)
            known = best.get(view.document_id)
            if known is None or _relevance(view) > _relevance(known):
                best[view.document_id] = view
    ordered = sorted(best.values(), key=lambda each: (-_relevance(each), each.document_id))
    return tuple(ordered[:MOST_NEAREST])


def _nearest(candidate: JsonValue) -> NearestView:
    found = candidate if isinstance(candidate, dict) else {}
    chunk_id = str(found["chunk_id"])
    return NearestView.model_validate({
        "document": found["document"],
        "title": found["title"],
        "document_id": chunk_id.rsplit(":", 2)[0],
        "chunk_id": chunk_id,
        "pages": found["pages"],
        "relevance": found["relevance"],
    })


def _relevance(view: NearestView) -> float:
    return -1.0 if view.relevance is None else view.relevance


def _wording(row: WordingRow, asked: Sequence[AskedRow], check: CheckRow | None) -> WordingView:
    relevance = max((each.relevance for each in asked if each.relevance is not None), default=None)
    return WordingView(
        id=row.id,
        text=row.text,
        language=row.language,
        asked=len({each.place for each in asked}),
        last_asked_at=max(each.asked_at for each in asked),
        kinds=tuple(sorted({kind for each in asked for kind in each.kinds})),
        relevance=relevance,
        again=None if check is None else again_view(check, relevance),
    )


def _told(inbox: Inbox, asked: AskedRow, language: Language) -> _Told | None:
    """None where it has gone meanwhile."""
    try:
        return _of_message(inbox, asked, language) if asked.of_message else _of_answer(inbox, asked)
    except NotFound:
        return None


def _of_message(inbox: Inbox, asked: AskedRow, language: Language) -> _Told | None:
    messages = inbox.services.caretaker.chats.messages
    conversation_id, _, place = asked.place.rpartition(":")
    rows = messages.variants(conversation_id, [int(place)])
    row = next((each for each in rows if each.id == asked.source_id), None)
    if row is None:
        return None
    now = shown(row, messages.sources([row.id])[row.id], inbox.principal, language)
    return _Told(row.question, now.text, now.result or {}, now.withheld, row.wiped)


def _of_answer(inbox: Inbox, asked: AskedRow) -> _Told:
    answers = Answers(inbox.services.database, now=lambda: datetime.now(UTC))
    row = answers.get(asked.source_id)
    if any(not inbox.principal.may(each, "read") for each in answers.sources(row.id)):
        return _Told(row.question, "", {}, True, row.wiped)
    return _Told(row.question, row.text, json.loads(row.result) if row.result else {}, False, row.wiped)
