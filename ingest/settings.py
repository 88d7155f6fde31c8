"""Settings of ingestion; ``app.settings`` composes them."""

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """How a document is cut: the token budget of a chunk, and how many it may repeat of the one before."""

    tokens: int
    overlap: int


class IngestSettings(BaseModel):
    """Limits of parsing and the size of chunks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunk_tokens: int = Field(
        default=320, ge=32, le=4096, description="token budget of a chunk, context line included"
    )
    chunk_overlap: int = Field(
        default=0, ge=0, le=1024, description="tokens of whole sentences repeated of the chunk before"
    )
    max_file_bytes: int = Field(default=50_000_000, ge=1, description="larger files are refused")
    max_pages: int = Field(default=2_000, ge=1, description="longer documents are refused")
    max_characters: int = Field(default=20_000_000, ge=1, description="longer texts are refused")
    parse_cpu_s: int = Field(default=120, ge=1, description="processor seconds one parse may use")
    parse_timeout_s: float = Field(default=180.0, gt=0, description="wall-clock seconds one parse may take")
    parse_memory_bytes: int = Field(
        default=1_073_741_824, ge=134_217_728, description="memory one parse may take, libraries not counted"
    )
    ocr: Literal["auto", "off"] = Field(
        default="auto", description="auto: pages without text are read by OCR where it is installed"
    )
    ocr_memory_bytes: int = Field(
        default=2_147_483_648, ge=1_610_612_736, description="memory one parse with OCR may take"
    )
    ocr_page_timeout_s: float = Field(
        default=60.0, gt=0, le=600, description="wall-clock seconds OCR may take for one page"
    )

    @property
    def chunk_size(self) -> ChunkSize:
        """Budget and overlap."""
        return ChunkSize(self.chunk_tokens, self.chunk_overlap)

    def resized(self, tokens: int | None, overlap: int | None) -> "IngestSettings":
        """The same settings with another size of chunks; None keeps a value. Raises ``ValidationError``."""
        given = {"chunk_tokens": tokens, "chunk_overlap": overlap}
        values = {name: value for name, value in given.items() if value is not None}
        return IngestSettings.model_validate({**self.model_dump(), **values})

    @model_validator(mode="after")
    def _overlap_leaves_room(self) -> Self:
        if self.chunk_overlap > self.chunk_tokens // 2:
            raise ValueError(
                f"chunk_overlap is {self.chunk_overlap}, more than half of chunk_tokens "
                f"({self.chunk_tokens}); lower it, or every chunk would be mostly the one before"
            )
        return self
