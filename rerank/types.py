"""What reranking gives back."""

from dataclasses import dataclass

from retrieval.types import Notice, Ranked


@dataclass(frozen=True, slots=True)
class Scores:
    """Relevance in 0..1 for each passage, in the order given, and what had to be cut.

    ``tokens`` counts what the model has read (0 for models without tokens). ``cut``: the places, from 0 and
    ascending, of passages that were not read to their end.
    """

    relevance: tuple[float, ...]
    notices: tuple[Notice, ...] = ()
    tokens: int = 0
    cut: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PassageIds:
    """The token ids of a passage, to be stored under ``key``, a digest of exactly the text that was read.

    ``packed`` is for the tokenizer that made it, and nobody else, to read; it holds ``tokens`` ids.
    """

    key: bytes
    packed: bytes
    tokens: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Relevance per passage in the order given, all by one judge; None for those it had no time for.

    ``identity`` names the judge and ``floor`` is its own: below it nothing is evidence. Where nobody judged,
    identity is empty, floor None and every relevance None. ``fallback``: not the configured reranker judged.
    ``cut``: the places, from 0 and ascending, of passages that were not read to their end.
    """

    relevance: tuple[float | None, ...]
    identity: str = ""
    floor: float | None = None
    fallback: bool = False
    notices: tuple[Notice, ...] = ()
    tokens: int = 0
    cut: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reranked:
    """Candidates in their final order, best first, with what the user must be told.

    ``identity`` is the reranker that judged them, empty where none did; ``floor`` is that reranker's own and
    ``fallback`` says that it was not the configured one.
    """

    ranked: tuple[Ranked, ...]
    identity: str
    notices: tuple[Notice, ...] = ()
    tokens: int = 0
    floor: float | None = None
    fallback: bool = False
