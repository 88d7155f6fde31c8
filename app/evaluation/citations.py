"""Are the right files and pages cited, and does every quote stand there word for word?"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from app.evaluation.sets import FileSet, LabelledQuestion
from app.result import Result
from generation.types import Citation

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer judged. ``quotes`` and ``exact`` count citations and those whose quote is in the file."""

    id: str
    kind: str
    question: str
    outcome: str
    answerable: bool
    document_right: bool
    page_right: bool
    quotes: int
    exact: int
    said: bool
    first_passage_right: bool
    answer: str
    cited: tuple[str, ...]
    total_ms: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares over a set (0..1; None where no question was of that kind).

    ``document``, ``page``, ``said``, ``first_passage``: over answerable questions. ``exact``: over all
    citations. ``refused``: over unanswerable questions that are not vague. ``asked_back``: over vague ones.
    """

    questions: int
    document: float | None
    page: float | None
    first_passage: float | None
    said: float | None
    exact: float | None
    citations: int
    refused: float | None
    answered_share: float | None
    asked_back: float | None
    p50_ms: float
    p95_ms: float


def judge_set(
    file_set: FileSet, ask: Callable[[str], Result], stands: Callable[[Citation], bool], progress: Progress
) -> list[Judged]:
    """Every question of the set, asked by ``ask`` and judged. ``stands``: is the quote in the file?"""
    judged = []
    for number, question in enumerate(file_set.questions, 1):
        judged.append(_judge(question, ask(question.question), stands))
        progress(number, len(file_set.questions))
    return judged


def summarise(judged: Iterable[Judged]) -> Summary:
    """The shares over a set."""
    rows = list(judged)
    answerable = [row for row in rows if row.answerable and row.kind != "vague"]
    unanswerable = [row for row in rows if not row.answerable and row.kind != "vague"]
    vague = [row for row in rows if row.kind == "vague"]
    times = sorted(row.total_ms for row in rows)
    citations = sum(row.quotes for row in rows)
    return Summary(
        questions=len(rows),
        document=_share(row.document_right for row in answerable),
        page=_share(row.page_right for row in answerable),
        first_passage=_share(row.first_passage_right for row in answerable),
        said=_share(row.said for row in answerable),
        exact=sum(row.exact for row in rows) / citations if citations else None,
        citations=citations,
        refused=_share(row.outcome == "abstained" for row in unanswerable),
        answered_share=_share(row.outcome == "answered" for row in answerable),
        asked_back=_share(row.outcome == "abstained" or row.document_right for row in vague),
        p50_ms=times[len(times) // 2] if times else 0.0,
        p95_ms=times[min(len(times) - 1, int(len(times) * 0.95))] if times else 0.0,
    )


def as_json(file_set: FileSet, judged: list[Judged], summary: Summary) -> dict[str, object]:
    """Everything for a result file."""
    return {
        "set": file_set.name,
        "left_out": file_set.left_out,
        "summary": asdict(summary),
        "questions": [asdict(row) for row in judged],
    }


def _judge(question: LabelledQuestion, result: Result, stands: Callable[[Citation], bool]) -> Judged:
    citations = result.answer.citations
    right = [c for c in citations if c.document in question.documents]
    passages = result.answer.passages
    return Judged(
        id=question.id,
        kind=question.kind,
        question=question.question,
        outcome=result.answer.outcome,
        answerable=question.answerable,
        document_right=bool(right),
        page_right=bool(right)
        and (not question.pages or any(set(c.pages) & set(question.pages) for c in right)),
        quotes=len(citations),
        exact=sum(map(stands, citations)),
        said=all(_says(result.answer.text, wanted) for wanted in question.must_include),
        first_passage_right=bool(passages) and passages[0].chunk.document in question.documents,
        answer=result.answer.text,
        cited=tuple(f"{c.document} {list(c.pages)}" for c in citations),
        total_ms=dict(result.timings_ms)["total"],
    )


def _says(answer: str, wanted: str) -> bool:
    folded = _fold(answer)
    return any(_fold(alternative) in folded for alternative in wanted.split("|"))


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _share(values: Iterable[bool]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
