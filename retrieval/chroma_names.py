"""How Touchstone names and marks its collections in Chroma, and how it knows one that others made."""

import re
from collections.abc import Mapping

from retrieval.errors import IndexMismatch

PREFIX = "touchstone-"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,480}[A-Za-z0-9]|[A-Za-z0-9]")


def chroma_name(collection: str) -> str:
    """Chroma wants 3 to 512 characters of ``[a-zA-Z0-9._-]`` that end in a letter or digit."""
    if not _NAME.fullmatch(collection):
        raise ValueError(f"collection id {collection!r} names no vector index: use letters, digits, . _ -")
    return PREFIX + collection


def marks(dim: int) -> dict[str, int]:
    """The metadata of a collection of ours."""
    return {"touchstone": 1, "dim": dim}


def check_made_by_us(
    collection: str, configuration: Mapping[str, Mapping[str, object] | None], metadata: Mapping[str, object]
) -> None:
    """Raise ``IndexMismatch`` for a collection of others.

    The configuration is judged as JSON: ``Collection.configuration`` would build what it names.
    """
    function = (configuration.get("embedding_function") or {}).get("type", "legacy")
    space = (configuration.get("hnsw") or {}).get("space")
    ours = metadata.get("touchstone") == 1 and isinstance(metadata.get("dim"), int)
    if not ours or function != "legacy" or space != "cosine":
        raise IndexMismatch(
            f"Chroma collection {PREFIX + collection!r} was not made by Touchstone (embedding function "
            f"{function!r}, space {space!r}); delete it or use another Chroma"
        )
