from collections.abc import Callable
from dataclasses import replace

from ingest.lines import Line
from ingest.running import running_lines
from ingest.words import OBLIQUE


def _line(page: int, text: str, top: float) -> Line:
    return Line(page, text, 50, top, 300, top + 13, 10)


def _pages(count: int, header: Callable[[int], str], top: float = 30) -> list[tuple[float, list[Line]]]:
    return [
        (842.0, [_line(n, header(n), top)])
        for n in range(1, count + 1)
    ]


def _with_body(pages: list[tuple[float, list[Line]]]) -> list[tuple[float, list[Line]]]:
    return [
        (height, [*lines, _line(lines[0].page, f"第{lines[0].page}页的正文", 400)]) for height, lines in pages
    ]


def _removed(pages: list[tuple[float, list[Line]]]) -> list[str]:
    running = running_lines(pages)
    return [line.text for _, lines in pages for line in lines if id(line) in running]


def test_header_with_the_page_number_runs() -> None:
    pages = _with_body(_pages(3, lambda n: f"员工手册 · 第 {n} 页"))
    assert _removed(pages) == ["员工手册 · 第 1 页", "员工手册 · 第 2 页", "员工手册 · 第 3 页"]


def test_footer_without_a_number_runs() -> None:
    assert len(_removed(_with_body(_pages(4, lambda n: "版权所有", top=820)))) == 4


def test_two_pages_are_too_few() -> None:
    assert _removed(_with_body(_pages(2, lambda n: "员工手册"))) == []


def test_line_in_the_middle_of_the_page_stays() -> None:
    assert _removed(_with_body(_pages(5, lambda n: "重复的话", top=300))) == []


def test_numbers_that_do_not_count_pages_are_content() -> None:
    assert _removed(_with_body(_pages(5, lambda n: f"罚款 {[300, 50, 120, 80, 7][n - 1]} 元"))) == []


def test_identifiers_are_content() -> None:
    assert _removed(_with_body(_pages(5, lambda n: f"条目 KB-{n:04}"))) == []


def test_nothing_runs_where_no_other_text_would_be_left() -> None:
    assert _removed(_pages(5, lambda n: f"幻灯片 {n}")) == []


def test_header_of_a_chapter_runs_from_its_second_page_on() -> None:
    pages = _with_body(_pages(20, lambda n: "第一章 总则" if n <= 6 else f"标题{chr(0x4E00 + n)}"))
    assert _removed(pages) == ["第一章 总则"] * 5


def test_headers_of_left_and_right_pages_run() -> None:
    pages = _with_body(_pages(12, lambda n: f"{n} 员工手册" if n % 2 else f"第二章 {n}"))
    assert len(_removed(pages)) == 10  # all but the first of each


def test_chapter_line_below_other_text_stays() -> None:
    pages = _pages(20, lambda n: f"{'甲乙丙丁戊己庚辛壬癸'[n % 10]}组")
    for _, lines in pages[:6]:
        lines.append(_line(lines[0].page, "单位：万元", 50))
    assert _removed(_with_body(pages)) == []


def test_page_numbers_run_although_empty_pages_lie_between() -> None:
    pages = _with_body(_pages(10, lambda n: f"员工手册 {n}"))
    for empty in (3, 6):
        pages[empty] = (842.0, [])
    assert len(_removed(pages)) == 8


def test_watermark_at_the_same_place_of_all_pages_runs() -> None:
    pages = _with_body(_pages(3, lambda n: f"标题 {'甲乙丙'[n - 1]}"))
    mark = Line(0, "机密", 100, 300, 400, 600, 40, turned=OBLIQUE)
    for number, (_, lines) in enumerate(pages, start=1):
        lines.append(replace(mark, page=number))
    assert _removed(pages) == ["机密"] * 3
