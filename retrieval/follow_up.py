"""Follow-up questions: what only an earlier question of the conversation says becomes part of this one."""

import re
from collections.abc import Sequence

from retrieval.analysis import content_terms, content_words
from retrieval.types import Exchange
from retrieval.understand import is_vague

SHORT = 8
"""Content terms up to which a question that points back, or goes on, is read with the one before."""

_GOES_ON = re.compile(
    r"\s*(?:那么?|还有|再者|换成|如果换成|要是换成|至于|同样)"
    r"|\s*(?:and|but|or|also|then|so|what about|how about|what if|same for)\b"
    r"|\s*(?:for|in|with|without|on|at|from|via)\b",
    re.I,
)
_POINTS_BACK = re.compile(
    r"它|[这那](?!么)|上述|前者|后者|同上"
    r"|\b(?:its|they|them|their|this|these|those|the same|instead|the former|the latter)\b"
    # "How long does it take" and "is it possible" point at nothing; "a fee that applies" neither.
    r"|\bit\b(?! (?:takes?|possible|allowed|necessary|required|ok|okay)\b)"
    r"|\bthat\b(?=\s*(?:[?？.,]|$|one\b|case\b))",
    re.I,
)
_ELLIPSIS = re.compile(r"呢\s*[?？]?\s*$")
_OPENING = re.compile(r"\s*(?:what about|how about|what if|same for)\b", re.I)
_ASKS = re.compile(
    r"什么|怎|如何|多少|多久|多长|几|哪|谁|吗|是否|是不是|能否|能不能|可不可以|可以|有没有|为何|为啥|咋|何时"
    r"|\b(?:what|how|which|who|whom|whose|when|where|why|can|could|do|does|did|is|are|was|were|will|should|may|must)\b",
    re.I,
)


def complete(asked: str, history: Sequence[Exchange]) -> str:
    """The question as it would be asked alone: with the missing words of the conversation, or as it is.

    ``history``: earliest exchange first. A question is a follow-up when it says nothing of what it is about,
    or when it is short and points back (它、这个, "its") or goes on (那B呢？ "and for contractors?"). It then
    reads the content words that it lacks of the last question (itself completed) before its own. Where
    it asks nothing by itself, it lends its content words to the last question, which asks again.
    """
    before = ""
    for exchange in history:
        before = _joined(exchange.question, before)
    return _joined(asked, before)


def _joined(asked: str, before: str) -> str:
    if not before or not _follows(asked):
        return asked
    own = content_words(asked)
    if not _ASKS.search(_OPENING.sub("", asked)) and own:
        known = frozenset(content_terms(before))
        new = [word for word in own if not known.issuperset(content_terms(word))]
        return _before(new, before)
    known = frozenset(content_terms(asked))
    missing = [word for word in content_words(before) if not known.issuperset(content_terms(word))]
    return _before(missing, asked)


def _follows(asked: str) -> bool:
    if is_vague(asked):
        return True
    if len(frozenset(content_terms(asked))) > SHORT:
        return False
    return any(pattern.search(asked) for pattern in (_POINTS_BACK, _ELLIPSIS)) or bool(_GOES_ON.match(asked))


def _before(words: Sequence[str], question: str) -> str:
    """Words in front of a question, so that it ends as it was asked."""
    return " ".join([*dict.fromkeys(words), question.strip()])
