import json
import re
from hashlib import blake2b
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import (
    ANALYSIS_VERSION,
    characters,
    content_terms,
    content_words,
    detect_language,
    normalise,
    terms,
)
from retrieval.concepts import concepts, glossary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("报销发票", ["报销", "销发", "发票"]),
        ("税", ["税"]),
        ("報銷發票", ["报销", "销发", "发票"]),
        ("ＣＲＭ 导出", ["crm", "导出"]),
        ("SAML2.0", ["saml2.0", "saml", "2.0"]),
        ("OAuth2.0", ["oauth2.0", "oauth", "auth", "2.0"]),
        ("CB-5021", ["cb5021", "cb", "5021"]),
        ("master.host.selector", ["master.host.selector", "master", "host", "selector"]),
        ("maxTokenCount", ["maxtokencount", "max", "token", "count"]),
        ("max_token_count", ["maxtokencount", "max", "token", "count"]),
        ("v3.2", ["v3.2", "3.2"]),
        ("3.2.1", ["3.2.1"]),
        ("1,000元", ["1000", "元"]),
        ("C++ C#", ["c++", "c#"]),
        ("PDFs", ["pdf"]),
        ("don't use the invoices' data", ["use", "invoic", "data"]),
        ("configuring configured configures", ["configur", "configur", "configur"]),
        ("policies policy", ["polici", "polici"]),
    ],
)
def test_terms_of_a_text(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text(max_size=80))
def test_a_term_holds_nothing_that_an_index_could_change(text: str) -> None:
    for term in terms(text):
        assert re.fullmatch(r"(?:[a-z0-9.+#]|[^\x00-\x7f\s])+", term)
        assert term == term.casefold()


@given(st.text(max_size=80))
def test_content_terms_and_characters_come_from_the_same_folding_as_terms(text: str) -> None:
    joined = "".join(characters(text))
    for term in content_terms(text):
        assert term in terms(text) or all(character in joined for character in term)


@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("报销发票需要哪些盖章？", ["报销", "销发", "发票", "盖章"]),
        ("怎么弄？", []),
        ("这个怎么办", []),
        ("请问如何申请年假", ["申请", "请年", "年假"]),
        ("这样做的目的是什么", ["做", "目的"]),
        ("什么是税？", ["税"]),
        ("how do I do it?", []),
        ("What does the reranker do?", ["reranker"]),
        ("Please tell me how SSO works", ["sso", "work"]),
    ],
)
def test_content_terms_leave_out_question_and_function_words(question: str, expected: list[str]) -> None:
    assert content_terms(question) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("CRM 导出 Excel 失败怎么办？", "zh"),
        ("VPN setup guide 在哪", "zh"),
        ("What does 报销 mean?", "en"),
        ("how do I reset my password", "en"),
        ("報銷流程", "zh"),
        ("", "en"),
    ],
)
def test_language_of_a_question(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_normalised_text_is_folded_in_width_case_script_and_space() -> None:
    assert normalise("  ＳＳＯ\n 單點登錄 ") == "sso 单点登录"


def test_other_terms_than_before_need_another_version() -> None:
    """What is indexed is analysed again only where ``ANALYSIS_VERSION`` says so: raise it, then set this."""
    words = [word for _, synonyms in glossary() for word in synonyms]
    table = resources.files("retrieval").joinpath("traditional.txt").read_text(encoding="utf-8")
    mixed = "maxTokenCount max_token_count SAML2.0 1,000 C++ don't PDFs 我们的报销需要什么？ Ｃ５ ไทย"
    text = "\n".join([*words, table, mixed])
    found = [terms(text), characters(text), concepts(text)]
    digest = blake2b(json.dumps(found).encode(), digest_size=8).hexdigest()
    assert (ANALYSIS_VERSION, digest) == (1, "589117496287185c")


@pytest.mark.parametrize("asking", ["有多少", "多少", "有几", "几", "是几"])
def test_measure_that_is_asked_for_stays_however_it_is_asked_for(asking: str) -> None:
    assert content_words(f"年假{asking}天？") == ["年假", "天"]


def test_few_is_no_question_word_inside_another_word() -> None:
    assert content_words("几何和几乎") == ["几何和几乎"]
