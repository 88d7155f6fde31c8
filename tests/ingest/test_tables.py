"""Ruled and unruled tables, as pure geometry."""

import pytest

from ingest.lines import Line, to_lines
from ingest.page import Page, Rule
from ingest.words import Word


def _word(text: str, left: float, top: float, *, size: float = 10, spaced: bool = True) -> Word:
    """A word as wide as its characters: one em each for Chinese, half an em else."""
    width = sum(size if character > "\u2000" else size / 2 for character in text)
    return Word(text, left, top, left + width, top + 1.3 * size, size, spaced)


def _grid(xs: list[float], ys: list[float]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Every line of a grid, vertical ones first."""
    return (
        tuple(Rule(x, min(ys), max(ys)) for x in xs),
        tuple(Rule(y, min(xs), max(xs)) for y in ys),
    )


def _lines(*words: Word, rules: tuple[tuple[Rule, ...], tuple[Rule, ...]] = ((), ())) -> list[Line]:
    return to_lines(Page(1, 600, 800, words, *rules))


def _rows(*words: Word, rules: tuple[tuple[Rule, ...], tuple[Rule, ...]] = ((), ())) -> list[str]:
    lines = _lines(*words, rules=rules)
    assert {line.kind for line in lines} == {"row"}
    return [line.text for line in lines]


def test_ruled_table_gives_one_row_with_wrapped_and_empty_cells() -> None:
    words = (
        _word("KB-102", 50, 95),
        _word("5599", 250, 95),
        _word("元", 250, 110),
        _word("KB-103", 50, 135),
        _word("4年", 150, 135),
        _word("5899元", 250, 135),
    )
    rules = _grid([40, 140, 240, 340], [90, 130, 170])
    assert _rows(*words, rules=rules) == ["KB-102 |  | 5599元", "KB-103 | 4年 | 5899元"]


def test_cells_of_a_ruled_table_are_found_whatever_the_order_of_its_words() -> None:
    words = (
        _word("a", 50, 95),
        _word("c", 50, 135),
        _word("b", 150, 95),
        _word("d", 150, 135),
    )
    assert _rows(*words, rules=_grid([40, 140, 240], [90, 130, 170])) == ["a | b", "c | d"]


def test_label_that_reaches_down_is_repeated_and_boxed_where_it_stands() -> None:
    vertical = (Rule(40, 90, 170), Rule(140, 90, 170), Rule(240, 90, 170))
    horizontal = (Rule(90, 40, 240), Rule(130, 140, 240), Rule(170, 40, 240))  # none below the label
    words = (_word("KB-3", 50, 110), _word("电源", 150, 95), _word("网线", 150, 135))
    first, second = _lines(*words, rules=(vertical, horizontal))
    assert (first.text, second.text) == ("KB-3 | 电源", "KB-3 | 网线")
    assert first.parts == ()
    label, rest = second.parts
    assert (second.text[label.start : label.end], label.rect) == ("KB-3", (50, 110, 70, 123))
    assert (second.text[rest.start : rest.end], rest.rect) == ("网线", (150, 135, 170, 148))


def test_long_cell_that_reaches_down_is_not_repeated() -> None:
    vertical = (Rule(40, 90, 170), Rule(340, 90, 170), Rule(440, 90, 170))
    horizontal = (Rule(90, 40, 440), Rule(130, 340, 440), Rule(170, 40, 440))
    words = (_word("x" * 50, 50, 110), _word("a", 350, 95), _word("b", 350, 135))
    assert _rows(*words, rules=(vertical, horizontal)) == [f"{'x' * 50} | a", "| b"]


def test_cell_across_columns_stands_in_the_first_of_them() -> None:
    vertical = (Rule(40, 90, 170), Rule(140, 130, 170), Rule(240, 90, 170), Rule(340, 90, 170))
    horizontal = (Rule(90, 40, 340), Rule(130, 40, 340), Rule(170, 40, 340))
    words = (
        _word("价格", 60, 95),
        _word("备注", 250, 95),
        _word("含税", 50, 135),
        _word("税前", 150, 135),
        _word("说明", 250, 135),
    )
    assert _rows(*words, rules=(vertical, horizontal)) == ["价格 |  | 备注", "含税 | 税前 | 说明"]


def test_lines_in_cells_without_rules_between_them_are_rows() -> None:
    words = [_word("Name", 50, 95), _word("Sum", 150, 95)]
    for i, (name, total) in enumerate([("Ann", "1,200"), ("Bob", "77"), ("Cleo", "5")]):
        words += [_word(name, 50, 135 + 15 * i), _word(total, 150, 135 + 15 * i)]
    assert _rows(*words, rules=_grid([40, 140, 240], [90, 130, 190])) == [
        "Name | Sum",
        "Ann | 1,200",
        "Bob | 77",
        "Cleo | 5",
    ]


def test_wrapped_cells_beside_each_other_stay_one_row() -> None:
    words = (
        _word("知识库一体机标", 50, 95),
        _word("准版", 50, 110),
        _word("含三年质保与上", 130, 95),
        _word("门安装", 130, 110),
    )
    rules = _grid([45, 125, 205], [90, 130])
    assert _rows(*words, rules=rules) == ["知识库一体机标准版 | 含三年质保与上门安装"]


def test_empty_columns_between_double_rules_are_no_columns() -> None:
    words = (_word("a", 50, 95), _word("b", 160, 95), _word("c", 50, 135), _word("d", 160, 135))
    assert _rows(*words, rules=_grid([40, 140, 148, 240], [90, 130, 170])) == ["a | b", "c | d"]


def test_two_tables_under_each_other_are_told_apart() -> None:
    words = (_word("a", 50, 95), _word("b", 150, 95), _word("c", 50, 215), _word("d", 150, 215))
    (v1, h1), (v2, h2) = _grid([40, 140, 240], [90, 130]), _grid([40, 140, 240], [210, 250])
    assert [line.table for line in _lines(*words, rules=((*v1, *v2), (*h1, *h2)))] == [1, 2]


def test_frame_of_a_page_is_no_table() -> None:
    words = tuple(_word(f"line {i}", left, 100 + 15 * i) for i in range(40) for left in (50, 320))
    assert {line.kind for line in _lines(*words[:1], rules=_grid([40, 300, 560], [80, 780]))} == {"text"}


def test_form_field_around_part_of_a_line_makes_no_table() -> None:
    words = (_word("Alice", 60, 95), _word("Last", 120, 95), _word("Name", 142, 95))
    vertical = (Rule(50, 90, 110), Rule(115, 90, 110), Rule(140, 110, 130), Rule(50, 110, 130))
    horizontal = (Rule(90, 50, 115), Rule(110, 50, 140), Rule(130, 50, 140))
    assert {line.kind for line in _lines(*words, rules=(vertical, horizontal))} == {"text"}


def test_aligned_wide_gaps_on_neighbouring_lines_make_table_rows() -> None:
    words = (
        _word("型号", 50, 100),
        _word("质保", 150, 100),
        _word("KB-102", 50, 120),
        _word("3年", 150, 120),
    )
    assert _rows(*words) == ["型号 | 质保", "KB-102 | 3年"]


def test_empty_cells_of_an_unruled_table_keep_their_columns() -> None:
    words = (
        _word("Region", 50, 100),
        _word("Q1", 150, 100),
        _word("Q2", 220, 100),
        _word("Note", 290, 100),
        _word("Europe", 50, 115),
        _word("980", 220, 115),
        _word("late", 290, 115),
        _word("Asia", 50, 130),
        _word("2,010", 150, 130),
        _word("2,400", 220, 130),
        _word("Africa", 50, 145),
        _word("77", 150, 145),
        _word("81", 220, 145),
        _word("flat", 290, 145),
    )
    assert _rows(*words) == [
        "Region | Q1 | Q2 | Note",
        "Europe |  | 980 | late",
        "Asia | 2,010 | 2,400",
        "Africa | 77 | 81 | flat",
    ]


def test_line_with_nothing_but_the_rest_of_a_cell_belongs_to_the_row_above() -> None:
    words = (
        _word("DH-1", 50, 100),
        _word("STAFF", 150, 100),
        _word("920", 300, 100),
        _word("AIRFARE", 150, 112),
        _word("DH-2", 50, 124),
        _word("STAFF", 150, 124),
        _word("907", 300, 124),
    )
    assert _rows(*words) == ["DH-1 | STAFF AIRFARE | 920", "DH-2 | STAFF | 907"]


def test_labels_of_narrow_columns_above_an_unruled_table_are_its_header() -> None:
    words = [_word("Loops", 148, 100), _word("Trees", 178, 100), _word("Aborts", 208, 100)]
    for i, name in enumerate(["3d-cube", "3d-morph", "crypto"]):
        words += [_word(name, 50, 112 + 12 * i)]
        words += [_word(f"{number}", left, 112 + 12 * i) for number, left in ((25, 158), (27, 188), (3, 226))]
    assert _rows(*words) == [
        "| Loops | Trees | Aborts",
        "3d-cube | 25 | 27 | 3",
        "3d-morph | 25 | 27 | 3",
        "crypto | 25 | 27 | 3",
    ]


def test_sentence_above_an_unruled_table_is_not_its_header() -> None:
    words = (
        _word("as", 50, 100),
        _word("shown", 65, 100),
        _word("in", 95, 100),
        _word("these", 110, 100),
        _word("lines", 140, 100),
        _word("of", 170, 100),
        _word("Europe", 50, 112),
        _word("980", 150, 112),
        _word("Asia", 50, 124),
        _word("77", 150, 124),
    )
    assert [(line.text, line.kind) for line in _lines(*words)] == [
        ("as shown in these lines of", "text"),
        ("Europe | 980", "row"),
        ("Asia | 77", "row"),
    ]


def test_heading_between_two_tables_without_rules_ends_the_first() -> None:
    words = (
        _word("north", 50, 100),
        _word("1", 150, 100),
        _word("south", 50, 112),
        _word("2", 150, 112),
        _word("Next", 50, 140),
        _word("east", 50, 155),
        _word("3", 150, 155),
        _word("west", 50, 167),
        _word("4", 150, 167),
    )
    assert [(line.text, line.kind) for line in _lines(*words)] == [
        ("north | 1", "row"),
        ("south | 2", "row"),
        ("Next", "text"),
        ("east | 3", "row"),
        ("west | 4", "row"),
    ]


def test_marks_far_from_their_items_make_no_table() -> None:
    words = tuple(
        word
        for i in range(3)
        for word in (_word("•", 50, 100 + 15 * i), _word(f"item {i}", 90, 100 + 15 * i))
    )
    assert [(line.text, line.kind) for line in _lines(*words)] == [
        ("• item 0", "text"),
        ("• item 1", "text"),
        ("• item 2", "text"),
    ]


@pytest.mark.parametrize("rows", [6, 20])
def test_text_set_in_two_columns_line_by_line_is_read_column_by_column(rows: int) -> None:
    words = [
        _word(f"{side}{i:02d}" + "文" * 16, left, 100 + 15 * i)
        for i in range(rows)
        for side, left in (("左", 50), ("右", 320))
    ]
    texts = [line.text[:3] for line in _lines(*words)]
    assert texts == [f"左{i:02d}" for i in range(rows)] + [f"右{i:02d}" for i in range(rows)]
