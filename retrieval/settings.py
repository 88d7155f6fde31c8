"""Settings of retrieval; ``app.settings`` composes them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RetrievalSettings(BaseModel):
    """How candidates are found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: int = Field(default=30, ge=1, le=1000, description="K: candidates handed to the reranker")
    channel_k: int = Field(default=50, ge=1, le=1000, description="hits each channel may bring before fusion")
    fusion: Literal["rrf", "weighted"] = Field(default="rrf", description="how channels are merged")
    rrf_k: int = Field(default=60, ge=1, description="the constant of `rrf` (Cormack et al. 2009)")
    lexical_weight: float = Field(
        default=0.5, ge=0, le=1, description="share of the lexical channel in `weighted`"
    )

    def for_starter(self) -> "RetrievalSettings":
        """These settings beside ``StarterEmbedder``: weighted fusion, .85 lexical, unless ``fusion`` was set.

        Soft term matching is the better of the two channels by far; a bag of vectors beside it finds a few
        more and would spoil the order with equal weight (app/docs/experiments.md).
        """
        if "fusion" in self.model_fields_set:
            return self
        return self.model_copy(update={"fusion": "weighted", "lexical_weight": 0.85})
