"""A prompt becomes an answer: streamed as it is written, then cited."""

import re
from collections.abc import Iterator

from generation.abstain import not_found_sentences
from generation.addresses import addresses
from generation.cite import Cited, cite
from generation.errors import GenerationError, Truncated
from generation.marks import find_marks
from generation.protocols import Generator, Stopped, never
from generation.types import Answer, Delta, Message, Outcome, Prompt, Sampling, Usage
from retrieval.types import Notice

_BLANK = re.compile(r"[\W_]+")


def generate(
    prompt: Prompt, generator: Generator, sampling: Sampling, stopped: Stopped = never
) -> Iterator[Delta | Answer]:
    """The answer's pieces as they come, then the whole Answer with its citations; exactly one Answer, last.

    Outcomes: ``answered``; ``abstained`` when the text opens with the sentence a model is told to use
    where the passages do not hold the answer; ``truncated`` at the token limit, or when the generator
    failed midway (notice ``generation_failed``, what was written is kept); ``cancelled`` once ``stopped``
    is true, with what was written.

    Raises ``GenerationError`` when the generator fails, or ends unasked, before its first piece.
    """
    pieces: list[str] = []
    outcome: Outcome = "answered"
    notices = list(prompt.notices)
    try:
        for piece in generator.stream(prompt, sampling, stopped):
            if piece:
                pieces.append(piece)
                yield Delta(piece)
    except Truncated as error:
        if not (pieces or stopped()):
            raise GenerationError(
                f"{generator.identity} reached the limit of {sampling.max_tokens} tokens before it wrote "
                "anything to show. Raise generation.max_tokens, or use a model that does not think first"
            ) from error
        outcome = "truncated"
    except GenerationError as error:
        if not (pieces or stopped()):
            raise
        outcome = "truncated"
        notices.append(Notice.of("generation_failed", reason=error))
    text = "".join(pieces)
    if stopped():
        outcome = "cancelled"
    elif not text.strip():
        raise GenerationError(
            f"{generator.identity} ended without writing anything: ask again, or check that it can chat"
        )
    elif outcome == "answered" and _says_not_found(text):
        outcome = "abstained"
    yield _answer(prompt, generator, text, outcome, notices)


def _answer(
    prompt: Prompt, generator: Generator, text: str, outcome: Outcome, notices: list[Notice]
) -> Answer:
    cited = cite(text, prompt.passages)
    notices += _foreign_addresses(prompt, cited)
    expects_marks = outcome in ("answered", "truncated")
    notices += [n for n in cited.notices if expects_marks or n.code != "uncited_answer"]
    return Answer(
        text=cited.text,
        citations=cited.citations,
        passages=prompt.passages,
        outcome=outcome,
        usage=Usage(prompt.tokens, _written_tokens(prompt, generator, text)),
        model=generator.identity,
        notices=tuple(notices),
    )


def _foreign_addresses(prompt: Prompt, cited: Cited) -> list[Notice]:
    """``foreign_address`` (address) for each that stands, whole, in no cited passage nor in the question.

    A document can ask a model to write one, so that a reader carries his words away (EchoLeak,
    CVE-2025-32711).
    """
    numbers = {citation.number for citation in cited.citations}
    read = [passage.text for passage in prompt.passages if passage.number in numbers]
    known = addresses(prompt.question).union(*map(addresses, read))
    return [Notice.of("foreign_address", address=each) for each in sorted(addresses(cited.text) - known)]


def _written_tokens(prompt: Prompt, generator: Generator, text: str) -> int:
    """What the text adds to a conversation, so that the tokens of the format around it do not count."""
    full = generator.count_tokens([*prompt.messages, Message("assistant", text)])
    empty = generator.count_tokens([*prompt.messages, Message("assistant", "")])
    return max(0, full - empty)


def _says_not_found(text: str) -> bool:
    for mark in reversed(find_marks(text)):
        text = text[: mark.start] + text[mark.end :]
    said = _BLANK.sub("", text).casefold()
    return any(said.startswith(_BLANK.sub("", sentence).casefold()) for sentence in not_found_sentences())
