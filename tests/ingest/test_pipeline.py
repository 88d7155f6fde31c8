import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from ingest.embed import embed
from ingest.pipeline import prepare
from retrieval.protocols import Vectors
from retrieval.types import Chunk, Notice
from tests.ingest.sources import SETTINGS, source

TEXT = "# 手册\n\n年假五天。\n\n## 报销\n\n" + "发票要盖章，一张也不能少。" * 60


class HashEmbedder:
    """Unit vectors from the hash of a text; remembers what it was given."""

    identity, dim = "hash-8", 8

    def __init__(self, width: int = 8) -> None:
        self.seen: list[str] = []
        self._width = width

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        digests = [hashlib.sha256(text.encode()).digest()[: self._width] for text in texts]
        vectors = np.stack([np.frombuffer(digest, np.uint8) for digest in digests]).astype(np.float32) + 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.seen.extend(texts)
        return self.embed_queries(texts)

    def drain_notices(self) -> tuple[Notice, ...]:
        return (Notice.of("text_cut", count=1),)


def _silent(stage: str, done: int, total: int) -> None:
    return None


def _chunks(count: int) -> list[Chunk]:
    return [
        Chunk(f"d:1:{i}", "d", 1, "c", "a", "手册", f"正文{i}", 0, 3, i, 9, headings=("一",))
        for i in range(count)
    ]


def test_row_i_is_the_vector_of_chunk_i_with_its_context() -> None:
    embedder = HashEmbedder()
    vectors = embed(_chunks(70), embedder, _silent)
    assert vectors.shape == (70, 8)
    assert embedder.seen[69] == "手册 › 一\n正文69"
    assert np.array_equal(vectors[69], embedder.embed_queries(["手册 › 一\n正文69"])[0])


def test_progress_counts_chunks() -> None:
    heard: list[tuple[str, int, int]] = []
    embed(_chunks(70), HashEmbedder(), lambda *report: heard.append(report))
    assert heard == [("embed", 32, 70), ("embed", 64, 70), ("embed", 70, 70)]


def test_embedder_of_another_width_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"hash-8 gave vectors of shape \(1, 5\)"):
        embed(_chunks(1), HashEmbedder(width=5), _silent)


def test_file_becomes_chunks_with_vectors_times_and_all_notices() -> None:
    prepared = prepare(source("\ufeff" + TEXT.replace("五天", "五\u200b天"), "手册.md"), 2, settings=SETTINGS,
                       embedder=HashEmbedder(), progress=_silent)
    assert prepared.document.title == "手册"
    assert [chunk.version for chunk in prepared.chunks] == [2] * len(prepared.chunks)
    assert prepared.vectors.shape == (len(prepared.chunks), 8)
    assert [name for name, _ in prepared.seconds] == ["parse", "chunk", "embed"]
    assert prepared.notices == (
        Notice.of("invisible_characters_removed", count=1), Notice.of("text_cut", count=1),
    )


def test_same_file_gives_the_same_chunks_and_vectors() -> None:
    first, second = (
        prepare(source(TEXT, "a.md"), 1, settings=SETTINGS, embedder=HashEmbedder(), progress=_silent)
        for _ in range(2)
    )
    assert first.chunks == second.chunks
    assert np.array_equal(first.vectors, second.vectors)


def test_what_progress_raises_stops_the_work() -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "chunk":
            raise InterruptedError("cancelled")

    embedder = HashEmbedder()
    with pytest.raises(InterruptedError, match="cancelled"):
        prepare(source(TEXT, "a.md"), 1, settings=SETTINGS, embedder=embedder, progress=cancel)
    assert embedder.seen == []
