"""Posting lists of one field of one segment: for each term the rows that hold it, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SEGMENT_ROWS = 1 << 16
"""Rows of a segment at most: numbers of rows take two bytes, and an accumulator fits into a core's cache."""
MOST = 0xFFFF  # what a frequency can hold; BM25 tells nothing beyond a hundred apart
ENTRY = np.dtype([("frequency", "<u2"), ("row", "<u2"), ("term", "<u4")])
"""One entry of a posting list as 8 bytes that, read as one little-endian integer, sort by term, then row."""

Packed = npt.NDArray[np.uint64]
TermIds = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.uint16]
Frequencies = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """The lists of several terms, one behind the other in the order asked, rows ascending in each.

    ``rows`` count from 0 in the segment. ``counts`` (int64) says how many entries each term has.
    """

    rows: Rows
    frequencies: Frequencies
    counts: Counts


@dataclass(frozen=True, slots=True, eq=False)
class PostingLists:
    """``terms`` ascending; the list of ``terms[i]`` is at ``starts[i]:starts[i + 1]`` and never empty.

    ``frequencies`` are in units of the field's, ``lengths`` (uint32) counts each row's tokens.
    """

    terms: TermIds
    starts: Counts
    rows: Rows
    frequencies: Frequencies
    lengths: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, packed: Packed, lengths: npt.NDArray[np.uint32]) -> "PostingLists":
        """From entries in ascending order. Several of a term in one row are added up."""
        entries = packed.view(ENTRY)
        terms, rows = entries["term"].copy(), entries["row"].copy()
        frequencies = entries["frequency"].astype(np.uint32)
        begins = _changes(terms)
        first = begins | _changes(rows)
        again = np.flatnonzero(~first)
        if again.size:
            more, frequencies = frequencies[again], frequencies[first]
            np.add.at(frequencies, again - np.arange(1, again.size + 1), more)
            terms, rows, begins = terms[first], rows[first], begins[first]
        starts = np.flatnonzero(begins)
        return cls(terms[starts], np.append(starts, len(terms)), rows, _narrow(frequencies), lengths)

    def gather(self, ids: TermIds) -> Gathered:
        """The lists of these terms."""
        begins, counts = self._places(ids)
        spans = [slice(b, b + n) for b, n in zip(begins.tolist(), counts.tolist(), strict=True) if n]
        if not spans:
            return Gathered(self.rows[:0], self.frequencies[:0], counts)
        return Gathered(
            np.concatenate([self.rows[span] for span in spans]),
            np.concatenate([self.frequencies[span] for span in spans]),
            counts,
        )

    def count(self, ids: TermIds) -> Counts:
        """In how many rows each of these terms stands."""
        return self._places(ids)[1]

    def only(self, alive: npt.NDArray[np.bool_]) -> "PostingLists":
        """The lists without the rows that are not alive; those that stay are numbered anew."""
        kept = alive[self.rows]
        counts = self.starts[:0]
        if len(self.terms):
            counts = np.add.reduceat(kept, self.starts[:-1], dtype=np.int64)
        some = counts > 0
        numbers = (np.cumsum(alive) - 1).astype(np.uint16)
        return PostingLists(
            self.terms[some],
            _starts(counts[some]),
            numbers[self.rows[kept]],
            _narrow(self.frequencies[kept]),
            self.lengths[alive],
        )

    def _places(self, ids: TermIds) -> tuple[Counts, Counts]:
        if not len(self.terms):
            none = np.zeros(len(ids), dtype=np.int64)
            return none, none
        at = np.minimum(np.searchsorted(self.terms, ids), len(self.terms) - 1)
        begins = self.starts[at]
        return begins, np.where(self.terms[at] == ids, self.starts[at + 1] - begins, 0)


def joined(lists: Sequence[PostingLists]) -> PostingLists:
    """The lists of several segments as those of one, whose rows follow each other in that order."""
    terms = np.unique(np.concatenate([each.terms for each in lists]))
    places = [np.searchsorted(terms, each.terms) for each in lists]
    counts = np.zeros(len(terms), dtype=np.int64)
    for each, at in zip(lists, places, strict=True):
        counts[at] += np.diff(each.starts)
    starts = _starts(counts)
    rows = np.empty(starts[-1], dtype=np.uint16)
    frequencies = np.empty(starts[-1], dtype=np.result_type(*(each.frequencies.dtype for each in lists)))
    free, before = starts[:-1].copy(), 0
    for each, at in zip(lists, places, strict=True):
        sizes = np.diff(each.starts)
        to = np.repeat(free[at] - each.starts[:-1], sizes) + np.arange(len(each.rows))
        rows[to] = each.rows + np.uint16(before)
        frequencies[to] = each.frequencies
        free[at] += sizes
        before += len(each.lengths)
    return PostingLists(terms, starts, rows, frequencies, np.concatenate([each.lengths for each in lists]))


def _changes(values: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before it; the first does."""
    changes = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _starts(counts: Counts) -> Counts:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])


def _narrow(frequencies: npt.NDArray[np.integer]) -> Frequencies:
    """In one byte each where that holds them all, else in two."""
    if int(frequencies.max(initial=0)) <= 0xFF:
        return np.asarray(frequencies, dtype=np.uint8)
    return np.asarray(np.minimum(frequencies, MOST), dtype=np.uint16)
