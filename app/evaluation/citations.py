"""Are the right documents, pages and words cited, and does every quote stand there word for word?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.asked import Asked
from app.evaluation.intervals import Interval, interval
from app.evaluation.matching import fold
from app.evaluation.questions import Evidence
from generation.types import Citation

Stands = Callable[[Citation], bool]


@dataclass(frozen=True, slots=True)
class Cited:
    """The citations of one answer.

    ``right``: those of a document that holds the answer; ``exact``: those whose quote stands in the file.
    ``document``: one is right. ``page``: one is right and on a right page. ``words``: one overlaps the quote
    that the set names. The latter two are None where the set names no page or no words.
    """

    citations: int
    right: int
    exact: int
    document: bool
    page: bool | None
    words: bool | None


@dataclass(frozen=True, slots=True)
class CitationFigures:
    """Shares (0..1) with intervals; None where there is nothing to divide by.

    ``document``, ``page``, ``words``: over answerable questions whose evidence says that much, an answer
    without citations counting as wrong. ``precision`` and ``exact``: over all citations.
    """

    questions: int
    citations: int
    document: Interval | None
    page: Interval | None
    words: Interval | None
    precision: float | None
    exact: float | None


def judge_citations(asked: Asked, ids: Mapping[str, str], stands: Stands) -> Cited:
    """Judge one answer. ``ids``: document name -> the set's own id; ``stands``: is a quote in its file?"""
    citations = asked.result.answer.citations
    evidence = asked.question.evidence
    documents = {each.document for each in evidence}
    right = [each for each in citations if ids[each.document] in documents]
    with_pages = [each for each in evidence if each.pages]
    with_words = [each for each in evidence if each.quote]
    return Cited(
        citations=len(citations),
        right=len(right),
        exact=sum(map(stands, citations)),
        document=bool(right),
        page=_any(right, with_pages, ids, _on_page) if with_pages else None,
        words=_any(right, with_words, ids, _overlaps) if with_words else None,
    )


def citation_figures(judged: Iterable[tuple[Asked, Cited]]) -> CitationFigures:
    """Over a set. Vague questions, for which asking back is right, count in no share of questions."""
    rows = list(judged)
    answerable = [
        cited
        for asked, cited in rows
        if asked.question.answerable and not asked.question.vague and asked.question.evidence
    ]
    citations = sum(cited.citations for _, cited in rows)
    of_answerable = sum(cited.citations for cited in answerable)
    return CitationFigures(
        questions=len(answerable),
        citations=citations,
        document=_share([cited.document for cited in answerable]),
        page=_share([cited.page for cited in answerable if cited.page is not None]),
        words=_share([cited.words for cited in answerable if cited.words is not None]),
        precision=sum(cited.right for cited in answerable) / of_answerable if of_answerable else None,
        exact=sum(cited.exact for _, cited in rows) / citations if citations else None,
    )


def _any(
    citations: Sequence[Citation],
    evidence: Sequence[Evidence],
    ids: Mapping[str, str],
    fits: Callable[[Citation, Evidence], bool],
) -> bool:
    pairs = ((each, one) for each in citations for one in evidence)
    return any(ids[each.document] == one.document and fits(each, one) for each, one in pairs)


def _on_page(citation: Citation, evidence: Evidence) -> bool:
    return not set(citation.pages).isdisjoint(evidence.pages)


def _overlaps(citation: Citation, evidence: Evidence) -> bool:
    """One holds the other, white space, case and width aside."""
    quote, wanted = fold(citation.quote), fold(evidence.quote)
    return wanted in quote or (bool(quote) and quote in wanted)


def _share(values: Sequence[bool]) -> Interval | None:
    return interval([float(value) for value in values]) if values else None
