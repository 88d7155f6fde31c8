"""What a person does with snippets: write, approve, renew, change, delete and restore them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from app.access.accounts import Accounts
from app.access.assistants import VisibleAssistants, may
from app.access.audit import Action
from app.access.principal import Level, Principal
from app.errors import BadRequest, NotFound
from app.result import View
from app.storage.assistants import Assistant, AssistantRows
from app.storage.database import Database
from app.storage.snippets import NOBODY, Person, Snippet, SnippetRows, SnippetState

MOST_QUESTIONS = 20
MAX_PHRASING, MAX_WORDS, MAX_NOTE = 500, 10_000, 4_000  # characters


class PersonView(View):
    """Somebody, as he was called then."""

    id: str
    name: str


class SnippetView(View):
    """An answer in words for customers. ``questions``: phrasings of what they ask, the first is shown.

    ``note``: for colleagues only. Only an approved one is offered, up to and on the day ``expires_on`` (UTC).
    """

    id: str
    assistant_id: str
    questions: tuple[str, ...]
    answer: str
    note: str
    owner: PersonView
    state: SnippetState
    expires_on: date
    approved_by: PersonView | None
    approved_at: datetime | None
    updated_at: datetime


Guard = Callable[[SnippetView], None]
"""Raises where a snippet, as it is now, may not be edited."""


class Snippets:
    """The snippets of the assistants that one principal sees; others are not there (``NotFound``).

    Who may only read what an assistant asks sees those that are offered. Writing needs the right to write to
    all of that, approving to manage it (``Forbidden``).
    """

    def __init__(
        self,
        principal: Principal,
        *,
        database: Database,
        assistants: AssistantRows,
        rows: SnippetRows,
        accounts: Accounts,
    ) -> None:
        self._principal = principal
        self._database = database
        self._rows = rows
        self._accounts = accounts
        self._seen = VisibleAssistants(assistants, principal)

    def of(self, assistant_id: str, state: SnippetState | None = None) -> list[tuple[int, SnippetView]]:
        """Those of an assistant with their numbers, made first first; without a state all but the deleted."""
        assistant = self._seen.by_id(assistant_id)
        views = [
            (each.seq, self._view(each))
            for each in self._rows.of(assistant_id)
            if self._shows(assistant, each)
        ]
        wanted = {state} if state is not None else {"draft", "approved", "expired"}
        return [(seq, view) for seq, view in views if view.state in wanted]

    def get(self, snippet_id: str) -> SnippetView:
        """One of them."""
        return self._view(self._found(snippet_id, "read"))

    def create(
        self, assistant_id: str, *, questions: Sequence[str], answer: str, note: str, expires_on: date
    ) -> SnippetView:
        """A new draft of his. Raises ``BadRequest``."""
        with self._database.transaction():
            assistant = self._seen.by_id(assistant_id, "write")
            made = self._rows.create(
                assistant.id,
                questions=_phrasings(questions),
                answer=_words(answer),
                note=_note(note),
                owner=self._himself(),
                expires_on=self._future(expires_on),
            )
            self._audit("snippet_add", made)
        return self._view(made)

    def change(
        self,
        snippet_id: str,
        guard: Guard,
        *,
        questions: Sequence[str] | None = None,
        answer: str | None = None,
        note: str | None = None,
        expires_on: date | None = None,
        owner: str | None = None,
    ) -> SnippetView:
        """Let it be otherwise (None leaves as it is). ``owner``: a user's id. Raises ``BadRequest``.

        An approved one becomes a draft again, unless he may approve: then he has approved it as it is now.
        """
        with self._database.transaction():
            found = self._found(snippet_id, "write")
            guard(self._view(found))
            self._require_kept(found)
            changed = replace(
                found,
                questions=found.questions if questions is None else _phrasings(questions),
                answer=found.answer if answer is None else _words(answer),
                note=found.note if note is None else _note(note),
                expires_on=found.expires_on if expires_on is None else self._future(expires_on),
                owner=found.owner if owner is None else self._person(owner),
            )
            if found.approved_at is not None:
                changed = self._stamped(changed)
            changed = self._rows.put(changed)
            self._audit("snippet_change", changed)
        return self._view(changed)

    def approve(self, snippet_id: str, guard: Guard, expires_on: date) -> SnippetView:
        """Let it be offered, up to and on that day. Raises ``BadRequest`` for a day that has passed."""
        with self._database.transaction():
            found = self._found(snippet_id, "manage")
            guard(self._view(found))
            self._require_kept(found)
            approved = self._rows.put(self._stamped(replace(found, expires_on=self._future(expires_on))))
            self._audit("snippet_approve", approved, expires_on=expires_on.isoformat())
        return self._view(approved)

    def delete(self, snippet_id: str, guard: Guard) -> SnippetView:
        """Move it to the trash, from which it can be taken for ``trash_days``."""
        with self._database.transaction():
            found = self._found(snippet_id, "write")
            guard(self._view(found))
            if found.deleted_at is None:
                found = self._rows.put(replace(found, deleted_at=self._rows.now()))
                self._audit("snippet_delete", found)
        return self._view(found)

    def restore(self, snippet_id: str) -> SnippetView:
        """Take it out of the trash, as it was; one that is not in it stays as it is."""
        with self._database.transaction():
            found = self._found(snippet_id, "write")
            if found.deleted_at is not None:
                found = self._rows.put(replace(found, deleted_at=None))
                self._audit("snippet_restore", found)
        return self._view(found)

    def _found(self, snippet_id: str, level: Level) -> Snippet:
        try:
            found = self._rows.get(snippet_id)
            assistant = self._seen.by_id(found.assistant_id)
        except NotFound as error:
            raise NotFound(f"snippet {snippet_id!r} does not exist") from error
        if not self._shows(assistant, found):
            raise NotFound(f"snippet {snippet_id!r} does not exist")
        self._seen.by_id(found.assistant_id, level)
        return found

    def _shows(self, assistant: Assistant, snippet: Snippet) -> bool:
        return snippet.state(self._rows.today()) == "approved" or may(self._principal, assistant, "write")

    def _stamped(self, snippet: Snippet) -> Snippet:
        """Approved by him where he may, else a draft."""
        assistant = self._seen.by_id(snippet.assistant_id)
        if not may(self._principal, assistant, "manage"):
            return replace(snippet, approved_by=NOBODY, approved_at=None)
        return replace(snippet, approved_by=self._himself(), approved_at=self._rows.now())

    def _himself(self) -> Person:
        return Person(self._principal.id, self._principal.name)

    def _person(self, user_id: str) -> Person:
        if user_id == self._principal.id:
            return self._himself()
        try:
            return Person(user_id, self._accounts.users.get(user_id).name)
        except NotFound as error:
            raise BadRequest(f"there is no user {user_id!r} who could own the snippet") from error

    def _require_kept(self, snippet: Snippet) -> None:
        if snippet.deleted_at is not None:
            raise BadRequest("the snippet is in the trash; restore it first")

    def _future(self, day: date) -> date:
        today = self._rows.today()
        if day < today:
            raise BadRequest(f"{day} has passed; choose today ({today}) or a later day")
        return day

    def _view(self, snippet: Snippet) -> SnippetView:
        by = snippet.approved_by
        return SnippetView(
            id=snippet.id,
            assistant_id=snippet.assistant_id,
            questions=snippet.questions,
            answer=snippet.answer,
            note=snippet.note,
            owner=PersonView(id=snippet.owner.id, name=snippet.owner.name),
            state=snippet.state(self._rows.today()),
            expires_on=snippet.expires_on,
            approved_by=None if snippet.approved_at is None else PersonView(id=by.id, name=by.name),
            approved_at=snippet.approved_at,
            updated_at=snippet.updated_at,
        )

    def _audit(self, action: Action, snippet: Snippet, **details: str) -> None:
        told = {"assistant": snippet.assistant_id, **details}
        self._accounts.audit.note(self._principal, action, snippet.id, details=told)


def _phrasings(questions: Sequence[str]) -> tuple[str, ...]:
    """Each on one line, none twice."""
    kept = tuple(dict.fromkeys(" ".join(each.split()) for each in questions if each.strip()))
    if not kept:
        raise BadRequest("a snippet needs the question that customers ask; type at least one")
    if len(kept) > MOST_QUESTIONS:
        raise BadRequest(f"a snippet was given {len(kept)} questions; at most {MOST_QUESTIONS} are kept")
    return tuple(_short(each, MAX_PHRASING, "a question") for each in kept)


def _words(answer: str) -> str:
    if not answer.strip():
        raise BadRequest("a snippet needs an answer in words for the customer; type one")
    return _short(answer.strip(), MAX_WORDS, "the answer")


def _note(note: str) -> str:
    return _short(note.strip(), MAX_NOTE, "the note")


def _short(text: str, most: int, what: str) -> str:
    if len(text) > most:
        raise BadRequest(f"{what} has {len(text)} characters; at most {most} are kept")
    return text
