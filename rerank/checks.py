"""What every reranker's numbers must satisfy before anything is ordered by them."""

import math
from collections.abc import Sequence

from rerank.errors import RerankError


def check_relevance(relevance: Sequence[float], count: int) -> None:
    """Raises ``RerankError`` unless there are ``count`` finite values in 0..1."""
    if len(relevance) != count:
        raise RerankError(f"{len(relevance)} scores came back for {count} passages")
    for index, value in enumerate(relevance):
        if not math.isfinite(value):
            raise RerankError(f"score {index} is {value}: not a finite number")
        if not 0 <= value <= 1:
            raise RerankError(f"score {index} is {value}: outside 0..1, so not a relevance")
