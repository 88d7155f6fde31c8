"""A question and its passages become a prompt that fits the model and keeps documents from giving orders."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from generation.errors import GenerationError
from generation.render import one_line, render
from generation.types import Message, Prompt, Voice
from retrieval.sentences import sentence_spans
from retrieval.types import Language, Notice, Passage

CountTokens = Callable[[Sequence[Message]], int]
_RULES: dict[Voice, str] = {"answer": "system", "say": "system_sales", "internal": "system_internal"}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A passage as the user template shows it."""

    number: int
    document: str
    pages: str
    headings: str
    lead: str
    text: str


def build_prompt(
    question: str,
    *,
    language: Language,
    instruction: str,
    passages: Sequence[Passage],
    count_tokens: CountTokens,
    context_tokens: int,
    max_answer_tokens: int,
    nonce: str,
    voice: Voice = "answer",
) -> Prompt:
    """The prompt for a question: rules in the system message, fenced passages and the question for the user.

    Each passage stands between delimiter lines that carry ``nonce`` (fresh for every request, unknown to
    whoever wrote the documents); where a text happens to hold the nonce, another is derived from it, so
    no text can close a fence (spotlighting by delimiters, Hines et al. 2024, arXiv:2403.14720).

    Messages and answer fit ``context_tokens`` together: passages lose their ends at a sentence boundary,
    from the last passage on. Every cut is a notice ``passage_cut``, every passage without room for one
    sentence a notice ``passage_dropped``. Raises ``GenerationError`` when not one sentence of one passage
    fits, ``ValueError`` without passages.
    """
    if not passages:
        raise ValueError("a prompt needs at least one passage; without any, answer with generation.abstain")
    budget = context_tokens - max_answer_tokens
    key = _unused_nonce(nonce, question, instruction, passages)

    def messages_for(kept: Sequence[Passage]) -> tuple[Message, ...]:
        return _messages(question, language, instruction, kept, key, voice)

    kept, notices = _fit(passages, budget, lambda some: count_tokens(messages_for(some)))
    if not kept:
        raise GenerationError(
            f"the question and one sentence of evidence do not fit: the model reads {context_tokens} tokens, "
            f"{max_answer_tokens} of them are kept for the answer. Shorten the question or the instruction, "
            "lower generation.max_tokens, or use a model with a longer context"
        )
    messages = messages_for(kept)
    empty = count_tokens((Message("user", ""),))
    return Prompt(
        question=question,
        language=language,
        instruction=instruction,
        passages=kept,
        messages=messages,
        tokens=count_tokens(messages),
        notices=notices,
        passage_tokens=tuple(count_tokens((Message("user", each.text.strip()),)) - empty for each in kept),
        voice=voice,
    )


def _messages(
    question: str,
    language: Language,
    instruction: str,
    passages: Sequence[Passage],
    nonce: str,
    voice: Voice,
) -> tuple[Message, ...]:
    system = render(
        _RULES[voice],
        language,
        instruction=instruction.strip(),
        not_found=render("not_found", language),
        nonce=nonce,
    )
    shown = [_shown(passage) for passage in passages]
    user = render("user", language, passages=shown, question=question.strip(), nonce=nonce)
    return (Message("system", system), Message("user", user))


def _shown(passage: Passage) -> _Shown:
    chunk = passage.chunk
    title, name = one_line(chunk.title), one_line(chunk.document)
    return _Shown(
        number=passage.number,
        document=title if title == name or not name else f"{title} ({name})",
        pages=", ".join(str(page) for page in chunk.pages),
        headings=" › ".join(one_line(heading) for heading in chunk.headings),
        lead=chunk.lead,
        text=passage.text.strip(),
    )


def _unused_nonce(nonce: str, question: str, instruction: str, passages: Sequence[Passage]) -> str:
    texts = [question, instruction]
    for passage in passages:
        chunk = passage.chunk
        texts += [passage.text, chunk.lead, chunk.title, chunk.document, *chunk.headings]
    while any(nonce in text for text in texts):
        nonce = hashlib.sha256(nonce.encode()).hexdigest()[:16]
    return nonce


def _fit(
    passages: Sequence[Passage], budget: int, count: Callable[[Sequence[Passage]], int]
) -> tuple[tuple[Passage, ...], tuple[Notice, ...]]:
    """The passages that fit the budget, the last ones cut first; and what was cut, in order."""
    kept, notices = list(passages), list[Notice]()
    while kept and count(kept) > budget:
        last = kept.pop()
        ends = [end for _, end in sentence_spans(last.text)]
        # A longer text never has fewer tokens, so the longest one that fits is found by bisection.
        fitting = bisect_right(
            ends, budget, key=lambda end: count([*kept, replace(last, text=last.text[:end])])
        )
        if fitting == 0:
            notices.append(Notice.of("passage_dropped", number=last.number, document=last.chunk.document))
            continue
        cut = replace(last, text=last.text[: ends[fitting - 1]])
        removed = len(last.text) - len(cut.text)
        notices.append(
            Notice.of(
                "passage_cut", number=last.number, document=last.chunk.document, removed_characters=removed
            )
        )
        kept.append(cut)
        break
    return tuple(kept), tuple(reversed(notices))
