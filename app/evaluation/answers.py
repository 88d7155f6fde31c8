"""Does the answer say what it should?"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation.asked import Asked
from app.evaluation.intervals import Interval, interval
from app.evaluation.matching import f1, says, says_any
from app.evaluation.refusal import abstained


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """Shares (0..1) with intervals; None where no question is of that kind.

    ``right``: answerable questions whose answer says what it must. ``f1``: over those with accepted answers,
    0 for an abstention. ``wrong``: over all questions but vague ones, those answered wrongly: the answer does
    not say what it must, or there is none to be had. ``asked_back``: vague questions that were not answered
    at random: asked back, or a document that fits is cited.
    """

    questions: int
    right: Interval | None
    f1: Interval | None
    wrong: Interval | None
    asked_back: float | None


def is_right(asked: Asked) -> bool | None:
    """Whether an answerable question's answer says all it must; None where the set does not say what."""
    question, text = asked.question, asked.result.answer.text
    if not question.answerable or not (question.must_include or question.answers):
        return None
    if abstained(asked) or any(says(text, each) for each in question.must_not_include):
        return False
    if question.must_include:
        return all(says(text, each) for each in question.must_include)
    return says_any(text, question.answers)


def is_wrong(asked: Asked) -> bool:
    """Whether something was answered that should not have been."""
    if abstained(asked):
        return False
    return not asked.question.answerable or is_right(asked) is False


def answer_figures(asked: Sequence[Asked], cites_right: Sequence[bool]) -> AnswerFigures:
    """Over a set. ``cites_right``: for each question, whether a document that fits is cited."""
    rows = [each for each in asked if not each.question.vague]
    judged = [right for each in rows if (right := is_right(each)) is not None]
    overlaps = [
        0.0 if abstained(each) else f1(each.result.answer.text, each.question.answers)
        for each in rows
        if each.question.answerable and each.question.answers
    ]
    vague = [
        float(abstained(each) or cites)
        for each, cites in zip(asked, cites_right, strict=True)
        if each.question.vague
    ]
    return AnswerFigures(
        questions=len(judged),
        right=_mean([float(right) for right in judged]),
        f1=_mean(overlaps),
        wrong=_mean([float(is_wrong(each)) for each in rows]),
        asked_back=sum(vague) / len(vague) if vague else None,
    )


def _mean(values: Sequence[float]) -> Interval | None:
    return interval(values) if values else None
