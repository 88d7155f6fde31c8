"""What an assistant adds to an answer: its name, the parts of a card, and approved answers that match."""

from datetime import date
from typing import Literal

from app.view import View

Template = Literal["answer", "sales"]
"""What is written: an answer as chat gives it, or a card of what to say to a customer and what to keep."""
PartName = Literal["say", "internal"]
OfferState = Literal["approved", "changed", "expired", "draft", "deleted"]


class AssistantName(View):
    """The assistant that was asked."""

    id: str
    name: str
    template: Template


class Part(View):
    """A part of a card: ``start`` to ``end`` of the answer, in code points, without its heading."""

    name: PartName
    start: int
    end: int


class PartBegins(View):
    """A part is about to be written.

    In the text of all pieces the blank line and heading above it stand from ``heading`` on, its own words
    from ``start`` on.
    """

    name: PartName
    heading: int
    start: int


class OfferOwner(View):
    """Whose snippet it is, as he was called when he wrote it."""

    id: str
    name: str


class Offer(View):
    """An approved answer that matches the question.

    ``question``: the phrasing that matched. ``note`` is for colleagues only. ``relevance``: 0..1, by the
    reranker. ``state``: what the snippet is when this is read, changed where its words are others by now;
    one that was deleted for good has no words here either.
    """

    snippet_id: str
    question: str
    answer: str
    note: str
    owner: OfferOwner
    expires_on: date
    relevance: float
    state: OfferState = "approved"
