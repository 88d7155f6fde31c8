"""What a person does with assistants: list, make, change and delete them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.access.assistants import VisibleAssistants, may
from app.access.audit import Action, Audit
from app.access.principal import Principal
from app.access.visible import Visible
from app.cards import Template
from app.result import View
from app.storage.assistants import Assistant, AssistantRows
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.snippets import SnippetRows


class MayView(View):
    """What the reader may do: change or delete the assistant and approve its snippets; write snippets."""

    edit: bool
    write_snippets: bool


class CountsView(View):
    """How many snippets there are, without those in the trash."""

    approved: int
    draft: int
    expired: int


class AssistantView(View):
    """A named way of asking. ``collections``: names of the knowledge bases it asks.

    ``template``: what is written. answer: as in chat; sales: a card of what to say to the customer and what
    is internal. ``instruction``: what the reranker should prefer and the generator is told, "" for that of
    the knowledge base. Its ETag does not change with the snippets.
    """

    id: str
    name: str
    template: Template
    instruction: str
    collections: tuple[str, ...]
    may: MayView
    snippets: CountsView
    created_at: datetime
    updated_at: datetime


Guard = Callable[[AssistantView], None]
"""Raises where an assistant, as it is now, may not be edited."""


class Assistants:
    """The assistants of one principal. One that asks what he may not read is not there (``NotFound``).

    Changing one needs the right to manage all that it asks, before and after (``Forbidden``).
    """

    def __init__(
        self,
        principal: Principal,
        *,
        database: Database,
        collections: Collections,
        rows: AssistantRows,
        snippets: SnippetRows,
        audit: Audit,
    ) -> None:
        self._principal = principal
        self._database = database
        self._collections = collections
        self._rows = rows
        self._snippets = snippets
        self._audit = audit
        self._seen = VisibleAssistants(rows, principal)

    def all(self) -> list[AssistantView]:
        """Those he may ask, by name."""
        return self._views(self._seen.all())

    def get(self, assistant_id: str) -> AssistantView:
        """One of them."""
        return self._views([self._seen.by_id(assistant_id)])[0]

    def named(self, name: str) -> AssistantView:
        """The one of that name."""
        return self._views([self._seen.named(name)])[0]

    def create(
        self, name: str, template: Template, instruction: str, collections: Sequence[str]
    ) -> AssistantView:
        """A new one that asks these knowledge bases (names). Raises ``BadRequest``, ``Conflict``."""
        with self._database.transaction():
            made = self._rows.create(name, template, instruction, self._ids(collections))
            self._note("assistant_add", made.id, name=name, template=template)
        return self.get(made.id)

    def change(
        self,
        assistant_id: str,
        guard: Guard,
        *,
        name: str | None = None,
        template: Template | None = None,
        instruction: str | None = None,
        collections: Sequence[str] | None = None,
    ) -> AssistantView:
        """Let it be otherwise; None leaves as it is. Raises what ``create`` does."""
        with self._database.transaction():
            found = self._seen.by_id(assistant_id, "manage")
            guard(self._views([found])[0])
            changed = self._rows.change(
                found.id,
                name=name,
                template=template,
                instruction=instruction,
                collections=None if collections is None else self._ids(collections),
            )
            self._note("assistant_change", found.id, name=changed.name, template=changed.template)
        return self.get(assistant_id)

    def delete(self, assistant_id: str, guard: Guard) -> AssistantView:
        """Delete it with its snippets, for good; given back as it was."""
        with self._database.transaction():
            found = self._seen.by_id(assistant_id, "manage")
            gone = self._views([found])[0]
            guard(gone)
            self._rows.delete(found.id)
            self._note("assistant_delete", found.id, name=found.name)
        return gone

    def _ids(self, names: Sequence[str]) -> list[str]:
        visible = Visible(self._collections, self._principal)
        return [visible.named(each, "manage").id for each in names]

    def _views(self, found: Sequence[Assistant]) -> list[AssistantView]:
        names, counts = self._collections.names(), self._snippets.counts()
        return [
            AssistantView(
                id=each.id,
                name=each.name,
                template=each.template,
                instruction=each.instruction,
                collections=tuple(names[one] for one in each.collections),
                may=MayView(
                    edit=may(self._principal, each, "manage"),
                    write_snippets=may(self._principal, each, "write"),
                ),
                snippets=CountsView(
                    approved=counts.get((each.id, "approved"), 0),
                    draft=counts.get((each.id, "draft"), 0),
                    expired=counts.get((each.id, "expired"), 0),
                ),
                created_at=each.created_at,
                updated_at=each.updated_at,
            )
            for each in found
        ]

    def _note(self, action: Action, target: str, **details: str) -> None:
        self._audit.note(self._principal, action, target, details=details)
