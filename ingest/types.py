"""What ingestion passes along: bytes, parsed text, and the report of what happened."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retrieval.types import Box, Chunk, Notice

if TYPE_CHECKING:  # numpy has no place in the memory-limited parser process
    from retrieval.protocols import Vectors

MediaType = Literal[
    "application/pdf",
    "text/markdown",
    "text/plain",
    "text/html",
    "text/csv",
    "text/tab-separated-values",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
]
BlockKind = Literal["heading", "paragraph", "list", "table", "code", "quote"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to ingest. ``name`` is shown and cited (a relative path), ``sha256`` is of ``data`` (hex)."""

    document_id: str
    collection: str
    name: str
    media_type: MediaType
    sha256: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document: ``Document.text[start:end]``. ``level`` is 1..6 for headings, else 0.

    ``page`` is the page the block starts on, 0 for formats without pages. ``title`` is a heading's plain text
    (markup removed), empty otherwise.
    """

    kind: BlockKind
    start: int
    end: int
    page: int = 0
    level: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """Where a page (from 1) stands in ``Document.text``: ``text[start:end]``, empty where it has no text."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LineBox:
    """Where a line of a page is drawn: ``Document.text[start:end]`` lies inside ``box``."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its text, its blocks (in order, without overlap), its pages and line boxes."""

    source: Source
    title: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[PageSpan, ...] = ()
    lines: tuple[LineBox, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A document ready to be published.

    ``vectors``: float32, shape (len(chunks), dim), row i belongs to chunk i. ``notices`` are of every step.
    ``seconds`` names each step (parse, chunk, embed) with its wall-clock time.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: "Vectors"
    notices: tuple[Notice, ...]
    seconds: tuple[tuple[str, float], ...]
