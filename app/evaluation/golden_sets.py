"""Golden sets as somebody sees them: of the knowledge bases he may write to; others are not there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.access.principal import Level, Principal
from app.access.visible import Visible
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.evaluation.golden import Added, Golden, new_id
from app.evaluation.golden_csv import parse_csv, write_csv
from app.evaluation.golden_drafts import Drafted, draft_cases
from app.services import Services
from app.storage.golden import GoldenCase, GoldenEvidence, GoldenSet


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be otherwise of a case; None leaves it as it is."""

    question: str | None = None
    evidence: tuple[GoldenEvidence, ...] | None = None
    answers: tuple[str, ...] | None = None
    answerable: bool | None = None


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to add."""

    question: str
    answerable: bool = True
    evidence: tuple[GoldenEvidence, ...] = ()
    answers: tuple[str, ...] = ()
    kind: str = "plain"
    note: str = ""
    id: str = field(default_factory=new_id)


Guard = Callable[[GoldenCase], object]
"""Raises where a case is not to be changed."""


class GoldenSets:
    """Lists, makes, fills, checks and deletes. Deleting a set needs the right to manage its knowledge base.

    Everything that takes the id of a set raises ``NotFound`` for one of a knowledge base that he may not
    write to, as for one that is not there. A name is unique among all sets: that one is taken is all that
    anybody learns of a set that is not his.
    """

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._visible = Visible(services.collections, principal)
        self._golden = Golden(services.database, now=_now)
        self._rows = self._golden.rows

    def all(self, collection: str | None = None) -> list[GoldenSet]:
        """Those he may see, by name; of one knowledge base where it is named."""
        only = None if collection is None else self._visible.named(collection, "write").id
        return [
            each
            for each in self._rows.sets()
            if self._may(each, "write") and only in (None, each.collection_id)
        ]

    def get(self, set_id: str, level: Level = "write") -> GoldenSet:
        """One set. Raises ``Forbidden`` where he sees it and may do less."""
        found = self._rows.by_id(set_id)
        if not self._may(found, "write"):
            raise NotFound(f"golden set {set_id!r} does not exist")
        if not self._may(found, level):
            raise Forbidden(f"golden set {found.name!r} needs the right to {level} its knowledge base")
        return found

    def about(self, collection: str, name: str) -> GoldenSet:
        """The set of that name about a knowledge base. Raises ``NotFound``, ``Forbidden``."""
        of = self._visible.named(collection, "write")
        found = next((each for each in self.all() if each.name == name), None)
        if found is None or found.collection_id != of.id:
            raise NotFound(f"knowledge base {collection!r} has no golden set {name!r}")
        return found

    def create(self, collection: str, name: str) -> GoldenSet:
        """A new set. Raises ``Conflict`` for a name that is taken."""
        with self._services.database.transaction():
            return self._rows.create(name, self._visible.named(collection, "write").id)

    def rename(self, set_id: str, name: str) -> GoldenSet:
        """Call it otherwise. Raises ``Conflict`` for a name that is taken."""
        with self._services.database.transaction():
            return self._rows.rename(self.get(set_id).id, name)

    def delete(self, set_id: str) -> GoldenSet:
        """Delete a set with its cases; given back as it was. Evaluations with it stay."""
        with self._services.database.transaction():
            found = self.get(set_id, "manage")
            self._rows.delete(found.id)
        return found

    def cases(self, set_id: str) -> list[GoldenCase]:
        """Its cases, in the order they were added."""
        return self._rows.cases(self.get(set_id).id)

    def case(self, set_id: str, case_id: str) -> GoldenCase:
        """One case. Raises ``NotFound``."""
        found = next((each for each in self.cases(set_id) if each.id == case_id), None)
        if found is None:
            raise NotFound(f"the golden set has no case {case_id!r}")
        return found

    def add(self, set_id: str, new: NewCase) -> GoldenCase:
        """Add a case; one that cannot be asked as it is becomes a draft, and its note says why.

        Raises ``Conflict`` where there is one of that id.
        """
        with self._services.database.transaction():
            found = self.get(set_id)
            if any(each.id == new.id for each in self._rows.cases(found.id)):
                raise Conflict(f"the golden set has a case {new.id!r} already; change that one")
            case = GoldenCase(
                new.id, new.question, new.answerable, new.evidence, new.answers, new.kind, note=new.note
            )
            self._golden.add(found, [case])
            return self.case(set_id, new.id)

    def change(self, set_id: str, case_id: str, change: Change, guard: Guard) -> GoldenCase:
        """Change a case and accept it. Raises ``BadRequest`` naming what it still lacks."""
        with self._services.database.transaction():
            found = self.get(set_id)
            guard(self.case(set_id, case_id))
            self._golden.label(
                found.name,
                case_id,
                question=change.question,
                evidence=change.evidence,
                answers=change.answers,
                answerable=change.answerable,
            )
            return self.case(set_id, case_id)

    def accept(self, set_id: str, case_ids: Sequence[str]) -> GoldenSet:
        """A person has checked these. Raises ``BadRequest`` naming what one lacks; then none is accepted."""
        with self._services.database.transaction():
            found = self.get(set_id)
            self._golden.accept(found.name, case_ids)
            return self.get(set_id)

    def remove(self, set_id: str, case_id: str, guard: Guard) -> GoldenCase:
        """Delete a case; given back as it was."""
        with self._services.database.transaction():
            case = self.case(set_id, case_id)
            guard(case)
            self._rows.remove(set_id, [case_id])
        return case

    def from_answer(self, set_id: str, answer_id: str, *, right: bool) -> Added:
        """A case of a question that he asked, as he judges its answer. See ``Golden.from_answer``.

        Raises ``NotFound`` for an answer that is not his, or rests on what he may not see any more.
        """
        found = self.get(set_id)
        kept = self._services.caretaker.answers.get(answer_id, self._visible.principal)
        if kept.answer.withheld:
            raise NotFound(f"answer {answer_id!r} rests on documents that you may not see any more")
        if kept.answer.wiped:
            raise BadRequest(f"answer {answer_id!r} cannot be used: a document that was read for it is gone")
        with self._services.database.transaction():
            return self._golden.add_answer(found, answer_id, right=right)

    def import_csv(self, set_id: str, data: bytes, name: str) -> Added:
        """Add the cases of a file, in place of those of the same id; all or none.

        Raises ``SetUnreadable`` naming every line that is wrong.
        """
        self.get(set_id)
        cases = parse_csv(data, name)
        with self._services.database.transaction():
            return self._golden.add(self.get(set_id), cases)

    def export_csv(self, set_id: str) -> bytes:
        """All cases, drafts included: UTF-8 with a byte order mark, no cell runs as a formula."""
        return write_csv(self.cases(set_id))

    def draft(self, set_id: str, count: int, stopped: Callable[[], bool]) -> Drafted:
        """Draft up to ``count`` cases from documents; a person accepts them. See ``draft_cases``."""
        found = self.get(set_id)
        drafted = draft_cases(self._services, found, self._rows.cases(found.id), count, stopped)
        with self._services.database.transaction():
            found = self.get(set_id)
            known = {each.id for each in self._rows.cases(found.id)}
            new = tuple(each for each in drafted.cases if each.id not in known)
            self._rows.put(found.id, new)
        return replace(drafted, cases=new)

    def _may(self, found: GoldenSet, level: Level) -> bool:
        return self._visible.principal.may(found.collection_id, level)


def _now() -> datetime:
    return datetime.now(UTC)
