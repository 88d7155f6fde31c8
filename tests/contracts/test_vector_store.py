"""What every ``VectorStore`` promises: the exact one in memory, Chroma embedded, Chroma as a server."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.chroma import ChromaStore
from retrieval.errors import IndexMismatch
from retrieval.protocols import Vectors, VectorStore
from retrieval.types import Scope
from tests.fakes.chroma_server import chroma_server
from tests.fakes.retrieval import MemoryVectorStore

SCOPE = Scope(frozenset({"kb"}))


SERVER = pytest.param("chroma server", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["memory", "chroma", SERVER])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    folder: Path = tmp_path_factory.mktemp("index")
    if request.param == "memory":
        yield MemoryVectorStore()
    elif request.param == "chroma":
        opened = ChromaStore.open(folder)
        yield opened
        opened.close()
    else:
        with chroma_server(folder) as port:
            connected = ChromaStore.connect("127.0.0.1", port)
            yield connected
            connected.close()


@pytest.fixture
def store(shared: VectorStore) -> VectorStore:
    for name in ("kb", "hr", "it"):
        shared.drop(name)
    return shared


def unit(*rows: tuple[float, ...]) -> Vectors:
    vectors = np.array(rows, dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def test_nearest_vector_comes_first_with_its_cosine(store: VectorStore) -> None:
    store.add("kb", ["a", "b", "c"], ["d", "d", "e"], unit((1, 0), (1, 1), (0, 1)))
    hits = store.search(unit((1, 0))[0], 2, SCOPE)
    assert [(hit.chunk_id, hit.rank, hit.channel) for hit in hits] == [("a", 1, "vector"), ("b", 2, "vector")]
    assert [hit.score for hit in hits] == [pytest.approx(1.0, abs=1e-5), pytest.approx(0.7071, abs=1e-4)]


def test_equal_vectors_are_ordered_by_id(store: VectorStore) -> None:
    store.add("kb", ["c", "a", "b"], ["d"] * 3, unit((1, 0), (1, 0), (1, 0)))
    assert [hit.chunk_id for hit in store.search(unit((1, 0))[0], 3, SCOPE)] == ["a", "b", "c"]


def test_fewer_vectors_than_k_are_all_found(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    assert len(store.search(unit((0, 1))[0], 50, SCOPE)) == 1
    assert store.search(unit((0, 1))[0], 0, SCOPE) == []


def test_adding_an_id_again_changes_nothing(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    store.add("kb", ["a", "b"], ["d", "d"], unit((1, 0), (0, 1)))
    assert store.count("kb") == 2
    assert [hit.chunk_id for hit in store.search(unit((1, 0))[0], 5, SCOPE)] == ["a", "b"]


def test_removed_ids_are_forgotten_and_unknown_ones_are_no_error(store: VectorStore) -> None:
    store.add("kb", ["a", "b"], ["d", "d"], unit((1, 0), (0, 1)))
    store.remove("kb", ["a", "never there"])
    store.remove("hr", ["a"])
    assert store.count("kb") == 1
    assert [hit.chunk_id for hit in store.search(unit((1, 0))[0], 5, SCOPE)] == ["b"]


def test_ids_are_those_that_were_added_and_not_removed(store: VectorStore) -> None:
    store.add("kb", ["a", "b", "c"], ["d", "d", "e"], unit((1, 0), (1, 1), (0, 1)))
    store.remove("kb", ["b"])
    assert store.ids("kb") == {"a", "c"}
    assert store.ids("it") == set()


def test_partitions_are_those_that_were_filled_and_not_dropped(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    store.add("hr", ["b"], ["d"], unit((1, 0)))
    store.drop("hr")
    assert {"kb", "hr"} & store.partitions() == {"kb"}


def test_unknown_collection_is_empty(store: VectorStore) -> None:
    assert store.count("it") == 0
    assert store.search(unit((1, 0))[0], 5, Scope(frozenset({"it"}))) == []


def test_empty_scope_finds_nothing(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    assert store.search(unit((1, 0))[0], 5, Scope(frozenset())) == []
    assert store.search(unit((1, 0))[0], 5, Scope(frozenset({"kb"}), frozenset())) == []


def test_dropped_collection_is_empty_and_takes_another_dimension(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    store.drop("kb")
    store.drop("kb")
    assert store.count("kb") == 0
    store.add("kb", ["a"], ["d"], unit((1, 0, 0)))
    assert store.count("kb") == 1


def test_another_dimension_is_refused(store: VectorStore) -> None:
    store.add("kb", ["a"], ["d"], unit((1, 0)))
    with pytest.raises(IndexMismatch, match="have 2 dimensions, not 3"):
        store.add("kb", ["b"], ["d"], unit((1, 0, 0)))
    with pytest.raises(IndexMismatch, match="have 2 dimensions, not 3"):
        store.search(unit((1, 0, 0))[0], 5, SCOPE)


def test_collections_of_a_scope_are_merged_by_score(store: VectorStore) -> None:
    store.add("kb", ["a", "b"], ["d", "d"], unit((1, 0), (1, 2)))
    store.add("hr", ["c", "e"], ["x", "x"], unit((2, 1), (0, 1)))
    hits = store.search(unit((1, 0))[0], 3, Scope(frozenset({"kb", "hr"})))
    assert [hit.chunk_id for hit in hits] == ["a", "c", "b"]


def test_adds_beyond_the_stores_batch_limit_arrive_whole(store: VectorStore) -> None:
    n = 5_600
    angles = np.linspace(0.0, 1.5, n)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    store.add("kb", [f"{i:05}" for i in range(n)], ["d"] * n, vectors)
    assert store.count("kb") == n
    store.remove("kb", [f"{i:05}" for i in range(0, n, 2)])
    assert store.count("kb") == n // 2


numbers = itertools.count()
NAMES = st.sampled_from(["kb", "hr", "it"])
DOCUMENTS = st.sampled_from(["d1", "d2", "d3"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(NAMES, DOCUMENTS, st.integers(0, 7)), min_size=1, max_size=12),
    st.frozensets(NAMES),
    st.none() | st.frozensets(DOCUMENTS),
    st.integers(1, 14),
)
def test_no_hit_lies_outside_its_scope_and_none_inside_is_missed(
    shared: VectorStore,
    rows: list[tuple[str, str, int]],
    collections: frozenset[str],
    documents: frozenset[str] | None,
    k: int,
) -> None:
    # Names of this example's own: dropping and making collections each time would take minutes.
    mark = f"p{next(numbers)}"
    scope = Scope(frozenset(f"{mark}-{name}" for name in collections), documents)
    allowed = set()
    for i, (name, document, direction) in enumerate(rows):
        vector = unit((np.cos(direction / 3), np.sin(direction / 3)))
        shared.add(f"{mark}-{name}", [str(i)], [document], vector)
        if scope.allows(f"{mark}-{name}", document):
            allowed.add(str(i))
    hits = shared.search(unit((1, 0))[0], k, scope)
    assert {hit.chunk_id for hit in hits} <= allowed
    assert len(hits) == min(k, len(allowed))
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
