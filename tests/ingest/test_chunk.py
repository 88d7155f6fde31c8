from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import chunk, context_notices
from ingest.settings import IngestSettings
from ingest.tokens import estimate_tokens
from ingest.types import Block, Document, LineBox, PageSpan
from retrieval.types import Box, Chunk, Notice
from tests.ingest.sources import SETTINGS, bare_source, parsed

SMALL = IngestSettings(chunk_tokens=64)
LONG = "这是一个用来凑够长度的句子，说的是同一件事情。" * 4

MARKDOWN = st.lists(
    st.sampled_from([
        "# 手册", "## 第一章", "### 小节", "### Part", "短。", LONG, LONG * 6, "word " * 200, "a" * 900,
        "- 一\n- 二\n- " + "三" * 120,
        "| 编号 | 名称 |\n|---|---|\n" + "| KB-1 | 一体机 |\n" * 30,
        "```py\n" + "value = compute(1)\n" * 30 + "```",
        "<!-- hidden -->", "看 <!-- hidden --> 这里", "如下：", "---", "> 引文 " + "quoted text " * 40,
    ]),
    min_size=1, max_size=14,
).map("\n\n".join).filter(lambda text: text.replace("<!-- hidden -->", "").strip())


def _chunks(text: str, settings: IngestSettings = SETTINGS) -> tuple[Chunk, ...]:
    return chunk(parsed(text, "a.md", settings), 1, settings)


@settings(max_examples=60)
@given(MARKDOWN, st.sampled_from([32, 64, 320]))
def test_without_overlap_chunks_are_slices_in_order_within_budget_and_cover_every_block(
    text: str, budget: int
) -> None:
    small = IngestSettings(chunk_tokens=budget)
    document = parsed(text, "a.md")
    chunks = chunk(document, 3, small)
    position, covered = 0, ""
    for ordinal, one in enumerate(chunks):
        assert one.text == document.text[one.start : one.end] == one.text.strip()
        assert one.start >= position
        assert one.tokens == estimate_tokens(one.contextual_text) <= budget
        assert one.id == f"doc:3:{ordinal}"
        assert "hidden" not in one.text
        covered += one.text
        position = one.end
    blocks = "".join(document.text[block.start : block.end] for block in document.blocks)
    assert "".join(covered.split()) == "".join(blocks.split())


def test_section_is_one_chunk_that_begins_with_its_heading() -> None:
    first, second = _chunks(f"# 手册\n\n{LONG}\n\n## 年假\n\n{LONG}\n\n{LONG}\n")
    assert first.text.startswith("# 手册")
    assert second.text == f"## 年假\n\n{LONG}\n\n{LONG}"
    assert second.headings == ("手册", "年假")
    assert second.context == "手册 › 年假"


def test_heading_without_a_body_goes_with_its_first_subsection() -> None:
    (only,) = _chunks(f"# 手册\n\n## 年假\n\n### 天数\n\n{LONG}\n")
    assert only.text.startswith("# 手册\n\n## 年假\n\n### 天数")
    assert only.headings == ("手册", "年假", "天数")


def test_short_section_is_merged_with_its_neighbour_under_the_common_heading() -> None:
    chunks = _chunks(f"# 手册\n\n{LONG * 3}\n\n## 一\n\n短。\n\n## 二\n\n{LONG}\n\n## 三\n\n{LONG * 2}\n")
    assert [one.headings for one in chunks] == [("手册",), ("手册",), ("手册", "三")]
    assert chunks[1].text == f"## 一\n\n短。\n\n## 二\n\n{LONG}"


def test_short_section_is_never_merged_into_another_chapter() -> None:
    chunks = _chunks(f"# 甲\n\n{LONG * 3}\n\n## 一\n\n短。\n\n# 乙\n\n{LONG}\n")
    assert [one.headings for one in chunks] == [("甲",), ("甲", "一"), ("乙",)]


def test_long_section_is_cut_at_sentence_ends_into_parts_of_like_size() -> None:
    chunks = _chunks("## 年假\n\n" + LONG * 6, SMALL)
    assert len(chunks) > 4
    assert all(one.text.endswith("。") for one in chunks)
    assert min(one.tokens for one in chunks) > 0.5 * max(one.tokens for one in chunks)
    assert {one.headings for one in chunks} == {("年假",)}


def test_code_and_tables_stay_whole_where_they_fit() -> None:
    code = "```py\n" + "value = compute(1)\n" * 8 + "```"
    chunks = _chunks(f"## 例\n\n{LONG * 2}\n\n{code}\n\n{LONG * 2}\n", IngestSettings(chunk_tokens=128))
    assert sum(code in one.text for one in chunks) == 1


