"""Golden sets: questions about a collection that a person has labelled, kept beside it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from app.errors import BadRequest, NotFound
from app.evaluation.golden_csv import read_csv
from app.evaluation.passages import SolidText
from app.storage.answers import Answers
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.golden import GoldenCase, GoldenEvidence, GoldenRows, GoldenSet
from app.storage.texts import ShownTexts

NEEDS_EVIDENCE = "needs the words of a document that answer it, or to be marked as unanswerable"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of cases: how many are accepted, and for each draft (by id) why it is one."""

    accepted: int
    drafts: tuple[tuple[str, str], ...]


class Golden:
    """Imports, takes from answers, labels and accepts. Nothing is asked before a person has accepted it."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._texts = ShownTexts(database)
        self._answers = Answers(database, now=now)
        self._collections = Collections(database, now=now)
        self._documents = Documents(database, now=now)
        self.rows = GoldenRows(database, now=now)

    def open(self, name: str, collection: str | None) -> GoldenSet:
        """The set of that name, made where a collection is given and there was none.

        Raises ``NotFound``, or ``BadRequest`` where the set is about another collection.
        """
        existing = next((each for each in self.rows.sets() if each.name == name), None)
        if existing is None and collection is not None:
            return self.rows.create(name, self._collections.named(collection).id)
        found = existing or self.rows.named(name)
        if collection not in (None, found.collection):
            raise BadRequest(f"golden set {name!r} is about {found.collection!r}, not {collection!r}")
        return found

    def import_csv(self, name: str, collection: str | None, path: Path) -> Added:
        """Add the cases of a file; those whose words stand in no document become drafts."""
        cases = read_csv(path)
        return self.add(self.open(name, collection), cases)

    def add(self, found: GoldenSet, cases: Iterable[GoldenCase]) -> Added:
        """Add cases, in place of those of the same id; what cannot be used as it is becomes a draft."""
        checked = [self._checked(found, case) for case in cases]
        self.rows.put(found.id, checked)
        drafts = tuple((each.id, each.note) for each in checked if each.state == "draft")
        return Added(len(checked) - len(drafts), drafts)

    def from_answer(self, name: str, collection: str | None, answer_id: str, *, right: bool) -> Added:
        """A question that was asked, as a person judged its answer.

        A right answer's quotes are its evidence; a right abstention makes the question unanswerable. A wrong
        one is a draft until somebody labels it. Raises ``NotFound`` for an answer that is not kept,
        ``BadRequest`` where its words are gone or none of them is from the set's collection.
        """
        return self.add_answer(self.open(name, collection), answer_id, right=right)

    def add_answer(self, found: GoldenSet, answer_id: str, *, right: bool) -> Added:
        """See ``from_answer``."""
        answer = self._answers.get(answer_id)
        if answer.wiped:
            raise BadRequest(f"answer {answer_id!r} cannot be used: a document that was read for it is gone")
        case = GoldenCase(new_id(), answer.question, source="answer")
        if not right:
            case = replace(case, state="draft", note=f"it was answered wrongly; {NEEDS_EVIDENCE}")
        elif answer.outcome == "abstained":
            case = replace(case, answerable=False)
        else:
            quoted = [
                GoldenEvidence(each.document, each.quote)
                for each in answer.citations
                if self._is_of(found.collection_id, each.document, each.document_id)
            ]
            if not quoted:
                raise BadRequest(f"answer {answer_id!r} cites no document of {found.collection!r}")
            case = replace(case, evidence=tuple(dict.fromkeys(quoted)))
        return self.add(found, [case])

    def accept(self, name: str, case_ids: Sequence[str]) -> None:
        """A person has checked these. Raises ``BadRequest`` naming what one still lacks; then none is."""
        found = self.rows.named(name)
        cases = {case.id: case for case in self.rows.cases(found.id)}
        accepted = []
        for each in case_ids:
            if each not in cases:
                raise NotFound(f"golden set {name!r} has no case {each!r}")
            if trouble := self.trouble(found, cases[each]):
                raise BadRequest(f"case {each!r} cannot be accepted: {trouble}")
            accepted.append(replace(cases[each], state="accepted", note=""))
        self.rows.put(found.id, accepted)

    def label(
        self,
        name: str,
        case_id: str,
        *,
        question: str | None = None,
        evidence: Sequence[GoldenEvidence] | None = None,
        answers: Sequence[str] | None = None,
        answerable: bool | None = None,
    ) -> None:
        """Change what is given and accept the case. Raises as ``accept`` does."""
        found = self.rows.named(name)
        case = next((each for each in self.rows.cases(found.id) if each.id == case_id), None)
        if case is None:
            raise NotFound(f"golden set {name!r} has no case {case_id!r}")
        answerable = case.answerable if answerable is None else answerable
        changed = replace(
            case,
            question=case.question if question is None else question,
            evidence=(case.evidence if evidence is None else tuple(evidence)) if answerable else (),
            answers=(case.answers if answers is None else tuple(answers)) if answerable else (),
            answerable=answerable,
            state="accepted",
            note="",
        )
        if trouble := self.trouble(found, changed):
            raise BadRequest(f"case {case_id!r} cannot be accepted: {trouble}")
        self.rows.put(found.id, [changed])

    def trouble(self, found: GoldenSet, case: GoldenCase) -> str:
        """Why a case cannot be asked as it is labelled; "" where it can."""
        if not case.answerable:
            return "" if not case.evidence else "it is unanswerable, and yet evidence is named"
        if not case.evidence and not case.answers:
            return NEEDS_EVIDENCE
        for each in case.evidence:
            text = self._text(found.collection_id, each.document)
            if text is None:
                return f"collection {found.collection!r} has no document {each.document!r}"
            if each.quote and next(text.places(each.quote), None) is None:
                return f"these words do not stand in {each.document!r}: {each.quote[:80]!r}"
        return ""

    def _checked(self, found: GoldenSet, case: GoldenCase) -> GoldenCase:
        trouble = self.trouble(found, case)
        if not trouble:
            return case
        note = case.note if trouble in case.note else "; ".join(filter(None, (case.note, trouble)))
        return replace(case, state="draft", note=note)

    def _is_of(self, collection_id: str, name: str, document_id: str) -> bool:
        """Whether the collection shows that very document, not another of its name."""
        row = self._documents.find(collection_id, name)
        return row is not None and row.version > 0 and row.id == document_id

    def _text(self, collection_id: str, name: str) -> SolidText | None:
        """The text of a document that the collection shows."""
        text = self._texts.text(collection_id, name)
        return None if text is None else _solid(text)


def new_id() -> str:
    """An id for a case that nobody named."""
    return uuid4().hex[:8]


@lru_cache(maxsize=16)
def _solid(text: str) -> SolidText:
    """Many cases are of one document."""
    return SolidText(text)
