from ingest.headings import Heading, Headings, from_outline, from_sizes
from ingest.lines import Line
from ingest.paragraphs import Layout, PageLines, lay_out

FULL = 20  # characters of a full line


def _line(
    text: str, top: float, *, left: float = 50, size: float = 10, page: int = 1, broken: bool = False
) -> Line:
    width = sum(size if character > "\u2000" else size / 2 for character in text)
    return Line(page, text, left, top, left + width, top + 1.3 * size, size, broken=broken)


def _laid(*lines: Line, headings: Headings | None = None) -> Layout:
    numbers = range(1, max(line.page for line in lines) + 1)
    pages = [PageLines(n, 600, 800, tuple(line for line in lines if line.page == n)) for n in numbers]
    return lay_out(pages, headings or Headings({}))


def _shown(layout: Layout) -> list[str]:
    return [layout.text[block.start : block.end] for block in layout.blocks]


def test_sentence_that_runs_over_line_ends_is_joined() -> None:
    layout = _laid(_line("字" * FULL, 100), _line("续" * FULL, 115), _line("完。", 130))
    assert _shown(layout) == ["字" * FULL + "续" * FULL + "完。"]


def test_latin_lines_are_joined_with_a_space() -> None:
    first, second = "generates machine code on the fly that", "is specialized for the types seen"
    layout = _laid(_line(first, 100), _line(second, 112))
    assert layout.text == "generates machine code on the fly that is specialized for the types seen"


def test_word_broken_at_the_line_end_is_mended() -> None:
    layout = _laid(_line("more difficult to com", 100, broken=True), _line("pile than others are now", 112))
    assert _shown(layout) == ["more difficult to compile than others are now"]


def test_hyphen_that_the_document_writes_elsewhere_is_kept() -> None:
    lines = (_line("a mixed", 100, broken=True), _line("mode engine", 112), _line("It is mixed-mode.", 300))
    assert _shown(_laid(*lines)) == ["a mixed-mode engine", "It is mixed-mode."]


def test_big_gap_starts_a_paragraph() -> None:
    lines = [_line("字" * FULL, 100 + 15 * i) for i in range(3)] + [_line("新" * FULL, 170)]
    assert len(_shown(_laid(*lines))) == 2


def test_indentation_starts_a_paragraph() -> None:
    layout = _laid(_line("字" * FULL, 100), _line("新" * (FULL - 2), 115, left=70), _line("行" * FULL, 130))
    assert _shown(layout) == ["字" * FULL, "新" * (FULL - 2) + "行" * FULL]


def test_short_last_line_ends_a_paragraph() -> None:
    layout = _laid(_line("字" * FULL, 100), _line("完。", 115), _line("新" * FULL, 130))
    assert _shown(layout) == ["字" * FULL + "完。", "新" * FULL]


def test_list_items_keep_lines_of_their_own_with_their_continuations() -> None:
    layout = _laid(
        _line("1、" + "甲" * 18, 100), _line("乙" * 5, 115), _line("2、丙丁", 130), _line("• Latin item", 145)
    )
    (block,) = layout.blocks
    assert block.kind == "list"
    assert layout.text == "1、" + "甲" * 18 + "乙" * 5 + "\n2、丙丁\n• Latin item"


def test_decimal_at_the_start_of_a_line_is_no_list_marker() -> None:
    layout = _laid(_line("字" * FULL, 100), _line("12.75亿欧元" + "收" * 14, 115))
    assert len(layout.blocks) == 1


def test_dotted_contents_keep_their_lines() -> None:
    layout = _laid(_line("第一节 ………………………… 1", 100), _line("第二节 ………………………… 8", 115))
    assert layout.text == "第一节 ………………………… 1\n第二节 ………………………… 8"


def test_paragraph_goes_on_in_the_next_column() -> None:
    left = [_line("字" * FULL, 700 + 15 * i) for i in range(2)]
    right = [_line("右" * FULL, 100 + 15 * i, left=320) for i in range(2)]
    assert _shown(_laid(*left, *right)) == ["字" * FULL * 2 + "右" * FULL * 2]


