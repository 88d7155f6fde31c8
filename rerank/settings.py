"""Settings of reranking; ``app.settings`` composes them."""

from pydantic import BaseModel, ConfigDict, Field


class RerankSettings(BaseModel):
    """How candidates are judged and how many reach the generator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="false leaves the fused order, and says so")
    top_n: int = Field(3, ge=1, le=50, description="N: passages handed to the generator")
    instruction: str = Field(
        "", max_length=2000, description="default instruction; empty means the model's own"
    )
    timeout_s: float = Field(60.0, gt=0, description="after this the fallback judges, with a notice")
    floor: float | None = Field(
        None,
        ge=0,
        le=1,
        description="relevance below which nothing is evidence; None: the reranker's own, which a fallback "
        "always uses",
    )
    near_duplicate: float = Field(
        0.9, gt=0, le=1, description="share of common shingles from which two passages count as the same"
    )
    breaker_failures: int = Field(
        3, ge=1, description="failures within the window, at least half of its calls, that open the breaker"
    )
    breaker_window_s: float = Field(60.0, gt=0)
    breaker_pause_s: float = Field(
        30.0, gt=0, description="how long a failing reranker is left alone; doubles with each failed probe"
    )
    latency_budget_s: float | None = Field(
        None,
        ge=0,
        description="time a question may spend in the reranker, the rest of the candidates keep their order; "
        "0: no bound; None: 10 s on a CPU, no bound elsewhere",
    )
