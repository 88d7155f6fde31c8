"""A question with everything that is known about how it was answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.evaluation.asked import Asked
from app.evaluation.citations import Cited, judge_citations
from app.evaluation.passages import EvidenceFinder, Held, held
from app.quotes import Quotes
from app.services import Services
from app.storage.texts import ShownTexts


@dataclass(frozen=True, slots=True)
class Judged:
    """``cited`` is None where no answer was asked for, ``held`` where the set names no words of evidence.

    ``missing``: words were named, and stand nowhere in the documents.
    """

    asked: Asked
    cited: Cited | None
    held: Held | None
    missing: bool


def judging(services: Services, collection_id: str, ids: Mapping[str, str]) -> Callable[[Asked], Judged]:
    """Judges answers against what the set says. ``ids``: document name -> the set's own id."""
    quotes = Quotes(services.database, services.blobs)
    finder = EvidenceFinder(ShownTexts(services.database), collection_id, ids)

    def judge(asked: Asked) -> Judged:
        result, evidence = asked.result, asked.question.evidence
        named = asked.question.answerable and any(each.quote for each in evidence)
        places = finder.places(evidence) if named else {}
        final = [entry.chunk for entry in result.candidates]
        handed = [passage.chunk for passage in result.answer.passages]
        return Judged(
            asked=asked.without_chunks(),
            cited=judge_citations(asked, ids, quotes.stands) if asked.written else None,
            held=held(final, handed, places),
            missing=named and not places,
        )

    return judge


def handed_wrong(asked: Asked) -> bool:
    """Whether the generator was handed passages of which none is from a relevant document."""
    return bool(asked.passages) and not handed_right(asked)


def handed_right(asked: Asked) -> bool:
    """Whether a passage that the generator was handed is from a relevant document."""
    relevant = {document for document, gain in asked.question.gains.items() if gain > 0}
    return not relevant.isdisjoint(asked.passages)
