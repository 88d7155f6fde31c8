"""LlamaIndex: a node postprocessor and a retriever over a Touchstone server (``touchstone-kb[llamaindex]``).

    from app.adapters.llamaindex import TouchstoneRerank, TouchstoneRetriever

    reranker = TouchstoneRerank(url="http://127.0.0.1:8400", api_key="…", instruction="…", top_n=3)
    retriever = TouchstoneRetriever("http://127.0.0.1:8400", api_key="…", collections=["handbook"])

``app/docs/integrations.md`` has a whole example.
"""

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from pydantic import Field, SecretStr

from app.adapters.judging import Asked, OnError, judged
from app.adapters.searching import Passage, SearchClient, Wanted


class TouchstoneRerank(BaseNodePostprocessor):
    """Nodes by relevance to the query, best first, each with it as its score.

    As ``TouchstoneReranker`` of LangChain; what a node keeps from embedding (``MetadataMode.EMBED``) is what
    is judged. With ``on_error="keep"`` scores are those given. Async methods run it in a thread.
    """

    url: str
    api_key: SecretStr = Field(default=SecretStr(""), exclude=True)
    instruction: str = ""
    top_n: int | None = Field(default=None, ge=1)
    timeout_s: float = Field(default=60.0, gt=0)
    on_error: OnError = "raise"

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises it; the key is left out."""
        return "TouchstoneRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("a reranker needs the query: pass query_str or query_bundle")
        asked = Asked(
            url=self.url,
            api_key=self.api_key.get_secret_value(),
            instruction=self.instruction,
            top_n=self.top_n,
            timeout_s=self.timeout_s,
            on_error=self.on_error,
        )
        texts = [each.node.get_content(metadata_mode=MetadataMode.EMBED) for each in nodes]
        places = judged(asked, query_bundle.query_str, texts)
        return [
            NodeWithScore(
                node=nodes[place.index].node,
                score=nodes[place.index].score if place.relevance is None else place.relevance,
            )
            for place in places
        ]


class TouchstoneRetriever(BaseRetriever):
    """Chunks found and judged by the server, best first, as nodes whose score is their relevance.

    Arguments and metadata are those of LangChain's ``TouchstoneRetriever``; the score is None where nothing
    judged. Raises ``app.adapters.searching.SearchFailed``.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str = "",
        collections: Sequence[str] = (),
        instruction: str = "",
        top_k: int | None = None,
        top_n: int | None = None,
        rerank: bool = True,
        evidence_only: bool = True,
        timeout_s: float = 60.0,
        **kwargs: Any,  # noqa: ANN401 - what BaseRetriever takes
    ) -> None:
        self._client = SearchClient(url, api_key=api_key, timeout_s=timeout_s)
        self._asked = Wanted(
            collections=tuple(collections),
            instruction=instruction,
            top_k=top_k,
            top_n=top_n,
            rerank=rerank,
            evidence_only=evidence_only,
        )
        super().__init__(**kwargs)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return list(map(_node, self._client.search(query_bundle.query_str, self._asked)))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return list(map(_node, await self._client.asearch(query_bundle.query_str, self._asked)))


def _node(passage: Passage) -> NodeWithScore:
    node = TextNode(id_=passage.chunk_id, text=passage.text, metadata=passage.metadata())
    return NodeWithScore(node=node, score=passage.relevance)
