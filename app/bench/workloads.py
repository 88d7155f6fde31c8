"""What is scored: queries and passages of exact token lengths, cut out of the demo documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rerank.prompt import DEFAULT_INSTRUCTION
from rerank.tokens import PairEncoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DOCUMENTS = Path(__file__).parents[2] / "data" / "demo" / "documents"
SHARED = 80
"""Tokens that all pairs of a request have in common: template, instruction and a query of some 20 tokens."""
_MIXED_TOKENS = (42, 378)
"""40 to 360 English words, at 1.05 tokens a word."""
_NEAR = 4
"""Cutting at a token's edge can move the edges beside it: so many tokens more or less are tried."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One workload to build: tokens of each pair, in the order they are asked."""

    name: str
    language: Literal["zh", "en"]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """Texts, with the tokens they really have: ``shared`` common ones, ``lengths`` of whole pairs."""

    name: str
    language: str
    query: str
    passages: tuple[str, ...]
    shared: int
    lengths: tuple[int, ...]

    @property
    def distinct(self) -> int:
        """Tokens where the common ones count once."""
        return self.shared + sum(length - self.shared for length in self.lengths)

    @property
    def padded(self) -> int:
        """Tokens of one padded batch."""
        return max(self.lengths) * len(self.lengths)


def _even(pairs: int, tokens: int, language: Literal["zh", "en"]) -> Spec:
    return Spec(f"{pairs}x{tokens}-{language}", language, (tokens,) * pairs)


def _mixed(language: Literal["zh", "en"], pairs: int = 10) -> Spec:
    """Evenly spread lengths; 7 is prime to 10, so long and short ones alternate."""
    low, high = _MIXED_TOKENS
    own = [low + (high - low) * i // (pairs - 1) for i in range(pairs)]
    return Spec(f"mixed-{language}", language, tuple(SHARED + own[i * 7 % pairs] for i in range(pairs)))


_CPU = (_even(10, 285, "zh"), _mixed("en"))
_GPU = (
    _even(10, 285, "zh"),
    _even(10, 285, "en"),
    _even(10, 200, "zh"),
    _even(30, 400, "en"),
    _even(50, 512, "zh"),
    _even(100, 512, "en"),
    _mixed("zh"),
)
SIZES: dict[str, tuple[Spec, ...]] = {
    "quick": (_even(5, 128, "en"),),
    "cpu": _CPU,
    "gpu": _GPU,
    "full": (*_GPU, _mixed("en")),
}


def demo_text(language: str) -> str:
    """The Markdown demo documents of a language, one after another."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(DOCUMENTS.glob("*.md"))]
    return "\n\n".join(text for text in texts if _chinese(text) == (language == "zh"))


def _chinese(text: str) -> bool:
    return sum("\u4e00" <= c <= "\u9fff" for c in text) > len(text) / 10


def build(spec: Spec, tokenizer: "Tokenizer") -> Workload:
    """Texts of the lengths asked for under this tokenizer, each passage from another place.

    Where the template alone leaves no room for a query in ``SHARED`` tokens, the query has 8 and pairs keep
    their lengths. ``lengths`` are counted, not assumed.
    """
    encoder = PairEncoder(tokenizer, max_tokens=8192)
    text = demo_text(spec.language)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    ends = [end for _, end in encoding.offsets]
    bare = len(encoder.encode("", ["x"], DEFAULT_INSTRUCTION).shared)

    def shared(query: str) -> int:
        return len(encoder.encode(query, ["x"], DEFAULT_INSTRUCTION).shared)

    query = _cut(text, ends, 0, max(8, SHARED - bare), lambda part: shared(part) - bare)
    common = shared(query)

    def own(passage: str) -> int:
        return len(encoder.encode(query, [passage], DEFAULT_INSTRUCTION).tails[0])

    suffix = own("") - len(encoder.documents([""])[0])
    step = max(1, (len(ends) - max(spec.lengths)) // len(spec.lengths))
    passages = tuple(
        _cut(text, ends, i * step, length - common - suffix, lambda part: own(part) - suffix)
        for i, length in enumerate(spec.lengths)
    )
    lengths = encoder.encode(query, passages, DEFAULT_INSTRUCTION).lengths
    return Workload(spec.name, spec.language, query, passages, common, tuple(lengths))


def _cut(text: str, ends: Sequence[int], first: int, tokens: int, count: Callable[[str], int]) -> str:
    """Text behind token ``first``, or one soon behind it, that counts ``tokens`` tokens.

    Where none does (a text counts otherwise than inside its surroundings) the nearest. Raises ``ValueError``
    where the text is too short.
    """
    if first + tokens + 2 * _NEAR >= len(ends):
        needed = first + tokens + 2 * _NEAR
        raise ValueError(f"the demo documents have {len(ends)} tokens, {needed} are needed")
    tried = {}
    for place in range(first, first + _NEAR):
        for more in sorted(range(-_NEAR, _NEAR + 1), key=abs):
            part = text[ends[place] : ends[max(place + 1, place + tokens + more)]]
            tried[part] = abs(count(part) - tokens)
            if tried[part] == 0:
                return part
    return min(tried, key=lambda part: tried[part])
