"""Bulk ingestion without Ray: the workers' own classes, one after the other in this process."""

import threading
from collections.abc import Callable, Generator, Sequence

from app.bulk.embedding import Embedding
from app.bulk.parcels import Parcel
from app.bulk.ray_data import Makers
from app.bulk.reading import Reading
from app.bulk.terms import Terms
from app.cli.bulk import MAKERS
from app.storage.blobs import BlobStore

BLOCK = 4  # files that are embedded together


class HereDriver:
    """``engine.Driver`` that gives parcels back last first, as ``tamper`` leaves them.

    ``sent`` lists the names of the files it was given. While it is ``held`` nothing comes back.
    """

    def __init__(
        self,
        blobs: BlobStore,
        *,
        makers: Makers = MAKERS,
        tamper: Callable[[Parcel], None] = lambda _: None,
        tell: Callable[[Terms], Terms] = lambda terms: terms,
    ) -> None:
        """``tell`` changes the terms that workers hear of."""
        self._blobs = blobs
        self._makers = makers
        self._tamper = tamper
        self._tell = tell
        self._open = threading.Event()
        self._open.set()
        self._stopped = False
        self.sent: list[str] = []

    def hold(self) -> None:
        """Let nothing come back before ``release``."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def make(self, terms: Terms, parcels: Sequence[Parcel]) -> Generator[Parcel, None, None]:
        self.sent += [parcel.name for parcel in parcels]
        told = self._tell(terms)
        read = Reading(
            told,
            tokenizer=lambda: self._makers.tokenizer(told.settings),
            bytes_of=lambda sha256: self._blobs.path(sha256).read_bytes(),
        )
        embed = Embedding(told, embedder=lambda: self._makers.embedder(told.settings))
        for start in range(0, len(parcels), BLOCK):
            block = embed([read(parcel) for parcel in parcels[::-1][start : start + BLOCK]])
            for parcel in block:
                self._open.wait(30)
                if self._stopped:
                    return
                self._tamper(parcel)
                yield parcel

    def stop(self) -> None:
        self._stopped = True
        self._open.set()
