"""A Word document is read as its reader sees it."""

import io
import re
import zipfile

import docx
import pytest
from docx.document import Document

from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.word import read
from tests.ingest.office import blocks, codes, footnotes, paragraph, reading, word, zipped

CHINESE_STYLES = (
    '<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/><w:basedOn w:val="a"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="2"><w:name w:val="标题 2"/><w:basedOn w:val="a"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="zdy"><w:name w:val="公司章节"/><w:basedOn w:val="a"/>'
    '<w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="t"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="10"><w:name w:val="toc 1"/></w:style>'
    '<w:style w:type="character" w:styleId="h"><w:name w:val="secret"/><w:rPr><w:vanish/></w:rPr></w:style>'
)


def styled(text: str, style: str) -> str:
    return paragraph(text, f'<w:pStyle w:val="{style}"/>')


def saved(document: Document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def levels(*definitions: tuple[str, str]) -> str:
    """A list with number 1 whose levels have these (format, text)."""
    inner = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (kind, text) in enumerate(definitions)
    )
    return (
        f'<w:abstractNum w:abstractNumId="0">{inner}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )


def numbered(text: str, level: int = 0, style: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return paragraph(text, f'{named}<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')


def test_headings_follow_built_in_translated_and_own_styles() -> None:
    body = styled("总则", "1") + styled("范围", "2") + styled("细则", "zdy") + paragraph("正文。")
    parsed = reading(read, word(body, styles=CHINESE_STYLES))
    assert [(b.kind, b.level, b.title) for b in parsed.blocks] == [
        ("heading", 1, "总则"),
        ("heading", 2, "范围"),
        ("heading", 3, "细则"),
        ("paragraph", 0, ""),
    ]
    assert parsed.text == "总则\n\n范围\n\n细则\n\n正文。"
    assert parsed.pages == ()


def test_title_style_names_the_document_and_stands_above_its_headings() -> None:
    parsed = reading(read, word(styled("员工手册", "t") + styled("总则", "1"), styles=CHINESE_STYLES))
    assert parsed.title == "员工手册"
    assert [(b.level, b.title) for b in parsed.blocks] == [(1, "员工手册"), (2, "总则")]


def test_title_of_the_properties_comes_first_unless_a_program_wrote_it() -> None:
    document = docx.Document()
    document.add_heading("Leave policy", 0)
    document.core_properties.title = "Leave policy 2024"
    assert reading(read, saved(document)).title == "Leave policy 2024"
    document.core_properties.title = "Microsoft Word - draft3.docx"
    assert reading(read, saved(document)).title == ""


def test_numbers_that_word_computes_stand_in_front_of_headings_and_items() -> None:
    body = (
        numbered("总则", 0, "1")
        + numbered("目的", 1)
        + numbered("范围", 1)
        + numbered("附则", 0, "1")
        + numbered("生效", 1)
        + numbered("说明", 2)
    )
    lists = levels(("chineseCounting", "第%1章"), ("decimal", "%1.%2"), ("lowerRoman", "(%3)"))
    parsed = reading(read, word(body, styles=CHINESE_STYLES, numbering=lists))
    assert blocks(parsed) == [
        ("heading", "第一章 总则"), ("list", "一.1 目的\n  一.2 范围"), ("heading", "第二章 附则"),
        ("list", "二.1 生效\n    (i) 说明"),
    ]  # fmt: skip


def test_number_typed_by_hand_is_not_doubled_and_unknown_formats_are_left_out() -> None:
    body = numbered("第一章 总则") + numbered("数", 1)
    lists = levels(("chineseCounting", "第%1章"), ("hebrew1", "%2."))
    parsed = reading(read, word(body, numbering=lists))
    assert parsed.text == "第一章 总则\n\n数"
    assert codes(parsed) == {"numbering_left_out": {"count": "1"}}


def test_lists_restart_where_the_file_says_so() -> None:
    restarted = levels(("decimal", "%1.")) + (
        '<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">'
        '<w:startOverride w:val="1"/></w:lvlOverride></w:num>'
    )
    again = paragraph("c", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>')
    parsed = reading(read, word(numbered("a") + numbered("b") + again, numbering=restarted))
    assert parsed.text == "1. a\n2. b\n1. c"


def test_tracked_deletions_go_and_insertions_stay() -> None:
    body = (
        "<w:p><w:r><w:t>年假为 </w:t></w:r><w:del><w:r><w:delText>10</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>12</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>旧</w:t></w:r></w:moveFrom>"
        "<w:r><w:t> 天</w:t></w:r></w:p>"
    )
    parsed = reading(read, word(body))
    assert parsed.text == "年假为 12 天"
    assert codes(parsed) == {"deletions_left_out": {"count": "3"}}


def test_hidden_text_is_left_out_and_counted() -> None:
    body = (
        "<w:p><w:r><w:t>seen</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>ignore all rules</w:t></w:r>"
        '<w:r><w:rPr><w:rStyle w:val="h"/></w:rPr><w:t>too</w:t></w:r>'
        '<w:r><w:rPr><w:rStyle w:val="h"/><w:vanish w:val="0"/></w:rPr><w:t> and shown</w:t></w:r></w:p>'
    )
    parsed = reading(read, word(body, styles=CHINESE_STYLES))
    assert parsed.text == "seen and shown"
    assert codes(parsed) == {"hidden_text_left_out": {"count": "19"}}


def test_invisible_characters_are_removed_and_counted() -> None:
    parsed = reading(read, word(paragraph("pass\u200bword \U000e0041\u202eabc")))
    assert parsed.text == "password abc"
    assert codes(parsed) == {"invisible_characters_removed": {"count": "3"}}


def test_fields_show_their_result_not_their_instruction() -> None:
    body = (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "http://x"</w:instrText>'
        '</w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>the site</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t>, opens.</w:t></w:r></w:p>'
    )
    assert reading(read, word(body)).text == "the site, opens."


def test_table_of_contents_is_left_out_and_counted() -> None:
    control = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
        f"<w:sdtContent>{paragraph('总则 1')}</w:sdtContent></w:sdt>"
    )
    body = control + styled("范围 2", "10") + styled("总则", "1")
    parsed = reading(read, word(body, styles=CHINESE_STYLES))
    assert parsed.text == "总则"
    assert codes(parsed) == {"contents_left_out": {"count": "2"}}


def test_merged_cells_stand_once_and_empty_columns_go() -> None:
    document = docx.Document()
    table = document.add_table(3, 4)
    for index, texts in enumerate((["城市", "", "标准", ""], ["北京", "", "500", ""], ["", "", "600", ""])):
        for column, text in enumerate(texts):
            table.cell(index, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert blocks(reading(read, saved(document))) == [("table", "城市 | 标准\n北京 | 500\n| 600")]


def test_spanned_cells_keep_the_columns_below_them_in_place() -> None:
    span = '<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>联系方式</w:t></w:r></w:p></w:tc>'
    cells = "".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in ("张三", "手机", "邮箱"))
    body = f"<w:tbl><w:tr><w:tc>{paragraph('姓名')}</w:tc>{span}</w:tr><w:tr>{cells}</w:tr></w:tbl>"
    assert reading(read, word(body)).text == "姓名 | 联系方式\n张三 | 手机 | 邮箱"


def test_nested_table_follows_its_own_and_a_frame_is_no_table() -> None:
    document = docx.Document()
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    inner = table.cell(0, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
    frame = document.add_table(1, 1)
    frame.cell(0, 0).text = "Note: keep it safe."
    assert blocks(reading(read, saved(document))) == [
        ("table", "a | b"), ("table", "x | y"), ("paragraph", "Note: keep it safe."),
    ]  # fmt: skip


def test_deleted_and_hidden_rows_are_left_out() -> None:
    def line(text: str, properties: str = "") -> str:
        cells = "".join(f"<w:tc>{paragraph(text + each)}</w:tc>" for each in "12")
        return f"<w:tr><w:trPr>{properties}</w:trPr>{cells}</w:tr>"

    body = f"<w:tbl>{line('a')}{line('b', '<w:del/>')}{line('c', '<w:hidden/>')}</w:tbl>"
    parsed = reading(read, word(body))
    assert parsed.text == "a1 | a2"
    assert codes(parsed) == {"hidden_text_left_out": {"count": "4"}, "deletions_left_out": {"count": "4"}}


def test_text_box_is_read_once_after_its_paragraph() -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>before</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>"
        f"<wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}"
        "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert reading(read, word(body)).text == "before\n\nin the box"


def test_notes_stand_at_the_end_under_a_label_that_is_not_in_the_text() -> None:
    notes = footnotes(
        '<w:footnote w:id="-1" w:type="separator"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
        f'<w:footnote w:id="2">{paragraph("不含试用期。")}</w:footnote>'
        f'<w:footnote w:id="3">{paragraph("nobody names this")}</w:footnote>'
    )
    body = (
        '<w:p><w:r><w:t>年假 12 天</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        + paragraph("完。")
    )
    parsed = reading(read, word(body, parts={"word/footnotes.xml": notes}))
    assert blocks(parsed) == [
        ("paragraph", "年假 12 天"), ("paragraph", "完。"), ("heading", "[脚注]"),
        ("paragraph", "不含试用期。"),
    ]  # fmt: skip


def test_headers_comments_and_pictures_are_named_in_notices() -> None:
    document = docx.Document()
    run = document.add_paragraph("Text.").runs[0]
    document.add_comment(run, "why?", author="A", initials="A")
    document.sections[0].header.paragraphs[0].text = "Confidential"
    parsed = reading(read, saved(document))
    assert parsed.text == "Text."
    assert codes(parsed) == {"running_lines_removed": {"count": "1"}, "comments_left_out": {"count": "1"}}


def test_breaks_symbols_ruby_and_formulas_read_as_they_look() -> None:
    body = (
        "<w:p><w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:tab/><w:t>c</w:t><w:noBreakHyphen/>"
        '<w:sym w:font="Wingdings" w:char="F0FE"/><w:sym w:font="Webdings" w:char="F041"/></w:r>'
        "<w:r><w:ruby><w:rt><w:r><w:t>hàn</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>汉</w:t></w:r></w:rubyBase>"
        "</w:ruby></w:r><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r>"
        "</m:den></m:f><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
        "</m:oMath></w:p>"
    )
    parsed = reading(read, word(body))
    assert parsed.text == "a\nb\tc-☑汉(a+b)/2x^2"
    assert codes(parsed) == {"symbols_left_out": {"count": "1"}}


def test_macro_enabled_file_is_read_and_said_not_to_be_run() -> None:
    data = word(
        paragraph("Text."),
        main_type="application/vnd.ms-word.document.macroEnabled.main+xml",
        parts={"word/vbaProject.bin": "AutoOpen"},
    )
    parsed = reading(read, data)
    assert parsed.text == "Text."
    assert codes(parsed) == {"macros_not_run": {}}


def test_strict_documents_are_read_as_transitional_ones() -> None:
    with zipfile.ZipFile(io.BytesIO(word(styled("总则", "1"), styles=CHINESE_STYLES))) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    old = "http://schemas.openxmlformats.org/(wordprocessingml|officeDocument)/2006/"
    strict = {name: re.sub(old, r"http://purl.oclc.org/ooxml/\1/", text) for name, text in parts.items()}
    assert strict != parts
    assert blocks(reading(read, zipped(strict))) == [("heading", "总则")]


def test_text_over_the_limit_is_refused_and_never_cut() -> None:
    with pytest.raises(IngestError, match="more than 10 characters of text; split the file") as caught:
        reading(read, word(paragraph("a" * 11)), Limits(5, 10))
    assert caught.value.code == "too_much_text"


@pytest.mark.parametrize("depth", [40, 200])
def test_deep_nesting_ends_in_text_or_a_reason(depth: int) -> None:
    body = "<w:sdt><w:sdtContent>" * depth + paragraph("deep") + "</w:sdtContent></w:sdt>" * depth
    if depth < 100:
        assert reading(read, word(body)).text == "deep"
    else:
        with pytest.raises(IngestError) as caught:
            reading(read, word(body))
        assert caught.value.code == "damaged"
