"""Settings of the API for programs and of what is written down about it; ``app.settings`` composes them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class EmbedApiSettings(BaseModel):
    """What one request to ``/v1/embeddings`` may carry, and how many are worked on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: int = Field(16, ge=0, le=1000, description="requests that may wait while others are embedded")
    concurrency: int = Field(1, ge=1, le=64, description="requests embedded at the same time")
    max_texts: int = Field(512, ge=1, le=2048)
    max_characters: int = Field(100_000, ge=1, description="characters of one text")
    max_body_bytes: int = Field(8_000_000, ge=1)


class LimitSettings(BaseModel):
    """Requests a minute of one person or API key, as many of them at once; 0 for no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    apply: Literal["auto", "always", "never"] = Field(
        "auto", description="auto: only where there are accounts"
    )
    chat: int = Field(30, ge=0, description="questions")
    search: int = Field(240, ge=0, description="searches and looks at passages and lists of documents")
    rerank: int = Field(240, ge=0)
    embed: int = Field(240, ge=0)
    upload: int = Field(240, ge=0, description="files sent")
    address_factor: float = Field(
        10.0, ge=1, description="how many times as much all callers behind one address may send together"
    )


class LogSettings(BaseModel):
    """What the server writes to its standard error. Never a question, an answer, a name or a credential."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["text", "json"] = Field("text", description="json: one object a line")
    requests: bool = Field(False, description="a line for each request: route, status, milliseconds, ids")


Price = Annotated[float, Field(ge=0, le=1_000_000)]


class CostSettings(BaseModel):
    """What the monitoring page reckons with. None: not set, and no cost is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field("", pattern=r"^([A-Z]{3})?$", description="shown beside costs, such as CNY or USD")
    rerank_million: Price | None = Field(None, description="of a million tokens that the reranker reads")
    prompt_million: Price | None = Field(None, description="of a million tokens that the generator reads")
    completion_million: Price | None = Field(
        None, description="of a million tokens that the generator writes"
    )
    machine_hour: Price | None = Field(None, description="of an hour of the machine that this server runs on")


Cosine = Annotated[float, Field(ge=-1, le=1)]


class GapSettings(BaseModel):
    """When two questions of the gap inbox are one. None: what was measured, or a cautious value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    same_language: Cosine | None = Field(
        None, description="cosine of two questions of one language from which they are one"
    )
    other_language: Cosine | None = Field(None, description="the same of a Chinese and an English one")
