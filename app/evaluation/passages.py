"""Does a chunk hold the words that the set names as evidence?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.questions import Evidence
from app.storage.texts import ShownTexts
from retrieval.types import Chunk

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """Where the named words stand among the passages of an answer.

    ``rank``: from 1, of the first of the candidates that holds a piece of evidence, in their final order (0:
    none does). ``handed``: a passage handed to the generator does.
    """

    rank: int
    handed: bool


class SolidText:
    """A text without its white space, and where each character of it stands in the text."""

    def __init__(self, text: str) -> None:
        self._at = [index for index, character in enumerate(text) if not character.isspace()]
        self._text = "".join(text[index] for index in self._at)

    def places(self, quote: str) -> Iterator[Span]:
        """Every stretch of the text that says the quote, white space aside."""
        wanted = "".join(quote.split())
        start = self._text.find(wanted) if wanted else -1
        while start >= 0:
            yield self._at[start], self._at[start + len(wanted) - 1] + 1
            start = self._text.find(wanted, start + 1)


class EvidenceFinder:
    """Finds quotes in the text of a collection's documents as they were read."""

    def __init__(self, texts: ShownTexts, collection_id: str, ids: Mapping[str, str]) -> None:
        """``ids``: document name -> the set's own id."""
        self._shown = texts
        self._collection_id = collection_id
        self._names = {given: name for name, given in ids.items()}
        self._texts: dict[str, SolidText] = {}

    def places(self, evidence: Sequence[Evidence]) -> dict[str, list[Span]]:
        """Where each quote stands, by the name of the document; nothing for those that stand nowhere."""
        found: dict[str, list[Span]] = {}
        for each in evidence:
            name = self._names.get(each.document)
            if each.quote and name is not None:
                found.setdefault(name, []).extend(self._text(name).places(each.quote))
        return {name: spans for name, spans in found.items() if spans}

    def _text(self, name: str) -> SolidText:
        if name not in self._texts:
            self._texts[name] = SolidText(self._shown.text(self._collection_id, name) or "")
        return self._texts[name]


def holds(chunk: Chunk, places: Mapping[str, Sequence[Span]]) -> bool:
    """Whether the chunk's text holds at least half of the characters of a stretch of its document."""
    return any(
        2 * (min(chunk.end, end) - max(chunk.start, start)) >= end - start
        for start, end in places.get(chunk.document, ())
    )


def held(
    final: Sequence[Chunk], handed: Sequence[Chunk], places: Mapping[str, Sequence[Span]]
) -> Held | None:
    """For the candidates in their final order and those handed on; None where no evidence stands anywhere."""
    if not places:
        return None
    rank = next((rank for rank, chunk in enumerate(final, 1) if holds(chunk, places)), 0)
    return Held(rank, any(holds(chunk, places) for chunk in handed))
