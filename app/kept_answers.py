"""Answers that were given, and whether what they quote still stands."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from app.access.principal import Principal
from app.errors import BadRequest, TouchstoneError
from app.result import Result, View
from app.storage.answers import AnswerRow, Answers, CitedPlace, Shown
from retrieval.types import Notice

PAGE, LARGEST_PAGE = 20, 200
log = logging.getLogger(__name__)


class CitationStateView(View):
    """A quote of a kept answer as it stands now.

    ``state`` is current where the quote stands word for word in the version that is shown, and then
    ``chunk_id``, ``start`` and ``end`` say where; else stale, with the place where it stood, and ``reason``
    changed or deleted. ``version`` is the one that was quoted. ``quote`` is "" once its document was deleted
    for good.
    """

    number: int
    document: str
    document_id: str
    version: int
    chunk_id: str
    start: int
    end: int
    quote: str
    quote_digest: str
    state: Literal["current", "stale"]
    reason: Literal["", "changed", "deleted"]


class AnswerView(View):
    """An answer that was given. ``stale``: at least one of its quotes no longer stands.

    ``wiped``: its words are gone, because a document that was read for it was deleted for good.
    ``withheld``: its words are not shown, because a document that was found for it may not be seen any more.
    """

    id: str
    asked_at: datetime
    question: str
    collections: tuple[str, ...]
    outcome: str
    language: str
    answer: str
    profile: str
    stale: bool
    wiped: bool
    withheld: bool
    citations: tuple[CitationStateView, ...]


class AnswerDetail(View):
    """A kept answer with its result as it was given (``ResultView``), null where it is wiped or withheld."""

    answer: AnswerView
    result: dict[str, JsonValue] | None


class AnswerList(View):
    """Kept answers, newest first."""

    data: tuple[AnswerView, ...]
    next_cursor: str | None


class KeptAnswers:
    """Keeps answers for a time, and reads them with the state of each quote.

    States are found out when they are read, from what is shown then: always right, also after a restore, and
    publishing costs nothing more for every answer that was ever given.
    """

    def __init__(self, rows: Answers, *, days: float) -> None:
        """``days`` of keeping; 0 keeps none."""
        self._rows = rows
        self._days = days

    def keep(self, result: Result, *, owner: str) -> Result:
        """The result under the id it is kept by, for this asker only. What cannot be kept says so."""
        if not self._days:
            return result
        kept = replace(result, answer_id=result.trace_id)
        try:
            self._rows.keep(kept, owner=owner)
        except TouchstoneError as error:
            log.warning("answer %s is not kept: %s", result.trace_id, error)
            notice = Notice.of("answer_not_kept", reason=error)
            return replace(result, notices=(*result.notices, notice))
        return kept

    def page(
        self, asker: Principal, *, cursor: str = "", limit: int = PAGE, document_id: str = ""
    ) -> AnswerList:
        """What this asker was answered, newest first; ``cursor``: the ``next_cursor`` of the page before.

        ``document_id``: only what quotes that document.
        """
        if cursor and not cursor.isdecimal():
            raise BadRequest(f"cursor {cursor!r} is not one that a page gave")
        rows = self._rows.page(
            owner=asker.id, before=int(cursor or 0), limit=limit + 1, document_id=document_id
        )
        shown = _remembering(self._rows.shown)
        more = str(rows[limit - 1].seq) if len(rows) > limit else None
        return AnswerList(
            data=tuple(self._view(row, shown, asker) for row in rows[:limit]), next_cursor=more
        )

    def get(self, answer_id: str, asker: Principal) -> AnswerDetail:
        """One answer. Raises ``NotFound``, also for somebody else's."""
        row = self._rows.get(answer_id, owner=asker.id)
        view = self._view(row, _remembering(self._rows.shown), asker)
        return AnswerDetail(
            answer=view, result=json.loads(row.result) if row.result and not view.withheld else None
        )

    def expire(self) -> int:
        """Forget what was kept long enough; all of it where nothing is to be kept. How many."""
        return self._rows.forget_older(timedelta(days=self._days))

    def _view(self, row: AnswerRow, shown: Callable[[str], Shown], asker: Principal) -> AnswerView:
        if any(not asker.may(each, "read") for each in self._rows.sources(row.id)):
            return _withheld(row)
        citations = tuple(self._state(each, shown(each.document_id)) for each in row.citations)
        return AnswerView(
            id=row.id,
            asked_at=row.asked_at,
            question=row.question,
            collections=row.collections,
            outcome=row.outcome,
            language=row.language,
            answer=row.text,
            profile=row.profile,
            stale=any(each.state == "stale" for each in citations),
            wiped=row.wiped,
            withheld=False,
            citations=citations,
        )

    def _state(self, cited: CitedPlace, shown: Shown) -> CitationStateView:
        if shown.version == 0 or not cited.quote:
            return _view_of(cited, "deleted")
        cited = replace(cited, document=shown.name)
        if shown.version == cited.version and cited.quote:
            return _view_of(cited, "")
        start = nearest(cited.quote, shown.text, cited.start)
        if start is None:
            return _view_of(cited, "changed")
        end = start + len(cited.quote)
        chunk_id = self._rows.chunk_at(cited.document_id, shown.version, start, end)
        return _view_of(replace(cited, start=start, end=end, chunk_id=chunk_id), "")


def _withheld(row: AnswerRow) -> AnswerView:
    """What is left of an answer that rests on what its asker may not see any more: his own question."""
    return AnswerView(
        id=row.id,
        asked_at=row.asked_at,
        question=row.question,
        collections=(),
        outcome=row.outcome,
        language=row.language,
        answer="",
        profile=row.profile,
        stale=False,
        wiped=row.wiped,
        withheld=True,
        citations=(),
    )


def nearest(quote: str, text: str, place: int) -> int | None:
    """Where the quote stands in the text, nearest to ``place`` (the earlier of two); None for nowhere."""
    if not quote:
        return None
    after = text.find(quote, place)
    before = text.rfind(quote, 0, place + len(quote) - 1)
    found = [each for each in (before, after) if each >= 0]
    return min(found, key=lambda each: (abs(each - place), each), default=None)


def _view_of(cited: CitedPlace, reason: Literal["", "changed", "deleted"]) -> CitationStateView:
    return CitationStateView(
        number=cited.number,
        document=cited.document,
        document_id=cited.document_id,
        version=cited.version,
        chunk_id=cited.chunk_id,
        start=cited.start,
        end=cited.end,
        quote=cited.quote,
        quote_digest=cited.quote_digest,
        state="stale" if reason else "current",
        reason=reason,
    )


def _remembering(shown: Callable[[str], Shown]) -> Callable[[str], Shown]:
    """The same, asking once for each document."""
    known: dict[str, Shown] = {}

    def once(document_id: str) -> Shown:
        if document_id not in known:
            known[document_id] = shown(document_id)
        return known[document_id]

    return once
