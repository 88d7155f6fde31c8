"""Every measure question by question: what two runs are compared by, and kept compactly in a file."""

from collections.abc import Mapping, Sequence

from app.errors import BadRequest
from app.evaluation.answers import is_right, is_wrong
from app.evaluation.judged import Judged, handed_right, handed_wrong
from app.evaluation.refusal import abstained
from app.evaluation.retrieval_measures import question_values

KEPT = ("mrr@10", "ndcg@10", "recall@20")  # of each stage
FINAL = (*KEPT, "hit@1", "hit@3")  # of the order that passages are chosen from
DIGITS = 4
LOWER_IS_BETTER = frozenset(("wrong evidence", "wrong answer", "refused for nothing"))
Values = Mapping[str, Mapping[str, float]]
"""Measure -> question id -> value in 0..1, for the questions that the measure is taken of."""


def values(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """All measures, to the digits that are kept; noisy forms count in those of retrieval only."""
    found: dict[str, dict[str, float]] = {}
    for each in judged:
        for name, value in _of(each).items():
            found.setdefault(name, {})[each.asked.question.id] = round(value, DIGITS)
    return found


def pack(found: Values) -> dict[str, object]:
    """For a result file: ids once, and each measure as one line with ``-`` where it is not taken."""
    ids = list(dict.fromkeys(question for column in found.values() for question in column))
    return {
        "questions": ids,
        "columns": {
            name: " ".join(_text(column[each]) if each in column else "-" for each in ids)
            for name, column in found.items()
        },
    }


def unpack(packed: object) -> dict[str, dict[str, float]]:
    """What ``pack`` has written. Raises ``BadRequest`` for anything else."""
    try:
        if not isinstance(packed, dict):
            raise TypeError("not an object")
        ids = [str(each) for each in packed["questions"]]
        return {
            str(name): {
                each: float(value)
                for each, value in zip(ids, str(column).split(), strict=True)
                if value != "-"
            }
            for name, column in packed["columns"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f"the values of the questions cannot be read: {error!r}") from error


def _of(judged: Judged) -> dict[str, float]:
    asked, question = judged.asked, judged.asked.question
    found: dict[str, float] = {}
    if question.judged:
        stages = question_values(asked)
        found |= {f"{stage} {name}": stages[stage][name] for stage in asked.ran for name in KEPT}
        found |= {f"final {name}": stages[asked.final][name] for name in FINAL}
    if question.of:
        return found
    if question.judged:
        found["right evidence"] = float(handed_right(asked))
        found["wrong evidence"] = float(handed_wrong(asked))
    if judged.held is not None:
        found["words of evidence"] = float(judged.held.handed)
    if not question.vague:
        found["decision to answer"] = float(abstained(asked) != question.answerable)
        if question.answerable:
            found["refused for nothing"] = float(abstained(asked))
    if judged.cited is not None:
        found |= _written(judged)
    return found


def _written(judged: Judged) -> dict[str, float]:
    asked, cited, question = judged.asked, judged.cited, judged.asked.question
    found: dict[str, float] = {}
    if question.vague or cited is None:
        return found
    right = is_right(asked)
    found["wrong answer"] = float(is_wrong(asked))
    if right is not None:
        found["right answer"] = float(right)
    if question.answerable and question.evidence:
        found["right document cited"] = float(cited.document)
        if cited.page is not None:
            found["right page cited"] = float(cited.page)
        if cited.words is not None:
            found["right words cited"] = float(cited.words)
    if cited.citations:
        found["quotes word for word"] = cited.exact / cited.citations
    return found


def _text(value: float) -> str:
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
