"""Published documents without a file, for tests of what hangs on their chunks."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.token_ids import TokenRow
from ingest.settings import ChunkSize
from ingest.types import Document, Prepared, Source
from retrieval.types import Chunk

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def publish(
    database: Database,
    name: str,
    texts: Sequence[str],
    *,
    tokens: Callable[[Sequence[Chunk]], Sequence[TokenRow]] = lambda _: (),
) -> list[Chunk]:
    """Publish a document of collection "books" with these chunks and the token ids ``tokens`` makes."""
    documents = Documents(database, now=lambda: NOW)
    collection = Collections(database, now=lambda: NOW).create("books")
    document_id, version = documents.claim(collection.id, name)
    chunks = [
        Chunk(
            id=f"{document_id}:{version}:{i}", document_id=document_id, version=version,
            collection=collection.id, document=name, title=name, text=text, start=0, end=len(text),
            ordinal=i, tokens=1,
        )
        for i, text in enumerate(texts)
    ]  # fmt: skip
    source = Source(document_id, collection.id, name, "text/plain", "ab" * 32, b"x")
    prepared = Prepared(
        Document(source, name, "".join(texts), ()),
        tuple(chunks),
        np.ones((len(chunks), 2), np.float32),
        (),
        (),
    )
    documents.stage(prepared, version, tokens(chunks), cut=ChunkSize(320, 0))
    documents.publish(document_id, version)
    return chunks


def forget(database: Database, name: str) -> None:
    """Delete the document as the library does."""
    documents = Documents(database, now=lambda: NOW)
    found = documents.find(Collections(database, now=lambda: NOW).named("books").id, name)
    assert found is not None
    documents.retire(found.id)
    for leftover in documents.leftovers():
        documents.forget(leftover)
