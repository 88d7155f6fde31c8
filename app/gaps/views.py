"""Gaps as JSON. Nobody who asked is in any of these."""

from datetime import datetime

from app.result import NoticeView, View
from app.storage.feedback import Reason
from app.storage.gap_askings import Kind
from app.storage.gaps import State


class ReasonView(View):
    """A reason that was given for a thumb down, and how often."""

    reason: Reason
    count: int


class CheckedView(View):
    """How many of the wordings were asked again, how many of those are answered now, and when last."""

    wordings: int
    answered: int
    checked_at: datetime


class GapView(View):
    """Questions that are one, over the same knowledge bases.

    ``question``: the wording that was asked most, of several the latest. ``asked``: how many times, other
    answers to one question counted once. ``weight``: the same with each time counting half as much for every
    30 days that have passed. ``best_relevance``: the best that was found for any of them (0..1), null where
    nothing was judged. ``reopened``: it was done, and was asked again since. ``gone``: how many of its
    knowledge bases are not there any more. ``checked``: null before any was asked again.
    """

    id: str
    question: str
    language: str
    languages: tuple[str, ...]
    collections: tuple[str, ...]
    gone: int
    kinds: tuple[Kind, ...]
    wordings: int
    asked: int
    weight: float
    first_asked_at: datetime
    last_asked_at: datetime
    best_relevance: float | None
    reasons: tuple[ReasonView, ...]
    state: State
    reopened: bool
    note: str
    checked: CheckedView | None


class GapList(View):
    """Gaps, in the order that was asked for. ``open``: how many of them all are open, whatever the filter.

    ``notices``: what is not in the list yet, and why.
    """

    data: tuple[GapView, ...]
    next_cursor: str | None
    total: int
    open: int
    notices: tuple[NoticeView, ...]


class NearestView(View):
    """A document that came near. ``relevance``: the best of its chunks (0..1), null where none was judged."""

    document: str
    title: str
    document_id: str
    chunk_id: str
    pages: tuple[int, ...]
    relevance: float | None


class AgainView(View):
    """What asking a wording again gave. ``before``, ``relevance``: the best that was found then, and now."""

    checked_at: datetime
    outcome: str
    answered: bool
    before: float | None
    relevance: float | None


class WordingView(View):
    """One wording of the question; ``again``: null before it was asked again."""

    id: str
    text: str
    language: str
    asked: int
    last_asked_at: datetime
    kinds: tuple[Kind, ...]
    relevance: float | None
    again: AgainView | None


class SaidView(View):
    """What somebody wrote against an answer, to be read by those who can mend it."""

    reasons: tuple[Reason, ...]
    text: str
    said_at: datetime
    wording_id: str


class AnsweredView(View):
    """One answer. ``question``: as it was typed.

    ``withheld``: it rests on what you may not see; ``wiped``: on what was deleted for good.
    """

    asked_at: datetime
    wording_id: str
    question: str
    kinds: tuple[Kind, ...]
    relevance: float | None
    answer: str
    withheld: bool
    wiped: bool


class GapDetail(View):
    """A gap with all its wordings, what came near, what was said, and the latest answers.

    ``nearest`` and ``answers`` are of the latest ``MOST_ANSWERS`` times; ``earlier``: how many were before.
    """

    gap: GapView
    wordings: tuple[WordingView, ...]
    nearest: tuple[NearestView, ...]
    said: tuple[SaidView, ...]
    answers: tuple[AnsweredView, ...]
    earlier: int


class RecheckedView(View):
    """A wording that was asked again: the answer as the chat would give it now, which is kept nowhere."""

    wording_id: str
    text: str
    again: AgainView
    floor: float | None
    answer: str
    nearest: tuple[NearestView, ...]
    notices: tuple[NoticeView, ...]


class RecheckList(View):
    """The wordings that were asked again; ``left``: how many of the gap were not."""

    data: tuple[RecheckedView, ...]
    left: int
    gap: GapView
