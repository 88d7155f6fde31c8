"""A web page is read as its visitor sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.web_page import read
from tests.ingest.office import LIMITS, blocks, codes, reading


def page(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


def test_headings_paragraphs_and_title() -> None:
    parsed = reading(
        read,
        page("<h1>年假<a href=#x>¶</a></h1><p>A &amp; B<br>next&nbsp;line</p>", "<title>年假 制度</title>"),
    )
    assert parsed.title == "年假 制度"
    assert blocks(parsed) == [("heading", "年假"), ("paragraph", "A & B\nnext line")]


def test_wrapped_chinese_is_joined_and_english_is_not() -> None:
    assert reading(read, page("<p>员工每年\n  有年假\nper\n year</p>")).text == "员工每年有年假 per year"


def test_text_between_elements_is_a_block_of_its_own() -> None:
    assert reading(read, page("before<p>in</p>after <b>bold</b><div>x<div>y</div>z</div>")).text == (
        "before\n\nin\n\nafter bold\n\nx\n\ny\n\nz"
    )


def test_lists_carry_the_markers_browsers_draw() -> None:
    body = (
        "<ul><li>one<ol type=a start=3><li>c</li><li value=7>g</li></ol></li>"
        "<li><p>two</p><p>more</p></li></ul>"
        "<ol reversed><li>b</li><li>a</li></ol>"
    )
    assert blocks(reading(read, page(body))) == [("list", "• one\n  c. c\n  g. g\n• two\n  more\n2. b\n1. a")]


def test_code_keeps_its_lines_and_quotes_are_quotes() -> None:
    body = "<pre><code>def f():\n    return 1\n</code></pre><blockquote><p>said</p></blockquote>"
    assert blocks(reading(read, page(body))) == [("code", "def f():\n    return 1"), ("quote", "said")]


def test_table_with_spans_keeps_its_columns() -> None:
    body = (
        "<table><caption>Fees</caption><thead><tr><th>Plan<th>Price<th>Note</thead>"
        "<tr><td rowspan=2>Pro<td>12<td>new<br>old<tr><td colspan=2>13<tr><td>Max<td>20<td hidden>x</table>"
    )
    assert blocks(reading(read, page(body))) == [
        ("paragraph", "Fees"), ("table", "Plan | Price | Note\nPro | 12 | new old\n| 13\nMax | 20"),
    ]  # fmt: skip


def test_layout_table_is_read_as_blocks() -> None:
    body = "<table><tr><td><h2>Left</h2><p>a</p></td><td><table><tr><td>x<td>y</table></td></tr></table>"
    assert blocks(reading(read, page(body))) == [("heading", "Left"), ("paragraph", "a"), ("table", "x | y")]


def test_what_is_not_content_is_left_out_and_named() -> None:
    body = (
        "<nav>Home</nav><main><p>Text</p><aside>note</aside></main><aside>ads</aside><footer>(c)</footer>"
        "<p hidden>aa</p><p style='color:red;display : none'>bbb</p><button>Buy</button><dialog>d</dialog>"
        "<script>x()</script><template><p>t</p></template><noscript>n</noscript><details><summary>More</summary>"
        "inside</details>"
    )
    parsed = reading(read, page(body, "<style>p{}</style>"))
    assert parsed.text == "Text\n\nnote\n\nMore\n\ninside"
    assert codes(parsed) == {
        "hidden_text_left_out": {"count": "6"},
        "page_parts_left_out": {"count": "13"},
        "scripts_left_out": {"count": "3"},
    }


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("gb2312", "gb18030"), ("big5", "big5"), ("utf-8", "utf-8"), ("iso-8859-1", "cp1252"), ("", "gb18030")],
)
def test_encoding_is_the_one_the_page_declares_or_has(declared: str, encoding: str) -> None:
    text = "café “x”" if encoding == "cp1252" else "知識庫說明書" if encoding == "big5" else "知识库说明书"
    tag = f'<meta http-equiv=Content-Type content="text/html; charset={declared}">' if declared else ""
    parsed = read(f"{tag}<p>{text}</p>".encode(encoding), LIMITS, "", lambda *_: None)
    assert parsed.text == text


def test_byte_order_mark_overrules_the_declaration() -> None:
    data = "<meta charset=gbk><p>知识</p>".encode("utf-16")
    assert reading(read, data).text == "知识"


def test_stray_bytes_are_replaced_and_named_but_an_unknown_encoding_is_refused() -> None:
    data = b"<meta charset=utf-8><p>caf\xe9 and more</p>" + "<p>知识库</p>".encode() * 100
    assert codes(reading(read, data)) == {"characters_replaced": {"count": "1"}}
    with pytest.raises(IngestError, match="save it as UTF-8") as caught:
        read(
            "<p>知識庫說明書</p>".encode("shift_jisx0213", "ignore") * 9 + b"\xff\xfe\x80" * 50,
            LIMITS,
            "",
            lambda *_: None,
        )
    assert caught.value.code == "undecodable"


def test_spans_that_blow_a_table_up_are_refused() -> None:
    rows = "<tr>" + "<td colspan=1000 rowspan=60000>x" * 20 + "<td>y" * 2
    with pytest.raises(IngestError, match="span more than 100,000 places") as caught:
        reading(read, page("<table>" + rows + "<tr><td>a<td>b" * 50 + "</table>"))
    assert caught.value.code == "too_much_text"


def test_elements_nested_beyond_measure_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(IngestError, match="nest more than 20,000 deep") as caught:
        reading(read, page("<div>" * 20_100))
    assert caught.value.code == "too_large"
    deep = reading(read, page("<div>" * 2_000 + "text" + "</div>" * 2_000))
    assert deep.text == "text"


def test_many_paragraphs_do_not_count_as_nesting() -> None:
    limits = Limits(1, 1_000_000)
    assert len(reading(read, page("<p>x<li>y" * 15_000), limits).blocks) > 10_000


def test_entities_are_characters_and_never_expand() -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><p>&b; &lt;ok&gt;</p>'
    assert "<ok>" in reading(read, bomb.encode()).text
    assert "aaaaaaaaaaaaaaaaaaaa" not in reading(read, bomb.encode()).text


TAGS = (
    "p", "div", "ul", "ol", "li", "table", "tr", "td", "th", "h1", "h3", "pre", "blockquote", "span",
    "b", "a", "nav", "aside", "main", "article", "br", "hr", "dl", "dt",
)  # fmt: skip
SOUP = st.lists(
    st.one_of(
        st.sampled_from(TAGS).map("<{}>".format),
        st.sampled_from(TAGS).map("</{}>".format),
        st.text("ab 知识\n\xa0|&", max_size=5),
        st.sampled_from(["<td rowspan=3>", "<td colspan=9>", "<p hidden>", "<li value=7>", "<!-- c -->"]),
    ),
    max_size=60,
)


@given(SOUP)
def test_any_soup_of_tags_gives_blocks_that_cover_its_text(pieces: list[str]) -> None:
    reading(read, "".join(pieces).encode())
