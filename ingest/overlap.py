"""Chunks that repeat the last sentences of the one before."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingest.split import Piece, sentence_starts
from ingest.tokens import token_weight
from ingest.types import Block


def overlapping(text: str, blocks: Sequence[Block], own: Sequence[Piece], most: float) -> Iterator[Piece]:
    """The pieces, each but the first begun earlier by whole sentences that weigh at most ``most`` tokens.

    Never by the whole piece before, and not where anything but white space lies between the two. The weight
    stays an upper bound of the longer piece's.
    """
    starts = sentence_starts(text, blocks) if most > 0 else []
    before: Piece | None = None
    for piece in own:
        yield piece if before is None or not starts else _longer(text, starts, before, piece, most)
        before = piece


def _longer(text: str, starts: Sequence[int], before: Piece, piece: Piece, most: float) -> Piece:
    if text[before.end : piece.start].strip():
        return piece
    start, weight = piece.start, 0.0
    for candidate in reversed(
        starts[bisect_left(starts, before.start + 1) : bisect_left(starts, piece.start)]
    ):
        heavier = token_weight(text[candidate : piece.start])
        if heavier > most:
            break
        start, weight = candidate, heavier
    return replace(piece, start=start, weight=piece.weight + weight)