def test_longer_table_is_cut_between_rows() -> None:
    row = "| KB-100 | 型号A知识库一体机 | 1年 | 4999元 |"
    chunks = _chunks("| 编号 | 名称 | 质保 | 单价 |\n|---|---|---|---|\n" + f"{row}\n" * 30, SMALL)
    assert len(chunks) > 3
    assert sum(one.text.count(row) for one in chunks) == 30


def test_long_list_is_cut_between_its_items() -> None:
    verse = "好雨知时节，当春乃发生。随风潜入夜，润物细无声。"
    items = [f"{n}、{verse}——杜甫《春夜喜雨》" for n in range(1, 13)]
    chunks = _chunks("# 诗\n\n" + "\n".join(f"- {item}" for item in items), IngestSettings(chunk_tokens=128))
    assert len(chunks) > 2
    lines = "\n".join(one.text for one in chunks).split("\n")
    assert lines == ["# 诗", "", *(f"- {item}" for item in items)]
    assert all(one.text.endswith("《春夜喜雨》") for one in chunks)


def test_item_longer_than_a_chunk_is_cut_at_sentence_ends() -> None:
    chunks = _chunks(f"- 一\n- {LONG * 2}\n- 三", IngestSettings(chunk_tokens=64))
    assert len(chunks) > 2
    assert all(one.text.endswith(("。", "三")) for one in chunks)


def test_sentence_that_announces_a_list_stays_with_it() -> None:
    items = "- 第一项内容说明\n- 第二项内容说明"
    chunks = _chunks(f"{LONG}\n\n{LONG}\n\n步骤如下：\n\n{items}\n", SMALL)
    assert any(one.text.endswith(f"步骤如下：\n\n{items}") for one in chunks)


def test_context_that_would_fill_the_budget_is_shortened_and_reported() -> None:
    text = f"# {'很长的标题' * 20}\n\n## {'另一个很长的标题' * 10}\n\n{LONG}\n"
    document = parsed(text, "a.md")
    chunks = chunk(document, 1, SMALL)
    assert all(one.tokens <= 64 for one in chunks)
    assert chunks[0].title.endswith("…")
    assert context_notices(document, SMALL) == (Notice.of("context_shortened", count=1),)
    assert context_notices(document, SETTINGS) == ()


def _pdf_document(lines: list[str], pages: list[tuple[int, int]]) -> Document:
    """One paragraph of lines, each on its own line box; pages as (first, last) line."""
    starts = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]
    spans = tuple(PageSpan(n, starts[a], starts[b + 1]) for n, (a, b) in enumerate(pages, 1))
    boxes = tuple(
        LineBox(starts[i], starts[i + 1], Box(n, 0.1, 0.1 + 0.02 * i, 0.9, 0.118 + 0.02 * i))
        for n, (a, b) in enumerate(pages, 1)
        for i in range(a, b + 1)
    )
    text = "".join(lines)
    return Document(bare_source("a.pdf"), "a", text, (Block("paragraph", 0, len(text), 1),), spans, boxes)


def test_chunk_knows_every_page_it_stands_on() -> None:
    (only,) = chunk(_pdf_document(["第一行。", "第二行。", "第三行。"], [(0, 1), (2, 2)]), 1, SETTINGS)
    assert only.pages == (1, 2)


def test_short_pages_are_kept_apart() -> None:
    text = "第一页。\n\n第二页。"
    blocks = (Block("paragraph", 0, 4, 1), Block("paragraph", 6, 10, 2))
    pages = (PageSpan(1, 0, 4), PageSpan(2, 6, 10))
    chunks = chunk(Document(bare_source(), "手册", text, blocks, pages), 1, SETTINGS)
    assert [(one.text, one.pages) for one in chunks] == [("第一页。", (1,)), ("第二页。", (2,))]


def test_long_pages_may_share_a_chunk() -> None:
    page = LONG * 5
    text = f"{page}\n\n{page}"
    blocks = (Block("paragraph", 0, len(page), 1), Block("paragraph", len(page) + 2, len(text), 2))
    pages = (PageSpan(1, 0, len(page)), PageSpan(2, len(page) + 2, len(text)))
    chunks = chunk(Document(bare_source(), "手册", text, blocks, pages), 1, SETTINGS)
    assert (1, 2) in [one.pages for one in chunks]


