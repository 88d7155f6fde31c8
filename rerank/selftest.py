"""Known answers, asked before a reranker is trusted with anybody's question."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rerank.checks import check_relevance
from rerank.errors import RerankError, SelfTestFailed
from rerank.protocols import Reranker
from rerank.timed import TimedReranker

SPREAD = 0.3
"""Least distance between the right and the wrong passage. Rerankers without template or head bunch up: 0.75,
0.75, 0.74, 0.71 (vllm-project/vllm#20478), or put London above Paris (#20794)."""
TOLERANCE = 0.02
"""Between two runs of one pair; bfloat16 moves a probability by less."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A question with a passage that answers it and one that does not."""

    query: str
    right: str
    wrong: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A passed self-test: relevance of the (right, wrong) passage per known answer, and how long it took."""

    identity: str
    relevance: tuple[tuple[float, float], ...]
    seconds: float

    @property
    def smallest_spread(self) -> float:
        """The least by which a right passage stood above a wrong one (-1..1)."""
        return min(right - wrong for right, wrong in self.relevance)


KNOWN_ANSWERS = (
    KnownAnswer(
        "What is the capital of France?",
        "Paris is the capital and largest city of France.",
        "London is the capital of the United Kingdom.",
    ),
    KnownAnswer(
        "What is the capital of China?",
        "The capital of China is Beijing.",
        "Gravity is a force that attracts two bodies towards each other and gives weight to objects.",
    ),
    KnownAnswer(
        "怎么配置单点登录？",
        "SSO配置步骤：在控制台打开单点登录，填写SAML元数据地址，保存后用测试账号登录。",
        "数据加密传输机制：传输中的数据使用TLS 1.3加密，静态数据使用AES-256加密。",
    ),
    KnownAnswer(
        "报销发票需要哪些盖章？",
        "报销时，发票须加盖开票单位的发票专用章，并由部门负责人签字。",
        "2024年团建活动通知：本次活动安排在周六，请员工自愿报名。",
    ),
    KnownAnswer(
        "How do I reset my password?",
        "To reset your password, open Settings, choose Security and press Reset password.",
        "The office is open from nine to five on weekdays.",
    ),
)


@runtime_checkable
class HasTemplate(Protocol):
    """A reranker that builds its prompt itself and can compare it with the one the model was trained on."""

    def check_template(self) -> None:
        """Raises ``SelfTestFailed`` when template and tokenizer do not fit."""


def self_test(reranker: Reranker, answers: Sequence[KnownAnswer] = KNOWN_ANSWERS) -> SelfTest:
    """Ask every known answer twice, in both orders.

    Raises ``SelfTestFailed`` that says what came out, when the template is broken, a score is not a finite
    number in 0..1, the right passage is not at least ``SPREAD`` above the wrong one, or a score depends on
    its place.
    """
    started = time.monotonic()
    inner = reranker.reranker if isinstance(reranker, TimedReranker) else reranker
    if isinstance(inner, HasTemplate):
        inner.check_template()
    relevance = tuple(_ask(reranker, answer) for answer in answers)
    return SelfTest(reranker.identity, relevance, time.monotonic() - started)


def _ask(reranker: Reranker, answer: KnownAnswer) -> tuple[float, float]:
    """Relevance of the right and the wrong passage."""
    try:
        forward = reranker.score(answer.query, [answer.right, answer.wrong], "").relevance
        backward = reranker.score(answer.query, [answer.wrong, answer.right], "").relevance
        check_relevance(forward, 2)
        check_relevance(backward, 2)
    except RerankError as error:
        raise SelfTestFailed(f"{reranker.identity} failed on {answer.query!r}: {error}") from error
    right, wrong = forward
    outcome = f"{reranker.identity} on {answer.query!r}: right passage {right:.3f}, wrong passage {wrong:.3f}"
    if right - wrong < SPREAD:
        raise SelfTestFailed(
            f"{outcome}; the right one must be {SPREAD} higher. Check template, head and precision"
        )
    if abs(backward[1] - right) > TOLERANCE or abs(backward[0] - wrong) > TOLERANCE:
        again = f"in reverse order {backward[1]:.3f}, {backward[0]:.3f}"
        raise SelfTestFailed(f"{outcome}; {again}: scores depend on the order of passages")
    return right, wrong
