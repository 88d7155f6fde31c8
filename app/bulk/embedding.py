"""A worker's second stage: chunks of several files are embedded together, texts of like length at once."""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from app.bulk.parcels import Parcel
from app.bulk.terms import Terms, TermsDiffer
from app.jobs.indexing import LARGEST_BATCH
from retrieval.protocols import Embedder, Vectors

log = logging.getLogger(__name__)


class Embedding:
    """Holds the model of one worker."""

    def __init__(self, terms: Terms, *, embedder: Callable[[], Embedder]) -> None:
        """``embedder`` opens the model."""
        self._dim = terms.dim
        self._differs = ""
        try:
            self._embedder = embedder()
            found = self._embedder.identity
            if found != terms.embedder:
                raise TermsDiffer(
                    f"a worker embeds with {found}, this machine with {terms.embedder}, and their vectors do "
                    "not compare; give both the same weights and device (models.embedder)"
                )
        except Exception as error:
            log.exception("this worker cannot embed for the owner")
            self._differs = str(error)

    def __call__(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """The parcels in their order, those that were read filled with vectors. Nothing is raised."""
        read = [parcel for parcel in parcels if not parcel.refused]
        for parcel in read if self._differs else ():
            parcel.refuse("differs", "", self._differs)
        if not self._differs:
            try:
                self._embed(read)
            except Exception as error:
                log.exception("%d files could not be embedded", len(read))
                for parcel in read:
                    parcel.refuse("here", "", f"{type(error).__name__}: {error}")
        for parcel in parcels:
            parcel.texts = b""
        return parcels

    def _embed(self, parcels: Sequence[Parcel]) -> None:
        texts = [parcel.texts_to_embed() for parcel in parcels]
        vectors = [np.zeros((len(each), self._dim), np.float32) for each in texts]
        places = [(file, row) for file, each in enumerate(texts) for row in range(len(each))]
        places.sort(key=lambda place: (-texts[place[0]][place[1]][0], place))
        for start in range(0, len(places), LARGEST_BATCH):
            batch = places[start : start + LARGEST_BATCH]
            began = time.perf_counter()
            rows = self._rows([texts[file][row][1] for file, row in batch])
            each_s = (time.perf_counter() - began) / len(batch)
            told = self._embedder.drain_notices()
            for (file, row), vector in zip(batch, rows, strict=True):
                vectors[file][row] = vector
                parcels[file].embed_s += each_s
            for file in sorted({file for file, _ in batch}) if told else ():
                parcels[file].tell(told)
        for parcel, rows in zip(parcels, vectors, strict=True):
            parcel.vectors = rows.astype("<f2").tobytes()

    def _rows(self, texts: Sequence[str]) -> Vectors:
        rows = self._embedder.embed_passages(texts)
        if rows.shape != (len(texts), self._dim):
            raise ValueError(
                f"{self._embedder.identity} gave vectors of shape {rows.shape} for {len(texts)} texts; "
                f"({len(texts)}, {self._dim}) was promised"
            )
        return rows
