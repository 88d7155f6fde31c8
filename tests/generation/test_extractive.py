"""Answers made of quotes: what is chosen, how it reads, and that nothing else is said."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.cite import cite
from generation.errors import Truncated
from generation.extractive import ExtractiveGenerator
from generation.types import Sampling
from retrieval.types import Language, Passage
from tests.fakes.generation import a_passage, a_prompt

RETURNS = a_passage(
    1,
    "买家可在签收后 30 天内退货。退货运费由买家承担，质量问题除外。\n\n"
    "## 退货步骤\n\n按以下步骤办理：\n\n1. 打开**订单 → 退货**。\n2. 填写原因，[上传照片](photo.md)。\n"
    "3. 贴上 RMA 标签寄回。\n\n## 联系\n\n客服热线 400-000-6172，每天 8:00 至 22:00。\n",
    title="退货政策",
)  # fmt: skip
PORTS = a_passage(
    1,
    "服务使用以下端口：\n\n| 组件 | 端口 | 说明 |\n|---|---|---|\n| Master | 5678 | 内部 |\n"
    "| Worker | 1234 | 内部 |\n| Api | 12345 | 对外 |\n",
    title="部署手册", headings=("网络",),
)  # fmt: skip
SCALE = a_passage(
    2,
    "List all pods:\n\n```\nkubectl get pods\n```\n\nScale worker to 6 replicas:\n\n```bash\n"
    "kubectl scale --replicas=6 sts worker\n```\n",
    title="Kubernetes guide",
)  # fmt: skip


def answer(question: str, *passages: Passage, language: Language = "zh", max_tokens: int = 768) -> str:
    prompt = a_prompt(question, *passages, language=language)
    return "".join(ExtractiveGenerator().stream(prompt, Sampling(max_tokens=max_tokens)))


def test_a_question_for_a_duration_gets_the_sentence_that_holds_it() -> None:
    written = answer("签收后多久可以退货？", RETURNS)
    paragraph = "买家可在签收后 30 天内退货。退货运费由买家承担，质量问题除外。"
    assert written.startswith(f"根据《退货政策》：\n\n{paragraph}[1]")
    assert "热线" not in written


def test_a_question_for_steps_gets_the_whole_list_without_markup() -> None:
    assert answer("退货步骤怎么办理？", RETURNS) == (
        "根据《退货政策》“退货步骤”部分：\n\n按以下步骤办理：\n\n1. 打开订单 → 退货。\n"
        "2. 填写原因，上传照片。\n3. 贴上 RMA 标签寄回。[1]"
    )


def test_one_row_of_a_table_is_a_sentence_with_its_columns() -> None:
    assert answer("Worker 的端口是多少？", PORTS) == (
        "根据《部署手册》“网络”部分：\n\n组件：Worker；端口：1234；说明：内部[1]"
    )


def test_several_rows_stay_a_table() -> None:
    assert answer("Master、Worker、Api 的端口分别是多少？", PORTS).endswith(
        "| 组件 | 端口 | 说明 |\n| --- | --- | --- |\n| Master | 5678 | 内部 |\n"
        "| Worker | 1234 | 内部 |\n| Api | 12345 | 对外 |\n\n[1]"
    )


def test_code_comes_fenced_with_the_sentence_that_announces_it() -> None:
    assert answer("How do I scale worker to 6 replicas?", SCALE, language="en") == (
        "According to “Kubernetes guide”:\n\nScale worker to 6 replicas:\n\n```bash\n"
        "kubectl scale --replicas=6 sts worker\n```\n[2]"
    )


def test_a_document_in_the_other_language_is_introduced_as_such() -> None:
    written = answer("怎么把 worker 扩到 6 个 replicas？", SCALE)
    assert written.startswith("根据《Kubernetes guide》（原文为英文）：")


def test_a_short_verdict_stands_before_its_explanation() -> None:
    faq = a_passage(
        1,
        "标准答复：支持。贵司员工在企业微信工作台点击图标即可免密登录，不需要再输入账号和密码。"
        "专业版和企业版已包含该能力，不另收费；由贵司管理员在企业微信后台授权一次，约 30 分钟完成。"
        "除企业微信外，也可以用 SAML 2.0 或 OIDC 协议接入，接入前请先联系客户成功经理确认版本。",
    )
    assert "标准答复：支持。贵司员工在企业微信工作台点击图标即可免密登录" in answer(
        "企业微信能不能免密登录？", faq
    )


def test_another_passage_is_quoted_only_for_what_it_adds() -> None:
    other = a_passage(2, "退货款在 5 个工作日内原路退回。", title="退款说明")
    same = a_passage(3, "买家可在签收后 30 天内退货。", title="旧政策")
    written = answer("签收后多久可以退货？退货款几天退回？", RETURNS, other, same)
    assert "《退款说明》还提到：\n\n退货款在 5 个工作日内原路退回。[2]" in written
    assert "旧政策" not in written


def test_a_relevant_passage_without_common_words_is_introduced_as_nearest() -> None:
    faq = a_passage(1, "1. 检查网络。\n2. 重启路由器。", title="排障")
    assert answer("登不上去了", faq) == (
        "文档里没有与问题用词相同的句子，最相关的是《排障》：\n\n1. 检查网络。\n2. 重启路由器。[1]"
    )


def test_an_unjudged_passage_without_common_words_is_no_answer() -> None:
    faq = a_passage(1, "检查网络。", relevance=None)
    assert answer("登不上去了", faq) == "给出的文档片段中没有这个问题的答案。"


def test_brackets_of_a_document_are_not_taken_for_marks() -> None:
    wiki = a_passage(1, "退货期限为 30 天[3]。", title="百科")
    written = answer("退货期限是多少天？", wiki)
    assert written == "根据《百科》：\n\n退货期限为 30 天\\[3\\]。[1]"
    assert [citation.number for citation in cite(written, [wiki]).citations] == [1]


def test_the_token_limit_ends_at_a_sentence_where_one_fits() -> None:
    prompt = a_prompt("退货步骤怎么办理？", RETURNS)
    stream = ExtractiveGenerator().stream(prompt, Sampling(max_tokens=37))
    pieces = [next(stream), next(stream), next(stream)]
    assert pieces[-1] == "\n\n1. 打开订单 → 退货。"
    with pytest.raises(Truncated, match="limit of 37 tokens"):
        next(stream)


QUESTIONS = st.sampled_from(
    ["退货运费谁承担？", "怎么退货", "热线几点开始", "Worker 端口", "how to scale workers", "订单", "为什么"]
)


@given(QUESTIONS, st.permutations([RETURNS, PORTS, SCALE]))
def test_every_line_is_a_quote_or_an_introduction(question: str, passages: list[Passage]) -> None:
    numbered = [Passage(i, p.chunk, p.text, 0.9) for i, p in enumerate(passages, start=1)]
    written = answer(question, *numbered)
    letters = re.compile(r"[\W_]+")
    sources = letters.sub("", "".join(passage.text for passage in numbered))
    for line in written.split("\n"):
        introduces = re.match(r"(根据|文档里没有)?《?.*》.*：$", line)
        if introduces or line.startswith(("| 组件", "组件：", "给出的")):
            continue
        shown = re.sub(r"\[\d\]|^\d\. ", "", line)
        assert letters.sub("", shown) in sources
    assert all(c.quote in numbered[c.number - 1].text for c in cite(written, numbered).citations)


ENGLISH_RETURNS = a_passage(
    1,
    "Goods may be sent back within 30 days of delivery. Opened conference devices carry a restocking fee "
    "of 15 % of the purchase price. The parcel should hold the completed form. Refunds reach the customer's "
    "bank account 5 to 10 working days after inspection. Gift cards cannot be returned. Deliveries that "
    "arrive damaged are collected by our carrier, who calls the day before. Customers outside the European "
    "Union declare the parcel as returned goods, so that no customs duty is charged a second time.",
    title="Refund and return policy",
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("开封的会议设备要收多少手续费？", "15 %"),
        ("退款多久到达银行账户？", "5 to 10 working days"),
        ("礼品卡可以退吗？", "Gift cards cannot be returned"),
        ("欧盟以外的客户怎么避免关税？", "no customs duty"),
    ],
)
def test_chinese_question_over_an_english_page_quotes_the_sentence_that_answers(
    question: str, wanted: str
) -> None:
    cited = cite(answer(question, ENGLISH_RETURNS), [ENGLISH_RETURNS])
    assert wanted in cited.citations[0].quote
    assert len(cited.citations[0].quote) < len(ENGLISH_RETURNS.text) / 2


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many days after delivery may goods be returned?", "30 天内退货"),
        ("What is the phone number of customer service?", "400-000-6172"),
    ],
)
def test_english_question_over_a_chinese_page_quotes_the_sentence_that_answers(
    question: str, wanted: str
) -> None:
    cited = cite(answer(question, RETURNS, language="en"), [RETURNS])
    assert wanted in cited.citations[0].quote


def test_words_for_a_customer_name_no_document_and_begin_at_once() -> None:
    prompt = replace(a_prompt("怎么退货？", RETURNS, PORTS), voice="say")
    said = "".join(ExtractiveGenerator().stream(prompt, Sampling()))
    assert "退货政策" in answer("怎么退货？", RETURNS, PORTS)
    assert "《" not in said
    assert said == said.lstrip()
    assert "[1]" in said


def test_what_only_came_near_is_not_said_to_a_customer() -> None:
    near = answer("小数点后面有什么", SCALE)
    assert "Kubernetes guide" in near
    prompt = replace(a_prompt("小数点后面有什么", SCALE), voice="say")
    assert "".join(ExtractiveGenerator().stream(prompt, Sampling())) == "给出的文档片段中没有这个问题的答案。"
