from ingest.lines import Page, Rule, Word, join, to_lines
from ingest.words import WordBuilder


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


def test_aligned_wide_gaps_on_neighbouring_lines_make_table_rows() -> None:
    words = (
        _word("型号", 50, 100), _word("质保", 150, 100), _word("KB-102", 50, 120), _word("3年", 150, 120),
    )
    lines = to_lines(Page(1, 600, 800, words))
    assert [(line.text, line.kind) for line in lines] == [("型号 | 质保", "row"), ("KB-102 | 3年", "row")]


def test_single_wide_gap_is_a_space() -> None:
    assert _texts(_word("第一章", 50, 100), _word("总则", 100, 100)) == ["第一章 总则"]


def test_ruled_table_gives_one_row_with_wrapped_and_empty_cells() -> None:
    vertical = tuple(Rule(x, 90, 170) for x in (40, 140, 240, 340))
    horizontal = tuple(Rule(y, 40, 340) for y in (90, 130, 170))
    words = (
        _word("KB-102", 50, 95), _word("5599", 250, 95), _word("元", 250, 110),
        _word("KB-103", 50, 135), _word("4年", 150, 135), _word("5899元", 250, 135),
    )
    texts = _texts(*words, vertical=vertical, horizontal=horizontal)
    assert texts == ["KB-102 | | 5599元", "KB-103 | 4年 | 5899元"]


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



def test_word_ends_where_the_next_character_stands_elsewhere() -> None:
    builder = WordBuilder()
    for character, left, top in (("a", 50, 100), ("b", 55, 100), ("c", 50, 120)):
        builder.add(character, (left, top, left + 5, top + 13), 10)
    assert [word.text for word in builder.finish()] == ["ab", "c"]


def test_vertical_writing_is_one_word() -> None:
    builder = WordBuilder()
    for index, character in enumerate("日本語"):
        builder.add(character, (50, 100 + 10 * index, 60, 110 + 10 * index), 10)
    (word,) = builder.finish()
    assert (word.text, word.turned) == ("日本語", True)


def test_soft_hyphen_marks_its_word_as_broken() -> None:
    builder = WordBuilder()
    builder.add("a", (50, 100, 55, 113), 10)
    builder.hyphen()
    builder.add("b", (50, 114, 55, 127), 10)
    assert [(word.text, word.broken) for word in builder.finish()] == [("a", True), ("b", False)]
