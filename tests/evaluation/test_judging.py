"""Answers judged by hand-made results: citations, words, refusals and wrong answers."""

from collections.abc import Sequence

import pytest

from app.evaluation.answers import answer_figures, is_right, is_wrong
from app.evaluation.asked import Asked
from app.evaluation.citations import citation_figures, judge_citations
from app.evaluation.costs import cost, latency_ms
from app.evaluation.judged import Judged
from app.evaluation.passages import Held, SolidText, held
from app.evaluation.questions import Evidence, Question
from app.evaluation.refusal import refusal_figures
from app.evaluation.report import figures
from app.evaluation.values import values
from app.result import ModelNames, Result
from generation.types import Answer, Citation, Outcome, Usage
from tests.fakes.retrieval import chunk

IDS = {"leave.md": "doc-1", "travel.md": "doc-2"}
EVIDENCE = (Evidence("doc-1", "Employees have 12 days of leave.", (3,)),)
LEAVE = Question("q", "How many?", gains={"doc-1": 1.0}, evidence=EVIDENCE, answers=("12 days",))


def _citation(document: str, quote: str, pages: tuple[int, ...] = ()) -> Citation:
    return Citation(1, f"{document}:1:0", document, document, "", pages, (), quote, 0, len(quote), 0)


def _asked(
    question: Question,
    text: str = "",
    *,
    outcome: Outcome = "answered",
    citations: Sequence[Citation] = (),
    passages: tuple[str, ...] = (),
    best: float = 0.5,
    ms: float = 10.0,
) -> Asked:
    result = Result(
        trace_id="t",
        question=question.text,
        language="en",
        answer=Answer(text, tuple(citations), (), outcome, Usage(100, 7), "writer/1"),
        candidates=(),
        notices=(),
        suggestions=(),
        profile="starter",
        models=ModelNames("embedder/1", "reranker/1", "writer/1"),
        timings_ms=(("total", ms),),
        collections=("c",),
        instruction="",
        floor=0.3,
        rerank_tokens=40,
    )
    rankings = {"fused": (("doc-2", 2.0), ("doc-1", 1.0)), "reranked": (("doc-1", 0.9), ("doc-2", 0.1))}
    return Asked(
        question=question,
        rankings={"fused": rankings["fused"], "reranked": rankings["reranked"]},
        passages=passages,
        best_relevance=best,
        result=result,
        written=True,
        unjudged=False,
        same_path=True,
    )


@pytest.mark.parametrize(
    ("citation", "document", "page", "words"),
    [
        (_citation("leave.md", "Employees have 12 days of leave.", (3,)), True, True, True),
        (_citation("leave.md", "employees  have 12 days of leave. Ask early.", (2, 3)), True, True, True),
        (_citation("leave.md", "12 days", (4,)), True, False, True),
        (_citation("leave.md", "Ask early.", (3,)), True, True, False),
        (_citation("travel.md", "Employees have 12 days of leave.", (3,)), False, False, False),
    ],
)
def test_citation_is_right_by_document_page_and_words(
    citation: Citation, document: bool, page: bool, words: bool
) -> None:
    found = judge_citations(_asked(LEAVE, citations=[citation]), IDS, lambda _: True)
    assert (found.document, found.page, found.words) == (document, page, words)


def test_quote_that_stands_nowhere_is_counted() -> None:
    citations = [_citation("leave.md", "12 days"), _citation("leave.md", "13 days")]
    asked = _asked(LEAVE, citations=citations)
    cited = judge_citations(asked, IDS, lambda citation: citation.quote == "12 days")
    assert (cited.citations, cited.exact, cited.right) == (2, 1, 2)
    assert citation_figures([(asked, cited)]).exact == 0.5


def test_answer_without_citations_counts_as_wrongly_cited_and_a_vague_question_not_at_all() -> None:
    uncited = _asked(LEAVE)
    vague = _asked(Question("v", "Leave?", kind="vague", evidence=EVIDENCE))
    rows = [(each, judge_citations(each, IDS, lambda _: True)) for each in (uncited, vague)]
    found = citation_figures(rows)
    assert (found.questions, found.citations, found.precision, found.exact) == (1, 0, None, None)
    assert found.document is not None
    assert found.document.mean == 0.0


@pytest.mark.parametrize(
    ("question", "text", "outcome", "right", "wrong"),
    [
        (LEAVE, "They have 12 days.", "answered", True, False),
        (LEAVE, "They have 12  DAYS [1].", "answered", True, False),
        (LEAVE, "They have 13 days.", "answered", False, True),
        (LEAVE, "12 days", "abstained", False, False),
        (Question("q", "?", must_include=("a|b", "c")), "b and c", "answered", True, False),
        (Question("q", "?", must_include=("a|b", "c")), "only b", "answered", False, True),
        (Question("q", "?", must_include=("a",), must_not_include=("x",)), "a x", "answered", False, True),
        (Question("q", "?", answerable=False), "anything", "answered", None, True),
        (Question("q", "?", answerable=False), "", "abstained", None, False),
        (Question("q", "?"), "anything", "answered", None, False),
    ],
)
def test_answer_is_right_when_it_says_all_it_must(
    question: Question, text: str, outcome: Outcome, right: bool | None, wrong: bool
) -> None:
    asked = _asked(question, text, outcome=outcome)
    assert (is_right(asked), is_wrong(asked)) == (right, wrong)


