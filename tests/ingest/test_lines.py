from ingest.lines import join, to_lines
from ingest.page import Page, Rule
from ingest.words import OBLIQUE, Word


def _word(text: str, left: float, top: float, *, size: float = 10, spaced: bool = True) -> Word:
    """A word as wide as its characters: one em each for Chinese, half an em else."""
    width = sum(size if character > "\u2000" else size / 2 for character in text)
    return Word(text, left, top, left + width, top + 1.3 * size, size, spaced)


def _texts(*words: Word, vertical: tuple[Rule, ...] = (), horizontal: tuple[Rule, ...] = ()) -> list[str]:
    return [line.text for line in to_lines(Page(1, 600, 800, words, vertical, horizontal))]


def test_words_beside_each_other_are_one_line_with_the_spaces_of_the_page() -> None:
    words = (_word("Hello", 50, 100), _word("world", 80, 100), _word("next", 50, 114))
    assert _texts(*words) == ["Hello world", "next"]


def test_superscript_stays_on_its_line() -> None:
    words = (_word("x", 50, 100), _word("2", 56, 97, size=6, spaced=False), _word("holds", 62, 100))
    assert _texts(*words) == ["x2 holds"]


def test_second_column_starts_a_new_line() -> None:
    assert _texts(_word("左栏", 50, 400), _word("右栏", 320, 100)) == ["左栏", "右栏"]


def test_single_wide_gap_is_a_space() -> None:
    assert _texts(_word("第一章", 50, 100), _word("总则", 100, 100)) == ["第一章 总则"]


def test_bar_beside_a_heading_between_two_rules_makes_no_table() -> None:
    words = (_word("标题", 70, 75), _word("正文第一行", 57, 120), _word("正文第二行", 57, 140))
    bar = (Rule(57, 68, 100), Rule(61.5, 68, 100))
    rules = (Rule(57, 57, 540), Rule(250, 57, 540))
    assert _texts(*words, vertical=bar, horizontal=rules) == ["标题", "正文第一行", "正文第二行"]


def test_box_of_a_line_holds_all_its_words() -> None:
    (line,) = to_lines(Page(1, 600, 800, (_word("ab", 50, 100), _word("cd", 70, 101))))
    assert (line.left, line.top, line.right, line.bottom) == (50, 100, 80, 114)


def test_lines_join_without_a_space_beside_han_and_with_one_between_words() -> None:
    assert join("首次出现于1985", "年，由于") == "首次出现于1985年，由于"
    assert join("more difficult to", "compile") == "more difficult to compile"
    assert join("run-", "time") == "run-time"
    assert join("com", "pile", broken=True) == "compile"


def test_words_far_apart_on_one_line_are_lines_of_their_own() -> None:
    assert _texts(_word("甲方：", 50, 100), _word("乙方：", 300, 100)) == ["甲方：", "乙方："]


def test_justified_line_stays_one_line_however_wide_its_spaces_are() -> None:
    wide = [_word("[4]", 50, 112), _word("Monkey", 105, 112), _word("Engine", 175, 112)]
    full = [_word("Trace-based-just-in-time-type-specialization"[:31], 50, 100)]
    assert wide[-1].right == full[-1].right == 205
    assert _texts(*full, *wide)[1] == "[4] Monkey Engine"


def test_text_turned_another_way_follows_the_main_text() -> None:
    side = _word("arXiv", 100, 20)._replace(turned=270)
    lines = to_lines(Page(1, 600, 800, (side, _word("main", 50, 100), _word("text", 80, 100))))
    assert [(line.text, line.turned) for line in lines] == [("main text", 0), ("arXiv", 270)]


def test_oblique_words_are_one_line_at_the_end() -> None:
    mark = [
        _word(text, 100 + 60 * i, 300 - 60 * i, size=40)._replace(turned=OBLIQUE)
        for i, text in enumerate("机密")
    ]
    assert _texts(mark[0], mark[1], _word("body", 50, 100)) == ["body", "机 密"]


def test_columns_of_vertical_writing_go_from_right_to_left() -> None:
    left = Word("第二列", 60, 115, 160, 126, 10, turned=90, upright=True)
    right = Word("第一列", 60, 100, 160, 111, 10, turned=90, upright=True)
    assert _texts(left, right) == ["第一列", "第二列"]


def test_words_of_annotations_stand_at_their_place_on_the_line() -> None:
    words = (_word("Name:", 50, 100), _word("Date:", 200, 100), _word("below", 50, 130))
    page = Page(1, 600, 800, words, notes=(_word("Alice", 80, 101),))
    assert [line.text for line in to_lines(page)] == ["Name: Alice", "Date:", "below"]


def test_drawn_dots_below_each_other_are_bullets_and_a_single_one_is_not() -> None:
    words = (_word("first", 50, 100), _word("second", 50, 120))
    dots = ((40.0, 104.0, 44.0, 108.0), (40.0, 124.0, 44.0, 128.0))
    assert [line.text for line in to_lines(Page(1, 600, 800, words, dots=dots))] == ["• first", "• second"]
    assert [line.text for line in to_lines(Page(1, 600, 800, words, dots=dots[:1]))] == ["first", "second"]
