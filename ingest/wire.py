"""How a parsed document crosses from the parser process to its parent, and how it is kept for later.

One format for both: a head of JSON, the text, then offsets and boxes as plain arrays of numbers. Nothing in
it can run code, and ``reply`` checks every number. This half is light enough for the parser process.
"""

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from ingest.errors import IngestError
from ingest.types import Block, BlockKind, Document, LineBox, PageSpan
from retrieval.types import Notice

MAGIC = b"TSW1"  # the last character counts versions of this format
PREFIX = struct.Struct("<4sI")  # magic, bytes of the head
FRAME = struct.Struct("<BII")  # what a parser process sends: kind, and two numbers
PROGRESS = 0  # the numbers are done and total
REPLY = 1  # the numbers are the bytes that follow, and 0
MOST_ITEMS = 1_000_000  # blocks, lines or pages; their objects take 10 times the memory of their numbers
MOST_HEAD = 1_000_000  # bytes of JSON
BLOCK_INTS = 6  # index of the kind, start, end, page, level, characters of the title
PAGE_INTS = 3  # page, start, end
LINE_INTS = 3  # start, end, page
LINE_SHARES = 4  # left, top, right, bottom
PACKED = struct.Struct("<4s64s")  # magic, SHA-256 of the source in hexadecimal; then the rest, compressed
_LEVEL = 1  # of zlib: 3 times as fast as the default for a tenth more bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document without its source. ``title`` is the one in the document, "" where there is none."""

    title: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[PageSpan, ...] = ()
    lines: tuple[LineBox, ...] = ()
    notices: tuple[Notice, ...] = ()


def encode(result: Parsed | IngestError) -> bytes:
    """The result in this format: a parsed document, or an error with code and message.

    Raises ``IngestError`` (too_much_text) for a document of more than ``MOST_ITEMS`` blocks, lines or pages.
    """
    if isinstance(result, IngestError):
        head = _json({"error": [result.code, str(result)]})
        return PREFIX.pack(MAGIC, len(head)) + head
    if max(map(len, (result.blocks, result.lines, result.pages))) > MOST_ITEMS:
        raise IngestError(
            "too_much_text", f"it holds more than {MOST_ITEMS:,} blocks or lines; split the file"
        )
    kinds: list[BlockKind] = sorted({block.kind for block in result.blocks})
    index = {kind: i for i, kind in enumerate(kinds)}
    text = result.text.encode()  # a lone surrogate raises: readers clean what they read
    titles = "".join(block.title for block in result.blocks).encode()
    head = _json(
        {
            "title": result.title,
            "text_bytes": len(text),
            "titles_bytes": len(titles),
            "kinds": kinds,
            "blocks": len(result.blocks),
            "pages": len(result.pages),
            "lines": len(result.lines),
            "notices": [[notice.code, notice.values] for notice in result.notices],
        }
    )
    integers = chain(
        chain.from_iterable(
            (index[b.kind], b.start, b.end, b.page, b.level, len(b.title)) for b in result.blocks
        ),
        chain.from_iterable((page.page, page.start, page.end) for page in result.pages),
        chain.from_iterable((line.start, line.end, line.box.page) for line in result.lines),
    )
    boxes = (line.box for line in result.lines)
    shares = chain.from_iterable((box.left, box.top, box.right, box.bottom) for box in boxes)
    numbers = _array("i", integers) + _array("d", shares)
    return b"".join((PREFIX.pack(MAGIC, len(head)), head, text, titles, numbers))


def pack(document: Document) -> bytes:
    """The document without its source, compressed, to be kept and given to ``reply.unpack`` later."""
    parsed = Parsed(
        document.title, document.text, document.blocks, document.pages, document.lines, document.notices
    )
    prefix = PACKED.pack(MAGIC, document.source.sha256.encode("ascii"))
    return prefix + zlib.compress(encode(parsed), _LEVEL)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _array(kind: str, numbers: Iterable[float]) -> bytes:
    """Little-endian: 32-bit integers ("i") or 64-bit floats ("d")."""
    packed = array(kind, numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