def test_vague_question_is_right_when_asked_back_or_answered_from_what_fits() -> None:
    vague = Question("v", "Leave?", kind="vague")
    asked = [_asked(vague, outcome="abstained"), _asked(vague, "x"), _asked(vague, "y")]
    assert answer_figures(asked, [False, True, False]).asked_back == pytest.approx(2 / 3)


def test_refusals_are_counted_by_class() -> None:
    no = Question("n", "?", answerable=False)
    rows = [
        _asked(LEAVE, best=0.9),
        _asked(LEAVE, best=0.4),
        _asked(LEAVE, outcome="abstained", best=0.2),
        _asked(no, outcome="abstained", best=0.1),
        _asked(no, best=0.4),
        _asked(Question("v", "?", kind="vague"), outcome="abstained"),
    ]
    found = refusal_figures(rows)
    assert found.precision is not None
    assert found.recall is not None
    assert found.kept is not None
    assert found.balanced_accuracy is not None
    assert (found.answerable, found.unanswerable, found.floors) == (3, 2, (0.3,))
    assert (found.precision.mean, found.recall.mean) == (0.5, 0.5)
    assert found.kept.mean == pytest.approx(2 / 3, abs=1e-6)
    assert found.balanced_accuracy.mean == pytest.approx((0.5 + 2 / 3) / 2, abs=1e-6)
    assert found.auc == pytest.approx((2 + 1.5 + 1) / 6)


def test_set_without_unanswerable_questions_has_no_balanced_accuracy() -> None:
    found = refusal_figures([_asked(LEAVE)])
    assert (found.recall, found.balanced_accuracy, found.auc) == (None, None, None)


def test_times_by_nearest_rank_and_mean_costs() -> None:
    asked = [_asked(LEAVE, ms=float(ms)) for ms in range(1, 21)]
    assert latency_ms(asked) == {"total": {"p50": 10.0, "p95": 19.0}}
    found = cost(asked)
    assert (found.seconds, found.reranker_tokens) == (0.0105, 40.0)
    assert (found.prompt_tokens, found.completion_tokens) == (100.0, 7.0)


def _judged(asked: Asked) -> Judged:
    return Judged(asked, judge_citations(asked, IDS, lambda _: True), None, False)


def test_values_of_a_question_are_those_it_is_judged_for() -> None:
    found = values([_judged(_asked(LEAVE, "13 days", passages=("doc-2",)))])
    assert {name: column["q"] for name, column in found.items()} == {
        "fused mrr@10": 0.5,
        "fused ndcg@10": 0.6309,
        "fused recall@20": 1.0,
        "reranked mrr@10": 1.0,
        "reranked ndcg@10": 1.0,
        "reranked recall@20": 1.0,
        "final mrr@10": 1.0,
        "final ndcg@10": 1.0,
        "final recall@20": 1.0,
        "final hit@1": 1.0,
        "final hit@3": 1.0,
        "right evidence": 0.0,
        "wrong evidence": 1.0,
        "decision to answer": 1.0,
        "refused for nothing": 0.0,
        "wrong answer": 1.0,
        "right answer": 0.0,
        "right document cited": 0.0,
        "right page cited": 0.0,
        "right words cited": 0.0,
    }


def test_noisy_forms_count_in_their_kind_and_not_in_the_set() -> None:
    noisy = Question("q-typo", "How mny?", kind="typo", gains={"doc-2": 1.0}, of="q")
    found = figures([_judged(_asked(LEAVE)), _judged(_asked(noisy))])
    assert found.stages["reranked"].queries == 1
    assert found.stages["reranked"].measures["mrr@10"].mean == 1.0
    assert found.kinds["typo"]["reranked"].measures["mrr@10"].mean == 0.5
    assert "wrong answer" in found.values
    assert list(found.values["wrong answer"]) == ["q"]


def test_chunk_holds_evidence_when_half_of_the_quote_is_in_it() -> None:
    text = "Before. Employees have\n12 days of leave. After."
    places = {"d.md": list(SolidText(text).places("Employees have 12 days of leave."))}
    ((start, end),) = places["d.md"]
    assert text[start:end] == "Employees have\n12 days of leave."
    less, half = chunk(text[:23]), chunk(text[:24])  # 15 and 16 of its 32 characters
    assert held([less, half], [less], places) == Held(2, False)
    assert held([less], [less, half], places) == Held(0, True)
    assert held([half], [half], {}) is None
