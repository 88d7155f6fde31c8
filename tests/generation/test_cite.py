"""Citations: given passages only, exact words, marks where they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.cite import cite
from generation.marks import find_marks
from retrieval.types import Notice, Passage
from tests.fakes.generation import a_passage

RETURNS = a_passage(
    1,
    "# 退货\n\n退货期限为签收后 30 天。超过期限的不予受理。\n\n| 情形 | 运费 |\n| --- | --- |\n"
    "| 质量问题 | 商家承担 |\n| 个人原因 | 买家承担 |\n",
    title="退货政策", headings=("退货",), pages=(3,), start=100,
)  # fmt: skip
SSO = a_passage(2, "SSO supports SAML 2.0. It was added in 2024. Contact sales for OIDC.", title="Notes")


def test_a_mark_is_tied_to_the_sentence_that_supports_it() -> None:
    cited = cite("签收后 30 天内可以退货 [1]。", [RETURNS, SSO])
    citation = cited.citations[0]
    assert citation.quote == "退货期限为签收后 30 天。"
    assert (citation.start, citation.end) == (106, 120)
    assert (citation.number, citation.title, citation.pages) == (1, "退货政策", (3,))
    assert cited.notices == ()


def test_a_quote_is_a_slice_of_its_chunk() -> None:
    citation = cite("个人原因退货由买家承担运费 [1]。", [RETURNS]).citations[0]
    chunk = RETURNS.chunk
    assert citation.quote == "| 个人原因 | 买家承担 |"
    assert citation.quote == chunk.text[citation.start - chunk.start : citation.end - chunk.start]


def test_a_quote_may_join_neighbouring_sentences() -> None:
    cited = cite("SSO supports SAML 2.0, which was added in 2024 [2].", [RETURNS, SSO])
    assert cited.citations[0].quote == "SSO supports SAML 2.0. It was added in 2024."


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("可以[1]。", "可以[1]。"),
        ("可以[1][2]。", "可以[1][2]。"),
        ("可以[1, 2]。", "可以[1][2]。"),
        ("可以[1，2]。", "可以[1][2]。"),
        ("可以【2】。", "可以[2]。"),
        ("可以［１］。", "可以[1]。"),
        ("可以[^1]。", "可以[1]。"),
    ],
)
def test_every_spelling_of_a_mark_is_shown_in_one_form(written: str, shown: str) -> None:
    cited = cite(written, [RETURNS, SSO])
    assert cited.text == shown
    assert [shown[c.position :].startswith(f"[{c.number}]") for c in cited.citations] == [True] * len(
        cited.citations
    )


@pytest.mark.parametrize(
    "text",
    ["国发[2021]4号", "`a[1]` 是代码", "```\na[1]\n```", r"原文是 \[1\]", "[1](http://example.com)", "[0]"],
)
def test_brackets_that_are_no_marks_stay_text(text: str) -> None:
    assert cite(text, [RETURNS]).text == text
    assert cite(text, [RETURNS]).citations == ()


def test_a_number_that_was_not_given_is_removed_with_a_notice() -> None:
    cited = cite("退货期限为 30 天 [1][7]。", [RETURNS])
    assert cited.text == "退货期限为 30 天 [1]。"
    assert Notice.of("citation_removed", number=7) in cited.notices
    assert [citation.number for citation in cited.citations] == [1]


def test_a_claim_with_nothing_in_common_quotes_the_whole_passage_and_says_so() -> None:
    cited = cite("苹果很好吃 [2]。", [RETURNS, SSO])
    assert cited.citations[0].quote == SSO.text
    assert cited.notices == (Notice.of("weak_support", number=2),)


def test_a_number_that_no_cited_passage_states_is_told() -> None:
    cited = cite("退货期限为签收后 45 天 [1]。", [RETURNS])
    assert cited.notices == (Notice.of("unsupported_number", number=45, passage=1),)


def test_numbers_in_words_support_numbers_in_digits() -> None:
    passage = a_passage(1, "预热需要十分钟，最多 two 个任务，共 1,000 人。")
    assert cite("预热 10 分钟，2 个任务，1000 人 [1]。", [passage]).notices == ()


def test_an_answer_without_marks_gets_no_invented_citation() -> None:
    cited = cite("退货期限为 30 天。", [RETURNS])
    assert cited.citations == ()
    assert cited.notices == (Notice.of("uncited_answer"),)


def test_a_mark_below_a_code_block_stands_for_the_block() -> None:
    passage = a_passage(1, "先登录。\n\n执行：\n\n```bash\nkubectl get pods\nkubectl scale\n```\n\n完成。")
    cited = cite("执行：\n\n```bash\nkubectl get pods\nkubectl scale\n```\n\n[1]", [passage])
    assert cited.citations[0].quote == "执行：\n\n```bash\nkubectl get pods\nkubectl scale"


def test_a_source_named_first_is_tied_to_what_it_says() -> None:
    cited = cite("根据[1]，质量问题的运费由商家承担。", [RETURNS])
    assert cited.citations[0].quote == "| 情形 | 运费 |\n| --- | --- |\n| 质量问题 | 商家承担 |"


def test_a_passage_cut_to_the_budget_is_quoted_where_it_stands_in_the_document() -> None:
    cut = Passage(1, RETURNS.chunk, "# 退货\n\n退货期限为签收后 30 天。", 0.9)
    citation = cite("超过期限的不予受理，期限是 30 天 [1]。", [cut]).citations[0]
    assert (citation.quote, citation.start) == ("退货期限为签收后 30 天。", 106)


def test_a_passage_that_is_not_part_of_its_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="passage 1 is not part of the text of its chunk"):
        cite("甲 [1]", [Passage(1, RETURNS.chunk, "别的文字", 0.9)])


PARTS = ["退货", "30 天", "[1]", "[2]", "[1, 9]", "【2】", "[13]", "。", "\n", "SAML 2", "`[1]`", "\n```\n"]
ANSWERS = st.lists(st.sampled_from(PARTS), max_size=14).map("".join)


@given(ANSWERS)
def test_citations_point_at_given_passages_and_at_their_marks(text: str) -> None:
    passages = {1: RETURNS, 2: SSO}
    cited = cite(text, list(passages.values()))
    assert [c.position for c in cited.citations] == [mark.start for mark in find_marks(cited.text)]
    for citation in cited.citations:
        chunk = passages[citation.number].chunk
        assert citation.chunk_id == chunk.id
        assert cited.text[citation.position :].startswith(f"[{citation.number}]")
        assert citation.quote == chunk.text[citation.start - chunk.start : citation.end - chunk.start] != ""


@given(ANSWERS)
def test_the_text_around_the_marks_is_unchanged(text: str) -> None:
    def without_marks(answer: str) -> str:
        for mark in reversed(find_marks(answer)):
            answer = answer[: mark.start] + answer[mark.end :]
        return answer

    assert without_marks(cite(text, [RETURNS, SSO]).text) == without_marks(text)


def test_a_mark_at_the_end_of_a_list_stands_for_the_list_and_what_announces_it() -> None:
    steps = "按以下步骤办理：\n\n1. 打开订单。\n2. 填写原因。\n3. 寄回商品。"
    passage = a_passage(1, f"# 退货\n\n{steps}\n\n欢迎。")
    assert cite(f"{steps}[1]", [passage]).citations[0].quote == steps


def test_a_mark_below_a_table_stands_for_all_its_rows() -> None:
    rows = "".join(f"| 情形{c} | 处理{c}，{n} 天 |\n" for n, c in enumerate("甲乙丙丁戊", start=1))
    passage = a_passage(1, f"说明。\n\n| 情形 | 处理 |\n| --- | --- |\n{rows}\n完。")
    claim = "| 情形 | 处理 |\n| --- | --- |\n| 情形甲 | 处理甲，1 天 |\n| 情形戊 | 处理戊，5 天 |\n\n[1]"
    quote = cite(f"《手册》规定：\n\n{claim}", [passage]).citations[0].quote
    assert quote == rows.strip()
