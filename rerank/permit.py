"""Fewer bits only where they were measured: permits, and what an engine may therefore compute in."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from retrieval.types import Notice

SCHEMES = {"int8": "symmetric-channel-token-1", "fp8": "e4m3-channel-token-1"}
"""Dtypes that need a permit, each with the way ``rerank.linear`` rounds in it."""
LEAST_TAU = 0.97
LEAST_TOP_3 = 0.95
"""Least mean agreement with float32 that allows fewer bits (design notes of the engine, section 7)."""
LEAST_PAIRS = 100
LEAST_CANDIDATES = 6
"""Smaller sets prove nothing: with three candidates a query, the best three always agree."""


@dataclass(frozen=True, slots=True)
class DtypePermit:
    """How far one checkpoint, in one dtype on one type of device, kept float32's order on a stored set.

    ``weights`` is the fingerprint in the reranker's identity, ``scheme`` the way of rounding, ``model`` and
    ``set_name`` what people call weights and set. Agreements are means over queries. ``floor``: the relevance
    that parts the pairs most nearly as float32's 0.5 does; ``disagreements`` counts the pairs it parts
    otherwise, ``disagreements_at_half`` those that 0.5 would. ``weights_mb`` and ``ms_per_query`` (median)
    are what this dtype took, ``float32_...`` what float32 did. ``at`` is aware.
    """

    weights: str
    dtype: str
    device: str
    scheme: str
    model: str
    set_name: str
    queries: int
    pairs: int
    kendall_tau: float
    top_3_agreement: float
    mrr_at_10_change: float | None
    floor: float
    disagreements: int
    disagreements_at_half: int
    weights_mb: float | None
    float32_weights_mb: float | None
    ms_per_query: float
    float32_ms_per_query: float
    at: datetime

    def shortfall(self) -> str:
        """Why this permits nothing; empty where it permits."""
        if self.pairs < LEAST_PAIRS or self.pairs < LEAST_CANDIDATES * self.queries:
            return (
                f"{self.pairs} pairs of {self.queries} queries are too few to tell, at least {LEAST_PAIRS} "
                f"pairs and {LEAST_CANDIDATES} a query are needed"
            )
        if self.kendall_tau >= LEAST_TAU and self.top_3_agreement >= LEAST_TOP_3:
            return ""
        return (
            f"measured tau {self.kendall_tau:.4f} (needed {LEAST_TAU}) and top 3 agreement "
            f"{self.top_3_agreement:.4f} (needed {LEAST_TOP_3})"
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """Weights on their way into an engine: fingerprint, torch device type, and their name or folder."""

    weights: str
    device: str
    model: str

    @property
    def command(self) -> str:
        """What measures them."""
        return f"touchstone bench quantize --model {shlex.quote(self.model)} --device {self.device}"


@dataclass(frozen=True, slots=True)
class DtypePermits:
    """Permits at hand, and why some of what was found is none (``unusable``, one sentence each)."""

    found: tuple[DtypePermit, ...] = ()
    unusable: tuple[str, ...] = ()

    def standing(self, loaded: Loaded, dtype: str) -> tuple[DtypePermit | None, str]:
        """The last measurement of exactly this where it permits, else None and why."""
        wanted = (loaded.weights, dtype, loaded.device, SCHEMES.get(dtype, ""))
        same = [each for each in self.found if (each.weights, each.dtype, each.device, each.scheme) == wanted]
        if same:
            last = max(same, key=lambda permit: permit.at)
            shortfall = last.shortfall()
            return (None, shortfall) if shortfall else (last, "")
        reasons = [f"it was not measured for these weights ({loaded.weights}) on {loaded.device}"]
        others = sorted(
            {each.weights for each in self.found if (each.dtype, each.device) == (dtype, loaded.device)}
        )
        if loaded.weights in others:
            reasons.append("they were measured when rounding was done another way")
        elif others:
            reasons.append(f"there are permits for the weights {', '.join(others)}")
        return None, "; ".join((*reasons, *self.unusable))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What a local reranker was asked to compute in (as in the settings), and what it computes in.

    ``permit`` is the measurement of the dtype in use, None where there is none that suffices. ``notices``
    hold ``rerank_dtype_not_permitted`` (asked, used, reason, command) where the wish was not granted; they go
    with every answer.
    """

    asked: str
    used: str
    loaded: Loaded
    permit: DtypePermit | None = None
    notices: tuple[Notice, ...] = ()


@runtime_checkable
class HasArithmetic(Protocol):
    """A reranker that computes itself and knows in what."""

    arithmetic: Arithmetic | None


def choose(asked: str, *, exact: str, loaded: Loaded, permits: DtypePermits, unmeasured: bool) -> Arithmetic:
    """The dtype asked for where it is permitted, else ``exact``, which needs no permit.

    ``unmeasured`` grants fewer bits without one: for whoever measures them.
    """
    used = asked if asked in SCHEMES else exact
    permit, reason = permits.standing(loaded, used)
    if permit is not None or used == exact or unmeasured:
        return Arithmetic(asked, used, loaded, permit)
    notice = Notice.of(
        "rerank_dtype_not_permitted", asked=asked, used=exact, reason=reason, command=loaded.command
    )
    return Arithmetic(asked, exact, loaded, permits.standing(loaded, exact)[0], (notice,))
