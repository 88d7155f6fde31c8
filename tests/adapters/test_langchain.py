"""The adapters for LangChain, with the real package, against a real server."""

import asyncio
import subprocess
import sys
import warnings

import pytest
from langchain_core.documents import Document

from app.adapters.judging import NotJudged
from app.adapters.langchain import TouchstoneReranker, TouchstoneRetriever
from app.adapters.searching import SearchFailed
from rerank.errors import RerankError

QUERY = "How often is the boiler serviced?"
DOCUMENTS = [
    Document(page_content="Visitor badges are green.", metadata={"source": "badges"}),
    Document(page_content="The boiler is serviced every eighteen months.", metadata={"source": "boiler"}),
    Document(page_content="Archive boxes are kept for eleven years.", metadata={"source": "archive"}),
]
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens


def test_documents_come_back_by_relevance_with_their_own_metadata(url: str) -> None:
    reranker = TouchstoneReranker(url=url, top_n=2)
    found = reranker.compress_documents(DOCUMENTS, QUERY)
    assert found[0].metadata["source"] == "boiler"
    assert len(found) == 2
    assert found[0].metadata["relevance_score"] > found[1].metadata["relevance_score"]
    assert "relevance_score" not in DOCUMENTS[1].metadata


def test_the_async_methods_give_the_same(url: str) -> None:
    reranker = TouchstoneReranker(url=url)
    assert asyncio.run(reranker.acompress_documents(DOCUMENTS, QUERY)) == list(
        reranker.compress_documents(DOCUMENTS, QUERY)
    )
    retriever = TouchstoneRetriever(url=url, collections=["handbook"])
    assert asyncio.run(retriever.ainvoke(QUERY)) == retriever.invoke(QUERY)


def test_a_server_that_does_not_judge_is_an_error() -> None:
    with pytest.raises(RerankError, match="cannot be reached"):
        TouchstoneReranker(url=NOBODY).compress_documents(DOCUMENTS, QUERY)


def test_keeping_the_order_given_is_a_choice_and_says_so() -> None:
    reranker = TouchstoneReranker(url=NOBODY, on_error="keep", top_n=2)
    with pytest.warns(NotJudged, match="cannot be reached"):
        found = reranker.compress_documents(DOCUMENTS, QUERY)
    assert [document.metadata["source"] for document in found] == ["badges", "boiler"]
    assert [document.metadata["relevance_score"] for document in found] == [None, None]


def test_no_documents_are_no_request() -> None:
    assert TouchstoneReranker(url=NOBODY).compress_documents([], QUERY) == []


def test_a_retriever_gives_the_evidence_with_what_is_needed_to_cite_it(url: str) -> None:
    first, *_ = TouchstoneRetriever(url=url, collections=["handbook"]).invoke(QUERY)
    assert "eighteen months" in first.page_content
    assert first.metadata["document"] == "boiler.md"
    assert first.metadata["collection"] == "handbook"
    assert first.metadata["chunk_id"] == first.id
    assert first.metadata["relevance_score"] > 0.1


def test_where_the_chat_would_abstain_there_is_no_evidence_but_candidates(url: str) -> None:
    question = "What is the melting point of tungsten?"
    only = TouchstoneRetriever(url=url, collections=["handbook"])
    every = TouchstoneRetriever(url=url, collections=["handbook"], evidence_only=False)
    assert only.invoke(question) == []
    assert len(every.invoke(question)) >= len(only.invoke(question))


def test_only_the_named_knowledge_bases_are_searched(url: str) -> None:
    found = TouchstoneRetriever(url=url, collections=["other"], evidence_only=False).invoke("访客证 badges")
    assert {document.metadata["collection"] for document in found} == {"other"}


def test_a_knowledge_base_that_is_not_there_is_an_error(url: str) -> None:
    with pytest.raises(SearchFailed, match="answered 404"):
        TouchstoneRetriever(url=url, collections=["nowhere"]).invoke(QUERY)
    with pytest.raises(SearchFailed, match="cannot be reached"):
        TouchstoneRetriever(url=NOBODY).invoke(QUERY)
    with pytest.raises(SearchFailed, match="cannot be reached"):
        asyncio.run(TouchstoneRetriever(url=NOBODY).ainvoke(QUERY))


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValueError, match="instructions"):
        TouchstoneReranker(url=NOBODY, instructions="x")  # type: ignore[call-arg] # what is tested


def test_a_key_is_never_printed() -> None:
    assert "s3cr3t" not in repr(TouchstoneReranker(url=NOBODY, api_key="s3cr3t"))


@pytest.mark.parametrize("module", ["app.adapters", "app.adapters.judging", "app.adapters.searching"])
def test_nothing_of_other_frameworks_is_imported_until_their_adapter_is(module: str) -> None:
    code = (
        f"import {module}, sys; "
        "print([m for m in sys.modules if m.startswith(('langchain', 'llama_index'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_said_where_all_went_well(url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TouchstoneReranker(url=url).compress_documents(DOCUMENTS, QUERY)
