import sqlite3

import pytest

from retrieval.errors import RetrievalError
from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.protocols import LexicalIndex, VectorStore
from retrieval.recall import recall
from retrieval.settings import RetrievalSettings
from retrieval.types import Chunk, Hit, Notice, Query, Recalled, Scope
from retrieval.understand import understand
from tests.fakes.hashing import HashingEmbedder
from tests.fakes.retrieval import (
    BrokenVectorStore,
    FixedEmbedder,
    ListedLexicalIndex,
    MemoryChunks,
    MemoryVectorStore,
    chunk,
)

SCOPE = Scope(frozenset({"kb"}))
TEXTS = ["报销发票需要盖章", "年假申请流程", "Refunds take seven days", "单点登录配置步骤"]


def fail(k: int) -> list[Hit]:
    raise RetrievalError("the lexical index is broken")


class Library:
    """Chunks in both indexes, and a source that calls some of them stale."""

    def __init__(self, chunks: list[Chunk], *, stale: list[str] | None = None) -> None:
        self.embedder = HashingEmbedder()
        connection = sqlite3.connect(":memory:", isolation_level=None)
        create_tables(connection)
        self.lexical: LexicalIndex = InvertedIndex(lambda: connection)
        self.lexical.add(chunks)
        self.vectors: VectorStore = MemoryVectorStore()
        embedded = self.embedder.embed_passages([c.contextual_text for c in chunks])
        for c, vector in zip(chunks, embedded, strict=True):
            self.vectors.add(c.collection, [c.id], [c.document_id], vector[None, :])
        self.source = MemoryChunks(chunks, stale=stale or [])

    def recall(self, question: str | Query, settings: RetrievalSettings | None = None) -> Recalled:
        query = understand(question, SCOPE) if isinstance(question, str) else question
        return recall(
            query, embedder=self.embedder, vectors=self.vectors, lexical=self.lexical, chunks=self.source,
            settings=settings or RetrievalSettings(),
        )  # fmt: skip


def ids(recalled: Recalled) -> list[str]:
    return [candidate.chunk.id for candidate in recalled.candidates]


@pytest.fixture
def library() -> Library:
    return Library([chunk(text, id=f"d:1:{i}") for i, text in enumerate(TEXTS)])


def test_candidate_carries_its_hit_of_each_channel(library: Library) -> None:
    best = library.recall("报销发票").candidates[0]
    assert best.chunk.text == "报销发票需要盖章"
    assert best.rank == 1
    assert [(hit.channel, hit.rank) for hit in best.hits] == [("lexical", 1), ("vector", 1)]


def test_steps_are_timed(library: Library) -> None:
    timings = dict(library.recall("报销发票").timings_ms)
    assert list(timings) == ["embed", "vector", "hydrate", "lexical", "fuse"]
    assert all(ms >= 0.0 for ms in timings.values())


def test_no_more_than_top_k_candidates(library: Library) -> None:
    assert len(library.recall("报销 年假 Refunds", RetrievalSettings(top_k=2)).candidates) == 2


def test_stale_hits_do_not_take_the_places_of_current_ones() -> None:
    old = [chunk("报销发票", id=f"d:1:{i}") for i in range(40)]
    new = [chunk("报销发票 新版", id=f"d:2:{i}", document_id="e") for i in range(3)]
    library = Library([*old, *new], stale=[c.id for c in old])
    recalled = library.recall("报销发票", RetrievalSettings(top_k=3, channel_k=3))
    assert sorted(ids(recalled)) == ["d:2:0", "d:2:1", "d:2:2"]
    assert recalled.candidates[0].hits[0].rank == 1
    assert recalled.notices == ()


def test_index_full_of_stale_hits_is_told() -> None:
    old = [chunk("报销发票", id=f"d:1:{i:03}") for i in range(40)]
    new = chunk("报销发票 很久以后的新版", id="e:1:0", document_id="e")
    library = Library([*old, new], stale=[c.id for c in old])
    recalled = library.recall("报销发票", RetrievalSettings(top_k=1, channel_k=1))
    assert recalled.candidates == ()
    assert Notice.of("recall_incomplete", channel="lexical", stale=16) in recalled.notices


def test_chunk_outside_the_scope_is_never_a_candidate() -> None:
    library = Library([chunk("报销发票", id="a"), chunk("报销发票", id="b", collection="secret")])
    assert ids(library.recall("报销发票")) == ["a"]


def test_failing_vector_channel_leaves_the_lexical_one_and_says_so(library: Library) -> None:
    library.vectors = BrokenVectorStore()
    recalled = library.recall("报销发票")
    assert ids(recalled) == ["d:1:0"]
    assert recalled.notices == (Notice.of("vector_channel_failed", reason="the vector index is broken"),)


def test_failing_lexical_channel_leaves_the_vectors_and_says_so(library: Library) -> None:
    library.lexical = ListedLexicalIndex(fail)
    recalled = library.recall("报销发票")
    assert ids(recalled)[0] == "d:1:0"
    assert recalled.notices == (Notice.of("lexical_channel_failed", reason="the lexical index is broken"),)


def test_both_channels_failing_is_an_error(library: Library) -> None:
    library.vectors = BrokenVectorStore()
    library.lexical = ListedLexicalIndex(fail)
    with pytest.raises(
        RetrievalError,
        match="neither channel could search: the vector index is broken; the lexical index is broken",
    ):
        library.recall("报销发票")


def test_variants_are_searched_too(library: Library) -> None:
    query = Query(
        asked="假", text="龘龘", scope=SCOPE, language="zh", variants=("年假申请",), terms=(), vague=False
    )
    assert library.recall(query).candidates[0].chunk.text == "年假申请流程"


def test_weighted_fusion_follows_the_lexical_share() -> None:
    vectors = MemoryVectorStore()
    embedder = FixedEmbedder({"报销": (1.0, 0.0)})
    chunks = [chunk("甲", id="near"), chunk("报销", id="worded")]
    vectors.add("kb", ["near"], ["d"], embedder.embed_passages(["报销"]))
    lexical = ListedLexicalIndex(lambda k: [Hit("worded", 4.0, 1, "lexical")])
    query = understand("报销", SCOPE)

    def order(share: float) -> list[str]:
        settings = RetrievalSettings(fusion="weighted", lexical_weight=share)
        recalled = recall(
            query, embedder=embedder, vectors=vectors, lexical=lexical, chunks=MemoryChunks(chunks),
            settings=settings,
        )  # fmt: skip
        return ids(recalled)

    assert order(0.9) == ["worded", "near"]
    assert order(0.1) == ["near", "worded"]


def test_what_the_embedder_had_to_cut_is_told() -> None:
    notice = Notice.of("embedding_cut", texts=1, longest=9000, limit=8192)
    recalled = recall(
        understand("报销", SCOPE), embedder=FixedEmbedder({"报销": (1.0, 0.0)}, notices=[notice]),
        vectors=MemoryVectorStore(), lexical=ListedLexicalIndex(lambda k: []), chunks=MemoryChunks([]),
        settings=RetrievalSettings(),
    )  # fmt: skip
    assert recalled.notices == (notice,)


def test_hashing_settings_weigh_words_more_unless_fusion_was_chosen() -> None:
    assert RetrievalSettings().for_starter().fusion == "weighted"
    assert RetrievalSettings().for_starter().lexical_weight == 0.85
    chosen = RetrievalSettings(fusion="rrf")
    assert chosen.for_starter() is chosen
