"""Checks and decodes what the parser process says (``wire`` encodes it), and what was kept of it.

Nothing in a reply is trusted: a hostile file may have taken the parser over.
"""

import zlib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import FailureCode, IngestError
from ingest.headings import clip
from ingest.types import Block, BlockKind, Document, LineBox, PageSpan, Source
from ingest.wire import (
    BLOCK_INTS,
    LINE_INTS,
    LINE_SHARES,
    MAGIC,
    MOST_HEAD,
    MOST_ITEMS,
    PACKED,
    PAGE_INTS,
    PREFIX,
)
from retrieval.types import Box, Notice

_MOST_TITLE = 1_000  # characters
_Bytes = Annotated[int, Field(ge=0, lt=2**31)]
_Count = Annotated[int, Field(ge=0, le=MOST_ITEMS)]
_Ints = npt.NDArray[np.int32]


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, Field(max_length=_MOST_TITLE)] = ""
    text_bytes: _Bytes = 0
    titles_bytes: _Bytes = 0
    kinds: list[BlockKind] = []
    blocks: _Count = 0
    pages: _Count = 0
    lines: _Count = 0
    notices: list[tuple[str, list[tuple[str, str]]]] = []
    error: tuple[FailureCode, str] | None = None


def decode_reply(output: bytes | bytearray, source: Source, kind: str) -> Document:
    """The document in a reply of the parser for this ``kind``; without a title it gets the file's stem.

    Raises ``IngestError``: the error in the reply, with the file's name before its message, or parse_crash
    for a reply that makes no sense.
    """
    try:
        decoded = _decode(output, source)
    except ValueError as error:  # pydantic's ValidationError and UnicodeDecodeError are ones
        raise IngestError(
            "parse_crash", f"{source.name}: the {kind} parser gave an invalid reply; do not use this file"
        ) from error
    if isinstance(decoded, IngestError):
        raise IngestError(decoded.code, f"{source.name}: {decoded}")
    if decoded.title:
        return decoded
    return replace(decoded, title=clip(PurePosixPath(source.name).stem))


def unpack(data: bytes, source: Source) -> Document:
    """The document that ``wire.pack`` was given, equal in everything, with this source.

    Raises ``ValueError`` where the bytes are damaged, of another version of the format, or from a file with
    other content than ``source``: parse again.
    """
    if data[: len(MAGIC)] != MAGIC or len(data) < PACKED.size:
        raise ValueError("not kept in this version of the format; parse the file again")
    _, digest = PACKED.unpack_from(data)
    if digest != source.sha256.encode():
        raise ValueError(f"kept from other bytes than those of {source.name}; parse the file again")
    try:
        decoded = _decode(zlib.decompress(data[PACKED.size :]), source)
    except zlib.error as error:
        raise ValueError(f"what was kept of {source.name} is damaged; parse the file again") from error
    if isinstance(decoded, IngestError):
        raise ValueError(f"an error was kept of {source.name}, no document; parse the file again")
    return decoded


def _decode(data: bytes | bytearray, source: Source) -> Document | IngestError:
    """Raises ``ValueError`` where sizes, text, offsets, pages or boxes make no sense."""
    view = memoryview(data)
    if len(view) < PREFIX.size:
        raise ValueError("cut short")
    magic, head_bytes = PREFIX.unpack_from(view)
    head_end = PREFIX.size + head_bytes
    if magic != MAGIC or head_bytes > MOST_HEAD or len(view) < head_end:
        raise ValueError("not in this format, or cut short")
    head = _Head.model_validate_json(bytes(view[PREFIX.size : head_end]))
    if head.error is not None:
        return IngestError(*head.error)
    counts = (head.blocks * BLOCK_INTS, head.pages * PAGE_INTS, head.lines * LINE_INTS)
    text_end = head_end + head.text_bytes
    titles_end = text_end + head.titles_bytes
    ints_end = titles_end + 4 * sum(counts)
    if len(view) != ints_end + 8 * head.lines * LINE_SHARES:
        raise ValueError("its sizes do not add up")
    text = str(view[head_end:text_end], "utf-8")
    blocks, pages, lines = np.split(
        np.frombuffer(view[titles_end:ints_end], "<i4").astype(np.int32, copy=False), np.cumsum(counts)[:2]
    )
    shares = np.frombuffer(view[ints_end:], "<f8").reshape(-1, LINE_SHARES)
    lines = lines.reshape(-1, LINE_INTS)
    return Document(
        source=source,
        title=head.title,
        text=text,
        blocks=_blocks(
            head, blocks.reshape(-1, BLOCK_INTS), str(view[text_end:titles_end], "utf-8"), len(text)
        ),
        pages=_pages(pages.reshape(-1, PAGE_INTS), len(text)),
        lines=_lines(lines, shares, head.pages, len(text)),
        notices=tuple(Notice(code, tuple(values)) for code, values in head.notices),
    )


def _blocks(head: _Head, rows: _Ints, titles: str, size: int) -> tuple[Block, ...]:
    kinds, starts, ends, pages, levels, lengths = rows.T
    _check_spans(starts, ends, size)
    _check_range(kinds, 0, len(head.kinds) - 1, "kind")
    _check_range(pages, 0, head.pages, "page")
    _check_range(levels, 0, 6, "level")
    _check_range(lengths, 0, _MOST_TITLE, "title")
    title_ends = np.cumsum(lengths, dtype=np.int64)
    if (int(title_ends[-1]) if len(rows) else 0) != len(titles):
        raise ValueError("the titles do not add up")
    named = [head.kinds[kind] for kind in kinds.tolist()]
    cuts = zip((title_ends - lengths).tolist(), title_ends.tolist(), strict=True)
    return tuple(
        map(
            Block, named, starts.tolist(), ends.tolist(), pages.tolist(), levels.tolist(),
            [titles[start:end] for start, end in cuts],
        )
    )  # fmt: skip


def _pages(rows: _Ints, size: int) -> tuple[PageSpan, ...]:
    numbers, starts, ends = rows.T
    _check_spans(starts, ends, size)
    if not np.array_equal(numbers, np.arange(1, len(rows) + 1)):
        raise ValueError("pages are not counted from 1")
    return tuple(map(PageSpan, *rows.T.tolist()))


def _lines(rows: _Ints, shares: npt.NDArray[np.float64], pages: int, size: int) -> tuple[LineBox, ...]:
    starts, ends, numbers = rows.T
    _check_spans(starts, ends, size)
    _check_range(numbers, 1, pages, "page")
    if not bool(np.all((shares >= 0.0) & (shares <= 1.0))):  # false for NaN, too
        raise ValueError("a box leaves its page")
    boxes = map(Box, numbers.tolist(), *shares.T.tolist())
    return tuple(map(LineBox, starts.tolist(), ends.tolist(), boxes))


def _check_spans(starts: _Ints, ends: _Ints, size: int) -> None:
    if not starts.size:
        return
    inside = starts[0] >= 0 and ends[-1] <= size
    if not inside or bool(np.any(starts > ends)) or bool(np.any(starts[1:] < ends[:-1])):
        raise ValueError("offsets are out of order")


def _check_range(values: _Ints, least: int, most: int, what: str) -> None:
    if values.size and (int(values.min()) < least or int(values.max()) > most):
        raise ValueError(f"a {what} is out of range")
