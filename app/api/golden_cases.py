"""The cases of a golden set: list, add, label, accept, delete, take from an answer, draft from documents."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from app.api.etag import require_unchanged, tag
from app.api.golden import AddedView, Body, DraftView, GoldenSetView, Sets, added_view, set_view
from app.api.paging import PAGE, Cursor, Limit, number_of, written
from app.api.single import only
from app.api.state import gate, language_of, writing_gate
from app.asking import MAX_QUESTION
from app.catalogue import in_language
from app.evaluation.background import quiet
from app.evaluation.golden_csv import MAX_ID
from app.evaluation.golden_drafts import Drafted
from app.evaluation.golden_sets import Change, Guard, NewCase
from app.gate import Gate, Stopped
from app.result import View
from app.storage.golden import GoldenCase, GoldenEvidence, Origin, State

MOST_DRAFTS = 100  # of one request, which waits for them
MOST_ACCEPTED = 1000  # cases that one request names
Text = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION, pattern=r"\S")]
Pages = Annotated[list[Annotated[int, Field(ge=1, le=10_000_000)]], Field(max_length=100)]
CaseId = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
routes = APIRouter(prefix="/api", tags=["golden"])


class EvidenceBody(Body):
    """Words of a document that answer the question; no quote: the whole document."""

    document: str = Field(min_length=1, max_length=1024)
    quote: str = Field("", max_length=20_000)
    pages: Pages = Field(default_factory=list)


Evidence = Annotated[list[EvidenceBody], Field(max_length=100)]
Answers = Annotated[list[Text], Field(max_length=100)]


class CaseBody(Body):
    """A case to add. ``answers``: accepted ones, of which a right answer says one."""

    question: Text
    answerable: bool = True
    evidence: Evidence = Field(default_factory=list)
    answers: Answers = Field(default_factory=list)
    kind: str = Field("plain", min_length=1, max_length=100)
    note: str = Field("", max_length=MAX_QUESTION)


class Label(Body):
    """What shall be otherwise of a case; what is null stays. It is accepted with that."""

    question: Text | None = None
    answerable: bool | None = None
    evidence: Evidence | None = None
    answers: Answers | None = None


class Accepted(Body):
    """Cases that a person has checked."""

    cases: Annotated[list[CaseId], Field(min_length=1, max_length=MOST_ACCEPTED)]


class JudgedAnswer(Body):
    """A kept answer of yours, and whether it was right (or rightly none)."""

    answer_id: str = Field(min_length=1, max_length=100)
    right: bool


class DraftsWanted(Body):
    """How many drafts."""

    count: int = Field(10, ge=1, le=MOST_DRAFTS)


class EvidenceView(View):
    """Words of a document that answer the question."""

    document: str
    quote: str
    pages: tuple[int, ...]


class CaseView(View):
    """A case. Only accepted ones are asked; ``note`` says, among other things, why one is a draft."""

    id: str
    question: str
    answerable: bool
    evidence: tuple[EvidenceView, ...]
    answers: tuple[str, ...]
    kind: str
    state: State
    source: Origin
    note: str


class CaseList(View):
    """Cases in the order they were added."""

    data: tuple[CaseView, ...]
    next_cursor: str | None


class DraftedView(View):
    """The drafts that were made, and the chunks of which none could be, with the reason."""

    data: tuple[CaseView, ...]
    failed: tuple[DraftView, ...]


@routes.get("/golden/{set_id}/cases")
def list_cases(
    set_id: str,
    sets: Sets,
    request: Request,
    state: State | None = None,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> CaseList:
    """The cases, or those of a state."""
    after = number_of(cursor) if cursor else 0
    numbered = [
        (number, case)
        for number, case in enumerate(sets.cases(set_id), 1)
        if number > after and state in (None, case.state)
    ]
    shown = numbered[:limit]
    more = written(str(shown[-1][0])) if len(numbered) > limit else None
    return CaseList(data=tuple(_said(case_view(case), request) for _, case in shown), next_cursor=more)


@routes.post("/golden/{set_id}/cases", status_code=201)
def add_case(set_id: str, body: CaseBody, sets: Sets, request: Request, response: Response) -> CaseView:
    """Add a case. Where it cannot be asked as it is, it is a draft, and its note says why."""
    new = NewCase(
        body.question,
        body.answerable,
        _evidence(body.evidence),
        tuple(body.answers),
        body.kind,
        body.note,
    )
    view = _said(_tagged(sets.add(set_id, new), response), request)
    response.headers["Location"] = f"/api/golden/{set_id}/cases/{view.id}"
    return view


@routes.post("/golden/{set_id}/accept")
def accept_cases(set_id: str, body: Accepted, sets: Sets) -> GoldenSetView:
    """Accept drafts that you have checked: all of them, or none where one cannot be asked as it is."""
    return set_view(sets.accept(set_id, body.cases))


@routes.post("/golden/{set_id}/answers")
def add_answer(set_id: str, body: JudgedAnswer, sets: Sets) -> AddedView:
    """Make a case of a question that you asked, as you judge its answer.

    What a right answer quotes becomes the evidence; a right abstention makes it unanswerable; a wrong answer
    is a draft that waits for its evidence.
    """
    return added_view(sets.from_answer(set_id, body.answer_id, right=body.right))


@routes.post("/golden/{set_id}/drafts")
async def draft_cases(
    set_id: str,
    sets: Sets,
    request: Request,
    entrance: Annotated[Gate, Depends(writing_gate)],
    chat: Annotated[Gate, Depends(gate)],
    body: DraftsWanted | None = None,
) -> DraftedView:
    """Draft questions from documents that no case quotes yet; none is asked before you have accepted it.

    Where a language model runs it writes them, else they are made of headings; between two of them the chat
    goes first.
    """
    count = (body or DraftsWanted()).count

    def work(stopped: Stopped) -> Iterator[Drafted]:
        yield sets.draft(set_id, count, lambda: not quiet(chat, stopped))

    drafted = await only(entrance.enter(), work, request)
    return DraftedView(
        data=tuple(_said(case_view(each), request) for each in drafted.cases),
        failed=tuple(DraftView(id=each, reason=reason) for each, reason in drafted.failed),
    )


# The id of a case that came in a CSV file may hold slashes.
@routes.get("/golden/{set_id}/cases/{case_id:path}")
def show_case(set_id: str, case_id: str, sets: Sets, request: Request, response: Response) -> CaseView:
    """One case."""
    return _said(_tagged(sets.case(set_id, case_id), response), request)


@routes.patch("/golden/{set_id}/cases/{case_id:path}")
def label_case(
    set_id: str, case_id: str, body: Label, sets: Sets, request: Request, response: Response
) -> CaseView:
    """Change a case and accept it; 422 names what it lacks. 412 where If-Match names an earlier state."""
    change = Change(
        question=body.question,
        evidence=None if body.evidence is None else _evidence(body.evidence),
        answers=None if body.answers is None else tuple(body.answers),
        answerable=body.answerable,
    )
    return _tagged(sets.change(set_id, case_id, change, _unchanged(request)), response)


@routes.delete("/golden/{set_id}/cases/{case_id:path}")
def delete_case(set_id: str, case_id: str, sets: Sets, request: Request) -> CaseView:
    """Delete a case; the answer is what it was."""
    return case_view(sets.remove(set_id, case_id, _unchanged(request)))


def case_view(case: GoldenCase) -> CaseView:
    """A case for JSON."""
    return CaseView(
        id=case.id,
        question=case.question,
        answerable=case.answerable,
        evidence=tuple(
            EvidenceView(document=each.document, quote=each.quote, pages=each.pages)
            for each in case.evidence
        ),
        answers=case.answers,
        kind=case.kind,
        state=case.state,
        source=case.source,
        note=case.note,
    )


def _said(view: CaseView, request: Request) -> CaseView:
    """The same with why it is a draft in the reader's language; the ETag is of the case, in none."""
    return view.model_copy(update={"note": in_language(view.note, language_of(request))})


def _evidence(given: list[EvidenceBody]) -> tuple[GoldenEvidence, ...]:
    return tuple(GoldenEvidence(each.document, each.quote, tuple(each.pages)) for each in given)


def _tagged(case: GoldenCase, response: Response) -> CaseView:
    view = case_view(case)
    tag(response, view)
    return view


def _unchanged(request: Request) -> Guard:
    return lambda case: require_unchanged(request, case_view(case))
