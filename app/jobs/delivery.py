"""Files that were read, cut and embedded elsewhere: staged here as if the workers of this process had."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.documents import Library
from app.failpoints import hit
from app.jobs.cutting import Cut
from app.jobs.held import Held
from app.jobs.indexing import version_of
from app.jobs.preparing import Preparing
from app.storage.database import Database
from app.storage.staging import Staging
from ingest.types import Source
from retrieval.protocols import Embedder, Vectors
from retrieval.types import Notice


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What became of a file elsewhere.

    ``vectors``: float32, shape (len(cut.chunks), dim), rows of norm 1, by the embedder of this process.
    ``notices`` are the embedder's; ``seconds`` by stage (parse, chunk, embed), as it took there.
    """

    cut: Cut
    vectors: Vectors
    notices: tuple[Notice, ...]
    seconds: Mapping[str, float]


class Delivery:
    """Leads a job from its kept bytes to indexing in one transaction, with what was made elsewhere."""

    def __init__(
        self,
        *,
        database: Database,
        preparing: Preparing,
        staging: Staging,
        library: Library,
        embedder: Embedder,
    ) -> None:
        self._database = database
        self._preparing = preparing
        self._staging = staging
        self._library = library
        self._embedder = embedder

    def take(self, held: Held, made_of: Callable[[Source], Made]) -> None:
        """Stage a version and its vectors, and hand it to the index worker.

        Duplicates are settled first. ``made_of`` the bytes that are kept here may raise what is wrong with
        the file. Vectors of texts that the collection holds already are taken over, as ever. Raises
        ``LeaseLost``.
        """
        if self._preparing.settled(held):
            return
        self._library.require(held.job.collection_id)
        made = made_of(self._preparing.source(held.job))
        for stage, seconds in made.seconds.items():
            held.took(stage, seconds)
        hit("chunk.before")
        with self._database.transaction():
            if held.job.state == "parsing":
                held.advance("chunking")
            self._preparing.stage(held, made.cut, hand_over=False)
            if held.over:
                return
            version = version_of(held)
            reused = self._staging.begin(version, self._embedder.identity)
            new = self._staging.lacking(version)
            ids = [f"{version.document_id}:{version.version}:{ordinal}" for ordinal in new]
            self._staging.keep(ids, made.vectors[new])
            held.advance(
                "indexing", hand_over=True, reused=reused, notices=held.job.notices + made.notices
            )
        hit("embed.after")