def test_lines_of_one_width_become_one_box_on_each_page() -> None:
    (only,) = chunk(_pdf_document(["第一行。", "第二行。", "第三行。"], [(0, 1), (2, 2)]), 1, SETTINGS)
    found = [(box.page, round(box.top, 3), round(box.bottom, 3)) for box in only.boxes]
    assert found == [(1, 0.1, 0.138), (2, 0.14, 0.158)]


def test_boxes_are_those_of_the_chunk_only() -> None:
    lines = [f"{'很长的一行文字' * 5}{i}。" for i in range(6)]
    chunks = chunk(_pdf_document(lines, [(0, 2), (3, 5)]), 1, SMALL)
    assert len(chunks) > 2
    assert [one.pages for one in chunks] == sorted(one.pages for one in chunks)
    assert chunks[0].boxes[0].top == 0.1
    assert chunks[-1].boxes[-1].page == 2


def test_outline_entry_without_text_still_names_its_section() -> None:
    text = "正文内容。"
    blocks = (Block("heading", 0, 0, 1, 1, "第一章"), Block("paragraph", 0, len(text), 1))
    (only,) = chunk(Document(bare_source(), "手册", text, blocks), 1, SETTINGS)
    assert (only.headings, only.text) == (("第一章",), "正文内容。")


@settings(max_examples=40)
@given(MARKDOWN, st.sampled_from([32, 64, 320]), st.sampled_from([0.1, 0.25, 0.5]))
def test_with_overlap_chunks_keep_the_budget_the_order_and_every_block(
    text: str, budget: int, share: float
) -> None:
    document = parsed(text, "a.md")
    chunks = chunk(document, 1, IngestSettings(chunk_tokens=budget, chunk_overlap=int(share * budget)))
    position, covered = 0, ""
    for one in chunks:
        assert one.text == document.text[one.start : one.end] == one.text.strip()
        assert one.tokens == estimate_tokens(one.contextual_text) <= budget
        assert one.end > position
        covered += document.text[max(one.start, position) : one.end]
        position = one.end
    blocks = "".join(document.text[block.start : block.end] for block in document.blocks)
    assert "".join(covered.split()) == "".join(blocks.split())


def test_overlap_repeats_whole_sentences_of_the_chunk_before() -> None:
    text = "".join(f"第{number}句话说的是第{number}件事情。" for number in range(1, 30))
    chunks = _chunks(text, IngestSettings(chunk_tokens=100, chunk_overlap=25))
    for before, after in pairwise(chunks):
        repeated = after.text[: before.end - after.start]
        assert before.text.endswith(repeated)
        assert repeated.startswith("第")
        assert repeated.endswith("。")
        assert 0 < estimate_tokens(repeated) <= 25


def test_overlap_never_reaches_over_left_out_text() -> None:
    overlap = IngestSettings(chunk_tokens=320, chunk_overlap=60)
    chunks = _chunks(f"{LONG * 3}\n\n<!-- hidden -->\n\n{LONG}", overlap)
    assert [one.text for one in chunks] == [LONG * 3, LONG]


def test_every_later_part_of_a_long_table_is_led_by_its_header() -> None:
    rows = "".join(f"| KB-{number} | 一体机第{number}号 |\n" for number in range(60))
    chunks = _chunks("# 清单\n\n| 编号 | 名称 |\n|---|---|\n" + rows, SMALL)
    assert len(chunks) > 5
    assert chunks[0].lead == ""
    assert {one.lead for one in chunks[1:]} == {"| 编号 | 名称 |\n|---|---|"}
    assert chunks[1].contextual_text.startswith("清单\n| 编号 | 名称 |\n|---|---|\n| KB-")
    assert all("编号" not in one.text for one in chunks[1:])


def test_header_that_takes_a_quarter_of_a_chunk_is_not_repeated_and_that_is_said() -> None:
    text = "| " + "很长的表头" * 6 + " | 名称 |\n|---|---|\n" + "| KB-1 | 一体机 |\n" * 30
    document = parsed(text, "a.md")
    assert {one.lead for one in chunk(document, 1, SMALL)} == {""}
    assert Notice.of("table_header_long", count=1) in context_notices(document, SMALL)


def test_text_after_a_long_table_has_no_lead() -> None:
    rows = "| KB-1 | 一体机 |\n" * 30
    chunks = _chunks(f"| 编号 | 名称 |\n|---|---|\n{rows}\n{LONG}", SMALL)
    assert chunks[-1].lead == ""


def test_overlap_over_half_of_the_budget_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="more than half of chunk_tokens \\(100\\)"):
        IngestSettings(chunk_tokens=100, chunk_overlap=51)
