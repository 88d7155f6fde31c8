"""What a person does with conversations: list, make, rename, delete, ask, ask again, stop."""

import asyncio
from collections.abc import Callable, Sequence

from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Ask
from app.conversation import MOST_EXCHANGES
from app.conversations.asking import (
    AskedWith,
    Wanted,
    ask_of,
    asked_with,
    exchanges,
    ids_of,
    refreshed,
)
from app.conversations.reading import END, Reading
from app.conversations.run import STOP_S, Run
from app.conversations.runs import Runs
from app.conversations.shown import withheld
from app.conversations.titles import title_of
from app.conversations.views import Accepted, ConversationView, MessageView, events_url
from app.errors import BadRequest
from app.services import Services
from app.storage.conversations import ConversationRow, Conversations
from app.storage.message_events import MessageEvent
from app.storage.messages import OPEN, MessageRow, Messages, Source
from retrieval.types import Language

MAX_TITLE = 200  # characters

Guard = Callable[[ConversationView], None]
"""Raises where a conversation, as it is now, may not be edited."""
Begun = tuple[MessageRow, MessageEvent, Ask, tuple[Source, ...]]


class Talks:
    """The conversations of one principal. Another's are not there (``NotFound``), for an admin neither.

    What asks and stops is asynchronous; all else may block, and belongs in a thread.
    """

    def __init__(self, services: Services, runs: Runs, principal: Principal, language: Language) -> None:
        self._services = services
        self._runs = runs
        self._principal = principal
        self._owner = principal.id
        self._chats = services.caretaker.chats
        self._rows: Conversations = self._chats.conversations
        self._messages: Messages = self._chats.messages
        self.reading = Reading(services, principal, language)

    def page(
        self, *, search: str, deleted: bool, before: tuple[str, str] | None, limit: int
    ) -> tuple[tuple[ConversationView, ...], tuple[str, str] | None]:
        """Conversations behind a place, the one that was asked last first; and the place of the next page."""
        visible = Visible(self._services.collections, self._principal)
        rows = self._rows.page(
            self._owner,
            search=search,
            visible=[each.id for each in visible.all()],
            deleted=deleted,
            before=before,
            limit=limit + 1,
        )
        last = rows[limit - 1] if len(rows) > limit else None
        more = None if last is None else (last.updated_at.isoformat(), last.id)
        return tuple(self._view(row) for row in rows[:limit]), more

    def get(self, conversation_id: str) -> ConversationView:
        """One conversation."""
        return self._view(self._rows.get(conversation_id, self._owner))

    def create(self, title: str, collections: Sequence[str], assistant: str = "") -> ConversationView:
        """A new conversation with an assistant (id), or these knowledge bases (names; none: all he sees)."""
        chosen = ids_of(self._services, self._principal, collections)
        refreshed(self._services, self._principal, AskedWith(assistant=assistant))
        made = self._rows.create(
            self._owner, title=_title(title), collections=chosen, assistant=assistant
        )
        return self._view(made)

    def change(
        self,
        conversation_id: str,
        guard: Guard,
        *,
        title: str | None,
        collections: Sequence[str] | None,
        assistant: str | None = None,
    ) -> ConversationView:
        """Another title, assistant ("": none) or other knowledge bases; None leaves as it is."""
        with self._services.database.transaction():
            guard(self.get(conversation_id))
            chosen = None if collections is None else ids_of(self._services, self._principal, collections)
            if title is not None and not title.strip():
                raise BadRequest("the title is empty; type one")
            refreshed(self._services, self._principal, AskedWith(assistant=assistant or ""))
            changed = self._rows.change(
                conversation_id,
                self._owner,
                title=None if title is None else _title(title),
                collections=chosen,
                assistant=assistant,
            )
        return self._view(changed)

    async def delete(self, conversation_id: str, guard: Guard) -> ConversationView:
        """Move it to the trash, from which it can be taken for ``trash_days``; what is being written ends."""

        def discard() -> ConversationRow:
            with self._services.database.transaction():
                guard(self.get(conversation_id))
                return self._rows.delete(conversation_id, self._owner)

        row = await asyncio.to_thread(discard)
        for run in self._runs.of(conversation_id):
            run.stop("stopped")
            await run.wait(STOP_S)
        if not self._services.settings.trash_days:
            await asyncio.to_thread(self._services.caretaker.chats.expire)
        return self._view(row)

    def restore(self, conversation_id: str) -> ConversationView:
        """Take it out of the trash."""
        return self._view(self._rows.restore(conversation_id, self._owner))

    async def ask(self, conversation_id: str, question: str, wanted: Wanted) -> Accepted:
        """Take a question; its answer is written whether or not anybody reads along at first.

        Raises ``Busy``, ``StillAnswering``, and what ``Services.ask`` raises; then nothing was taken.
        """

        def begin(position: int) -> Begun:
            row = self._rows.get(conversation_id, self._owner)
            settings = asked_with(self._services, self._principal, wanted, _asks(row))
            before = self._messages.chosen(conversation_id, self._owner, before=END, limit=MOST_EXCHANGES)
            ask, sources = self._asked(question, settings, before)
            with self._services.database.transaction():
                message = self._messages.ask(
                    conversation_id, self._owner, question, settings.model_dump_json()
                )
                if not row.title:
                    self._rows.change(conversation_id, self._owner, title=title_of(question))
                return message, self._chats.events.queue(message.id, position), ask, sources

        return await self._begin(begin)

    async def ask_again(self, message_id: str, wanted: Wanted | None) -> Accepted:
        """Have another answer written to the same question, and go on from that one. Raises as ``ask``.

        ``wanted`` None: with the settings that the message was asked with.
        """

        def begin(position: int) -> Begun:
            row = self._messages.get(message_id, self._owner)
            settings = AskedWith.model_validate_json(row.settings)
            if wanted is None:
                settings = refreshed(self._services, self._principal, settings)
            else:
                settings = asked_with(self._services, self._principal, wanted, settings)
            before = self._messages.chosen(
                row.conversation_id, self._owner, before=row.place, limit=MOST_EXCHANGES
            )
            ask, sources = self._asked(row.question, settings, before)
            with self._services.database.transaction():
                message = self._messages.again(message_id, self._owner, settings.model_dump_json())
                return message, self._chats.events.queue(message.id, position), ask, sources

        return await self._begin(begin)

    def choose(self, message_id: str) -> MessageView:
        """Go on from this one of several answers to a question."""
        self._messages.choose(message_id, self._owner)
        return self.reading.message(message_id)

    async def stop(self, message_id: str) -> MessageView:
        """End an answer; what is written stays. One that has ended is left as it is."""
        run = await self.run_of(message_id)
        if run is not None:
            run.stop("stopped")
            await run.wait(2 * STOP_S)
        return await asyncio.to_thread(self.reading.message, message_id)

    async def run_of(self, message_id: str) -> Run | None:
        """The answer while it is being written, else None. Raises ``NotFound``."""
        row = await asyncio.to_thread(self._messages.get, message_id, self._owner)
        found = self._runs.live(message_id)
        if found is not None or row.state not in OPEN:
            return found
        async with self._runs.beginning:  # it is just being begun, or nobody writes it any more
            found = self._runs.live(message_id)
            if found is None:
                await asyncio.to_thread(self._runs.recover)
        return found

    def _asked(
        self, question: str, settings: AskedWith, before: Sequence[MessageRow]
    ) -> tuple[Ask, tuple[Source, ...]]:
        """The question with its history, and what the answers in that rest on."""
        sources = self._messages.sources(each.id for each in before)
        history = exchanges(before, sources, self._principal)
        ask = ask_of(self._services, self._principal, question, settings, history)
        passed_on = [each for each in sources.values() if not withheld(each, self._principal)]
        return ask, tuple(each for listed in passed_on for each in listed if each.read)

    async def _begin(self, begin: Callable[[int], Begun]) -> Accepted:
        """Write the row of a message behind a place in the line, and let its answer be written."""
        visit = self._runs.enter()
        try:
            async with self._runs.beginning:
                await asyncio.to_thread(self._runs.recover)
                row, first, ask, sources = await asyncio.to_thread(begin, visit.position)
                self._runs.start(row, first, ask, visit, sources, self._owner)
        except BaseException:
            visit.leave()
            raise
        return Accepted(
            message_id=row.id, conversation_id=row.conversation_id, events_url=events_url(row.id)
        )

    def _view(self, row: ConversationRow) -> ConversationView:
        names = self.reading.names(row.collections)
        assistant = self._services.caretaker.offered.assistant(row.assistant, self._principal)
        until = None if row.deleted_at is None else row.deleted_at + self._chats.trash
        return ConversationView(
            id=row.id,
            title=row.title,
            collections=names,
            gone=len(row.collections) - len(names),
            assistant=assistant,
            assistant_gone=bool(row.assistant) and assistant is None,
            created_at=row.created_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
            restorable_until=until,
        )


def _asks(row: ConversationRow) -> AskedWith:
    """What a conversation asks where a question names nothing else."""
    return AskedWith(collections=row.collections, assistant=row.assistant)


def _title(text: str) -> str:
    title = " ".join(text.split())
    if len(title) > MAX_TITLE:
        raise BadRequest(f"the title has {len(title)} characters; at most {MAX_TITLE} are kept")
    return title
