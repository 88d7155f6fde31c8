"""Whom a passage is fit for: a customer, or colleagues only."""

from collections.abc import Callable
from functools import lru_cache

from app.markings import is_marked
from app.storage.database import Database
from app.storage.sections import Sections
from retrieval.types import Audience, Chunk

Place = tuple[str, ...]
"""Headings from the outermost to the innermost; () is a whole document."""
KEPT_VERSIONS = 4_096  # whose marked places are remembered: a version never changes


class Audiences:
    """Decides by markings first, then by what was set for the document, then for its collection.

    Thread-safe. A passage is internal where a marking (``app.markings``) stands in it, in its headings, in
    its title or document name, in the header of its table, in any chunk of its section or of one around that,
    or in the chunk with which its document begins.
    """

    def __init__(self, database: Database) -> None:
        self._sections = Sections(database)
        self.begins_marked = lru_cache(KEPT_VERSIONS)(self._begins_marked)
        """Whether a marking at the beginning keeps a whole document (id, version) from customers."""
        self._marked = lru_cache(KEPT_VERSIONS)(self._marked_places)

    def set_audience(self, document_id: str, audience: Audience | None) -> None:
        """Say whom a document is fit for (None: as its collection says)."""
        self._sections.set_audience(document_id, audience)

    def reader(self) -> Callable[[Chunk], Audience]:
        """What tells it of chunks during one question; what was set is read once a document."""
        known: dict[str, Audience] = {}

        def audience_of(chunk: Chunk) -> Audience:
            if self.is_marked(chunk):
                return "internal"
            if chunk.document_id not in known:
                known[chunk.document_id] = self._sections.audience(chunk.document_id)
            return known[chunk.document_id]

        return audience_of

    def is_marked(self, chunk: Chunk) -> bool:
        """Whether a marking keeps a chunk from customers, whatever was set."""
        # Its own words again, though its version was looked through: the chunk is what would be shown.
        own = "\n".join((chunk.document, chunk.title, *chunk.headings, chunk.lead, chunk.text))
        if is_marked(own):
            return True
        places = self._marked(chunk.document_id, chunk.version)
        return any(chunk.headings[: len(place)] == place for place in places)

    def _begins_marked(self, document_id: str, version: int) -> bool:
        first = next(iter(self._sections.of(document_id, version)), None)
        names = self._sections.names(document_id, version)
        return is_marked(names) or (first is not None and is_marked(first.words))

    def _marked_places(self, document_id: str, version: int) -> frozenset[Place]:
        """Where markings stand in a version: all below each of these is internal."""
        places: set[Place] = set()
        for section in self._sections.of(document_id, version):
            if is_marked(section.words):
                places.add(() if section.first else section.headings)
        if places and self._sections.shortened(document_id, version):
            return frozenset(((),))  # what stands below what cannot be told
        if is_marked(self._sections.names(document_id, version)):
            places.add(())
        return frozenset(places)
