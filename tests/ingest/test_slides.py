"""A presentation is read slide by slide, as its audience sees it."""

import io

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide
from pptx.util import Inches

from ingest.drawing import diagram_lines
from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.slides import read
from tests.ingest.office import LIMITS, blocks, codes, reading

TITLE, CONTENT, TITLE_ONLY, BLANK = 0, 1, 5, 6


def slide(deck: Deck, layout: int, title: str = "") -> Slide:
    added: Slide = deck.slides.add_slide(deck.slide_layouts[layout])
    if title:
        assert added.shapes.title is not None
        added.shapes.title.text = title
    return added


def box(on: Slide, text: str, left: float, top: float) -> None:
    on.shapes.add_textbox(Inches(left), Inches(top), Inches(1), Inches(1)).text_frame.text = text


def saved(deck: Deck) -> bytes:
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def test_each_slide_is_a_page_and_its_title_a_heading() -> None:
    deck = Presentation()
    slide(deck, TITLE_ONLY, "产品介绍")
    slide(deck, TITLE_ONLY, "Pricing")
    parsed = reading(read, saved(deck))
    assert [(b.kind, b.level, b.title, b.page) for b in parsed.blocks] == [
        ("heading", 1, "产品介绍", 1), ("heading", 1, "Pricing", 2),
    ]  # fmt: skip
    assert [(p.page, parsed.text[p.start : p.end]) for p in parsed.pages] == [(1, "产品介绍"), (2, "Pricing")]
    assert parsed.title == "产品介绍"


def test_bullets_come_from_the_master_and_keep_their_levels() -> None:
    deck = Presentation()
    content = slide(deck, CONTENT, "Plans")
    frame = content.placeholders[1].text_frame
    frame.text = "Free"
    under = frame.add_paragraph()
    under.text, under.level = "one user", 1
    box(content, "no bullet here", 1, 6)
    assert blocks(reading(read, saved(deck)))[1:] == [
        ("list", "• Free\n  – one user"), ("paragraph", "no bullet here"),
    ]  # fmt: skip


def test_shapes_are_read_in_rows_from_left_to_right_through_groups() -> None:
    deck = Presentation()
    page = slide(deck, BLANK)
    box(page, "bottom", 1, 5)
    box(page, "right", 5, 1)
    box(page, "left", 1, 1.1)
    group = page.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(3), Inches(3), Inches(1), Inches(1)).text_frame.text = "in a group"
    assert reading(read, saved(deck)).text == "left\n\nright\n\nin a group\n\nbottom"


def test_table_keeps_its_header_first_and_merged_cells_once() -> None:
    deck = Presentation()
    shapes = slide(deck, TITLE_ONLY, "Fees").shapes
    table = shapes.add_table(3, 2, Inches(0), Inches(2), Inches(4), Inches(2)).table
    for row, texts in enumerate((["Plan", "Price"], ["Pro", "12"], ["", "13"])):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert blocks(reading(read, saved(deck)))[1] == ("table", "Plan | Price\nPro | 12\n| 13")


def test_chart_is_a_table_of_the_numbers_it_shows() -> None:
    deck = Presentation()
    data = CategoryChartData(number_format="0.0%")  # type: ignore[no-untyped-call]  # half of it is typed
    data.categories = ["Q1", "Q2"]
    data.add_series("增长", (0.1, 0.2571))  # type: ignore[no-untyped-call]
    shapes = slide(deck, TITLE_ONLY, "业绩").shapes
    shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(0), Inches(2), Inches(4), Inches(3), data)  # type: ignore[arg-type]  # its own annotation names a sibling class
    parsed = reading(read, saved(deck))
    assert blocks(parsed)[1] == ("table", "| 增长\nQ1 | 10.0%\nQ2 | 25.7%")
    assert codes(parsed) == {}  # the workbook inside the chart is no file of its own


def test_diagram_gives_the_words_of_its_nodes() -> None:
    part = (
        b'<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        b'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><dgm:ptLst>'
        b'<dgm:pt modelId="0" type="doc"/>'
        b'<dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t>'
        b'</dgm:pt><dgm:pt modelId="2" type="pres"><dgm:t><a:p><a:r><a:t>x</a:t></a:r></a:p></dgm:t></dgm:pt>'
        b'<dgm:pt modelId="3"><dgm:t><a:p><a:r><a:t>Do</a:t></a:r></a:p></dgm:t></dgm:pt>'
        b"</dgm:ptLst></dgm:dataModel>"
    )
    assert diagram_lines(part) == ["Plan", "Do"]


def test_notes_stand_under_a_label_after_their_slide() -> None:
    deck = Presentation()
    notes = slide(deck, TITLE_ONLY, "上线计划").notes_slide.notes_text_frame
    assert notes is not None
    notes.text = "强调回滚步骤"
    parsed = reading(read, saved(deck))
    assert blocks(parsed) == [("heading", "上线计划"), ("heading", "[备注]"), ("paragraph", "强调回滚步骤")]
    assert parsed.blocks[1].level == 2


def test_slide_without_a_title_does_not_belong_to_the_one_before() -> None:
    deck = Presentation()
    slide(deck, TITLE_ONLY, "One")
    box(slide(deck, BLANK), "alone", 1, 1)
    assert blocks(reading(read, saved(deck))) == [
        ("heading", "One"),
        ("heading", "[]"),
        ("paragraph", "alone"),
    ]


def test_hidden_slides_and_shapes_are_left_out_and_slides_keep_their_numbers() -> None:
    deck = Presentation()
    slide(deck, TITLE_ONLY, "secret plan").element.set("show", "0")
    second = slide(deck, TITLE_ONLY, "Shown")
    box(second, "draft", 1, 4)
    second.shapes[-1].element.nvSpPr.cNvPr.set("hidden", "1")
    slide(deck, BLANK)
    parsed = reading(read, saved(deck))
    assert parsed.text == "Shown"
    assert [page.page for page in parsed.pages if page.end > page.start] == [2]
    assert codes(parsed) == {
        "hidden_slides_left_out": {"slides": "1", "count": "1"},
        "slides_without_text": {"slides": "3", "count": "1"},
        "hidden_text_left_out": {"count": "5"},
    }


def test_more_slides_than_allowed_and_none_are_refused() -> None:
    deck = Presentation()
    with pytest.raises(IngestError, match="no slide") as none:
        read(saved(deck), LIMITS, "", lambda *_: None)
    for number in range(3):
        slide(deck, TITLE_ONLY, f"Slide {number}")
    with pytest.raises(IngestError, match="3 slides are over the limit of 2") as many:
        read(saved(deck), Limits(2, 1_000), "", lambda *_: None)
    assert (none.value.code, many.value.code) == ("no_pages", "too_many_pages")
