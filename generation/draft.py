"""A passage becomes a question that it answers, for a person to check."""

import re
from dataclasses import dataclass

from generation.errors import GenerationError
from generation.protocols import Generator, Stopped, never
from generation.render import one_line, render
from generation.types import Message, Prompt, Sampling
from retrieval.types import Chunk, Language, Passage

_QUESTION = re.compile(r"^\W*(?:question|问题)\W*[:：]\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_QUOTE = re.compile(r"^\W*(?:quote|原文)\W*[:：]\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_WRAPPED = "\"'“”‘’「」『』* "
MAX_QUESTION = 300  # characters


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, and the words of the passage that answer it, as the model wrote them."""

    question: str
    quote: str


def draft(
    chunk: Chunk,
    generator: Generator,
    sampling: Sampling,
    *,
    language: Language,
    nonce: str,
    stopped: Stopped = never,
) -> Draft | None:
    """What the model asks of a chunk; None where it wrote something else than a question and a quote.

    Whether the quote stands in the chunk is for the caller to find out. ``nonce``: fresh for each call, as
    for ``build_prompt``. Raises ``GenerationError``, also where the chunk does not fit the model.
    """
    if nonce in chunk.text:
        raise ValueError("the nonce stands in the text; draw another")
    text = render(
        "draft",
        language,
        document=one_line(chunk.title or chunk.document),
        headings=" › ".join(map(one_line, chunk.headings)),
        text=chunk.text.strip(),
        nonce=nonce,
    )
    messages = (Message("user", text),)
    tokens = generator.count_tokens(messages)
    if tokens + sampling.max_tokens > generator.context_tokens:
        raise GenerationError(
            f"the passage has {tokens} tokens; {generator.identity} reads {generator.context_tokens}, "
            f"{sampling.max_tokens} of them are kept for what it writes"
        )
    passage = Passage(1, chunk, chunk.text, None)
    prompt = Prompt("", language, "", (passage,), messages, tokens)
    written = "".join(generator.stream(prompt, sampling, stopped))
    question, quote = _QUESTION.search(written), _QUOTE.search(written)
    if question is None or quote is None or len(question[1]) > MAX_QUESTION:
        return None
    return Draft(question[1].strip(_WRAPPED), quote[1].strip(_WRAPPED))
