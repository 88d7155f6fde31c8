from collections.abc import Mapping, Sequence
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank.lexical_features import Read, Wanted
from rerank.prompt import DEFAULT_INSTRUCTION
from rerank.question_kind import kind_missed, lists_steps
from rerank.soft_features import NAMES, SoftRead, SoftWanted, features
from rerank.starter import StarterReranker
from rerank.steering import Steering
from retrieval.concepts import glossary
from retrieval.starter_table import starter_table

PLAIN = StarterReranker(None)


class FixedStatistics:
    def __init__(self, count: int, frequencies: dict[str, int]) -> None:
        self.count, self.frequencies = count, frequencies

    def document_frequencies(self, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        return self.count, {term: self.frequencies.get(term, 0) for term in terms}

    def token_frequencies(self, tokens: Sequence[int]) -> tuple[int, Sequence[int]]:
        names = [starter_table().tokens.vocabulary[token] for token in tokens]
        return self.count, [self.frequencies.get(name, 0) for name in names]


def order(query: str, passages: Sequence[str], instruction: str = "") -> list[int]:
    relevance = PLAIN.score(query, passages, instruction).relevance
    return sorted(range(len(passages)), key=lambda i: (-relevance[i], i))


SSO = [
    "《API对接指南》第三章：OAuth2.0授权流程说明",
    "《客户成功手册》第五节：SSO配置步骤（含截图）",
    "《版本更新日志》2024Q2：新增SAML协议支持",
    "《安全白皮书》第二章：数据加密传输机制",
    "《售前FAQ》Q12：是否支持企业微信免密登录？",
]


def test_worked_example_of_the_sales_assistant_comes_out_b_c_e_a_d() -> None:
    instruction = "优先选择含具体配置步骤、协议支持说明和客户可直接使用的FAQ解答"
    found = order("客户问『能不能单点登录集成』，我该怎么答？", SSO, instruction)
    assert "".join("ABCDE"[i] for i in found) == "BCEAD"


@pytest.mark.parametrize(
    ("query", "wanted", "others"),
    [
        (
            "报销发票需要哪些盖章？",
            "【财务制度V3.2】第四章第二节：报销发票须加盖开票单位发票专用章，并由部门负责人签字。",
            [
                "【OA系统操作手册】费用报销模块：在系统中填写报销单，上传发票照片后提交审批。",
                "【常见问题FAQ】电子发票报销注意事项：电子发票打印后提交，同一发票不得重复报销。",
            ],
        ),
        (
            "客户投诉处理流程",
            "《客户服务规范》接到客户投诉后，客服须在2小时内登记，24小时内给出处理方案，并回访客户。",
            [
                "《2024年团建活动通知》各部门于9月20日前报名，客户部同事请提前安排工作。",
                "《新员工入职须知》入职流程包括签订合同、领取工牌。",
            ],
        ),
        (
            "服务器磁盘IO异常排查步骤",
            "Linux服务器性能调优指南第四章：磁盘IO排查。先用iostat看利用率，再用iotop定位进程。",
            ["Python入门教程第三章：文件操作。磁盘读写用open函数，读取完要关闭文件。"],
        ),
        (
            "劳动合同解除的法定情形",
            "严重失职解除：劳动者严重失职的，用人单位可以解除劳动合同；释义：须造成重大损害并有制度依据。",
            ["劳动合同：劳动者与用人单位确立劳动关系的协议。", "解除：终止法律关系的行为。"],
        ),
        (
            "微信小程序支付回调验签失败",
            "小程序支付接口文档，支付回调：验签失败返回 SIGN_ERROR，请检查密钥与签名算法。verify(sign, body)",
            ["微信小程序支付功能介绍：小程序支付让用户在小程序内完成付款，体验流畅。"],
        ),
    ],
)
def test_worked_examples_put_the_wanted_passage_first(query: str, wanted: str, others: list[str]) -> None:
    assert order(query, [*others, wanted])[0] == len(others)


def test_unrelated_documents_stay_far_below_the_floor() -> None:
    unrelated = [
        "《2024年团建活动通知》各部门于9月20日前报名。",
        "《新员工入职须知》入职流程包括签订合同、领取工牌。",
    ]
    assert max(PLAIN.score("客户投诉处理流程", unrelated, "").relevance) < 0.1


def test_both_grounds_of_terminating_a_contract_are_evidence() -> None:
    passages = [
        "协商一致解除：用人单位与劳动者协商一致，可以解除劳动合同（第三十六条）。",
        "严重失职解除：劳动者严重失职，造成重大损害的，用人单位可以解除劳动合同（第三十九条）。",
    ]
    assert min(PLAIN.score("劳动合同解除的法定情形", passages, "").relevance) > 0.5
    assert order("严重失职能否解除劳动合同", passages)[0] == 1
    assert order("协商一致怎样解除劳动合同", passages)[0] == 0


def test_chinese_question_finds_the_english_passage_through_the_glossary() -> None:
    passages = ["Shipping takes three days.", "How to reset your password: open Settings."]
    assert order("怎么重置密码？", passages) == [1, 0]


def test_instruction_raises_what_it_names() -> None:
    passages = ["解除劳动合同的一般说明。", "劳动合同法第三十九条：法条原文，可以解除劳动合同。"]
    query = "解除劳动合同"
    plain = PLAIN.score(query, passages, "").relevance
    steered = PLAIN.score(query, passages, "prefer directly citable statutes").relevance
    assert steered[1] > plain[1]
    assert steered[0] == plain[0]


def test_instruction_does_not_raise_what_has_nothing_of_the_question() -> None:
    passage = ["FAQ：配置步骤与协议支持"]
    instruction = "优先选择配置步骤、协议支持、FAQ"
    assert PLAIN.score("年假有几天", passage, instruction) == PLAIN.score("年假有几天", passage, "")


def test_default_instruction_steers_nothing() -> None:
    assert Steering.of(DEFAULT_INSTRUCTION, None).wishes == ()
    assert Steering.of("", None).wishes == ()


def test_instruction_is_read_as_a_list_of_wishes() -> None:
    wishes = Steering.of("优先选择含具体配置步骤、协议支持说明和客户可直接使用的FAQ解答", None).wishes
    assert [list(wish.weights) for wish in wishes] == [
        ["配置", "置步", "步骤"], ["协议", "议支", "支持"], ["客户", "faq"],
    ]  # fmt: skip


def test_every_related_concept_stands_in_the_glossary() -> None:
    known = {concept for concept, _ in glossary()}
    rows = resources.files("rerank").joinpath("related.tsv").read_text(encoding="utf-8").splitlines()
    named = {name for row in rows if not row.startswith("#") for name in row.replace("\t", " ").split()}
    assert named <= known


def test_related_concepts_count_less_than_the_concept_itself() -> None:
    wanted = Wanted.of("单点登录", None)
    passages = ("单点登录", "SSO", "SAML", "打印")
    shares = [wanted.share(wanted.credit(Read.of(passage).found[0])) for passage in passages]
    assert shares == pytest.approx([1.0, 0.8, 0.6, 0.0])


def test_rare_terms_decide_over_common_ones() -> None:
    statistics = FixedStatistics(1000, {"server": 900, "restart": 800, "e1234": 1})
    passages = ["restart the server, restart the server again", "error E1234 on the server"]
    relevance = StarterReranker(statistics).score("server restart E1234", passages, "").relevance
    assert relevance[1] > relevance[0]


def test_missing_identifier_costs() -> None:
    passages = ["The X200 does work.", "The X300 does work."]
    with_it, without = PLAIN.score("does the X200 work", passages, "").relevance
    assert with_it - without > 0.5


def test_heading_counts() -> None:
    passages = ["手册 › 单点登录\n在控制台打开开关后保存。", "手册 › 打印机\n在控制台打开开关后保存。"]
    assert order("单点登录", passages) == [0, 1]


def test_vague_question_scores_low_on_ordinary_passages() -> None:
    passages = ["支付接口文档：返回错误码与签名。", "导出 Excel 失败时请检查权限。"]
    assert max(PLAIN.score("怎么弄？", passages, "").relevance) < 0.1


@pytest.mark.parametrize(
    ("question", "met", "missed"),
    [
        ("年假有多少天？", "满一年为5天", "年假由公司安排"),
        ("When was it built?", "It was finished in 1889.", "It is made of iron."),
        ("怎么重置密码", "打开设置后点击重置", "密码是一串字符"),
        ("能不能单点登录", "已支持 SAML", "单点登录是一种登录方式"),
        ("支付回调验签失败", "返回 SIGN_ERROR，请检查密钥", "支付体验流畅"),
    ],
)
def test_kind_of_answer_is_recognised(question: str, met: str, missed: str) -> None:
    assert not kind_missed(question, met)
    assert kind_missed(question, missed)


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=300))
def test_features_lie_in_0_to_1_for_any_text(query: str, passage: str) -> None:
    table = starter_table()
    values = features(SoftWanted.of(query, table, None), SoftRead.of(passage, table), table)
    assert len(values) == len(NAMES)
    assert all(0 <= value <= 1 + 1e-5 for value in values)  # float32


