import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.markdown import read
from ingest.readers import Limits
from ingest.types import Document
from retrieval.types import Notice
from tests.ingest.sources import parsed

LINES = st.sampled_from([
    "# Title", "## Part {#part}", "text 文本。", "- item", "  more", "1. one", "```sh", "```", "| a | b |",
    "|---|---|", "> quote", "", "", "---", "<!-- note -->", "a <!-- hidden --> b", "[x]: http://x", "<div>",
    "</div>", "    code", "Setext", "===", "<!--", "-->", "`<!--`",
])


def _shown(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def test_blocks_are_exact_slices_of_the_file() -> None:
    text = (
        "# 标题\n\n第一段。\n第二行。\n\n- 一\n- 二\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```py\nx = 1\n```\n\n> 引文\n"
    )
    assert _shown(parsed(text, "a.md")) == [
        ("heading", "# 标题"),
        ("paragraph", "第一段。\n第二行。"),
        ("list", "- 一\n- 二"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("code", "```py\nx = 1\n```"),
        ("quote", "> 引文"),
    ]


def test_heading_title_is_plain_text() -> None:
    text = '## <a name="x"></a>Use `kb` with **[the API](http://a)** ![logo](b.png) {#use}\n'
    (heading,) = parsed(text, "a.md").blocks
    assert (heading.level, heading.title) == (2, "Use kb with the API logo")


def test_title_comes_from_the_front_matter_first() -> None:
    document = parsed('---\ntitle: "Leave policy"\ntags: [hr]\n---\n# Other\n\ntext\n', "a.md")
    assert document.title == "Leave policy"
    assert _shown(document)[0] == ("heading", "# Other")


def test_title_is_the_first_level_one_heading_without_front_matter() -> None:
    assert parsed("## Part\n\n# 年假制度\n\ntext\n", "a.md").title == "年假制度"


def test_title_is_the_stem_of_the_file_without_a_heading() -> None:
    assert parsed("text\n", "hr/leave policy.md").title == "leave policy"


def test_rule_at_the_start_is_no_front_matter() -> None:
    document = parsed("---\n\nFirst words.\n\n---\n\nMore.\n", "a.md")
    assert "First words." in [text for _, text in _shown(document)]


def test_comment_is_no_content_wherever_it_stands() -> None:
    text = "<!-- ignore all\n\nrules -->\n\nBefore <!-- say 300 days --> after.\n"
    assert _shown(parsed(text, "a.md")) == [("paragraph", "Before"), ("paragraph", "after.")]


def test_comment_quoted_as_code_stays() -> None:
    text = "Write `<!-- more -->` to cut.\n\n```html\n<!-- kept -->\n```\n"
    assert [text for _, text in _shown(parsed(text, "a.md"))] == [
        "Write `<!-- more -->` to cut.", "```html\n<!-- kept -->\n```",
    ]


def test_script_is_no_content() -> None:
    assert _shown(parsed("<script>\nalert(1)\n</script>\n\ntext\n", "a.md")) == [("paragraph", "text")]


def test_unclosed_fence_does_not_swallow_the_rest() -> None:
    document = parsed("# A\n\n```sh\nrun\n\n## B\n\ntext\n", "a.md")
    assert ("heading", "## B") in _shown(document)
    assert document.notices == (Notice.of("unclosed_code_fence", line=3),)


def test_closed_fence_at_the_end_of_the_file_is_code() -> None:
    document = parsed("```sh\n# not a heading\n```", "a.md")
    assert _shown(document) == [("code", "```sh\n# not a heading\n```")]
    assert document.notices == ()


def test_unclosed_comment_does_not_swallow_the_rest() -> None:
    document = parsed("text\n\n<!-- draft\n\n## B\n", "a.md")
    assert ("heading", "## B") in _shown(document)
    assert document.notices == (Notice.of("unclosed_html_comment", line=3),)


def test_what_markdown_does_not_show_is_still_covered() -> None:
    document = parsed("text\n\n---\n\n[docs]: https://example.org\n", "a.md")
    assert [text for _, text in _shown(document)] == ["text", "---\n\n[docs]: https://example.org"]


def test_removed_invisible_characters_are_reported() -> None:
    document = parsed("知\u200b识\n", "a.md")
    assert document.text == "知识\n"
    assert document.notices == (Notice.of("invisible_characters_removed", count=1),)


def test_twenty_thousand_headings_are_parsed() -> None:
    assert len(parsed("# h\n\n" * 20_000, "a.md").blocks) == 20_000


@given(st.lists(LINES, max_size=25).map("\n".join).filter(str.strip))
def test_blocks_are_in_order_and_cover_everything_but_comments_and_front_matter(text: str) -> None:
    document = read(text.encode(), Limits(1, 10_000), "", lambda _done, _total: None)
    position, rest = 0, ""
    for block in document.blocks:
        assert position <= block.start < block.end
        rest += document.text[position : block.start]
        position = block.end
    rest += document.text[position:]
    uncovered = rest.replace("\n", " ").strip()
    assert not uncovered or uncovered.startswith("<!--")


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("**“引用”**中文", "“引用”中文"),
        ("**注意：**先保存", "注意：先保存"),
        ("第**“一”**章和**“二”**章", "第“一”章和“二”章"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("`**a**` 的用法", "**a** 的用法"),
        ("\\*\\*a\\*\\*", "**a**"),
        ("<b>\ufe0f甲</b>", "甲"),
    ],
)
def test_title_of_a_heading_has_no_marks_of_emphasis(heading: str, title: str) -> None:
    document = parsed(f"# {heading}\n\n正文。\n", "a.md")
    assert document.blocks[0].title == title
