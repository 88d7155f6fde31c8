"""Everything that was measured on a set, as one JSON object."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.evaluation.answers import AnswerFigures, answer_figures, is_right, is_wrong
from app.evaluation.citations import CitationFigures, citation_figures
from app.evaluation.costs import cost, latency_ms
from app.evaluation.intervals import Interval, interval
from app.evaluation.judged import Judged
from app.evaluation.refusal import RefusalFigures, refusal_figures
from app.evaluation.retrieval_measures import StageFigures, question_values, stage_figures
from app.evaluation.stages import Stage
from app.evaluation.values import pack, values


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one way of asking.

    ``stages``: over the judged questions as the set has them; ``kinds``: the same over each kind of
    question, noisy forms among them. ``handed``: shares of what the generator was handed: ``right evidence``
    and ``wrong evidence`` (judged questions for which something was handed, and a passage, or none, was of a
    relevant document), ``words of evidence`` (the words that the set names stood in a passage). ``citations``
    and ``answers`` are None where nothing was written.
    """

    judged: tuple[Judged, ...]
    values: dict[str, dict[str, float]]
    stages: dict[Stage, StageFigures]
    kinds: dict[str, dict[Stage, StageFigures]]
    handed: dict[str, Interval]
    refusal: RefusalFigures
    citations: CitationFigures | None
    answers: AnswerFigures | None


def figures(judged: Sequence[Judged]) -> Figures:
    """The figures over at least one question."""
    plain = [each for each in judged if not each.asked.question.of]
    asked = [each.asked for each in plain]
    written = [(each.asked, each.cited) for each in plain if each.cited is not None]
    found = values(judged)
    return Figures(
        judged=tuple(judged),
        values=found,
        stages=stage_figures(asked),
        kinds=_by_kind(judged),
        handed={
            name: interval(list(found[name].values()))
            for name in ("right evidence", "wrong evidence", "words of evidence")
            if name in found
        },
        refusal=refusal_figures(asked),
        citations=citation_figures(written) if written else None,
        answers=answer_figures(asked, [cited.document for _, cited in written]) if written else None,
    )


def as_json(found: Figures) -> dict[str, object]:
    """The object of the result file; shares are 0..1, intervals ``[low, high]``."""
    asked = [each.asked for each in found.judged]
    return {
        "judged": next((each.queries for each in found.stages.values()), 0),
        "stages": {stage: _means(each) for stage, each in found.stages.items()},
        "intervals": {stage: _ends(each) for stage, each in found.stages.items()},
        "kinds": {
            kind: {
                "judged": next(each.queries for each in stages.values()),
                "stages": {stage: _means(each) for stage, each in stages.items()},
                "intervals": {stage: _ends(each) for stage, each in stages.items()},
            }
            for kind, stages in found.kinds.items()
        },
        "handed_to_generator": {name: asdict(each) for name, each in found.handed.items()},
        "refusal": asdict(found.refusal),
        "citations": asdict(found.citations) if found.citations else None,
        "answers": asdict(found.answers) if found.answers else None,
        "latency_ms": latency_ms(asked),
        "cost": asdict(cost(asked)),
        "unjudged": sum(each.unjudged for each in asked),
        "deep_lists_differ": sum(not each.same_path for each in asked),
        "evidence_not_found": [each.asked.question.id for each in found.judged if each.missing],
        "values": pack(found.values),
    }


def detail(judged: Judged) -> dict[str, object]:
    """One question with its answer, for reading."""
    asked, question = judged.asked, judged.asked.question
    return {
        "id": question.id,
        "kind": question.kind,
        "question": question.text,
        "answerable": question.answerable,
        "accepted": question.must_include or question.answers,
        "relevant": [document for document, gain in question.gains.items() if gain > 0],
        "near_miss": question.near_miss,
        "outcome": asked.result.answer.outcome,
        "best_relevance": round(asked.best_relevance, 6),
        "passages": asked.passages,
        "answer": asked.result.answer.text,
        "right": is_right(asked) if asked.written else None,
        "wrong": is_wrong(asked) if asked.written else None,
        "cited": asdict(judged.cited) if judged.cited else None,
        "words_of_evidence": asdict(judged.held) if judged.held else None,
        "stages": question_values(asked) if question.judged else None,
        "notices": [notice.code for notice in asked.result.notices],
        "timings_ms": {name: round(ms, 3) for name, ms in asked.result.timings_ms},
    }


def _by_kind(judged: Sequence[Judged]) -> dict[str, dict[Stage, StageFigures]]:
    """Nothing where all questions are of one kind."""
    kinds = dict.fromkeys(each.asked.question.kind for each in judged)
    if len(kinds) < 2:
        return {}
    of_kind = {
        kind: stage_figures(each.asked for each in judged if each.asked.question.kind == kind)
        for kind in kinds
    }
    return {kind: stages for kind, stages in of_kind.items() if stages}


def _means(found: StageFigures) -> dict[str, float]:
    return {name: each.mean for name, each in found.measures.items()}


def _ends(found: StageFigures) -> dict[str, list[float]]:
    return {name: [each.low, each.high] for name, each in found.measures.items()}
