"""The vector store as the rest sees it: by collection, whichever partition holds its vectors now."""

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from app.settings import Settings
from app.storage.chroma_files import check_files
from app.storage.segments import remove_unused_segments
from app.turnstile import Turnstile
from retrieval.errors import IndexDamaged, IndexFull, RetrievalError
from retrieval.protocols import Vectors, VectorStore
from retrieval.types import Hit, Notice, Scope

T = TypeVar("T")
CRAMPED_BYTES = 50_000_000  # Chroma's reasons are vague: with less free space than this, it is the space
log = logging.getLogger(__name__)


class CurrentPartitions:
    """``VectorStore`` that looks up which partition is a collection's before each call.

    The name of a partition, where it is no collection's id, stands for itself. ``suspect`` is true from the
    moment a call met damage until ``trust``.
    """

    def __init__(
        self,
        store: VectorStore,
        current: Callable[[str], str],
        *,
        folder: Path | None = None,
        reopen: Callable[[], VectorStore] | None = None,
        replace_by_empty: Callable[[], tuple[VectorStore, Notice]] | None = None,
        alarm: Callable[[], None] = lambda: None,
    ) -> None:
        """``folder`` holds an embedded store, opened again by ``reopen`` after each error.

        ``replace_by_empty`` moves it aside and opens an empty one in its place. ``alarm`` is called whenever
        damage is met.
        """
        self._store: VectorStore | None = store
        self._current = current
        self._reopen = reopen
        self._replace_by_empty = replace_by_empty
        self._alarm = alarm
        self._turnstile = Turnstile()
        self._filling: set[str] = set()
        self._guard = threading.Lock()
        self.folder = folder
        self.suspect = False
        self._spent = False  # it has raised an error, and is opened again before it is used again
        self._file = self._present_file()

    def add(
        self, collection: str, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors
    ) -> None:
        """See ``VectorStore``, as for all that follow. Raises ``IndexFull`` where the disk is."""
        self._ask(lambda store: store.add(self._current(collection), chunk_ids, document_ids, vectors))

    def remove(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Forget these ids."""
        self._ask(lambda store: store.remove(self._current(collection), chunk_ids))

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        """At most k hits of the scope. Raises ``IndexDamaged`` while a collection of it is filled again."""
        if self._filling & scope.collections:
            raise IndexDamaged("the vector index was damaged and is being filled again from the database")
        partitions = self._partitions_of(scope)
        try:
            return self._ask(lambda store: store.search(vector, k, replace(scope, collections=partitions)))
        except RetrievalError:
            switched = self._partitions_of(scope)
            if switched == partitions:
                raise
            return self._ask(lambda store: store.search(vector, k, replace(scope, collections=switched)))

    def count(self, collection: str) -> int:
        """How many vectors the collection holds."""
        return self._ask(lambda store: store.count(self._current(collection)))

    def ids(self, collection: str) -> set[str]:
        """Every id the collection holds."""
        return self._ask(lambda store: store.ids(self._current(collection)))

    def partitions(self) -> set[str]:
        """The names of all partitions there are."""
        return self._ask(lambda store: store.partitions())

    def drop(self, collection: str) -> None:
        """Delete the whole partition."""
        self.drop_partition(self._current(collection))

    def drop_partition(self, name: str) -> None:
        """Delete the partition of exactly this name, a collection's own first one included."""
        self._ask(lambda store: store.drop(name))
        if self.folder is not None:
            remove_unused_segments(self.folder)

    @contextmanager
    def filling(self, collection: str) -> Iterator[None]:
        """While this block runs, and after it has failed, whoever searches the collection is told."""
        with self._guard:
            self._filling = self._filling | {collection}
        yield
        with self._guard:
            self._filling = self._filling - {collection}

    def is_filling(self, collection: str) -> bool:
        """Whether the collection is being filled again, or that has failed."""
        return collection in self._filling

    def check(self) -> None:
        """Look at the files of an embedded store while nobody uses it.

        Raises ``IndexDamaged``; ``IndexFull`` where there is no room to put anything right.
        """
        if (left := self._cramped()) is not None:
            raise IndexFull(f"the vector index cannot be mended with {left:,} bytes left on its disk")
        if self.folder is not None:
            with self._turnstile.alone():
                self._require_file()
                check_files(self.folder)

    def trust(self) -> None:
        """What was suspect is as it should be."""
        self.suspect = False

    def start_over(self) -> Notice:
        """Move a store that cannot be used aside and go on with an empty one. Raises ``IndexDamaged``.

        Calls that come meanwhile wait.
        """
        if self._replace_by_empty is None:
            raise IndexDamaged("the vector index is on a server and cannot be moved aside; look there")
        with self._turnstile.alone():
            self._close()
            self._store, notice = self._replace_by_empty()
            self._file, self._spent = self._present_file(), False
        return notice

    def close(self) -> None:
        """Release what the store holds."""
        with self._turnstile.alone():
            self._close()

    def _close(self) -> None:
        closing = getattr(self._store, "close", None)
        if closing is not None:
            closing()
        self._store = None

    def _ask(self, ask: Callable[[VectorStore], T]) -> T:
        try:
            self._renew()
            with self._turnstile.passing():
                self._require_file()
                assert self._store is not None  # noqa: S101 - _require_file raises where there is none
                return ask(self._store)
        except (IndexDamaged, IndexFull) as error:
            self.suspect = self._spent = True
            self._alarm()
            if isinstance(error, IndexDamaged) and (left := self._cramped()) is not None:
                raise IndexFull(
                    f"the vector index could not be used with {left:,} bytes left on its disk; free some "
                    f"space ({error})"
                ) from error
            raise

    def _renew(self) -> None:
        """Open an embedded store again that has raised an error.

        Chroma 1.5.9 keeps the transaction of a write that found the disk full open for ever: the next writer
        waits for it, and with it, because Chroma does not let go of the interpreter, the whole process.
        """
        if not self._spent or self._reopen is None:
            return
        with self._turnstile.alone():
            if self._spent:
                self._close()
                if self._present_file() != self._file:
                    raise IndexDamaged(f"the vector index in {self.folder} is gone")
                self._store = self._reopen()
                self._spent = False

    def _cramped(self) -> int | None:
        """The bytes that are free on the disk of an embedded store, where they are few."""
        if self.folder is None:
            return None
        free = shutil.disk_usage(self.folder if self.folder.is_dir() else self.folder.parent).free
        return free if free < CRAMPED_BYTES else None

    def _require_file(self) -> None:
        """Raise where the store could not be opened, or somebody has deleted its files under it."""
        if self._store is None or self._present_file() != self._file:
            raise IndexDamaged(f"the vector index in {self.folder} is gone")

    def _present_file(self) -> tuple[int, int] | None:
        """Which file the embedded store's database is."""
        if self.folder is None:
            return None
        try:
            found = os.stat(self.folder / "chroma.sqlite3")
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _partitions_of(self, scope: Scope) -> frozenset[str]:
        return frozenset(self._current(each) for each in scope.collections)


def open_partitions(
    settings: Settings,
    current: Callable[[str], str],
    now: Callable[[], datetime],
    alarm: Callable[[], None] = lambda: None,
) -> tuple[CurrentPartitions, list[Notice]]:
    """The vector store of the settings, embedded or on a server, and what was done for it.

    An embedded one whose files contradict themselves, or that cannot be opened, is moved aside, and an empty
    one takes its place; what was moved aside before is deleted then. Raises ``IndexFull``.
    """
    from retrieval.chroma import ChromaStore  # chromadb takes over a second to import

    chroma, folder = settings.chroma, settings.data_dir / "chroma"
    if chroma.host:
        return CurrentPartitions(ChromaStore.connect(chroma.host, chroma.port), current, alarm=alarm), []

    def opened() -> VectorStore:
        check_files(folder)
        return ChromaStore.open(folder)

    def replace_by_empty() -> tuple[VectorStore, Notice]:
        aside = _move_aside(folder, f"aside-{now():%Y%m%dT%H%M%S%f}")
        notice = Notice.of("index_moved_aside", folder=aside) if aside else Notice.of("index_gone")
        return ChromaStore.open(folder), notice

    def made(store: VectorStore) -> CurrentPartitions:
        return CurrentPartitions(
            store, current, folder=folder, reopen=opened, replace_by_empty=replace_by_empty, alarm=alarm
        )

    try:
        return made(opened()), []
    except IndexDamaged:
        log.exception("the vector index in %s cannot be used: it is moved aside", folder)
        store, notice = replace_by_empty()
        return made(store), [notice]


def _move_aside(folder: Path, name: str) -> Path | None:
    """Move what is in a folder out of the way, and delete what was moved before; where to, None for nothing.

    Beside the folder, or inside it where that is another disk's and cannot be moved.
    """
    for old in (*folder.parent.glob(f"{folder.name}.aside-*"), *folder.glob("aside-*")):
        shutil.rmtree(old, ignore_errors=True)
    if not folder.exists():
        return None
    try:
        return folder.rename(folder.with_name(f"{folder.name}.{name}"))
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
    present = list(folder.iterdir())
    (folder / name).mkdir()
    for each in present:
        each.rename(folder / name / each.name)
    return folder / name
