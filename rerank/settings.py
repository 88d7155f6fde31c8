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
    timeout_s: float = Field(60.0, gt=0, description="after this the fused order is used, with a notice")
    floor: float | None = Field(
        None, ge=0, le=1, description="relevance below which nothing is evidence; None: the reranker's own"
    )
    near_duplicate: float = Field(
        0.9, gt=0, le=1, description="share of common shingles from which two passages count as the same"
    )
