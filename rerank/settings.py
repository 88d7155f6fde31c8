"""Settings of reranking; ``app.settings`` composes them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EngineSettings(BaseModel):
    """How the local reranking model computes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "fp8"] = Field(
        "auto",
        description="auto: float32 on CPU, bfloat16 on GPU; int8 (CPU, 3 times faster) and fp8 (GPU) run "
        "only where `touchstone bench quantize` found that these weights keep their order",
    )
    batch_tokens: int | None = Field(
        None, ge=1, description="most tokens of one forward pass; None: 4,096 on CPU, 16,384 on GPU"
    )
    threads: int | None = Field(None, ge=1, description="CPU threads of all models; None: physical cores")
    compile: bool | None = Field(
        None, description="fuse element-wise operations; None: on GPU only (on CPU no gain for 20 s)"
    )
    cuda_graphs: bool = Field(True, description="launch small batches on a GPU as one")
    gpu_memory_gib: float | None = Field(None, gt=0, description="most GPU memory of this process; None: all")
    queue: int = Field(64, ge=1, description="requests that may wait; the next is refused at once")
    cached_scores: int = Field(200_000, ge=0, description="scores kept (about 150 bytes each)")
    cached_tokens: int = Field(2_000_000, ge=0, description="tokens of passages kept (4 bytes each)")


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
    engine: EngineSettings = Field(EngineSettings(), description="the local model's arithmetic and limits")
    near_duplicate: float = Field(
        0.9, gt=0, le=1, description="share of common shingles from which two passages count as the same"
    )
    diversity: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="how much a passage loses for its likeness to better ones (MMR, 1 - lambda); 0: nothing",
    )
    neighbour_tokens: int = Field(
        800,
        ge=0,
        description="tokens of passages of the same sections that complete the chosen ones; 0: none",
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
