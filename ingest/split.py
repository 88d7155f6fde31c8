"""Cuts blocks into pieces that fit a token budget, and packs pieces into chunks."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.tokens import longest_prefix, token_weight
from ingest.types import Block
from retrieval.sentences import sentence_spans, wrapped_lines


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch ``text[start:end]`` that weighs so many tokens. ``glued``: it must not end a chunk."""

    start: int
    end: int
    weight: float
    glued: bool = False


def pieces(text: str, blocks: Sequence[Block], room: float) -> list[Piece]:
    """Blocks as pieces of at most ``room`` tokens each, in order.

    A block stays whole where it fits. A longer one is cut at line ends (code, tables), between items (lists)
    or at sentence ends; an item that is too long at sentence ends, and a line or sentence at white space or,
    without any, between characters.
    Headings, and paragraphs that end in a colon, are glued to the piece that follows where both fit
    together.
    """
    found: list[Piece] = []
    for index, block in enumerate(blocks):
        if block.start == block.end:
            continue
        lead = _lead(text, found, block.start, room)
        piece = _piece(text, block.start, block.end)
        if lead + piece.weight <= room:
            parts = [piece]
        else:
            parts = list(_cut(text, block, max(room - lead, room / 4)))
        found.extend(parts)
        announces = block.kind == "heading" or text[block.end - 1] in ":："
        if announces and index + 1 < len(blocks):
            last = found[-1]
            found[-1] = Piece(last.start, last.end, last.weight, glued=True)
    return found


def pack(text: str, parts: Sequence[Piece], room: float) -> list[Piece]:
    """Neighbouring pieces put together to chunks of at most ``room`` tokens and about equal size.

    Pieces with anything but white space between them stay apart.
    """
    packed: list[Piece] = []
    for run in _runs(text, list(_bind(text, parts, room))):
        total = sum(piece.weight for piece in run) + sum(_gap(text, a, b) for a, b in pairwise(run))
        target = total / max(math.ceil(total / room), 1)
        current = run[0]
        for piece in run[1:]:
            together = current.weight + _gap(text, current, piece) + piece.weight
            if together > room or current.weight >= target:
                packed.append(current)
                current = piece
            else:
                current = Piece(current.start, piece.end, together)
        packed.append(current)
    return packed


def _piece(text: str, start: int, end: int) -> Piece:
    return Piece(start, end, token_weight(text[start:end]))


def _gap(text: str, before: Piece, piece: Piece) -> float:
    return token_weight(text[before.end : piece.start])


def _lead(text: str, found: Sequence[Piece], start: int, room: float) -> float:
    """What the pieces glued to the next one weigh, 0 where they leave too little room for it."""
    lead, at = 0.0, start
    for piece in reversed(found):
        if not piece.glued or lead + piece.weight > room / 2 or text[piece.end : at].strip():
            break
        lead += piece.weight + token_weight(text[piece.end : at])
        at = piece.start
    return lead


def _bind(text: str, parts: Sequence[Piece], room: float) -> Iterator[Piece]:
    """Join glued pieces with what follows them, as far as they fit."""
    held: Piece | None = None
    for piece in parts:
        bound = piece
        if held is not None:
            together = held.weight + _gap(text, held, piece) + piece.weight
            if together <= room and not text[held.end : piece.start].strip():
                bound = Piece(held.start, piece.end, together)
            else:
                yield held
        held = bound if piece.glued else None
        if held is None:
            yield bound
    if held is not None:
        yield held


def _runs(text: str, parts: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces with only white space between them."""
    run: list[Piece] = []
    for piece in parts:
        if run and text[run[-1].end : piece.start].strip():
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _cut(text: str, block: Block, room: float) -> Iterator[Piece]:
    if block.kind != "list":
        yield from _sentences(text, block, room)
        return
    for start, end in wrapped_lines(text[block.start : block.end]):
        item = _piece(text, block.start + start, block.start + end)
        if item.weight <= room:
            yield item
        else:
            yield from _sentences(text, replace(block, start=item.start, end=item.end), room)


def _sentences(text: str, block: Block, room: float) -> Iterator[Piece]:
    for start, end in _spans(text, block):
        piece = _piece(text, start, end)
        if piece.weight <= room:
            yield piece
        else:
            yield from _force(text, start, end, room)


def sentence_starts(text: str, blocks: Sequence[Block]) -> list[int]:
    """Where the sentences of prose, and the lines of code and tables, begin."""
    return [start for block in blocks for start, _ in _spans(text, block)]


def _spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """The lines of code and tables, the sentences of everything else; none is blank."""
    if block.kind not in ("code", "table"):
        for start, end in sentence_spans(text[block.start : block.end]):
            yield block.start + start, block.start + end
        return
    start = block.start
    for line in text[block.start : block.end].splitlines(keepends=True):
        end = start + len(line.rstrip())
        if start < end:
            yield start, end
        start += len(line)


def _force(text: str, start: int, end: int, room: float) -> Iterator[Piece]:
    """Cut where there is no better place: as much as fits, back to the last white space if any."""
    while start < end:
        stop = longest_prefix(text, start, end, room)
        if stop < end:
            space = max(text.rfind(" ", start + (stop - start) // 2, stop), text.rfind("\n", start, stop))
            stop = space if space > start else stop
        piece = text[start:stop]
        left = start + len(piece) - len(piece.lstrip())
        right = start + len(piece.rstrip())
        if left < right:
            yield _piece(text, left, right)
        start = stop
