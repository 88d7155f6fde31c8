"""The vector index in Chroma: embedded in this process, or on a Chroma server."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

import chromadb
import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.client import Client
from chromadb.api.collection_configuration import CreateHNSWConfiguration
from chromadb.api.models.Collection import Collection
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.api.types import Metadata, Where
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from retrieval.chroma_names import PREFIX, check_made_by_us, chroma_name, marks
from retrieval.errors import IndexDamaged, IndexFull, IndexMismatch, IndexUnreachable, RetrievalError
from retrieval.protocols import Vectors
from retrieval.types import Hit, Scope

MAX_FILTER = 20_000  # document ids in one filter; SQLite's limit is 32,766 variables a statement
ID_PAGE = 50_000  # ids in one answer: some 3 MB from a server
MAX_BATCH = 5_000  # adds of 1,000 to 5,000 are the fastest (design notes, infra section 1)

# Measured on 101,888 chunks (app/docs/experiments.md): recall@10 against exact search 0.999 for the starter
# embedder, 0.981 for hashed words, the hardest vectors we have; 2.6 ms of processor time a query.
_HNSW = CreateHNSWConfiguration(
    space="cosine", max_neighbors=32, ef_construction=200, ef_search=400, sync_threshold=1000
)
# Chroma's own errors; ValueError for requests it refuses; HTTP errors where it runs as a server.
_FAILURES = (ChromaError, ValueError, httpx.HTTPError)
# SQLite's words, the system's, and SQLite's code for a write that the system refused.
_FULL = ("database or disk is full", "No space left on device", "(code: 778)")
T = TypeVar("T")


class ChromaStore:
    """``VectorStore`` over Chroma: one Chroma collection a knowledge base, named ``touchstone-<id>``, cosine.

    Holds ids, vectors and document ids, never text: it can be deleted and refilled at any time. Threads
    may share it; processes may not share a directory, and it must not be used after a fork. A collection
    is checked when it is first touched: one that Touchstone did not make, that names an embedding
    function (Chroma would build it, chroma issue 6717) or another distance raises ``IndexMismatch``; one
    whose count or self query fails raises ``IndexDamaged``, after which ``drop`` still works. A full disk
    raises ``IndexFull`` where Chroma says so.
    """

    def __init__(self, client: ClientAPI, place: str, sessions: Sequence[httpx.Client] = ()) -> None:
        self._client = client
        self._place = place
        self._sessions = sessions
        self._checked: dict[str, Collection] = {}
        self._guard = threading.RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create an embedded index. The caller makes sure that no other process has it open."""
        try:
            client = chromadb.PersistentClient(path=str(path), settings=_settings())
        except _FAILURES as error:
            # chromadb 1.5.9 keeps a client that failed to start, and hands it out again for the same path.
            SharedSystemClient._identifier_to_system.pop(str(path), None)
            if _says_full(error):
                raise _full(str(path), error) from error
            raise IndexDamaged(
                f"the vector index in {path} cannot be opened ({error}); stop Touchstone, delete that "
                "folder and start again: it is refilled from the database"
            ) from error
        return cls(client, str(path))

    @classmethod
    def connect(cls, host: str, port: int, *, ssl: bool = False, timeout_s: float = 60.0) -> Self:
        """Use a server (``chroma run``), which has no authentication: keep it on a private network.

        ``timeout_s`` bounds each request. Raises ``IndexUnreachable`` where none answers.
        """
        try:
            client = chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=_settings())
        except _FAILURES as error:
            raise IndexUnreachable(
                f"no Chroma server answers at {host}:{port} ({error}); start one with `chroma run --path DIR "
                f"--host {host} --port {port}` or correct chroma.host and chroma.port"
            ) from error
        # chromadb 1.5.9 waits for ever for an answer and never closes its two sessions: both are done here.
        servers = [vars(owner)["_server"] for owner in (client, vars(client)["_admin_client"])]
        sessions: list[httpx.Client] = [vars(server)["_session"] for server in servers]
        for session in sessions:
            session.timeout = httpx.Timeout(timeout_s)
        return cls(client, f"{host}:{port}", sessions)

    def add(
        self, collection: str, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors
    ) -> None:
        """Make vectors (rows of norm 1) findable. Raises ``IndexMismatch`` on another dimension."""
        if not len(chunk_ids) == len(document_ids) == len(vectors):
            raise ValueError(
                f"{len(chunk_ids)} chunk ids, {len(document_ids)} document ids and {len(vectors)} vectors"
            )
        if not len(vectors):
            return
        found = self._find(collection) or self._create(collection, vectors.shape[1])
        self._require_dim(collection, found, vectors.shape[1])
        for part in _parts(len(vectors), self._max_batch):
            metadata: list[Metadata] = [{"document_id": name} for name in document_ids[part]]
            rows = np.ascontiguousarray(vectors[part], dtype=np.float32)
            ids = list(chunk_ids[part])
            self._call(collection, lambda: found.add(ids=ids, embeddings=rows, metadatas=metadata))  # noqa: B023

    def remove(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Forget these ids; unknown ids are no error."""
        found = self._find(collection)
        if found is None:
            return
        for part in _parts(len(chunk_ids), self._max_batch):
            ids = list(chunk_ids[part])
            self._call(collection, lambda: found.delete(ids=ids))  # noqa: B023

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        """At most k hits inside the scope by cosine similarity, best first, ties by id. vector: shape (dim,).

        Approximate (HNSW) within a collection. ``document_ids`` of the scope filter inside the search,
        which is exact but slower the fewer documents it names.
        """
        if k < 1 or (scope.document_ids is not None and not scope.document_ids):
            return []
        scored: list[tuple[float, str]] = []
        for collection in sorted(scope.collections):
            found = self._find(collection)
            if found is not None:
                self._require_dim(collection, found, vector.shape[0])
                scored.extend(self._nearest(collection, found, vector, k, scope))
        scored.sort(key=lambda pair: (-pair[0], pair[1]))
        return [Hit(name, score, rank, "vector") for rank, (score, name) in enumerate(scored[:k], 1)]

    def count(self, collection: str) -> int:
        """How many vectors the collection holds (0 for an unknown one). Raises ``IndexDamaged``."""
        found = self._find(collection)
        return 0 if found is None else self._call(collection, found.count)

    def ids(self, collection: str) -> set[str]:
        """Every id the collection holds (none for an unknown one). Raises ``IndexDamaged``."""
        found = self._find(collection)
        ids: set[str] = set()
        while found is not None:
            at = len(ids)
            ids.update(self._call(collection, lambda: found.get(limit=ID_PAGE, offset=at, include=[]))["ids"])  # noqa: B023
            if len(ids) < at + ID_PAGE:
                break
        return ids

    def partitions(self) -> set[str]:
        """The names of all partitions of Touchstone in this Chroma."""
        names = (each.name for each in self._call("", self._client.list_collections))
        return {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}

    def drop(self, collection: str) -> None:
        """Delete the whole partition, damaged or not; an unknown one is no error."""
        with self._guard:
            self._checked.pop(collection, None)
        name = chroma_name(collection)
        try:
            self._client.delete_collection(name)
        except NotFoundError:
            return
        except _FAILURES as error:
            raise self._damaged(collection, error) from error

    def close(self) -> None:
        """Release files and connections; the store is of no use afterwards."""
        if isinstance(self._client, Client):
            self._client.close()
        for session in self._sessions:
            session.close()

    @cached_property
    def _max_batch(self) -> int:
        return min(MAX_BATCH, int(self._client.get_max_batch_size()))

    def _nearest(
        self, collection: str, found: Collection, vector: Vectors, k: int, scope: Scope
    ) -> Iterator[tuple[float, str]]:
        row = vector.astype(np.float32)[None, :]  # (dim,) -> (1, dim)
        for where in _filters(scope):
            answer = self._call(
                collection,
                lambda: found.query(query_embeddings=row, n_results=k, where=where, include=["distances"]),  # noqa: B023
            )
            distances = answer["distances"] or [[]]
            for name, distance in zip(answer["ids"][0], distances[0], strict=True):
                yield min(1.0, max(-1.0, 1.0 - float(distance))), name

    def _create(self, collection: str, dim: int) -> Collection:
        with self._guard:
            if collection not in self._checked:
                self._checked[collection] = self._call(
                    collection,
                    lambda: self._client.create_collection(
                        chroma_name(collection),
                        metadata=marks(dim),
                        configuration={"hnsw": _HNSW},
                        embedding_function=None,
                    ),
                )
            return self._checked[collection]

    def _find(self, collection: str) -> Collection | None:
        """The collection, checked once; None where there is none."""
        known = self._checked.get(collection)
        if known is not None:
            return known
        name = chroma_name(collection)
        try:
            found = self._client.get_collection(name, embedding_function=None)
        except NotFoundError:
            return None
        except _FAILURES as error:
            raise self._damaged(collection, error) from error
        check_made_by_us(collection, found.configuration_json or {}, found.metadata or {})
        self._probe(collection, found)
        with self._guard:
            return self._checked.setdefault(collection, found)

    def _probe(self, collection: str, found: Collection) -> None:
        """One stored vector must find something, and have the dimension that was recorded."""
        if self._call(collection, found.count) == 0:
            return
        stored = self._call(collection, lambda: found.get(limit=1, include=["embeddings"]))["embeddings"]
        if stored is None or len(stored) != 1 or len(stored[0]) != _dim(found):
            raise self._damaged(collection, ValueError("a stored vector is missing or of another dimension"))
        probe = np.asarray(stored, dtype=np.float32)
        answer = self._call(
            collection, lambda: found.query(query_embeddings=probe, n_results=1, include=["distances"])
        )
        if not answer["ids"][0]:
            raise self._damaged(collection, ValueError("a stored vector finds nothing"))

    def _require_dim(self, collection: str, found: Collection, dim: int) -> None:
        if dim != _dim(found):
            raise IndexMismatch(
                f"vectors of collection {collection!r} have {_dim(found)} dimensions, not {dim}; run "
                "`touchstone reindex` for it or start with the profile that built it"
            )

    def _call(self, collection: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except _FAILURES as error:
            raise self._damaged(collection, error) from error

    def _damaged(self, collection: str, error: Exception) -> RetrievalError:
        with self._guard:
            self._checked.pop(collection, None)
        if isinstance(error, httpx.HTTPError):
            return IndexUnreachable(
                f"the Chroma server at {self._place} does not answer ({type(error).__name__}); start it again"
            )
        if _says_full(error):
            return _full(self._place, error)
        return IndexDamaged(
            f"the vector index of collection {collection!r} in {self._place} cannot be used ({error}); it is "
            "refilled from the database"
        )


def _says_full(error: Exception) -> bool:
    return any(words in str(error) for words in _FULL)


def _full(place: str, error: Exception) -> IndexFull:
    return IndexFull(f"the disk of the vector index in {place} is full ({error}); free some space")


def _settings() -> Settings:
    return Settings(anonymized_telemetry=False)


def _filters(scope: Scope) -> Iterator[Where | None]:
    """One filter, or several where the scope names more documents than SQLite takes as variables."""
    if scope.document_ids is None:
        yield None
        return
    names = sorted(scope.document_ids)
    for part in _parts(len(names), MAX_FILTER):
        # Chroma's type wants a list of exactly its own union of literals, which list invariance forbids.
        yield {"document_id": {"$in": names[part]}}  # type: ignore[dict-item]


def _dim(found: Collection) -> int:
    return int((found.metadata or {}).get("dim", 0))


def _parts(length: int, size: int) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, start + size)
