"""A snapshot of segments says what a plain dictionary would say, however it was cut, changed and merged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import RetrievalError
from retrieval.posting_lists import MOST
from retrieval.postings import INLINE_ROWS, RATIO, Postings
from retrieval.segments import FIELDS, StoredRow, merged, segments_of
from retrieval.term_rows import COLUMNS, pack

Row = tuple[dict[int, int], ...]
TERMS = 12
COLUMN = st.dictionaries(st.integers(1, TERMS - 1), st.sampled_from([1, 2, 3, 300]), max_size=4)
ROW = st.tuples(*[COLUMN] * len(COLUMNS))


@dataclass
class Model:
    """Rows by number, the simplest way."""

    rows: dict[int, Row] = field(default_factory=dict)

    def postings(self, name: str, term: int) -> dict[str, float]:
        weights = np.array([1, 1, 0.5, 0.5, 0] if name == "words" else [0, 0, 0, 0, 1])
        found = {
            f"c{number}": float(weights @ [column.get(term, 0) for column in row])
            for number, row in self.rows.items()
        }
        return {chunk_id: frequency for chunk_id, frequency in found.items() if frequency}

    def lengths(self, name: str) -> dict[str, int]:
        part = slice(0, 4) if name == "words" else slice(4, 5)
        return {f"c{n}": sum(sum(column.values()) for column in row[part]) for n, row in self.rows.items()}


def stored(rows: Mapping[int, Row]) -> list[StoredRow]:
    return [StoredRow(n, f"c{n}", f"d{n % 3}", pack(row)) for n, row in sorted(rows.items())]


def agree(postings: Postings, model: Model) -> None:
    assert postings.count == len(model.rows)
    for name in FIELDS:
        for term in range(TERMS):
            rows, frequencies = postings.postings(name, term)
            assert (np.diff(rows.astype(int)) > 0).all()
            found = dict(zip(map(postings.chunk_id, rows.tolist()), frequencies.tolist(), strict=True))
            assert found == model.postings(name, term)
        ids = np.arange(TERMS, dtype=np.uint32)
        assert postings.df(name, ids).tolist() == [len(model.postings(name, term)) for term in range(TERMS)]
        lengths = model.lengths(name)
        assert postings.total_length(name) == sum(lengths.values())
        assert len(postings.lengths(name)) == postings.size
        for row in range(postings.size):
            if postings.chunk_id(row) in lengths:
                assert postings.lengths(name)[row] == lengths[postings.chunk_id(row)]
    of_first = postings.of_documents(frozenset({"d1"}))
    assert of_first.tolist() == [postings.document_id(row) == "d1" for row in range(postings.size)]


CHANGE = st.tuples(st.lists(ROW, max_size=4), st.sets(st.integers(1, 20)), st.booleans())


@given(st.lists(CHANGE, max_size=6), st.integers(1, 8))
def test_any_changes_and_merges_give_what_a_dictionary_gives(
    changes: list[tuple[list[Row], set[int], bool]], most: int
) -> None:
    postings, model, number = Postings(), Model(), 0
    for added, removed, tidy in changes:
        new = {number + i: row for i, row in enumerate(added, 1)}
        number += len(added)
        before, known = postings, dict(model.rows)
        gone = np.array(sorted(removed), dtype=np.int64)
        postings = postings.changed(gone, segments_of(stored(new), most))
        model.rows = {n: row for n, row in model.rows.items() if n not in removed} | new
        agree(before, Model(known))  # nobody who still reads the old one is disturbed
        if tidy:
            postings = postings.tidied(most)
            assert all(segment.size <= most for segment in postings.segments)
        agree(postings, model)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_few_segments_are_left_after_many_small_changes(sizes: list[int]) -> None:
    postings, number = Postings(), 0
    for size in sizes:
        rows: dict[int, Row] = {number + i: ({1: 1}, {}, {}, {}, {}) for i in range(1, size + 1)}
        number += size
        postings = postings.changed(np.zeros(0, np.int64), segments_of(stored(rows))).tidied(INLINE_ROWS)
        counts = [segment.count for segment in postings.segments]
        assert all(a > RATIO * b for a, b in pairwise(counts))
    assert postings.count == number


def test_mostly_dead_segment_is_written_anew_without_the_dead() -> None:
    postings = Postings(tuple(segments_of(stored({n: ({n: 1}, {}, {}, {}, {n: 1}) for n in range(1, 9)}))))
    few = postings.changed(np.array([1, 2]), [])
    assert (few.size, few.count, few.tidied().size) == (8, 6, 8)
    many = few.changed(np.array([3]), [])
    assert (many.size, many.count, many.tidied().size) == (8, 5, 5)
    assert many.tidied(4).size == 8, "no more rows than allowed are copied"
    assert postings.changed(np.arange(1, 9), []).segments == ()


def test_merge_is_dropped_where_its_segments_have_changed_meanwhile() -> None:
    segments = [*segments_of(stored({n: ({n: 1}, {}, {}, {}, {}) for n in range(1, 9)}), 2)]
    postings = Postings(tuple(segments))
    two = postings.segments[1:3]
    whole = merged(two)
    behind = postings.changed(np.array([1, 2, 8]), []).with_merged(two, whole)
    assert behind is not None
    assert [segment.count for segment in behind.segments] == [4, 1]
    assert postings.changed(np.array([3]), []).with_merged(two, whole) is None
    assert postings.changed(np.array([3, 4]), []).with_merged(two, whole) is None


def test_frequency_beyond_two_bytes_stays_at_the_most() -> None:
    (segment,) = segments_of(stored({1: ({4: 70_000}, {}, {}, {}, {4: 70_000})}))
    postings = Postings((segment,))
    assert postings.postings("words", 4)[1].tolist() == [MOST / 2]
    assert postings.postings("soft", 4)[1].tolist() == [MOST]
    assert postings.lengths("words").tolist() == [70_000]


def test_large_ids_of_both_fields_do_not_meet() -> None:
    (segment,) = segments_of(stored({1: ({2**31 - 1: 1}, {}, {}, {}, {65_535: 1, 0: 2})}))
    assert segment.lists["words"].terms.tolist() == [2**31 - 1]
    assert segment.lists["soft"].terms.tolist() == [0, 65_535]


def test_damaged_row_is_named_with_the_remedy() -> None:
    rows = [*stored({1: ({1: 1}, {}, {}, {}, {})}), StoredRow(2, "handbook:1:7", "d", b"rubbish")]
    told = r"words of chunk handbook:1:7 are damaged .*run `touchstone doctor"
    with pytest.raises(RetrievalError, match=told):
        list(segments_of(rows))


def test_nothing_is_kept_of_what_was_read_to_build_a_segment() -> None:
    (segment,) = segments_of(stored({n: ({n: 1}, {}, {}, {}, {}) for n in range(1, 400)}))
    for lists in segment.lists.values():
        for array in (lists.terms, lists.starts, lists.rows, lists.frequencies, lists.lengths):
            assert array.base is None or array.base.nbytes <= 2 * array.nbytes

