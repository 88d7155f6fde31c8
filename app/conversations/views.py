"""Conversations and messages as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from app.cards import AssistantName, Offer, Part
from app.result import NoticeView, View
from app.storage.feedback import FeedbackRow, Reason, Verdict
from app.storage.messages import State


class ConversationView(View):
    """A conversation. ``collections``: names of the knowledge bases it asks; none: all its owner may see.

    ``gone``: how many of them are not there any more, or not his to read. ``assistant``: the one it asks
    instead, null for none; ``assistant_gone``: it had one that is not there any more, or not his to ask, and
    asks nothing until another is chosen, or none. ``deleted_at`` and
    ``restorable_until``: of one in the trash. Its ETag does not change with ``updated_at``: a new message
    makes no edit fail.
    """

    id: str
    title: str
    collections: tuple[str, ...]
    gone: int
    assistant: AssistantName | None
    assistant_gone: bool
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    restorable_until: datetime | None


class ConversationList(View):
    """Conversations, the one that was asked last first."""

    data: tuple[ConversationView, ...]
    next_cursor: str | None


class SettingsView(View):
    """What a message was asked with. Null: what the assistant, the knowledge base or the server sets.

    ``assistant``: its id.
    """

    collections: tuple[str, ...]
    assistant: str | None
    instruction: str | None
    rerank: bool
    top_k: int | None
    top_n: int | None


class VariantView(View):
    """One of the answers to a question; ``variant`` counts from 1."""

    id: str
    variant: int
    state: State
    chosen: bool


class FeedbackView(View):
    """What the owner of a message thinks of its answer."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    text: str
    updated_at: datetime


class MessageView(View):
    """A question with one answer to it, as far as that has come.

    ``place`` counts the questions of the conversation from 1; ``variants`` are all answers to this one.
    ``text`` is what is written so far. ``result`` is a ``ResultView``, null until it has ended and where
    nothing came of it. ``code`` says why it failed or was stopped: stopped, abandoned, server_draining,
    killed, generation_failed, generation_timeout, or the code of an error; ``retryable`` whether asking again
    may help. ``withheld``: the text rests on documents the reader may not see any more. ``wiped``: a document
    it rests on was deleted for good. ``answer_id``: under which it is kept in ``/api/answers``, "" where it
    is not. ``assistant``: the one that was asked, null for none and where it is not there any more, or not
    yours to ask. ``parts`` are places in ``text``, as far as it is written; ``offers`` are approved answers,
    with their state of now.
    """

    id: str
    conversation_id: str
    place: int
    variant: int
    chosen: bool
    variants: tuple[VariantView, ...]
    question: str
    settings: SettingsView
    state: State
    text: str
    assistant: AssistantName | None
    parts: tuple[Part, ...]
    offers: tuple[Offer, ...]
    result: dict[str, JsonValue] | None
    answer_id: str
    code: str
    retryable: bool
    withheld: bool
    wiped: bool
    notices: tuple[NoticeView, ...]
    feedback: FeedbackView | None
    created_at: datetime
    ended_at: datetime | None
    events_url: str


class MessageList(View):
    """The chosen answer to each question, in order. ``next_cursor`` leads on, ``previous_cursor`` back."""

    data: tuple[MessageView, ...]
    next_cursor: str | None
    previous_cursor: str | None


class Accepted(View):
    """A question that was taken: its answer is read at ``events_url``."""

    message_id: str
    conversation_id: str
    events_url: str


class GivenView(View):
    """Feedback with the question and the knowledge bases it was asked of."""

    message_id: str
    owner: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    text: str
    question: str
    collections: tuple[str, ...]
    state: str
    answer_id: str
    created_at: datetime
    updated_at: datetime


class GivenList(View):
    """Feedback, given last first."""

    data: tuple[GivenView, ...]
    next_cursor: str | None


Whose = Literal["mine", "all"]


def feedback_view(row: FeedbackRow) -> FeedbackView:
    """Feedback for JSON."""
    return FeedbackView(verdict=row.verdict, reasons=row.reasons, text=row.text, updated_at=row.updated_at)


def events_url(message_id: str) -> str:
    """Where the events of a message are read."""
    return f"/api/messages/{message_id}/events"
