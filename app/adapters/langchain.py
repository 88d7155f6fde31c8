"""LangChain: a document compressor and a retriever over a Touchstone server (``touchstone-kb[langchain]``).

    from app.adapters.langchain import TouchstoneReranker, TouchstoneRetriever

    reranker = TouchstoneReranker(url="http://127.0.0.1:8400", api_key="…", instruction="…", top_n=3)
    retriever = TouchstoneRetriever(url="http://127.0.0.1:8400", api_key="…", collections=["handbook"])

``app/docs/integrations.md`` has a whole example.
"""

from collections.abc import Sequence

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
    Callbacks,
)
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, SecretStr

from app.adapters.judging import Asked, OnError, judged
from app.adapters.searching import Passage, SearchClient, Wanted


class TouchstoneReranker(BaseDocumentCompressor):
    """Documents by relevance to the query, best first, each with ``relevance_score`` in its metadata.

    ``instruction`` says what to prefer, "" leaves it to the server. ``top_n``: None keeps all. ``on_error``:
    ``raise`` (``rerank.errors.RerankError``), or ``keep`` the order given, with the warning ``NotJudged`` and
    ``relevance_score`` None. The async methods of LangChain run it in a thread.
    """

    model_config = ConfigDict(extra="forbid")

    url: str
    api_key: SecretStr = SecretStr("")
    instruction: str = ""
    top_n: int | None = Field(None, ge=1)
    timeout_s: float = Field(60.0, gt=0)
    on_error: OnError = "raise"

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """The documents given, judged; copies, so that the caller's stay as they were."""
        asked = Asked(
            url=self.url,
            api_key=self.api_key.get_secret_value(),
            instruction=self.instruction,
            top_n=self.top_n,
            timeout_s=self.timeout_s,
            on_error=self.on_error,
        )
        places = judged(asked, query, [document.page_content for document in documents])
        return [
            documents[place.index].model_copy(
                update={"metadata": {**documents[place.index].metadata, "relevance_score": place.relevance}}
            )
            for place in places
        ]


class TouchstoneRetriever(BaseRetriever):
    """Chunks of the knowledge bases that the key may search, found and judged by the server, best first.

    ``collections``: names, all that the key may search where empty. ``instruction`` "" leaves it to the
    collection. ``top_k`` candidates are judged and ``top_n`` of them chosen, None leaves both to the server.
    ``evidence_only``: only what the chat would answer from, so nothing where it would abstain. Metadata:
    ``document``, ``document_id``, ``title``, ``pages``, ``headings``, ``chunk_id``, ``collection``,
    ``relevance_score`` (0..1, None where nothing judged) and ``notices``. Raises
    ``app.adapters.searching.SearchFailed``.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    url: str
    api_key: SecretStr = SecretStr("")
    collections: list[str] = Field(default_factory=list)
    instruction: str = ""
    top_k: int | None = Field(None, ge=1)
    top_n: int | None = Field(None, ge=1)
    rerank: bool = True
    evidence_only: bool = True
    timeout_s: float = Field(60.0, gt=0)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return list(map(_document, self._client().search(query, self._asked())))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return list(map(_document, await self._client().asearch(query, self._asked())))

    def _client(self) -> SearchClient:
        return SearchClient(self.url, api_key=self.api_key.get_secret_value(), timeout_s=self.timeout_s)

    def _asked(self) -> Wanted:
        return Wanted(
            collections=tuple(self.collections),
            instruction=self.instruction,
            top_k=self.top_k,
            top_n=self.top_n,
            rerank=self.rerank,
            evidence_only=self.evidence_only,
        )


def _document(passage: Passage) -> Document:
    return Document(id=passage.chunk_id, page_content=passage.text, metadata=passage.metadata())
