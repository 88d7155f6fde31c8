"""What reranking gives back."""

from dataclasses import dataclass

from retrieval.types import Notice, Ranked


@dataclass(frozen=True, slots=True)
class Scores:
    """Relevance in 0..1 for each passage, in the order given, and what had to be cut.

    ``tokens`` counts what the model has read (0 for models without tokens).
    """

    relevance: tuple[float, ...]
    notices: tuple[Notice, ...] = ()
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reranked:
    """Candidates in their final order, best first, with what the user must be told.

    ``identity`` is the reranker that judged them, empty where none did.
    """

    ranked: tuple[Ranked, ...]
    identity: str
    notices: tuple[Notice, ...] = ()
    tokens: int = 0
