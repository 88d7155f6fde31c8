"""The adapters for LlamaIndex, with the real package, against a real server."""

import asyncio

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from app.adapters.judging import NotJudged
from app.adapters.llamaindex import TouchstoneRerank, TouchstoneRetriever
from app.adapters.searching import SearchFailed
from rerank.errors import RerankError

QUERY = "How often is the boiler serviced?"
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens


def _nodes() -> list[NodeWithScore]:
    texts = {
        "badges": "Visitor badges are green.",
        "boiler": "The boiler is serviced every eighteen months.",
        "archive": "Archive boxes are kept for eleven years.",
    }
    return [NodeWithScore(node=TextNode(id_=name, text=text), score=0.3) for name, text in texts.items()]


def test_nodes_come_back_by_relevance_as_their_score(url: str) -> None:
    reranker = TouchstoneRerank(url=url, top_n=2)
    found = reranker.postprocess_nodes(_nodes(), query_str=QUERY)
    assert found[0].node.node_id == "boiler"
    assert len(found) == 2
    assert (found[0].score or 0) > (found[1].score or 0)


def test_the_async_methods_give_the_same(url: str) -> None:
    reranker = TouchstoneRerank(url=url)
    assert asyncio.run(reranker.apostprocess_nodes(_nodes(), query_str=QUERY)) == reranker.postprocess_nodes(
        _nodes(), query_str=QUERY
    )
    retriever = TouchstoneRetriever(url, collections=["handbook"])
    assert [each.score for each in asyncio.run(retriever.aretrieve(QUERY))] == [
        each.score for each in retriever.retrieve(QUERY)
    ]


def test_a_query_is_needed(url: str) -> None:
    with pytest.raises(ValueError, match="needs the query"):
        TouchstoneRerank(url=url).postprocess_nodes(_nodes())


def test_a_server_that_does_not_judge_is_an_error_or_a_warning() -> None:
    with pytest.raises(RerankError, match="cannot be reached"):
        TouchstoneRerank(url=NOBODY).postprocess_nodes(_nodes(), query_str=QUERY)
    with pytest.warns(NotJudged, match="cannot be reached"):
        kept = TouchstoneRerank(url=NOBODY, on_error="keep", top_n=1).postprocess_nodes(
            _nodes(), query_str=QUERY
        )
    assert [(each.node.node_id, each.score) for each in kept] == [("badges", 0.3)]


def test_a_retriever_gives_nodes_that_can_be_cited(url: str) -> None:
    first, *_ = TouchstoneRetriever(url, collections=["handbook"]).retrieve(QUERY)
    assert "eighteen months" in first.node.get_content()
    assert first.node.metadata["document"] == "boiler.md"
    assert (first.score or 0) > 0.1


def test_a_search_that_fails_is_an_error(url: str) -> None:
    with pytest.raises(SearchFailed, match="answered 404"):
        TouchstoneRetriever(url, collections=["nowhere"]).retrieve(QUERY)
    with pytest.raises(SearchFailed, match="cannot be reached"):
        asyncio.run(TouchstoneRetriever(NOBODY).aretrieve(QUERY))


def test_the_key_is_left_out_of_what_is_serialised() -> None:
    assert "s3cr3t" not in TouchstoneRerank(url=NOBODY, api_key="s3cr3t").model_dump_json()
