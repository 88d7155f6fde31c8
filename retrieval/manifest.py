"""Which embedder built an index."""

from dataclasses import dataclass

from retrieval.errors import IndexMismatch
from retrieval.protocols import Embedder


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """Written when a collection gets its first vectors. Vectors of two embedders cannot be compared."""

    embedder_identity: str
    dim: int


def check(manifest: IndexManifest, embedder: Embedder, collection: str) -> None:
    """Raise ``IndexMismatch`` unless this embedder built the collection's index. ``collection``: its name."""
    if manifest == IndexManifest(embedder.identity, embedder.dim):
        return
    raise IndexMismatch(
        f"collection {collection!r} was indexed by {manifest.embedder_identity} ({manifest.dim} dimensions), "
        f"but {embedder.identity} ({embedder.dim} dimensions) runs now; run "
        f"`touchstone reindex {collection}` or start with the profile that built it"
    )
