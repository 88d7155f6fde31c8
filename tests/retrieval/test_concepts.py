import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.concepts import concepts, expanded_terms, glossary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("能不能免密登录", ["©sso", "©login"]),
        ("Is single sign-on supported?", ["©sso"]),
        ("SAML2.0 and OAuth", ["©saml", "©oauth"]),
        ("电子发票", ["©einvoice", "©invoice"]),
        ("Electronic invoices", ["©einvoice", "©invoice"]),
        ("load balancers", ["©loadbalancing"]),
        ("OA系统", ["©officeautomation", "©system"]),
        ("OA 系統", ["©officeautomation", "©system"]),
        ("wi-fi", ["©wifi"]),
        ("assorted possible apiary", []),
        ("单，点登录", ["©login"]),
    ],
)
def test_concepts_of_a_text(text: str, expected: list[str]) -> None:
    assert concepts(text) == expected


def test_both_languages_share_a_concept() -> None:
    assert set(concepts("退款流程")) & set(concepts("How do I get a refund?")) == {"©refund"}


def test_expanded_terms_are_terms_then_concepts() -> None:
    assert expanded_terms("报销 SSO") == ["报销", "sso", "©reimbursement", "©sso"]


def test_every_synonym_of_the_glossary_finds_its_concept() -> None:
    for concept, synonyms in glossary():
        for synonym in synonyms:
            assert "©" + concept in concepts(synonym), synonym


def test_ids_and_synonyms_stand_once_in_the_glossary() -> None:
    ids = [concept for concept, _ in glossary()]
    synonyms = [synonym.casefold() for _, names in glossary() for synonym in names]
    assert len(ids) == len(set(ids)) > 400
    assert len(synonyms) == len(set(synonyms))


@given(st.text(max_size=60))
def test_any_text_has_concepts_of_the_glossary_only(text: str) -> None:
    assert set(concepts(text)) <= {"©" + concept for concept, _ in glossary()}
