"""The starter profile's reranker: token vectors, translations and counted evidence, weighed by training."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rerank.errors import RerankError, RerankStopped
from rerank.lexical_features import Read
from rerank.log_odds import log_odds as log_odds_of
from rerank.prompt import MAX_TOKENS
from rerank.protocols import Stopped, never
from rerank.question_kind import lists_steps
from rerank.soft_features import NAMES, SoftRead, SoftWanted, features
from rerank.steering import Steering
from rerank.types import Scores
from retrieval.analysis import terms
from retrieval.protocols import SoftStatistics
from retrieval.starter_table import StarterTable, starter_folder, starter_table

WEIGHTS = "reranker.json"
STEERING = 6.0
"""Log-odds an instruction met in full adds. By hand, from the worked examples: no set has instructions."""
STEPS = 2.0
"""Log-odds where a question for steps meets numbered ones, times the cube of its share that is met. By hand:
the sets the rest is fitted on hold hardly any lists; docs_ds and the worked examples were looked at."""
STRANGE_NAME = -10.0
"""Log-odds where the question names something that stands nowhere in the index, and the passage speaks the
question's language (in another one the name may be spelled another way): what is asked about is not here."""
ONLY_ASKS = -1.0
"""Log-odds of a passage that only asks questions: it answers little. By hand: the sets hold none."""
_ASKS = re.compile(r"[?？][”’」』）)\"' ]*$")
FULL_STEERING = 0.2
"""Share of the question a passage must hold for the instruction to count in full; below, in proportion."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression over ``soft_features.NAMES``; below ``floor`` (relevance) nothing is evidence.

    ``fitted_to`` is the identity of the table whose matches it was fitted to.
    """

    bias: float
    coefficients: tuple[float, ...]
    floor: float
    version: str
    fitted_to: str

    @classmethod
    def load(cls, folder: Path) -> "Weights":
        """From ``data/starter``. Raises ``RerankError`` naming what is missing or does not fit."""
        try:
            stored = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
            by_name = stored["coefficients"]
            if set(by_name) != set(NAMES):
                raise ValueError(f"it weighs {', '.join(sorted(by_name))}")
            return cls(
                float(stored["bias"]),
                tuple(float(by_name[name]) for name in NAMES),
                float(stored["floor"]),
                str(stored["version"]),
                str(stored["fitted_to"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RerankError(
                f"the starter reranker {folder / WEIGHTS} cannot be read ({error}); "
                "install touchstone-kb again"
            ) from error


class StarterReranker:
    """Logistic regression over soft matches of tokens, coverage, proximity and the kind of answer.

    For the starter profile and as the traditional fallback. Soft matches are kernel pooling (Xiong et al.,
    SIGIR 2017) with the maximum as its one kernel. It finds passages that speak of what is asked,
    across Chinese and English, and hardly tells a near miss from an answer. The scale comes from
    ``statistics`` (the index) and never from the other passages; without, all terms are equally rare.
    """

    max_tokens = MAX_TOKENS
    """Not a limit of this reranker, which reads everything; the role asks for one."""

    def __init__(
        self,
        statistics: SoftStatistics | None,
        *,
        table: StarterTable | None = None,
        weights: Weights | None = None,
    ) -> None:
        """By default with the models that travel with the product; raises as loading them does."""
        self._table = table or starter_table()
        self._weights = weights or Weights.load(starter_folder())
        self._statistics = statistics
        self._floor = log_odds_of(self._weights.floor)

    @property
    def identity(self) -> str:
        """Changes with the weights and with the table."""
        return f"starter-reranker/{self._weights.version}/{self._table.identity}"

    @property
    def default_floor(self) -> float:
        """The relevance that nine of ten answerable questions of the sets reach (``rerank.training``)."""
        return self._weights.floor

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """See the role. An instruction raises passages that hold what it names and part of the question.

        It sorts, and makes nothing evidence: what is below ``default_floor`` without it stays below.
        """
        wanted = SoftWanted.of(query, self._table, self._statistics)
        steering = Steering.of(instruction, self._statistics)
        by_hand = _ByHand(wanted, steering)
        relevance: list[float] = []
        for passage in passages:
            if stopped():
                raise RerankStopped(f"stopped with {len(passages) - len(relevance)} passages unscored")
            relevance.append(self._relevance(wanted, by_hand, SoftRead.of(passage, self._table)))
        return Scores(tuple(relevance))

    def _relevance(self, wanted: SoftWanted, by_hand: "_ByHand", read: SoftRead) -> float:
        values = features(wanted, read, self._table)
        if not any(values):
            return 0.0
        log_odds = self._weights.bias + sum(map(float.__mul__, self._weights.coefficients, values))
        log_odds += by_hand.log_odds(read, coverage=values[0])
        log_odds = self._steered(log_odds, by_hand.steering(read, coverage=values[0]))
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, log_odds))))

    def _steered(self, log_odds: float, steering: float) -> float:
        """Raised by ``steering`` (≥ 0); from below the floor never as far as the floor, in the same order."""
        raised = log_odds + steering
        if not steering or log_odds >= self._floor or raised <= self._floor - 1:
            return raised
        return self._floor - math.exp(self._floor - 1 - raised)


class _ByHand:
    """What no set could teach: instructions, questions for steps, names that stand nowhere."""

    def __init__(self, wanted: SoftWanted, steering: Steering) -> None:
        self._wanted = wanted
        self._steering = steering

    def log_odds(self, read: SoftRead, *, coverage: float) -> float:
        """To be added for one passage; ``coverage``: the share of the question that it holds."""
        total = 0.0
        body = "\n".join(read.sentences[read.context :])
        if all(_ASKS.search(sentence) for sentence in read.sentences):
            total += ONLY_ASKS
        if lists_steps(self._wanted.text, body):
            total += STEPS * coverage**3
        strangers = self._wanted.counted.strangers
        if strangers and read.language == self._wanted.language:
            there = frozenset(terms(read.text))
            if any(not there.intersection(terms(name)) for name in strangers):
                total += STRANGE_NAME
        return total

    def steering(self, read: SoftRead, *, coverage: float) -> float:
        """Log-odds (≥ 0) by which a passage is what the instruction asks for; ``coverage`` as above."""
        if not self._steering.wishes:
            return 0.0
        return STEERING * min(1.0, coverage / FULL_STEERING) * self._steering.match(Read.of(read.text))
