"""What the parser subprocess hands back: one JSON object, so that nothing it says can run code in the parent.

This half is light enough for the subprocess; ``worker`` checks and decodes.
"""

import json
from dataclasses import dataclass

from ingest.errors import IngestError
from ingest.types import Block, LineBox, PageSpan
from retrieval.types import Notice


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document without its source. ``title`` is the one in its metadata, "" where there is none."""

    title: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[PageSpan, ...]
    lines: tuple[LineBox, ...] = ()
    notices: tuple[Notice, ...] = ()


def encode(result: Parsed | IngestError) -> bytes:
    """The result as UTF-8 JSON: a parsed document, or an error with code and message."""
    if isinstance(result, IngestError):
        return _dump({"error": [result.code, str(result)]})
    return _dump({
        "title": result.title,
        "text": result.text,
        "blocks": [[b.kind, b.start, b.end, b.page, b.level, b.title] for b in result.blocks],
        "pages": [[p.page, p.start, p.end] for p in result.pages],
        "lines": [
            [line.start, line.end, box.page, box.left, box.top, box.right, box.bottom]
            for line in result.lines
            for box in (line.box,)
        ],
        "notices": [[notice.code, notice.values] for notice in result.notices],
    })


def _dump(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", errors="replace")
