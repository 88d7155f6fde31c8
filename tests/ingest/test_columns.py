"""Lines found in no order are put into the order in which people read them."""

from itertools import chain

from ingest.columns import in_reading_order
from ingest.words import Word


def _line(text: str, left: float, top: float, width: float) -> Word:
    return Word(text, left, top, left + width, top + 12, 10)


TITLE = _line("A title across both columns of the page", 50, 40, 500)
LEFT = [_line(f"left column, line {i:02d}", 50, 80 + 15 * i, 230) for i in range(8)]
RIGHT = [_line(f"right column, line {i:02d}", 320, 86 + 15 * i, 230) for i in range(8)]
FOOT = _line("and a line below both of them, to the end", 50, 230, 480)


def _shuffled(words: list[Word]) -> list[Word]:
    """Every third word, then every third after the first, then the rest."""
    return list(chain.from_iterable(words[start::3] for start in (2, 0, 1)))


def test_columns_of_text_are_read_one_after_the_other() -> None:
    words = [TITLE, *LEFT, *RIGHT, FOOT]
    assert in_reading_order(_shuffled(words)) == words


def test_cells_of_a_table_stay_in_their_rows() -> None:
    rows = [[_line(f"r{i}c{j}", 50 + 120 * j, 80 + 15 * i, 25) for j in range(4)] for i in range(10)]
    words = [word for row in rows for word in row]
    assert in_reading_order(_shuffled(words)) == words


def test_lines_of_one_cell_stay_together_beside_a_cell_of_one_line() -> None:
    label = _line("KB-2", 50, 92, 30)
    first, second = _line("first line of a cell", 100, 86, 80), _line("its end", 98, 98, 40)
    assert in_reading_order([second, label, first]) == [label, first, second]


def test_nothing_stays_nothing() -> None:
    assert in_reading_order([]) == []
