"""The header of a table that is too long for one chunk goes with each of its parts."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.tokens import token_weight
from ingest.types import Block

_RULE = re.compile(r"[|:\-\s]+")  # the second line of a Markdown table
_SHARE = 0.25  # of the room for text; a header that takes more is not repeated


@dataclass(frozen=True, slots=True)
class _Long:
    """A table: where it starts and ends, its header's text, and where its first row after that begins."""

    start: int
    end: int
    header: str
    body: int


@dataclass(frozen=True, slots=True)
class LongTables:
    """Tables that do not fit into one chunk. ``room``: tokens to keep free for the heaviest header.

    ``bare``: how many of them have a header too long to be repeated.
    """

    tables: tuple[_Long, ...]
    room: float
    bare: int

    def over(self, start: int) -> str:
        """The header over a text that begins at ``start``; "" outside these tables and in a header itself."""
        index = bisect_right(self.tables, start, key=lambda table: table.start) - 1
        if index < 0:
            return ""
        table = self.tables[index]
        return table.header if table.body <= start < table.end else ""


def long_tables(text: str, blocks: Sequence[Block], room: float) -> LongTables:
    """The tables among these blocks that weigh more than ``room`` tokens.

    The header is a table's first line, in Markdown with the rule below it.
    """
    tables: list[_Long] = []
    heaviest, bare = 0.0, 0
    for block in blocks:
        if block.kind != "table" or token_weight(text[block.start : block.end]) <= room:
            continue
        lines = text[block.start : block.end].splitlines(keepends=True)
        count = 2 if len(lines) > 1 and _RULE.fullmatch(lines[1]) else 1
        header = "".join(lines[:count])
        weight = token_weight(header.rstrip() + "\n")
        if weight > _SHARE * room:
            bare += 1
            continue
        tables.append(_Long(block.start, block.end, header.rstrip(), block.start + len(header)))
        heaviest = max(heaviest, weight)
    return LongTables(tuple(tables), heaviest, bare)
