"""Care of the word index when a data directory is opened: chunks it lacks, or has from another analysis."""

import logging
from collections.abc import Iterator
from itertools import islice

from app.failpoints import hit
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.staging import Staging
from app.storage.survey import Survey
from retrieval.inverted import InvertedIndex
from retrieval.types import Chunk, Notice

BATCH = 200  # chunks indexed in one transaction: half a second, which is all that a stop can lose
TOLD = 2_000  # chunks between two lines of the log

log = logging.getLogger(__name__)


def reconcile_words(
    lexical: InvertedIndex, database: Database, collections: Collections, staging: Staging
) -> list[Notice]:
    """Index the chunks that lack, or that another version of the analysis has indexed; what was done.

    Texts come from SQLite. So a database of before this index is filled at its first start, and one that was
    stopped meanwhile goes on where it was. While nobody else uses the index. Raises ``DataDirectoryDamaged``.
    """
    database.require_sound()
    notices = []
    survey = Survey(database)
    for collection in collections.all():
        shown, indexed = survey.chunk_ids(collection.id), lexical.ids(collection.id)
        if unknown := sorted(indexed - shown):
            with database.transaction():
                lexical.remove(unknown)
        lacking = (shown - indexed) | (shown & lexical.outdated(collection.id))
        if not lacking:
            continue
        done, chunks = 0, _chunks(collection.id, lacking, survey, staging)
        while batch := list(islice(chunks, BATCH)):
            with database.transaction():
                lexical.add(batch)
            hit("refill.words")
            done += len(batch)
            if done % TOLD == 0 or done == len(lacking):
                log.info("word index of collection %s: %d of %d chunks", collection.id, done, len(lacking))
        notices.append(Notice.of("words_rebuilt", collection=collection.name, chunks=len(lacking)))
    return notices


def _chunks(collection_id: str, wanted: set[str], survey: Survey, staging: Staging) -> Iterator[Chunk]:
    for version in survey.current(collection_id):
        if not wanted.isdisjoint(staging.chunk_ids(version)):
            yield from (chunk for chunk in staging.chunks(version) if chunk.id in wanted)
