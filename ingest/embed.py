"""Chunks → vectors."""

from collections.abc import Sequence

import numpy as np

from ingest.protocols import Progress
from retrieval.protocols import Embedder, Vectors
from retrieval.types import Chunk

_BATCH = 32  # chunks between two reports of progress; the embedder forms its own batches inside


def embed(chunks: Sequence[Chunk], embedder: Embedder, progress: Progress) -> Vectors:
    """Float32 of shape (len(chunks), embedder.dim): row i is the vector of chunk i's context line and text.

    Reports stage "embed" after each batch. Raises ``ValueError`` where the embedder breaks its promise.
    """
    vectors = np.zeros((len(chunks), embedder.dim), dtype=np.float32)
    for start in range(0, len(chunks), _BATCH):
        batch = chunks[start : start + _BATCH]
        rows = embedder.embed_passages([chunk.contextual_text for chunk in batch])
        if rows.shape != (len(batch), embedder.dim):
            raise ValueError(
                f"{embedder.identity} gave vectors of shape {rows.shape} for {len(batch)} texts; "
                f"({len(batch)}, {embedder.dim}) was promised"
            )
        vectors[start : start + len(batch)] = rows
        progress("embed", start + len(batch), len(chunks))
    return vectors
