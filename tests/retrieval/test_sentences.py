import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import sentence_spans

TEXT = st.text(alphabet="aB1v 。.！?;；…\n\r\t\"”)】`#|-、（中文报销\u3000\u2028", max_size=60)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@given(TEXT)
def test_spans_are_ordered_trimmed_and_cover_everything_that_is_not_white_space(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert text[position:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        position = end
    assert text[position:].strip() == ""


def test_chinese_sentences_keep_their_closing_quotes() -> None:
    assert cut("他说：“可以报销。”我问：能吗？好！") == ["他说：“可以报销。”", "我问：能吗？", "好！"]


def test_chinese_semicolon_and_ellipsis_end_a_sentence() -> None:
    assert cut("先申请；再审批……完成") == ["先申请；", "再审批……", "完成"]


def test_abbreviations_decimals_versions_and_urls_are_not_cut() -> None:
    text = "See e.g. Fig. 3 of v3.2. It costs 3.5 dollars at http://a.b/c?d=1;e etc. per item. Dr. Li agrees."
    assert cut(text) == [
        "See e.g. Fig. 3 of v3.2.",
        "It costs 3.5 dollars at http://a.b/c?d=1;e etc. per item.",
        "Dr. Li agrees.",
    ]


def test_no_is_a_number_only_before_a_number() -> None:
    assert cut("The answer is no. See No. 5.") == ["The answer is no.", "See No. 5."]


def test_list_markers_stay_with_their_item() -> None:
    assert cut("1. Open the page. Then log in.\n2. Done") == ["1. Open the page.", "Then log in.", "2. Done"]


def test_quoted_question_goes_on_in_lower_case() -> None:
    assert cut('"Really?" she said. Yes.') == ['"Really?" she said.', "Yes."]


def test_hard_wrapped_paragraph_is_one_sentence_across_lines() -> None:
    assert cut("This line is\nwrapped. Next one.\n\nNew") == ["This line is\nwrapped.", "Next one.", "New"]


def test_lines_of_tables_headings_lists_and_code_end_a_sentence() -> None:
    assert cut("# title\nbody\n| a |\n| b |\n- one\n- two\n```\nnpm install\ncd x\n```") == [
        "# title", "body", "| a |", "| b |", "- one", "- two", "```", "npm install", "cd x", "```",
    ]  # fmt: skip


def test_ascii_full_stop_between_chinese_characters_ends_a_sentence() -> None:
    assert cut("第一句.第二句.") == ["第一句.", "第二句."]


def test_a_very_long_line_of_full_stops_takes_linear_time() -> None:
    assert len(sentence_spans("a. " * 100_000)) == 1


def test_quoted_speech_is_not_cut_inside() -> None:
    assert cut("可以答复：“可以。我们支持 SAML。”请先登录。") == [
        "可以答复：“可以。我们支持 SAML。”",
        "请先登录。",
    ]
    assert cut("他说「甲。乙！」丙。") == ["他说「甲。乙！」", "丙。"]
    assert cut('She said "Stop. Go on." Then she left.') == ['She said "Stop. Go on."', "Then she left."]


def test_a_quotation_that_is_never_closed_or_too_long_is_cut() -> None:
    assert cut("“没有关闭。下一句。") == ["“没有关闭。", "下一句。"]
    assert len(cut("“" + "很长。" * 120 + "”")) == 120


def test_inches_are_no_quotation() -> None:
    assert cut('A 12" disk. Next. A 13" disk.') == ['A 12" disk.', "Next.", 'A 13" disk.']


def test_a_mark_after_a_sentence_belongs_to_the_words_it_opens() -> None:
    assert cut("**继续**是指等待。**结束**是指停止。") == ["**继续**是指等待。", "**结束**是指停止。"]
    assert cut("见`a`。`b`是参数。") == ["见`a`。", "`b`是参数。"]
    assert cut("**重要。**其他。") == ["**重要。**", "其他。"]


def test_a_chinese_line_that_ends_in_a_comma_goes_on() -> None:
    assert cut("缩容减少服务,\n共分两步。") == ["缩容减少服务,\n共分两步。"]
    assert cut('"a": 1,\n"b": 2,') == ['"a": 1,', '"b": 2,']


@pytest.mark.parametrize(
    "repeated", ["第一章", "中,", "!", "！", "**标题**：", '"a', "“a", "。**a", ". ", "a, "]
)
def test_no_text_takes_time_by_the_square_of_its_length(repeated: str) -> None:
    text = repeated * (300_000 // len(repeated)) + "x"
    spans = sentence_spans(text)
    assert "".join("".join(text[a:b] for a, b in spans).split()) == "".join(text.split())
    assert spans[-1][1] == len(text)
    assert sentence_spans(f"a。{'*' * 300_000} b")[-1][1] == 300_004


def test_chinese_line_that_ends_in_a_comma_goes_on() -> None:
    assert [text[a:b] for text in ["我们认为,\n这很好。"] for a, b in sentence_spans(text)] == [
        "我们认为,\n这很好。"
    ]
    assert len(sentence_spans("We think,\n这很好。")) == 2
    assert len(sentence_spans("中,\n这很好。")) == 2
