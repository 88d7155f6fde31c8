"""Posting lists in memory, kept equal to what is committed: loaded once, then following the changes."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.errors import RetrievalError
from retrieval.posting_lists import SEGMENT_ROWS
from retrieval.postings import INLINE_ROWS, Postings
from retrieval.postings_store import PostingsStore
from retrieval.segments import StoredRow, merged, segments_of

BEHIND = 2000
"""Changes after which the background brings the snapshots up to date, so that no search has to."""

log = logging.getLogger(__name__)


class Outrun(Exception):
    """Others have gone on to a later version than the reader sees: it should look again."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The collections that are loaded, as they are at a version of the index."""

    version: int
    collections: Mapping[str, Postings]


class Snapshots:
    """One ``Postings`` a collection, shared by all readers, who never wait when nothing has changed.

    A reader that finds them behind brings them up to date itself. With ``start``, a thread loads every
    collection beforehand, follows large changes, and merges large segments.
    """

    def __init__(self, store: PostingsStore) -> None:
        self._store = store
        self._held: _Held | None = None
        self._loading = False
        self._lock = threading.Lock()  # held by whoever replaces what is held
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()

    def of(self, collections: Sequence[str], *, committed: bool) -> list[Postings]:
        """These collections as the calling thread's connection sees them. Call inside ``store.reading``.

        Where the view is not what is committed, what is found there is for this caller alone. Raises
        ``Outrun`` or ``RetrievalError``.
        """
        version = self._store.version()
        held = self._held
        if held is None or held.version != version or not held.collections.keys() >= set(collections):
            held = self._share(version, collections) if committed else self._own(version, collections)
        return [held.collections[each] for each in collections]

    def followed(self) -> int | None:
        """The version up to which changes need not be kept; None where none need be: nothing is loaded."""
        held = self._held
        return held.version if held is not None and (held.collections or self._loading) else None

    def behind(self, version: int) -> None:
        """Say that there are changes up to about this version, which nobody may search for a while."""
        if self._thread is not None and self._held is not None and version - self._held.version >= BEHIND:
            self._wake.set()

    def start(self) -> None:
        """Load everything in the background, and go on following it until ``close``."""
        if self._thread is None:
            self._wake.set()
            self._thread = threading.Thread(target=self._follow, name="lexical-snapshots", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread. Searches afterwards bring the snapshots up to date themselves."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._closing.set()
            self._wake.set()
            thread.join()
            self._closing.clear()

    def settle(self) -> None:
        """Do at once what the thread would do: load everything, follow, merge."""
        self._catch_up()
        self._merge()

    def _share(self, version: int, collections: Iterable[str]) -> _Held:
        with self._lock:
            held = self._held if self._held is not None else _Held(version, {})
            if held.version > version:
                raise Outrun
            self._held = self._advanced(held, version)
            self._loading = True
            try:
                for each in collections:
                    if each not in self._held.collections:
                        self._held = self._loaded(self._held, each)
            finally:
                self._loading = False
            return self._held

    def _own(self, version: int, collections: Iterable[str]) -> _Held:
        held = self._held
        held = _Held(version, {}) if held is None or held.version > version else self._advanced(held, version)
        for each in collections:
            if each not in held.collections:
                held = self._loaded(held, each)
        return held

    def _loaded(self, held: _Held, collection: str) -> _Held:
        rows = self._unless_closing(self._store.rows(collection))
        return _Held(held.version, {**held.collections, collection: Postings(tuple(segments_of(rows)))})

    def _advanced(self, held: _Held, version: int) -> _Held:
        if held.version == version or not held.collections:
            return _Held(version, held.collections)
        changes = self._store.changes(held.version)
        if len(changes) != version - held.version:
            log.info("changes of the lexical index since version %d are gone: loading anew", held.version)
            return _Held(version, {})
        collections = dict(held.collections)
        for name in collections.keys() & {collection for _, collection, _ in changes}:
            removed = sorted({row for row, collection, added in changes if collection == name and not added})
            added = {row for row, collection, added in changes if collection == name and added}
            new = segments_of(self._unless_closing(self._store.numbered(sorted(added))))
            following = collections[name].changed(np.array(removed, dtype=np.int64), new)
            following = following.tidied(SEGMENT_ROWS if self._thread is None else INLINE_ROWS)
            if following.due(SEGMENT_ROWS):
                self._wake.set()
            collections[name] = following
        return _Held(version, collections)

    def _unless_closing(self, rows: Iterator[StoredRow]) -> Iterator[StoredRow]:
        for row in rows:
            if self._closing.is_set():
                raise RetrievalError("the lexical index is being closed")
            yield row

    def _follow(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closing.is_set():
                return
            try:
                self.settle()
            except RetrievalError:
                if not self._closing.is_set():
                    log.exception("the lexical index cannot be brought up to date; searches will say so")

    def _catch_up(self) -> None:
        while True:
            try:
                with self._store.reading() as committed:
                    self.of(self._store.collections(), committed=committed)
                    return
            except Outrun:
                continue

    def _merge(self) -> None:
        """Merge outside the lock; what has changed meanwhile is left for the next time."""
        held = self._held
        for name, before in held.collections.items() if held is not None else ():
            postings = before
            while not self._closing.is_set() and (neighbours := postings.due(SEGMENT_ROWS)):
                segment = merged(neighbours)
                with self._lock:
                    assert self._held is not None  # noqa: S101 - it never becomes None again
                    now = self._held.collections.get(name, Postings())
                    following = now.with_merged(neighbours, segment)
                    if following is None:
                        self._wake.set()
                        break
                    self._held = _Held(self._held.version, {**self._held.collections, name: following})
                    postings = following
