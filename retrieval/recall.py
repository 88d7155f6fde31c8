"""Recall: both channels search, stale hits drop out, fusion orders what is left."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from retrieval.errors import RetrievalError
from retrieval.fuse import Fused, reciprocal_rank, weighted
from retrieval.protocols import ChunkSource, Embedder, LexicalIndex, VectorStore
from retrieval.settings import RetrievalSettings
from retrieval.types import Candidate, Channel, Chunk, Found, Hit, Lists, Notice, Query, Recalled

MAX_WIDENINGS = 4
"""How often a search is repeated with twice the hits because stale ones took up the places."""

Search = Callable[[int], list[Hit]]


def recall(
    query: Query,
    *,
    embedder: Embedder,
    vectors: VectorStore,
    lexical: LexicalIndex,
    chunks: ChunkSource,
    settings: RetrievalSettings,
    depth: int = 0,
) -> Recalled:
    """At most ``top_k`` chunks that are current and inside the scope, best fused score first, ties by id.

    Each wording of the query goes to both channels, which bring ``channel_k`` (at least ``top_k``) live
    hits each: where the chunk source drops some, the search is widened, and ranks count live chunks only.
    A channel that fails leaves the other and a notice, ``vector_channel_failed`` or
    ``lexical_channel_failed``; where both fail, ``RetrievalError`` is raised. Timings: embed, vector,
    lexical, hydrate, fuse.

    With a ``depth`` the channels search that deep, and ``lists`` holds what they found (chunks each); the
    candidates are the same as without.
    """
    run = _Run(query, chunks, max(settings.channel_k, settings.top_k, depth))
    wordings = (query.text, *query.variants)

    def search_vectors() -> list[Search]:
        with run.timed("embed"):
            embedded = embedder.embed_queries(wordings)
        return [partial(vectors.search, vector, scope=query.scope) for vector in embedded]

    def search_terms() -> list[Search]:
        return [partial(lexical.search, text, scope=query.scope) for text in wordings]

    lists = [*run.channel("vector", search_vectors), *run.channel("lexical", search_terms)]
    if len(run.failures) == 2:
        reasons = "; ".join(str(failure) for failure in run.failures)
        raise RetrievalError(f"neither channel could search: {reasons}") from run.failures[0]
    with run.timed("fuse"):
        wanted = max(settings.channel_k, settings.top_k)
        fused = _fuse([hits[:wanted] for hits in lists], settings)
    return Recalled(
        tuple(
            Candidate(run.live[f.chunk_id], f.hits, f.score, rank)
            for rank, f in enumerate(fused[: settings.top_k], 1)
        ),
        (*run.notices, *embedder.drain_notices()),
        tuple((name, seconds * 1000) for name, seconds in run.seconds.items()),
        _lists(lists, fused, _fuse(lists, settings), run.live) if depth else None,
    )


def _lists(
    hit_lists: Sequence[Sequence[Hit]],
    fused: Sequence[Fused],
    deeper: Sequence[Fused],
    live: Mapping[str, Chunk],
) -> Lists:
    """Everything found; hits of several wordings go by rank, then score, then id."""

    def of(channel: Channel) -> tuple[Found, ...]:
        hits = [hit for found in hit_lists for hit in found if hit.channel == channel]
        best: dict[str, float] = {}
        for hit in sorted(hits, key=lambda hit: (hit.rank, -hit.score, hit.chunk_id)):
            best.setdefault(hit.chunk_id, hit.score)
        return tuple(Found(live[chunk_id], score) for chunk_id, score in best.items())

    known = {found.chunk_id for found in fused}
    everything = [*fused, *(found for found in deeper if found.chunk_id not in known)]
    return Lists(of("vector"), of("lexical"), tuple(Found(live[f.chunk_id], f.score) for f in everything))


def _fuse(lists: Sequence[Sequence[Hit]], settings: RetrievalSettings) -> list[Fused]:
    if settings.fusion == "rrf":
        return reciprocal_rank(lists, settings.rrf_k)
    share = settings.lexical_weight
    return weighted(lists, {"lexical": share, "vector": 1.0 - share})


class _Run:
    """What one recall gathers: live chunks by id, times, notices and failed channels."""

    def __init__(self, query: Query, chunks: ChunkSource, wanted: int) -> None:
        self._scope = query.scope
        self._chunks = chunks
        self._wanted = wanted
        self._stale: set[str] = set()
        self.live: dict[str, Chunk] = {}
        self.seconds: dict[str, float] = {}
        self.notices: list[Notice] = []
        self.failures: list[RetrievalError] = []

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the block's wall-clock time to a step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - began

    def channel(self, channel: Channel, searches: Callable[[], list[Search]]) -> list[list[Hit]]:
        """One list of live hits a wording, or none and a notice where the channel fails."""
        try:
            return [self._live_hits(channel, search) for search in searches()]
        except RetrievalError as error:
            self.failures.append(error)
            self.notices.append(Notice.of(f"{channel}_channel_failed", reason=error))
            return []

    def _live_hits(self, channel: Channel, search: Search) -> list[Hit]:
        k = self._wanted
        for widenings_left in reversed(range(MAX_WIDENINGS + 1)):
            with self.timed(channel):
                hits = search(k)
            with self.timed("hydrate"):
                self._hydrate([hit.chunk_id for hit in hits])
            live = [hit for hit in hits if hit.chunk_id in self.live]
            if len(live) >= self._wanted or len(hits) < k:
                break
            if widenings_left == 0:
                stale = len(hits) - len(live)
                self.notices.append(Notice.of("recall_incomplete", channel=channel, stale=stale))
            k *= 2
        return [replace(hit, rank=rank) for rank, hit in enumerate(live[: self._wanted], 1)]

    def _hydrate(self, chunk_ids: Sequence[str]) -> None:
        unknown = [name for name in chunk_ids if name not in self.live and name not in self._stale]
        self.live.update(self._chunks.chunks(unknown, self._scope) if unknown else {})
        self._stale.update(name for name in unknown if name not in self.live)
