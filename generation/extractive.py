"""Answers made of quotes: for machines without a language model."""

from collections.abc import Iterator, Sequence

from generation.choose import choose, opening
from generation.compose import compose
from generation.errors import Truncated
from generation.estimate import estimate_message_tokens, estimate_tokens, first_tokens
from generation.protocols import Stopped, never
from generation.render import render
from generation.types import Message, Prompt, Sampling
from retrieval.starter_table import StarterTable, starter_table

CONTEXT_TOKENS = 131_072
"""It reads passages of any length; this bounds what one prompt may hold."""


class ExtractiveGenerator:
    """Answers with the sentences, list items, table rows and code of the passages that fit the question best.

    It adds nothing to them but the name of the document they come from, so it cannot state what no
    document states. It neither sums up nor concludes. The same prompt gives the same answer; sampling has
    no effect but for ``max_tokens``. Tokens are estimated.
    """

    def __init__(self, table: StarterTable | None = None) -> None:
        """``table``: what says which words of Chinese and English mean the same, by default the shipped one.

        Raises ``RetrievalError`` where that cannot be read.
        """
        self._table = table or starter_table()

    @property
    def identity(self) -> str:
        """Name and version of the method."""
        return f"touchstone-extractive/2/{self._table.identity}"

    @property
    def context_tokens(self) -> int:
        """More than any prompt of passages needs."""
        return CONTEXT_TOKENS

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate, rather too high than too low (see ``estimate_tokens``)."""
        return estimate_message_tokens(messages)

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """The answer sentence by sentence, as ``Generator.stream`` promises.

        Where no passage shares a term with the question: the opening of the first passage if a reranker
        judged it relevant, introduced as that, else the sentence that says the answer is not there. What is
        said to a customer names no document, and nothing is said that only came near.
        """
        left = sampling.max_tokens
        for piece in self._pieces(prompt):
            if stopped():
                return
            cost = estimate_tokens(piece)
            if cost > left:
                if beginning := first_tokens(piece, left):
                    yield beginning
                raise Truncated(f"the answer reached its limit of {sampling.max_tokens} tokens")
            left -= cost
            yield piece

    def _pieces(self, prompt: Prompt) -> Iterator[str]:
        excerpts = choose(prompt.question, prompt.passages, self._table)
        if excerpts:
            yield from compose(excerpts, prompt.language, introduced=prompt.voice != "say")
            return
        first = opening(prompt.passages[0], self._table) if prompt.passages else None
        near = first is not None and first.units and first.passage.relevance is not None
        if first is not None and near and prompt.voice != "say":
            yield from compose([first], prompt.language, nearest=True)
        else:
            yield render("not_found", prompt.language)
