"""A segment: up to 65,536 chunks of one collection with their posting lists. It never changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt

from retrieval.errors import RetrievalError
from retrieval.posting_lists import (
    SEGMENT_ROWS,
    Counts,
    Gathered,
    Packed,
    PostingLists,
    TermIds,
    joined,
)
from retrieval.term_rows import COLUMNS, RowDamaged, unpack

Field = Literal["words", "soft"]
"""``words``: the columns of our own analysis as one, weighted. ``soft``: tokens of the starter vocabulary."""
FIELDS: tuple[Field, ...] = ("words", "soft")

# Chosen on shared/eval/dev; neighbouring values differ by less than 0.02 nDCG@10. Single characters bring
# back what pairs miss (a word typed with a wrong character, a name in another order).
WEIGHTS = {"body": 1.0, "context": 1.0, "concepts": 0.5, "characters": 0.5}
"""BM25 weights of the columns of ``words``."""
UNIT = {"words": 0.5, "soft": 1.0}
"""What one unit of a frequency is worth: every weight is a whole number of them."""
_AT_ONCE = 512  # rows that are unpacked together: some 4 MB of working memory


def _field(column: str) -> Field:
    return "soft" if column == "soft" else "words"


_UNITS = np.array([round(WEIGHTS.get(name, 1.0) / UNIT[_field(name)]) for name in COLUMNS], dtype=np.uint64)
LARGEST_ID = (1 << 31) - 1
"""Of a term. The bit above marks those of ``soft``, so that both fields are sorted at once."""
_MARK = 1 << 31
_MARKS = np.array([_MARK << 32 if _field(name) == "soft" else 0 for name in COLUMNS], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of the index as it is stored. ``number`` rises with every row that is written."""

    number: int
    chunk_id: str
    document_id: str
    terms: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Chunks by row, ``numbers`` (int64) ascending, and their lists by field.

    ``documents`` (uint32) gives each row's place in ``document_names``. ``alive`` is None where every row
    is. ``lengths`` and ``chunk_ids`` have a place for the dead, too; nothing else tells of them.
    """

    numbers: Counts
    chunk_ids: list[str]
    documents: npt.NDArray[np.uint32]
    document_names: tuple[str, ...]
    lists: dict[Field, PostingLists]
    alive: npt.NDArray[np.bool_] | None = None

    @property
    def size(self) -> int:
        """Rows, the dead included."""
        return len(self.numbers)

    @property
    def count(self) -> int:
        """Rows that are alive."""
        return self.size if self.alive is None else int(np.count_nonzero(self.alive))

    def gather(self, field: Field, ids: TermIds) -> Gathered:
        """The lists of these terms, the living rows of each."""
        found = self.lists[field].gather(ids)
        if self.alive is None or not len(found.rows):
            return found
        kept = self.alive[found.rows]
        terms = np.repeat(np.arange(len(ids)), found.counts)
        return Gathered(
            found.rows[kept], found.frequencies[kept], np.bincount(terms[kept], minlength=len(ids))
        )

    def document_frequencies(self, field: Field, ids: TermIds) -> Counts:
        """In how many living rows each of these terms stands."""
        return self.lists[field].count(ids) if self.alive is None else self.gather(field, ids).counts

    def lengths(self, field: Field) -> npt.NDArray[np.uint32]:
        """Tokens of each row."""
        return self.lists[field].lengths

    def total_length(self, field: Field) -> int:
        """Tokens of all living rows."""
        lengths = self.lists[field].lengths
        return int(lengths.sum(where=True if self.alive is None else self.alive, dtype=np.int64))

    def of_documents(self, document_ids: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Which rows belong to these documents."""
        wanted = np.fromiter((name in document_ids for name in self.document_names), dtype=bool)
        return wanted[self.documents]

    def without(self, numbers: Counts) -> "Segment":
        """The segment with those of these rows dead that are in it; itself where none is."""
        at = np.searchsorted(self.numbers, numbers)
        at = at[at < self.size]
        at = at[np.isin(self.numbers[at], numbers)]
        if not at.size:
            return self
        alive = np.ones(self.size, dtype=bool) if self.alive is None else self.alive.copy()
        alive[at] = False
        return replace(self, alive=alive)

    def only_living(self) -> "Segment":
        """The segment without its dead rows."""
        if self.alive is None:
            return self
        names, documents = np.unique(self.documents[self.alive], return_inverse=True)
        return Segment(
            self.numbers[self.alive],
            [self.chunk_ids[row] for row in np.flatnonzero(self.alive).tolist()],
            documents.astype(np.uint32),
            tuple(self.document_names[name] for name in names.tolist()),
            {field: lists.only(self.alive) for field, lists in self.lists.items()},
        )


