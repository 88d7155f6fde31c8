"""Questions drafted from a collection's documents. None counts before a person has accepted it."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from app.evaluation.golden import new_id
from app.evaluation.passages import SolidText
from app.services import Services
from app.storage.golden import GoldenCase, GoldenEvidence, GoldenSet
from app.storage.texts import ShownTexts
from generation.draft import Draft, draft
from generation.errors import GenerationError
from generation.extractive import ExtractiveGenerator
from generation.types import Sampling
from retrieval.analysis import detect_language
from retrieval.sentences import sentence_spans
from retrieval.types import Chunk, Language, Scope

LEAST_TOKENS = 30  # a shorter chunk says too little to ask about
WRITTEN = Sampling(temperature=0.0, max_tokens=200)
_ASKS = re.compile(r"[?？]\s*$|^(?:如何|怎么|怎样|什么|为什么|(?:how|what|why|when|where|who)\b)", re.I)
_NUMBERING = re.compile(
    r"^\s*(?:第[一二三四五六七八九十百\d]+[章节条课]|[一二三四五六七八九十]+、|Q?[\d.]+[：:、]?)\s*"
)
_PER_CHUNK = 3  # chunks that may be tried for each question wanted


@dataclass(frozen=True, slots=True)
class Drafted:
    """``failed``: chunks of which nothing usable was written, with the reason."""

    cases: tuple[GoldenCase, ...]
    failed: tuple[tuple[str, str], ...]


def draft_cases(
    services: Services,
    found: GoldenSet,
    known: Sequence[GoldenCase],
    count: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Drafted:
    """Up to ``count`` drafts, document after document in turn, of chunks that no case quotes yet.

    A language model writes question and quote, and only quotes that stand in the chunk word for word are
    kept. Without one a heading becomes the question by rule, which a person will want to reword.
    ``stopped`` is asked before each chunk; where it says so there are no more.
    """
    cases: list[GoldenCase] = []
    failed: list[tuple[str, str]] = []
    quoted = [(each.document, each.quote) for case in known for each in case.evidence]
    for chunk in _in_turn(services, found):
        if len(cases) == count or len(cases) + len(failed) == _PER_CHUNK * count or stopped():
            break
        if any(document == chunk.document and quote in chunk.text for document, quote in quoted):
            continue
        try:
            made, how = _drafted(services, chunk)
        except GenerationError as error:
            failed.append((chunk.id, str(error)))
            continue
        if made is None:
            failed.append((chunk.id, how))
            continue
        evidence = GoldenEvidence(chunk.document, made.quote, chunk.pages)
        case = GoldenCase(new_id(), made.question, evidence=(evidence,), state="draft", source="drafted")
        cases.append(replace(case, note=how))
    return Drafted(tuple(cases), tuple(failed))


def _drafted(services: Services, chunk: Chunk) -> tuple[Draft | None, str]:
    """The draft and how it was made, or None and why there is none."""
    generator, language = services.models.generator, detect_language(chunk.text)
    if isinstance(generator, ExtractiveGenerator):
        made = _by_rule(chunk, language)
        return made, "made of a heading by rule: reword it" if made else "no heading or sentence to ask about"
    made = draft(chunk, generator, WRITTEN, language=language, nonce=secrets.token_hex(8))
    if made is None:
        return None, f"{generator.identity} wrote no question and quote"
    if next(SolidText(chunk.text).places(made.quote), None) is None:
        return None, f"{generator.identity} quoted words that do not stand there: {made.quote[:80]!r}"
    return made, f"written by {generator.identity}: check it"


def _by_rule(chunk: Chunk, language: Language) -> Draft | None:
    """The innermost heading as a question; the sentence with a figure in it, else the first, as the quote."""
    heading = _NUMBERING.sub("", chunk.headings[-1]).strip() if chunk.headings else ""
    sentences = [chunk.text[start:end] for start, end in sentence_spans(chunk.text)]
    telling = [each for each in sentences if heading not in each and not each.startswith("#")]
    if not heading or not telling:
        return None
    quote = next((each for each in telling if re.search(r"\d", each)), telling[0])
    if _ASKS.search(heading):
        return Draft(heading, quote)
    if language == "zh":
        return Draft(f"《{chunk.title}》中，“{heading}”是怎样的？", quote)
    return Draft(f"What does “{chunk.title}” say about “{heading}”?", quote)


def _in_turn(services: Services, found: GoldenSet) -> Iterator[Chunk]:
    """One chunk of each document, then another of each; by digest, so the same every time."""
    of = ShownTexts(services.database).chunk_ids(found.collection_id, least_tokens=LEAST_TOKENS)
    for ids in of.values():
        ids.sort(key=_digest)
    scope = Scope(frozenset((found.collection_id,)))
    for turn in range(max(map(len, of.values()), default=0)):
        for document in sorted(of, key=_digest):
            if turn < len(of[document]):
                chunk_id = of[document][turn]
                yield from services.chunks.chunks([chunk_id], scope).values()


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
