"""Token ids of chunks: made at ingest, and behind the scenes for what was ingested without them."""

import logging
import threading
import time
from collections.abc import Sequence

from app.storage.chunks import Chunks
from app.storage.token_ids import TokenIds, TokenRow
from rerank.protocols import HasTokenizer, PassageTokenizer
from retrieval.types import Chunk

BATCH = 100  # about 60 ms of tokenising, and one short transaction
_CLOSE_S = 10.0
log = logging.getLogger(__name__)


class ChunkTokens:
    """Keeps token ids of every chunk for the reranker that runs; nothing where it reads no tokens.

    The filling thread ends when all chunks have their ids, or soon after ``stopping`` is set. It never holds
    the writer for longer than a batch takes to write, and works at most half of the time.
    """

    def __init__(
        self,
        store: TokenIds,
        *,
        chunks: Chunks,
        tokenizer: HasTokenizer | None,
        stopping: threading.Event,
        batch: int = BATCH,
    ) -> None:
        self._store = store
        self._chunks = chunks
        self._tokenizer = tokenizer
        self._stopping = stopping
        self._batch = batch
        self._thread: threading.Thread | None = None
        if tokenizer is not None:
            tokenizer.read_from(store)

    def of(self, chunks: Sequence[Chunk]) -> tuple[TokenRow, ...]:
        """The rows to store beside these chunks, in their order: ids of the text the reranker reads."""
        return self.read(chunks)[0]

    def read(self, chunks: Sequence[Chunk]) -> tuple[tuple[TokenRow, ...], tuple[int, ...]]:
        """See ``read_tokens``, with the tokenizer of the reranker that runs."""
        return read_tokens(self._tokenizer, chunks)

    @property
    def identity(self) -> str:
        """The tokenizer whose ids are kept; "" where the reranker reads none."""
        return "" if self._tokenizer is None else self._tokenizer.tokenizer_identity

    def stored(self) -> int | None:
        """Chunks whose ids are stored for the reranker that runs; None where it reads no tokens."""
        return None if self._tokenizer is None else self._store.count(self._tokenizer.tokenizer_identity)

    def start(self) -> None:
        """Fill in behind the scenes what is missing."""
        if self._tokenizer is not None:
            self._thread = threading.Thread(target=self._fill, name="token-ids", daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait until the filling thread has ended."""
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def fill(self) -> int:
        """Store the ids that are missing, batch by batch, until none is or ``stopping`` is set; how many."""
        if self._tokenizer is None:
            return 0
        filled, last = 0, ""
        while not self._stopping.is_set():
            began = time.monotonic()
            chunks = self._chunks.without_tokens(
                self._tokenizer.tokenizer_identity, after=last, limit=self._batch
            )
            if not chunks:
                break
            self._store.put(self.of(chunks))
            filled += len(chunks)
            last = chunks[-1].id
            self._stopping.wait(time.monotonic() - began)
        return filled

    def _fill(self) -> None:
        try:
            filled = self.fill()
        except Exception:
            log.exception("token ids of older chunks could not be stored; questions tokenise them")
            return
        if filled:
            log.info("token ids of %d chunks stored for the present reranker", filled)


def read_tokens(
    tokenizer: PassageTokenizer | None, chunks: Sequence[Chunk]
) -> tuple[tuple[TokenRow, ...], tuple[int, ...]]:
    """The rows to store beside these chunks, and how many tokens the reranker reads of each.

    Both are in the order of the chunks, and empty without a tokenizer.
    """
    if tokenizer is None:
        return (), ()
    identity = tokenizer.tokenizer_identity
    ids = tokenizer.token_ids([chunk.contextual_text for chunk in chunks])
    rows = tuple(
        TokenRow(chunk.id, identity, each.key, each.packed) for chunk, each in zip(chunks, ids, strict=True)
    )
    return rows, tuple(each.tokens for each in ids)
