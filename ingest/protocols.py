"""The roles of ingestion."""

from typing import Protocol

from ingest.types import Document, Source


class Parser(Protocol):
    """Reads one kind of file."""

    @property
    def media_types(self) -> frozenset[str]:
        """The media types this parser reads."""

    def parse(self, source: Source) -> Document:
        """The document's text, blocks and notices; raises ``IngestError`` with a reason code otherwise."""


class Progress(Protocol):
    """Hears how far a step has come. It may raise to stop the work; what it raises is passed on unchanged."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """``done`` of ``total`` (≥ 1) units of a stage (parse, chunk, embed) are finished."""