class Indexed:
    """Statistics of an index of 100 chunks that holds these terms once each."""

    def __init__(self, *held: str) -> None:
        self._held = frozenset(held)

    def document_frequencies(self, wanted: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        return 100, {term: int(term in self._held) for term in wanted}

    def token_frequencies(self, tokens: Sequence[int]) -> tuple[int, Sequence[int]]:
        return 100, [int(starter_table().tokens.vocabulary[token] in self._held) for token in tokens]


def test_name_that_stands_nowhere_in_the_index_is_no_evidence() -> None:
    passage = "Room Bar M20 supports Bluetooth 5.2 and Wi-Fi 6."
    known = StarterReranker(Indexed("room", "bar", "m20", "support", "zigbee"))
    unknown = StarterReranker(Indexed("room", "bar", "m20", "support"))
    question = "Does the Room Bar M20 support Zigbee?"
    assert known.score(question, [passage], "").relevance[0] > PLAIN.default_floor
    assert unknown.score(question, [passage], "").relevance[0] < PLAIN.default_floor


def test_name_that_stands_in_the_passage_is_no_stranger() -> None:
    reranker = StarterReranker(Indexed("capital"))
    passage = "Paris is the capital and largest city of France."
    assert reranker.score("What is the capital of France?", [passage], "").relevance[0] > 0.5


def test_unknown_name_counts_only_in_the_language_of_the_question() -> None:
    reranker = StarterReranker(Indexed("hotel", "住宿", "出差"))
    question = "What is the hotel limit for a business trip to Shanghai?"
    chinese = "住宿标准：出差到北京、上海的住宿上限为每晚 600 元，出差到其他城市的住宿上限为 350 元。"
    assert Wanted.of(question, Indexed("hotel")).strangers == ("Shanghai",)
    plain = StarterReranker(Indexed("hotel", "住宿", "出差", "shanghai"))
    (unseen,) = reranker.score(question, [chinese], "").relevance
    (seen,) = plain.score(question, [chinese], "").relevance
    assert unseen > 0.5 * seen


def test_numbered_steps_meet_a_question_for_steps_only() -> None:
    steps = "1. 登记投诉。\n2. 分级派单。"
    assert lists_steps("客户投诉处理流程", steps)
    assert lists_steps("How do I register a complaint?", "1. Register.\n2. Assign.")
    assert not lists_steps("客户投诉由谁负责？", steps)
    assert not lists_steps("客户投诉处理流程", "本流程规定投诉的步骤。")


def test_passage_with_the_steps_comes_before_one_that_mentions_them() -> None:
    purpose = "客户投诉处理流程 › 目的\n本流程规定受理、处理客户投诉的步骤与时限。"
    steps = "客户投诉处理流程 › 处理步骤\n1. 受理登记客户投诉。\n2. 分级派单并处理。\n3. 回访客户。"
    assert order("客户投诉处理流程", [purpose, steps])[0] == 1
