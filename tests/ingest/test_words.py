"""From runs of characters to words."""

from ingest.geometry import Rect
from ingest.words import OBLIQUE, Word, WordBuilder

PAGE = (600.0, 800.0)


def _box(left: float, top: float, width: float = 5, height: float = 13) -> Rect:
    return left, top, left + width, top + height


def _words(*steps: tuple[str, Rect] | str, size: float = 10, turned: int = 0) -> list[Word]:
    """The words of single characters with boxes, and of " " (a space) and "/" (a new line)."""
    builder = WordBuilder(*PAGE)
    for step in steps:
        if step == " ":
            builder.space()
        elif step == "?":
            builder.space(sure=False)
        elif step == "/":
            builder.line_end()
        elif step == "-":
            builder.hyphen()
        else:
            text, box = step[0], step[1]
            assert isinstance(box, tuple)
            builder.add(text, box, box, size, turned)
    return builder.finish()


def test_characters_beside_each_other_are_one_word() -> None:
    (word,) = _words(("a", _box(50, 100)), ("b", _box(55, 100)))
    assert (word.text, word.left, word.top, word.right, word.bottom) == ("ab", 50, 100, 60, 113)


def test_run_is_boxed_by_its_first_and_its_last_character() -> None:
    builder = WordBuilder(*PAGE)
    builder.add("word", _box(50, 100), _box(65, 100), 10)
    (word,) = builder.finish()
    assert (word.left, word.right) == (50, 70)


def test_space_ends_a_word_and_the_next_one_knows() -> None:
    words = _words(("a", _box(50, 100)), " ", ("b", _box(58, 100)), "/", ("c", _box(50, 115)))
    assert [(word.text, word.spaced) for word in words] == [("a", False), ("b", True), ("c", False)]


def test_word_ends_where_the_next_character_stands_elsewhere() -> None:
    words = _words(("a", _box(50, 100)), ("b", _box(55, 100)), ("c", _box(50, 120)))
    assert [word.text for word in words] == ["ab", "c"]


def test_soft_hyphen_marks_its_word_as_broken() -> None:
    words = _words(("a", _box(50, 100)), "-", ("b", _box(50, 114)))
    assert [(word.text, word.broken) for word in words] == [("a", True), ("b", False)]


def test_word_that_is_drawn_twice_is_one_word() -> None:
    words = _words(("a", _box(50, 100)), " ", ("a", _box(50.5, 100)), " ", ("a", _box(80, 100)))
    assert [(word.text, word.left) for word in words] == [("a", 50), ("a", 80)]


def test_arabic_goes_on_to_the_left() -> None:
    (word,) = _words(("س", _box(60, 100)), ("ل", _box(55, 100)), ("م", _box(50, 100)))
    assert (word.text, word.left, word.right) == ("سلم", 50, 65)


def test_characters_set_below_each_other_are_vertical_writing() -> None:
    (word,) = _words(*((each, _box(50, 100 + 10 * i, 10, 10)) for i, each in enumerate("日本語")))
    assert (word.text, word.turned, word.upright) == ("日本語", 90, True)
    assert (word.left, word.top, word.right, word.bottom) == (100, 540, 130, 550)  # in its frame


def test_characters_of_lines_below_each_other_are_no_vertical_writing() -> None:
    words = _words(*((each, _box(50, 100 + 15 * i, 10, 14)) for i, each in enumerate("甲乙丙")))
    assert [(word.text, word.turned) for word in words] == [("甲", 0), ("乙", 0), ("丙", 0)]


def test_figures_below_each_other_are_no_vertical_writing() -> None:
    words = _words(*(("0", _box(50, 100 + 10 * i, 5, 10)) for i in range(3)))
    assert [word.turned for word in words] == [0, 0, 0]


def test_turned_letters_that_touch_are_one_word_though_pdfium_reports_a_space() -> None:
    first, second = ("a", (50.0, 100.0, 60.0, 105.0)), ("b", (50.0, 105.0, 60.0, 110.0))
    (word,) = _words(first, "?", second, turned=90)
    assert (word.text, word.turned) == ("ab", 90)
    assert [word.text for word in _words(first, " ", second, turned=90)] == ["a", "b"]


def test_oblique_letters_close_to_each_other_are_one_word() -> None:
    (word,) = _words(("机", _box(100, 300, 20, 20)), ("密", _box(114, 286, 20, 20)), size=20, turned=OBLIQUE)
    assert (word.text, word.turned) == ("机密", OBLIQUE)
