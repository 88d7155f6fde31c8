from pathlib import Path
from typing import Literal

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from retrieval.chroma import ChromaStore
from retrieval.errors import IndexDamaged, IndexMismatch, RetrievalError
from retrieval.protocols import Vectors
from retrieval.types import Scope

SCOPE = Scope(frozenset({"kb"}))


def circle(n: int) -> Vectors:
    angles = np.linspace(0.0, 1.5, n)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def fill(store: ChromaStore, n: int) -> None:
    store.add("kb", [f"{i:05}" for i in range(n)], ["d"] * n, circle(n))


def test_index_survives_closing_and_opening_again(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    fill(store, 3)
    store.close()
    again = ChromaStore.open(tmp_path)
    assert again.count("kb") == 3
    assert [hit.chunk_id for hit in again.search(circle(3)[2], 1, SCOPE)] == ["00002"]
    again.close()


def test_text_is_never_stored(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    fill(store, 2)
    store.close()
    client = chromadb.PersistentClient(path=str(tmp_path), settings=Settings(anonymized_telemetry=False))
    stored = client.get_collection("touchstone-kb", embedding_function=None).get()
    assert not any(stored["documents"] or [])
    assert stored["metadatas"] == [{"document_id": "d"}, {"document_id": "d"}]
    client.close()  # type: ignore[attr-defined]  # ClientAPI lacks what every client has


def test_damaged_collection_is_reported_then_dropped_and_refilled(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    fill(store, 1_200)
    store.close()
    for file in tmp_path.glob("*/*"):
        file.write_bytes(b"\x80damaged")
    damaged = ChromaStore.open(tmp_path)
    with pytest.raises(IndexDamaged, match=r"collection 'kb' .* is refilled from the database"):
        damaged.search(circle(1)[0], 1, SCOPE)
    with pytest.raises(IndexDamaged):
        damaged.count("kb")
    damaged.drop("kb")
    fill(damaged, 3)
    assert damaged.count("kb") == 3
    damaged.close()


def test_directory_that_is_no_index_is_reported_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"garbage" * 1_000)
    with pytest.raises(IndexDamaged, match=r"cannot be opened .* delete that folder and start again"):
        ChromaStore.open(tmp_path)


@pytest.mark.parametrize(
    ("metadata", "space", "function"),
    [
        (None, "cosine", None),
        ({"touchstone": 1, "dim": 2}, "l2", None),
        ({"touchstone": 1, "dim": 2}, "cosine", "default"),
    ],
)
def test_collection_of_others_is_refused(
    tmp_path: Path, metadata: dict[str, int] | None, space: Literal["cosine", "l2"], function: str | None
) -> None:
    from chromadb.utils.embedding_functions import DefaultEmbeddingFunction

    client = chromadb.PersistentClient(path=str(tmp_path), settings=Settings(anonymized_telemetry=False))
    client.create_collection(
        "touchstone-kb",
        metadata=metadata,
        configuration={"hnsw": {"space": space}},
        embedding_function=DefaultEmbeddingFunction() if function else None,  # type: ignore[arg-type]
    )
    store = ChromaStore.open(tmp_path)
    with pytest.raises(IndexMismatch, match="'touchstone-kb' was not made by Touchstone"):
        store.search(circle(1)[0], 1, SCOPE)
    with pytest.raises(IndexMismatch, match="delete it or use another Chroma"):
        fill(store, 1)
    store.close()
    client.close()  # type: ignore[attr-defined]


def test_missing_server_is_reported_with_the_remedy() -> None:
    with pytest.raises(RetrievalError, match=r"no Chroma server answers at 127.0.0.1:1 .*start one"):
        ChromaStore.connect("127.0.0.1", 1)


def test_collection_id_that_chroma_cannot_name_is_refused(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    with pytest.raises(ValueError, match="collection id '人事/x' names no vector index"):
        store.count("人事/x")
    store.close()


def test_lists_of_different_length_are_refused(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    with pytest.raises(ValueError, match="1 chunk ids, 2 document ids and 2 vectors"):
        store.add("kb", ["a"], ["d", "d"], circle(2))
    store.close()


def test_thousands_of_documents_may_be_named_in_a_scope(tmp_path: Path) -> None:
    store = ChromaStore.open(tmp_path)
    fill(store, 5)
    many = frozenset({"d", *(f"other{i}" for i in range(40_000))})
    assert len(store.search(circle(1)[0], 9, Scope(frozenset({"kb"}), many))) == 5
    store.close()
