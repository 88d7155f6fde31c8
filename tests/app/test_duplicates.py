"""Near-duplicates and contradicting versions are found in both languages, and nothing is dropped unsaid."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.duplicates.contradictions import contradictions
from app.duplicates.names import key
from app.duplicates.near import groups, near_pairs, stacked
from app.duplicates.report import DuplicatesView, survey
from app.duplicates.signatures import plain, shingles, signature
from app.storage.duplicates import ChunkText
from retrieval.types import Chunk
from tests.fakes.clock import FrozenClock

NOW = datetime(2026, 1, 2, tzinfo=UTC)
REFUND = (
    "Customers may return an unopened device within 30 days of delivery. The refund is paid to the card that "
    "was charged. Shipping costs of 12.50 EUR are not refunded. Write to the shop before you send it back."
)
TRAVEL = (
    "员工出差住宿标准为每晚不超过 450 元。机票由行政部统一预订，经济舱为限。报销单须在返回后三十天内提交。"
    "超过期限的费用不予报销，特殊情况由财务总监批准。"
)


def _chunk(text: str, document: str = "a.md", heading: str = "") -> Chunk:
    headings = (heading,) if heading else ()
    return Chunk(
        f"{document}:1:0", document, 1, "c", document, document, text, 0, len(text), 0, 1, (), headings
    )


def _said(one: str, other: str) -> list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    found, left = contradictions([_chunk(one)], [_chunk(other)])
    assert left == 0
    return [(each.kinds, each.one_values, each.other_values) for each in found]


def _survey(documents: dict[str, Sequence[str]], **about: object) -> DuplicatesView:
    chunks = {
        name: [
            Chunk(f"{name}:1:{i}", name, 1, "c", name, name, text, 0, len(text), i, 1)
            for i, text in enumerate(texts)
        ]
        for name, texts in documents.items()
    }
    texts = [ChunkText(c.id, c.document_id, c.document, "", c.text) for each in chunks.values() for c in each]
    return survey(texts, chunks.__getitem__, collection="c", made_at=NOW, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("within 30 days", "within 14 days", [(("number",), ("30",), ("14",))]),
        ("12.50 EUR", "1250 EUR", [(("amount",), ("12.50eur",), ("1250eur",))]),
        ("are not refunded", "are refunded", [(("negation",), (), ())]),
        ("within 30 days", "within thirty days", []),
        ("Write to the shop", "Please write to our shop", []),
        ("Write to the shop before you send it back.", "", []),
    ],
)
def test_english_sentences_that_say_otherwise(old: str, new: str, expected: object) -> None:
    assert old in REFUND
    assert _said(REFUND, REFUND.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("450 元", "500 元", [(("amount",), ("450元",), ("500元",))]),
        ("三十天", "十五天", [(("number",), ("30",), ("15",))]),
        ("三十天", "30 天", []),
        ("不予报销", "予以报销", [(("negation",), (), ())]),
        ("统一预订", "集中预订", []),
    ],
)
def test_chinese_sentences_that_say_otherwise(old: str, new: str, expected: object) -> None:
    assert old in TRAVEL
    assert _said(TRAVEL, TRAVEL.replace(old, new)) == expected


def test_dates_that_differ() -> None:
    assert _said("本制度自 2024年3月1日 起施行。", "本制度自 2025年1月1日 起施行。") == [
        (("date",), ("2024年3月1日",), ("2025年1月1日",))
    ]
    assert _said("It takes effect on March 3, 2024.", "It takes effect on April 3, 2024.") == [
        (("date",), ("march32024",), ("april32024",))
    ]


def test_rows_of_a_table_are_compared_with_the_row_they_mean() -> None:
    old = "| 级别 | 时限 |\n| --- | --- |\n| 一线城市住宿 | 500 元 |\n| 二线城市住宿 | 400 元 |\n"
    new = old.replace("500", "550").replace("400", "450")
    assert [values[1:] for values in _said(old, new)] == [(("500元",), ("550元",)), (("400元",), ("450元",))]


def test_versions_of_one_text_are_found_with_what_they_contradict() -> None:
    other = "Office hours are nine to five. The reception is on the ground floor, next to the lifts."
    found = _survey(
        {
            "refund-v1.md": [REFUND],
            "refund-v2.md": [REFUND.replace("30 days", "14 days")],
            "出差制度.md": [TRAVEL],
            "出差制度（修订版）.md": [TRAVEL.replace("450", "500")],
            "office.md": [other],
        }
    )
    assert [(each.one, each.other, each.names_alike) for each in found.versions] == [
        ("refund-v1.md", "refund-v2.md", True),
        ("出差制度.md", "出差制度（修订版）.md", True),
    ]
    assert [len(each.contradictions) for each in found.versions] == [1, 1]
    assert {frozenset(m.document for m in group.members) for group in found.groups} == {
        frozenset({"refund-v1.md", "refund-v2.md"}),
        frozenset({"出差制度.md", "出差制度（修订版）.md"}),
    }
    assert found.notices == ()


def test_copy_under_another_name_is_a_version_without_contradiction() -> None:
    found = _survey({"alpha.md": [REFUND], "omega.md": [REFUND]})
    (pair,) = found.versions
    assert (pair.names_alike, pair.shared, pair.contradictions) == (False, 1.0, ())
    assert [member.similarity for member in found.groups[0].members] == [1.0, 1.0]


def test_texts_of_one_document_are_no_duplicates_of_it() -> None:
    assert _survey({"a.md": [REFUND, REFUND, REFUND]}).groups == ()


def test_what_was_not_compared_is_told() -> None:
    clock = FrozenClock()

    def late() -> float:
        clock.pass_s(1)
        return clock()

    texts = [f"{REFUND} Paragraph {i} of {i * 7}." for i in range(300)]
    found = _survey({"a.md": [REFUND], "b.md": [REFUND, *texts]}, budget_s=2.0, monotonic=late)
    codes = {notice.code: notice.values for notice in found.notices}
    assert codes["duplicates_partial"] == {"compared": "199", "total": "302"}
    assert codes["versions_partial"] == {"compared": "0", "total": "1"}
    assert found.compared == 199
    assert _survey({"a.md": ["short"], "b.md": ["short"]}).notices[0].code == "duplicates_short"


def test_a_crowd_of_equal_texts_is_one_group() -> None:
    found = _survey({f"{chr(97 + i % 26)}{i}x.md": [REFUND] for i in range(60)})
    assert [len(group.members) for group in found.groups] == [60]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("财务制度V3.2.pdf", "财务制度V3.1.pdf"),
        ("refund policy 2023 final.docx", "refund-policy-2024.docx"),
        ("出差制度.md", "出差制度（修订版）.md"),
        ("handbook (1).pdf", "handbook.pdf"),
    ],
)
def test_names_of_versions_are_alike(one: str, other: str) -> None:
    assert key(one) == key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("售前FAQ.md", "常见问题FAQ.md"), ("leave.md", "travel.md")])
def test_names_of_different_texts_are_not(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_name_of_nothing_but_a_number_names_nothing() -> None:
    assert key("2024-01.pdf") == ""


@given(st.integers(0, 120), st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=30, deadline=None)
def test_signatures_estimate_the_jaccard_similarity(changed: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    text = random.choice(letters, 900)
    other = text.copy()
    other[random.choice(900, changed, replace=False)] = "0"
    one_set, other_set = (set(shingles("".join(each)).tolist()) for each in (text, other))
    exact = len(one_set & other_set) / len(one_set | other_set)
    one, two = (signature(shingles("".join(each))) for each in (text, other))
    assert abs(float((one == two).mean()) - exact) < 0.15  # five standard errors


@given(st.text())
def test_any_text_has_a_signature_or_nothing_to_compare(text: str) -> None:
    words = plain(text)
    assert plain(words) == words
    if words:
        assert signature(shingles(words)).shape == (256,)


def test_pairs_are_found_among_many() -> None:
    random = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    texts = ["".join(random.choice(letters, 400)) for _ in range(500)]
    planted = [texts[i][:200] + "0" + texts[i][201:] for i in range(50)]
    found = near_pairs(stacked([signature(shingles(each)) for each in texts + planted]))
    assert set(found.pairs) == {(i, 500 + i) for i in range(50)}
    assert groups(4, [(0, 2), (2, 3)]) == [[0, 2, 3]]
