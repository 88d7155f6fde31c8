"""A golden set as something to evaluate: its accepted cases over a copy of its collection's documents."""

from datetime import UTC, datetime

from app.errors import BadRequest
from app.evaluation.golden import Golden
from app.evaluation.questions import EvaluationSet, Evidence, OwnSettings, Question
from app.storage.blobs import BlobStore
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.floors import CalibratedFloors
from app.storage.golden import GoldenCase


def read_golden_set(database: Database, blobs: BlobStore, name: str) -> EvaluationSet:
    """The set's accepted cases over the documents its collection shows, with what that has set for itself.

    Drafts and cases whose words no longer stand are left out, and said. Raises ``NotFound``, or
    ``BadRequest`` where nothing is left to ask.
    """
    golden = Golden(database, now=_now)
    found = golden.rows.named(name)
    collection = Collections(database, now=_now).by_id(found.collection_id)
    documents = Documents(database, now=_now).shown(found.collection_id)
    cases = golden.rows.cases(found.id)
    accepted = [case for case in cases if case.state == "accepted"]
    troubles = {case.id: golden.trouble(found, case) for case in accepted}
    asked = [case for case in accepted if not troubles[case.id]]
    left_out = [f"case {case_id}: {trouble}" for case_id, trouble in troubles.items() if trouble]
    if len(accepted) < len(cases):
        left_out.append(f"{len(cases) - len(accepted)} drafts: nobody has accepted them yet")
    if not asked:
        raise BadRequest(
            f"golden set {name!r} has no case to ask ({'; '.join(left_out) or 'it is empty'}); "
            "`touchstone golden` shows and accepts cases"
        )
    return EvaluationSet(
        name=name,
        files=tuple((blobs.path(each.sha256), each.name) for each in documents),
        ids={each.name: each.name for each in documents},
        questions=tuple(map(_question, asked)),
        left_out=tuple(left_out),
        own=OwnSettings(
            instruction=collection.instruction,
            chunking=collection.chunking,
            floors=tuple(CalibratedFloors(database, now=_now).of(collection.id)),
        ),
    )


def _question(case: GoldenCase) -> Question:
    return Question(
        id=case.id,
        text=case.question,
        kind=case.kind,
        answerable=case.answerable,
        gains={each.document: 1.0 for each in case.evidence},
        evidence=tuple(Evidence(each.document, each.quote, each.pages) for each in case.evidence),
        answers=case.answers,
    )


def _now() -> datetime:
    """Nothing here is dated: rows are only read."""
    return datetime.now(UTC)
