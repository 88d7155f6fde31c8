import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.term_rows import COLUMNS, RowDamaged, Unpacked, holds, pack, unpack, unpack_readable, word_ids

Columns = list[dict[int, int]]
COLUMN = st.dictionaries(
    st.integers(0, 2**18) | st.sampled_from([0, 1, 65_534, 65_535, 65_536, 131_070, 2**32 - 1]),
    st.sampled_from([1, 2, 254, 255, 256, 510, 511, 70_000]),
    max_size=4,
)
ROW = st.tuples(*[COLUMN] * len(COLUMNS)).map(list)


def read(found: Unpacked) -> list[Columns]:
    rows: list[Columns] = []
    at = 0
    for sizes in found.sizes.tolist():
        rows.append([])
        for size in sizes:
            column: Counter[int] = Counter()
            for place in range(at, at + size):
                column[int(found.ids[place])] += int(found.counts[place])
            rows[-1].append(dict(column))
            at += size
    return rows


@given(st.lists(ROW, max_size=3))
def test_what_is_packed_is_unpacked(rows: list[Columns]) -> None:
    found = unpack([pack(row) for row in rows])
    assert read(found) == [[dict(column) for column in row] for row in rows]
    assert (found.counts > 0).all()


@given(ROW, ROW)
def test_row_holds_its_own_columns_and_no_others(row: Columns, other: Columns) -> None:
    assert holds(pack(row), row)
    assert holds(pack(row), other) == (row == other)


@given(st.lists(ROW, max_size=3))
def test_words_are_every_column_but_the_last(rows: list[Columns]) -> None:
    places, ids = word_ids(unpack([pack(row) for row in rows]))
    wanted = [(at, each) for at, row in enumerate(rows) for each in sorted(set().union(*row[:-1]))]
    assert list(zip(places.tolist(), ids.tolist(), strict=True)) == wanted


def test_row_of_a_usual_chunk_is_small() -> None:
    columns = [{i * 37 + 1: 1 + i % 2 for i in range(size)} for size in (105, 19, 12, 65, 0)]
    assert len(pack(columns)) < 400


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"", "incomplete or truncated stream"),
        (b"no zlib", "incorrect header check"),
        (zlib.compress(b"short"), "5 bytes are no whole number of entries"),
        (zlib.compress(b"\2" + bytes(22)), "it has another number of entries than it says"),
    ],
)
def test_damaged_row_is_named_with_its_place(damaged: bytes, reason: str) -> None:
    sound = pack([{7: 1}, {}, {}, {}, {}])
    with pytest.raises(RowDamaged, match=reason) as caught:
        unpack([sound, damaged, sound])
    assert caught.value.place == 1


def test_rows_that_can_be_read_are_read_beside_damaged_ones() -> None:
    rows = [pack([{number: 1}, {}, {}, {}, {}]) for number in range(4)]
    found, damaged = unpack_readable([b"", rows[1], rows[2][:-1], rows[3]])
    assert (read(found), damaged) == ([[{1: 1}, {}, {}, {}, {}], [{3: 1}, {}, {}, {}, {}]], [0, 2])
    assert unpack_readable([b""])[1] == [0]


@given(st.data())
def test_flipped_bit_is_never_taken_for_terms(data: st.DataObject) -> None:
    row = bytearray(pack([{i * 11: 1 for i in range(30)}, {3: 2}, {}, {5: 1}, {}]))
    at = data.draw(st.integers(0, len(row) - 1))
    row[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = unpack([bytes(row)])
    except RowDamaged:
        return
    assert read(found) == [[{i * 11: 1 for i in range(30)}, {3: 2}, {}, {5: 1}, {}]]
