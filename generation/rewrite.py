"""A follow-up becomes a question that can be asked alone, written by the generator."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from generation.errors import GenerationError
from generation.protocols import Generator, Stopped, never
from generation.render import one_line, render
from generation.types import Message, Prompt, Sampling
from retrieval.types import Exchange, Language

LONGEST = 300
"""Characters a rewritten question may have; more is an answer, not a question."""
TOKENS = 160
ANSWER_CHARACTERS = 400
"""Characters of each earlier answer that the model reads; a follow-up seldom points behind them."""

_QUESTION = re.compile(r"^\W*(?:question|问题)\W*[:：]\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_WRAPPED = "\"'“”‘’「」『』* "


@dataclass(frozen=True, slots=True)
class _Turn:
    question: str
    answer: str


def rewrite(
    question: str,
    history: Sequence[Exchange],
    generator: Generator,
    *,
    language: Language,
    nonce: str,
    stopped: Stopped = never,
) -> str:
    """The question as it would be asked without the conversation, greedily decoded.

    Earlier questions and answers stand between delimiters that carry ``nonce`` (as in ``build_prompt``), for
    answers quote documents. Raises ``GenerationError`` where the model fails, writes something else than one
    question of at most ``LONGEST`` characters, or cannot read the conversation.
    """
    turns = [_Turn(one_line(e.question), one_line(e.answer)[:ANSWER_CHARACTERS]) for e in history]
    if any(nonce in part for turn in turns for part in (turn.question, turn.answer)) or nonce in question:
        raise ValueError("the nonce stands in the text; draw another")
    text = render("rewrite", language, turns=turns, question=one_line(question), nonce=nonce)
    messages = (Message("user", text),)
    tokens = generator.count_tokens(messages)
    if tokens + TOKENS > generator.context_tokens:
        raise GenerationError(
            f"the conversation has {tokens} tokens; {generator.identity} reads {generator.context_tokens}, "
            f"{TOKENS} of them are kept for the question it writes"
        )
    prompt = Prompt(question, language, "", (), messages, tokens)
    written = "".join(generator.stream(prompt, Sampling(max_tokens=TOKENS), stopped))
    if stopped():
        raise GenerationError("rewriting the question was stopped")
    found = _QUESTION.search(written)
    said = found[1].strip(_WRAPPED) if found else ""
    if not said or len(said) > LONGEST:
        raise GenerationError(f"{generator.identity} wrote no question when it was asked for one")
    return said
