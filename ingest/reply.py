"""Checks and decodes what the parser subprocess says (``wire`` encodes it).

Nothing in it is trusted: a hostile PDF may have taken the parser over.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

from ingest.errors import FailureCode, IngestError
from ingest.types import Block, BlockKind, Document, LineBox, PageSpan, Source
from retrieval.types import Box, Notice


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = ""
    text: str = ""
    blocks: list[tuple[BlockKind, int, int, int, int, str]] = []
    pages: list[tuple[int, int, int]] = []
    lines: list[tuple[int, int, int, float, float, float, float]] = []
    notices: list[tuple[str, list[tuple[str, str]]]] = []
    error: tuple[FailureCode, str] | None = None


def decode_reply(output: bytes, source: Source) -> Document:
    """The document in a reply; its title is the one in the reply, else the file's stem.

    Raises ``IngestError``: the error in the reply, with the file's name before its message, or parse_crash
    for a reply that makes no sense.
    """
    try:
        reply = _Reply.model_validate_json(output)
        if reply.error is None:
            return _document(reply, source)
    except ValueError as error:  # pydantic's ValidationError is one
        raise IngestError(
            "parse_crash", f"{source.name}: the PDF parser gave an invalid reply; do not use this file"
        ) from error
    code, message = reply.error
    raise IngestError(code, f"{source.name}: {message}")


def _document(reply: _Reply, source: Source) -> Document:
    """Raises ``ValueError`` where offsets, pages or boxes make no sense."""
    size = len(reply.text)
    _check_spans([(start, end) for _, start, end, *_ in reply.blocks], size)
    _check_spans([(start, end) for _, start, end in reply.pages], size)
    _check_spans([(start, end) for start, end, *_ in reply.lines], size)
    if [page for page, _, _ in reply.pages] != list(range(1, len(reply.pages) + 1)):
        raise ValueError("pages are not counted from 1")
    if not all(0.0 <= share <= 1.0 for line in reply.lines for share in line[3:]):
        raise ValueError("a box leaves its page")
    return Document(
        source=source,
        title=reply.title or PurePosixPath(source.name).stem,
        text=reply.text,
        blocks=tuple(Block(*block) for block in reply.blocks),
        pages=tuple(PageSpan(*page) for page in reply.pages),
        lines=tuple(LineBox(line[0], line[1], Box(*line[2:])) for line in reply.lines),
        notices=tuple(Notice(code, tuple(values)) for code, values in reply.notices),
    )


def _check_spans(spans: Sequence[tuple[int, int]], size: int) -> None:
    position = 0
    for start, end in spans:
        if not position <= start <= end <= size:
            raise ValueError("offsets are out of order")
        position = end