def segments_of(rows: Iterable[StoredRow], most: int = SEGMENT_ROWS) -> Iterator[Segment]:
    """Rows in the order of their numbers as segments of up to ``most``. Raises ``RetrievalError``."""
    building = _Building()
    batch: list[StoredRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE or len(building.numbers) + len(batch) == most:
            building.add(batch)
            batch = []
        if len(building.numbers) == most:
            yield building.segment()
            building = _Building()
    if batch:
        building.add(batch)
    if building.numbers:
        yield building.segment()


def merged(segments: Sequence[Segment]) -> Segment:
    """Neighbouring segments as one, without their dead rows."""
    living = [segment.only_living() for segment in segments]
    if len(living) == 1:
        return living[0]
    places: dict[str, int] = {}
    documents = [
        np.array([places.setdefault(name, len(places)) for name in each.document_names], dtype=np.uint32)[
            each.documents
        ]
        for each in living
    ]
    return Segment(
        np.concatenate([each.numbers for each in living]),
        list(chain.from_iterable(each.chunk_ids for each in living)),
        np.concatenate(documents),
        tuple(places),
        {field: joined([each.lists[field] for each in living]) for field in FIELDS},
    )


class _Building:
    """Gathers rows until there are enough for a segment."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._chunk_ids: list[str] = []
        self._places: dict[str, int] = {}
        self._documents: list[int] = []
        self._packed: Packed = np.empty(1 << 16, dtype="<u8")  # one large block, which goes back at once
        self._entries = 0
        self._lengths: list[npt.NDArray[np.int64]] = []

    def add(self, rows: Sequence[StoredRow]) -> None:
        try:
            found = unpack([row.terms for row in rows])
        except RowDamaged as error:
            raise RetrievalError(
                f"the indexed words of chunk {rows[error.place].chunk_id} are damaged ({error}); "
                "run `touchstone doctor --repair`"
            ) from error
        places = (len(self.numbers) + np.arange(len(rows), dtype=np.uint64)) << np.uint64(16)
        sizes = found.sizes.ravel()
        packed = self._more(len(found.ids))
        packed[:] = found.ids
        packed <<= np.uint64(32)
        packed |= np.repeat((places[:, None] | _MARKS).ravel(), sizes)
        packed += found.counts * np.repeat(np.tile(_UNITS, len(rows)), sizes)  # 255 * 2 at most
        tokens = np.concatenate([np.zeros(1, np.int64), np.cumsum(found.counts, dtype=np.int64)])
        ends = np.cumsum(sizes)
        self._lengths.append((tokens[ends] - tokens[ends - sizes]).reshape(found.sizes.shape))
        for row in rows:
            self.numbers.append(row.number)
            self._chunk_ids.append(row.chunk_id)
            self._documents.append(self._places.setdefault(row.document_id, len(self._places)))

    def segment(self) -> Segment:
        packed = self._packed[: self._entries]
        packed.sort()  # plain integers: some 0.01 s a million with AVX-512, 0.08 s without
        border = int(np.searchsorted(packed, np.uint64(_MARK << 32)))
        packed[border:] ^= np.uint64(_MARK << 32)
        lengths = np.concatenate(self._lengths)
        words = [_field(name) == "words" for name in COLUMNS]
        return Segment(
            np.array(self.numbers, dtype=np.int64),
            self._chunk_ids,
            np.array(self._documents, dtype=np.uint32),
            tuple(self._places),
            {
                "words": PostingLists.of(packed[:border], lengths[:, words].sum(axis=1).astype(np.uint32)),
                "soft": PostingLists.of(packed[border:], lengths[:, -1].astype(np.uint32)),
            },
        )

    def _more(self, entries: int) -> Packed:
        """Room for so many more entries."""
        self._entries += entries
        if self._entries > len(self._packed):
            larger = np.empty(max(self._entries, 2 * len(self._packed)), dtype="<u8")
            larger[: self._entries - entries] = self._packed[: self._entries - entries]
            self._packed = larger
        return self._packed[self._entries - entries : self._entries]
