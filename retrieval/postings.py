"""What is indexed of one collection at one moment: a snapshot that readers share and nobody changes."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from retrieval.posting_lists import SEGMENT_ROWS, Counts, TermIds
from retrieval.segments import UNIT, Field, Segment, merged

T = TypeVar("T", bound=np.generic)

INLINE_ROWS = 4096
"""Up to so many rows are merged at once (some 10 ms), more in the background where there is one."""
RATIO = 2  # a segment is merged with those behind it when they have half of its rows together
DEAD_SHARE = 0.25  # of its rows, from which on a segment is written anew without them


@dataclass(frozen=True)
class Postings:
    """Segments in the order of their rows: large old ones, small new ones behind (log-structured).

    Rows count from 0 through all segments; those of removed chunks stay empty until a merge.
    """

    segments: tuple[Segment, ...] = ()

    @cached_property
    def size(self) -> int:
        """Rows, the empty ones included."""
        return sum(segment.size for segment in self.segments)

    @cached_property
    def count(self) -> int:
        """Chunks."""
        return sum(segment.count for segment in self.segments)

    @cached_property
    def _begins(self) -> list[int]:
        return [0, *accumulate(segment.size for segment in self.segments)]

    @cached_property
    def _total_lengths(self) -> dict[Field, int]:
        return {}

    def chunk_id(self, row: int) -> str:
        """The chunk in a row."""
        at = bisect_right(self._begins, row) - 1
        return str(self.segments[at].chunk_ids[row - self._begins[at]])

    def document_id(self, row: int) -> str:
        """The document of the chunk in a row."""
        at = bisect_right(self._begins, row) - 1
        segment = self.segments[at]
        return segment.document_names[int(segment.documents[row - self._begins[at]])]

    def of_documents(self, document_ids: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Which rows belong to these documents."""
        return _joined([segment.of_documents(document_ids) for segment in self.segments], np.bool_)

    def parts(self) -> Iterator[tuple[Segment, slice]]:
        """Each segment with the rows it takes: for work that should stay within a core's cache."""
        for segment, begin in zip(self.segments, self._begins, strict=False):
            yield segment, slice(begin, begin + segment.size)

    def postings(self, field: Field, term_id: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """The rows that hold a term, ascending, and its frequency in each (weighted, see ``WEIGHTS``)."""
        ids = np.array([term_id], dtype=np.uint32)
        rows, frequencies = [], []
        for segment, place in self.parts():
            found = segment.gather(field, ids)
            rows.append(found.rows + np.uint32(place.start))
            frequencies.append(found.frequencies)
        return _joined(rows, np.uint32), _joined(frequencies, np.float32) * np.float32(UNIT[field])

    def df(self, field: Field, term_ids: TermIds) -> Counts:
        """In how many chunks each of these terms stands."""
        total = np.zeros(len(term_ids), dtype=np.int64)
        for segment in self.segments:
            total += segment.document_frequencies(field, term_ids)
        return total

    def lengths(self, field: Field) -> npt.NDArray[np.uint32]:
        """Tokens of each row, unweighted."""
        return _joined([segment.lengths(field) for segment in self.segments], np.uint32)

    def total_length(self, field: Field) -> int:
        """Tokens of all chunks, unweighted."""
        known = self._total_lengths
        if field not in known:
            known[field] = sum(segment.total_length(field) for segment in self.segments)
        return known[field]

    def changed(self, removed: Counts, added: Iterable[Segment]) -> "Postings":
        """The snapshot after these rows (by number) are gone and these segments came behind the others."""
        kept = [segment.without(removed) for segment in self.segments] if removed.size else self.segments
        return Postings((*(segment for segment in kept if segment.count), *added))

    def due(self, most: int) -> tuple[Segment, ...]:
        """Which neighbours should be merged, where no more than so many rows come of it; () where none.

        From the end on: segments join while the one before them is not larger than ``RATIO`` times all of
        them. So sizes fall geometrically, a search meets few segments, and a row is copied few times.
        """
        counts = [segment.count for segment in self.segments]
        for end in range(len(counts), 0, -1):
            total, begin = counts[end - 1], end - 1
            while begin and counts[begin - 1] <= RATIO * total and total + counts[begin - 1] <= most:
                begin -= 1
                total += counts[begin]
            segment = self.segments[end - 1]
            if end - begin > 1 or (total <= most and segment.size - total > DEAD_SHARE * segment.size):
                return self.segments[begin:end]
        return ()

    def with_merged(self, neighbours: tuple[Segment, ...], segment: Segment) -> "Postings | None":
        """The snapshot with one segment in the place of its ``neighbours``; None where they have changed."""
        for begin in range(len(self.segments) - len(neighbours) + 1):
            end = begin + len(neighbours)
            if self.segments[begin:end] == neighbours:  # the very same ones: segments know no other equality
                return Postings((*self.segments[:begin], segment, *self.segments[end:]))
        return None

    def tidied(self, most: int = SEGMENT_ROWS) -> "Postings":
        """The same chunks in as few segments as is worth the work."""
        tidy = self
        while neighbours := tidy.due(most):
            following = tidy.with_merged(neighbours, merged(neighbours))
            assert following is not None  # noqa: S101 - they are its own
            tidy = following
        return tidy


def _joined(arrays: Sequence[npt.NDArray[Any]], dtype: type[T]) -> npt.NDArray[T]:
    return np.concatenate(arrays).astype(dtype, copy=False) if arrays else np.zeros(0, dtype=dtype)
