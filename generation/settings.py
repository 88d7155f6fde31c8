"""Settings of generation; ``app.settings`` composes them."""

from pydantic import BaseModel, ConfigDict, Field


class GenerationSettings(BaseModel):
    """How the answer is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: int = Field(1536, ge=16, le=8192, description="longest answer")
    context_tokens: int = Field(8192, ge=1024, description="context of a model behind a URL")
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    timeout_s: float = Field(300.0, gt=0, description="seconds an answer may take, prompt reading included")