def test_paragraph_goes_on_over_the_page_and_each_page_knows_its_part() -> None:
    first = [_line("字" * FULL, 700 + 15 * i) for i in range(2)]
    second = [_line("续" * FULL, 100 + 15 * i, page=2) for i in range(2)]
    layout = _laid(*first, *second)
    assert len(layout.blocks) == 1
    assert [(page.page, page.start, page.end) for page in layout.pages] == [(1, 0, 40), (2, 40, 80)]


def test_finished_sentence_does_not_run_into_the_next_page() -> None:
    first = [_line("字" * FULL, 700), _line("字" * (FULL - 1) + "。", 715)]
    second = [_line("新" * FULL, 100 + 15 * i, page=2) for i in range(2)]
    assert len(_shown(_laid(*first, *second))) == 2


def test_every_line_has_a_box_at_its_offsets() -> None:
    layout = _laid(_line("字" * FULL, 80), _line("续" * 5, 95))
    first, second = layout.lines
    assert (first.start, first.end, second.start, second.end) == (0, 20, 20, 25)
    assert (first.box.left, first.box.top, first.box.right) == (0.0833, 0.1, 0.4167)


def test_page_without_text_has_an_empty_span() -> None:
    layout = _laid(_line("甲", 100), _line("乙", 100, page=3))
    assert [(page.page, page.end - page.start) for page in layout.pages] == [(1, 1), (2, 0), (3, 1)]


def test_larger_lines_are_headings_by_rank_of_size() -> None:
    lines = [_line("总则", 100, size=20), _line("目的", 140, size=14)]
    lines += [_line("字" * 40, 180 + 15 * i) for i in range(3)]
    layout = _laid(*lines, headings=from_sizes([lines]))
    found = [(block.level, block.title) for block in layout.blocks if block.kind == "heading"]
    assert found == [(1, "总则"), (2, "目的")]


def test_large_sentences_are_not_headings() -> None:
    lines = [_line("这一句写得很大。", 100, size=20), *(_line("字" * 40, 180 + 15 * i) for i in range(3))]
    assert from_sizes([lines]).of_line == {}


def test_outline_entry_is_found_on_its_page_behind_its_number_and_over_two_lines() -> None:
    page = [_line("3.1 Trace-based just", 100), _line("in time", 112), _line("body text", 140)]
    found = from_outline([page], [Heading(2, "Trace-Based Just in Time", 1)])
    assert [line.text for line in page if id(line) in found.of_line] == ["3.1 Trace-based just", "in time"]
    assert found.unplaced == ()


def test_outline_title_regains_the_space_it_lost_at_a_line_break() -> None:
    page = [_line("Meeting-Room Device", 100), _line("Parameters", 112)]
    found = from_outline([page], [Heading(1, "Meeting-Room DeviceParameters", 1)])
    assert {heading.title for heading in found.of_line.values()} == {"Meeting-Room Device Parameters"}


def test_line_before_a_heading_is_not_taken_into_it() -> None:
    page = [_line("其他 350", 100), _line("第二章 流程", 130), _line("关于流程", 160)]
    found = from_outline([page], [Heading(1, "流程", 1)])
    assert [line.text for line in page if id(line) in found.of_line] == ["第二章 流程"]


def test_outline_entry_on_no_line_becomes_a_heading_without_text() -> None:
    line = _line("body text", 140)
    headings = from_outline([[line]], [Heading(1, "Chapter", 1)])
    layout = _laid(line, headings=headings)
    assert [(b.kind, b.start, b.end, b.title) for b in layout.blocks] == [
        ("heading", 0, 0, "Chapter"), ("paragraph", 0, 9, ""),
    ]


def test_sentence_set_larger_than_the_tables_around_it_is_no_heading() -> None:
    first, second = "路段的交通量与编制条件不同时，其用地指标按表中", "的系数进行调整。"
    lines = [_line(first, 100, size=12), _line(second, 118, size=12)]
    lines += [_line("表" * 40, 160 + 15 * i, size=9) for i in range(6)]
    assert from_sizes([lines]).of_line == {}
