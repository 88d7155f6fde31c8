"""How far a passage is of the sort an instruction asks for, without a model."""

import math
import re
from dataclasses import dataclass

from rerank.lexical_features import Read, Wanted
from rerank.prompt import DEFAULT_INSTRUCTION, clean_instruction
from retrieval.protocols import TermStatistics

_FRAME = re.compile(
    r"优先|选择|选取|选用|返回|检索|查找|给出|包含|含有|直接|具体|相关|内容|文档|段落|资料|说明|解答|介绍|信息"
    r"|最|含|可|使用|引用|\b(?:prefer(?:red|ably|ring)?|select(?:ing)?|choose|retrieve|return|find|given|relevant|passages?"
    r"|documents?|quer(?:y|ies)|questions?|directly|exact(?:ly)?|contain(?:s|ing)?|includ(?:e|es|ing)|must"
    r"|that|which|with|over)\b",
    re.IGNORECASE,
)
"""Words of the frame of an instruction, not of what it asks for."""
_LIST = re.compile(r"[、，,;；。.\n]|\band\b|\bor\b|以及|或者?|和|与|及", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Steering:
    """The things an instruction names, each made ready for counting."""

    wishes: tuple[Wanted, ...]

    @classmethod
    def of(cls, instruction: str, statistics: TermStatistics | None) -> "Steering":
        """From an instruction; the reranker's default instruction and an empty one name nothing."""
        text = clean_instruction(instruction)
        if text == DEFAULT_INSTRUCTION:
            return cls(())
        phrases = (_FRAME.sub(" ", phrase).strip() for phrase in _LIST.split(text))
        wishes = (Wanted.of(phrase, statistics) for phrase in phrases if phrase)
        return cls(tuple(wish for wish in wishes if wish.weights))

    def match(self, read: Read) -> float:
        """0..1: how much of what is named stands in the passage, as the chance that any of it does.

        One wish met in full gives 1; halves of two wishes give three quarters (noisy or).
        """
        found: frozenset[str] = frozenset().union(*read.found)
        return 1 - math.prod(1 - wish.share(wish.credit(found)) for wish in self.wishes)
