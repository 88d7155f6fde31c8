"""The adapters and the rerank bodies of other applications where people have accounts."""

from collections.abc import Iterator, Mapping

import httpx
import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import SecretStr

from app.access.principal import Use
from app.adapters.langchain import TouchstoneReranker, TouchstoneRetriever
from app.adapters.llamaindex import TouchstoneRerank
from app.adapters.searching import SearchFailed
from rerank.errors import RerankError
from tests.api.served import BONUS, LEAVE, add_key, add_user, served, services_of

Keys = Mapping[str, str]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Keys]]:
    """A server, and keys by what they are for; Ben may read the handbook alone."""
    services = services_of(tmp_path_factory.mktemp("keys"), access={"mode": "accounts"})
    with served(services, tmp_path_factory.mktemp("files")) as url:
        ben = add_user(services, "ben", "viewer", {"handbook": "read"})
        uses: tuple[Use, ...] = ("search", "rerank")
        yield url, {use: add_key(services, ben, [use]) for use in uses}


def test_a_retriever_finds_what_its_key_may_see_and_nothing_else(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    own = TouchstoneRetriever(url=url, api_key=SecretStr(keys["search"]), evidence_only=False)
    assert "12 days" in own.invoke(LEAVE)[0].page_content
    assert {found.metadata["collection"] for found in own.invoke(BONUS)} <= {"handbook"}
    foreign = TouchstoneRetriever(url=url, api_key=SecretStr(keys["search"]), collections=["salaries"])
    with pytest.raises(SearchFailed, match="answered 404"):
        foreign.invoke(BONUS)


@pytest.mark.parametrize(("key", "status"), [("", 401), ("tsk_00000000_wrong", 401), ("rerank", 403)])
def test_a_retriever_without_the_right_key_is_refused(
    key: str, status: int, accounts: tuple[str, Keys]
) -> None:
    url, keys = accounts
    with pytest.raises(SearchFailed, match=f"answered {status}"):
        TouchstoneRetriever(url=url, api_key=SecretStr(keys.get(key, key))).invoke(LEAVE)


def test_rerankers_need_a_key_for_reranking(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    documents = [Document(page_content="badges"), Document(page_content="annual leave days of employees")]
    nodes = [NodeWithScore(node=TextNode(text=each.page_content)) for each in documents]
    right = TouchstoneReranker(url=url, api_key=SecretStr(keys["rerank"]))
    assert right.compress_documents(documents, LEAVE)[0].page_content == "annual leave days of employees"
    for key, status in (("", 401), (keys["search"], 403)):
        with pytest.raises(RerankError, match=f"status {status}"):
            TouchstoneReranker(url=url, api_key=SecretStr(key)).compress_documents(documents, LEAVE)
        with pytest.raises(RerankError, match=f"status {status}"):
            TouchstoneRerank(url=url, api_key=SecretStr(key)).postprocess_nodes(nodes, query_str=LEAVE)


def test_applications_send_their_key_as_a_bearer_token(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    body = {"model": "touchstone", "query": LEAVE, "documents": ["leave", "badges"], "top_n": 2}

    def status(authorization: str) -> int:
        headers = {"Authorization": authorization}
        return httpx.post(f"{url}/v1/rerank", json=body, headers=headers, trust_env=False).status_code

    assert status(f"Bearer {keys['rerank']}") == 200
    assert status(f"Bearer {keys['search']}") == 403
    assert status("") == 401  # Dify without a key
