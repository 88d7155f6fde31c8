"""Settings of ingestion; ``app.settings`` composes them."""

from pydantic import BaseModel, ConfigDict, Field


class IngestSettings(BaseModel):
    """Limits of parsing and the size of chunks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunk_tokens: int = Field(
        default=320, ge=32, le=4096, description="token budget of a chunk, context line included"
    )
    max_file_bytes: int = Field(default=50_000_000, ge=1, description="larger files are refused")
    max_pages: int = Field(default=2_000, ge=1, description="longer documents are refused")
    max_characters: int = Field(default=20_000_000, ge=1, description="longer texts are refused")
    parse_cpu_s: int = Field(default=120, ge=1, description="processor seconds one parse may use")
    parse_timeout_s: float = Field(default=180.0, gt=0, description="wall-clock seconds one parse may take")
    parse_memory_bytes: int = Field(
        default=1_073_741_824, ge=134_217_728, description="address space of one parse"
    )
