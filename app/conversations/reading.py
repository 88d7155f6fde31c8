"""Messages as their owner may see them now."""

from collections.abc import Sequence
from dataclasses import replace

from app.access.principal import Principal
from app.catalogue import say
from app.conversations.asking import AskedWith
from app.conversations.cards import OFFERS, card_of, offered_now
from app.conversations.shown import shown, withheld
from app.conversations.views import (
    MessageView,
    SettingsView,
    VariantView,
    events_url,
    feedback_view,
)
from app.errors import BadRequest
from app.result import NoticeView
from app.services import Services
from app.storage.feedback import FeedbackRow
from app.storage.message_events import MessageEvent
from app.storage.messages import OPEN, MessageRow, Source
from retrieval.types import Language, Notice

END = 10**17  # behind every place
HOPELESS = frozenset(("index_mismatch", "damaged"))  # codes that asking again does not change


class Reading:
    """Reads messages of one principal. Another's are not there (``NotFound``), for an admin neither."""

    def __init__(self, services: Services, principal: Principal, language: Language) -> None:
        """``language``: of the notices about a message; those of its result are in that of its question."""
        self._services = services
        self._chats = services.caretaker.chats
        self._offered = services.caretaker.offered
        self._principal = principal
        self._owner = principal.id
        self._language = language

    def message(self, message_id: str) -> MessageView:
        """One message, however far it has come."""
        return self._views([self._chats.messages.get(message_id, self._owner)])[0]

    def page(self, conversation_id: str, place: str, limit: int) -> tuple[tuple[MessageView, ...], str, str]:
        """The chosen answers of a conversation in order, and the places of the page after and before.

        ``place``: "after-3" for those behind the third question, "before-3" for the last ones before it, ""
        for the last ones. Raises ``NotFound``, and ``BadRequest`` for any other place.
        """
        self._chats.conversations.get(conversation_id, self._owner)
        way, _, number = (place or f"before-{END}").partition("-")
        if way not in ("after", "before") or not (number.isdecimal() and len(number) <= 18):
            raise BadRequest("the cursor is not one that a page gave; leave it out for the last messages")
        at, messages = int(number), self._chats.messages
        if way == "after":
            rows = messages.chosen(conversation_id, self._owner, after=at, limit=limit + 1)
            more_behind, more_before, rows = len(rows) > limit, at > 0, rows[:limit]
        else:
            rows = messages.chosen(conversation_id, self._owner, before=at, limit=limit + 1)
            more_behind, more_before, rows = at < END, len(rows) > limit, rows[-limit:]
        behind = f"after-{rows[-1].place}" if rows and more_behind else ""
        before = f"before-{rows[0].place}" if rows and more_before else ""
        return tuple(self._views(rows)), behind, before

    def events(self, message_id: str, after: int) -> list[MessageEvent]:
        """What is in the log of a message that has ended; the last event alone where its text is withheld."""
        row = self._chats.messages.get(message_id, self._owner)
        events = self._chats.events.after(message_id, after)
        if row.wiped or self.hides(message_id):
            return events[-1:]
        asked = AskedWith.model_validate_json(row.settings).assistant
        if asked and self._offered.assistant(asked, self._principal) is None:
            return [each for each in events if each.name != OFFERS]
        return [
            replace(each, data=offered_now(each.data, self._offered)) if each.name == OFFERS else each
            for each in events
        ]

    def hides(self, message_id: str) -> bool:
        """Whether it rests on anything that may not be seen any more."""
        return withheld(self._chats.messages.sources([message_id])[message_id], self._principal)

    def names(self, collection_ids: Sequence[str]) -> tuple[str, ...]:
        """The names of those that are there and may be seen."""
        names = self._services.collections.names()
        may = self._principal.may
        return tuple(names[each] for each in collection_ids if each in names and may(each, "read"))

    def _views(self, rows: Sequence[MessageRow]) -> list[MessageView]:
        ids = [row.id for row in rows]
        sources, feedback = self._chats.messages.sources(ids), self._chats.feedback.of(ids)
        variants: dict[tuple[str, int], list[VariantView]] = {}
        for conversation_id in {row.conversation_id for row in rows}:
            for each in self._chats.messages.variants(conversation_id, {row.place for row in rows}):
                view = VariantView(id=each.id, variant=each.variant, state=each.state, chosen=each.chosen)
                variants.setdefault((conversation_id, each.place), []).append(view)
        return [
            self._view(
                row, sources[row.id], tuple(variants[row.conversation_id, row.place]), feedback.get(row.id)
            )
            for row in rows
        ]

    def _view(
        self,
        row: MessageRow,
        sources: Sequence[Source],
        variants: tuple[VariantView, ...],
        feedback: FeedbackRow | None,
    ) -> MessageView:
        now = shown(row, sources, self._principal, self._language)
        asked = AskedWith.model_validate_json(row.settings)
        card = card_of(
            row,
            asked.assistant,
            now,
            offered=self._offered,
            events=self._chats.events,
            principal=self._principal,
        )
        return MessageView(
            id=row.id,
            conversation_id=row.conversation_id,
            place=row.place,
            variant=row.variant,
            chosen=row.chosen,
            variants=variants,
            question=row.question,
            settings=SettingsView(
                collections=self.names(asked.collections),
                assistant=asked.assistant or None,
                instruction=asked.instruction,
                rerank=asked.rerank,
                top_k=asked.top_k,
                top_n=asked.top_n,
            ),
            state=row.state,
            text=now.text,
            assistant=card.assistant,
            parts=card.parts,
            offers=card.offers,
            result=now.result and self._offered.in_result(now.result, self._principal),
            answer_id=row.answer_id,
            code=row.code,
            retryable=row.state not in (*OPEN, "complete") and row.code not in HOPELESS,
            withheld=now.withheld,
            wiped=row.wiped,
            notices=tuple(
                NoticeView(code=each.code, text=say(each, self._language))
                for each in (*self._about(row), *now.notices)
            ),
            feedback=None if feedback is None else feedback_view(feedback),
            created_at=row.created_at,
            ended_at=row.ended_at,
            events_url=events_url(row.id),
        )

    def _about(self, row: MessageRow) -> tuple[Notice, ...]:
        """What is said about how it ended."""
        wiped = (Notice.of("answer_wiped"),) if row.wiped else ()
        if row.state == "failed":
            return (*wiped, Notice.of("answer_failed", reason=row.code))
        if row.state == "interrupted":
            return (*wiped, Notice.of("answer_interrupted"))
        if row.code == "abandoned":
            seconds = f"{self._services.settings.server.abandoned_s:g}"
            return (*wiped, Notice.of("answer_abandoned", seconds=seconds))
        return wiped

