"""What is in the knowledge bases, for JSON and for the command line alike."""

from collections.abc import Sequence
from datetime import datetime
from difflib import SequenceMatcher
from typing import Literal

from app.result import View
from app.storage.collections import Collection, InstructionVersion
from app.storage.documents import DocumentRow
from app.storage.shelf import Deleted, VersionRow
from retrieval.types import Audience


class CollectionView(View):
    """A knowledge base; ``embedder`` made its vectors (empty while it holds none).

    ``chunk_tokens`` and ``chunk_overlap`` are its own, null where the settings decide. ``audience``: whom its
    documents are fit for, where they do not say so themselves.
    """

    id: str
    name: str
    documents: int
    chunks: int
    instruction: str
    embedder: str
    chunk_tokens: int | None
    chunk_overlap: int | None
    audience: Audience


class DocumentView(View):
    """A document in its current version; versions count from 1.

    ``chunk_tokens`` and ``chunk_overlap``: the size its chunks were cut to, null where that was not kept.
    ``suspicious``: places that speak to a model, null where this version was never looked through.
    ``sha256``: of its bytes as they were uploaded, in hex; "" where nothing was published yet. ``audience``:
    whom it is fit for, and ``audience_of`` whether that was set for it or for its knowledge base, or is said
    by a marking at its beginning such as "internal only". A marking further down keeps its section internal.
    """

    id: str
    collection: str
    name: str
    title: str
    version: int
    pages: int
    chunks: int
    chunk_tokens: int | None
    chunk_overlap: int | None
    suspicious: int | None = None
    sha256: str = ""
    audience: Audience
    audience_of: Literal["document", "collection", "marking"]


class DeletedView(DocumentView):
    """A document as it was when it was deleted; ``restorable_until`` is null where nothing of it is kept."""

    restorable_until: datetime | None


class TrashedView(View):
    """A document in the trash; after ``kept_until`` it is deleted for good."""

    id: str
    collection: str
    name: str
    title: str
    version: int
    pages: int
    chunks: int
    size_bytes: int
    deleted_at: datetime
    kept_until: datetime


class VersionView(View):
    """A version of a document: the one that is shown, or one kept until ``kept_until``.

    Its chunks beside those of the version that is shown: ``kept`` in both, ``changed`` in place, ``added``
    since and ``removed`` since.
    """

    version: int
    shown: bool
    title: str
    pages: int
    chunks: int
    size_bytes: int
    created_at: datetime
    retired_at: datetime | None
    kept_until: datetime | None
    kept: int
    changed: int
    added: int
    removed: int


class BackView(View):
    """A document that is shown again, in this version.

    ``read_again``: its kept bytes were read again, because embedder or chunk size have changed since.
    """

    collection: str
    name: str
    version: int
    read_again: bool


class InstructionView(View):
    """One wording of a collection's rerank instruction; versions count from 1, the newest is in force."""

    version: int
    instruction: str
    note: str
    created_at: datetime


class CollectionList(View):
    """Knowledge bases, by name."""

    data: tuple[CollectionView, ...]


class DocumentList(View):
    """Documents of a knowledge base, by name. ``next_cursor`` null where no more follow."""

    data: tuple[DocumentView, ...]
    next_cursor: str | None = None


class TrashList(View):
    """What is in the trash of a knowledge base, deleted last first."""

    data: tuple[TrashedView, ...]


class VersionList(View):
    """Versions of a document, newest first."""

    data: tuple[VersionView, ...]


class Purged(View):
    """Names of documents that were deleted for good."""

    data: tuple[str, ...]


class InstructionList(View):
    """Wordings of a knowledge base's rerank instruction, oldest first."""

    data: tuple[InstructionView, ...]


class InForce(View):
    """The version of an instruction that is in force; 0 where there never was one."""

    version: int


def collection_view(collection: Collection) -> CollectionView:
    """A knowledge base for JSON."""
    return CollectionView(
        id=collection.id,
        name=collection.name,
        documents=collection.documents,
        chunks=collection.chunks,
        instruction=collection.instruction,
        embedder=collection.manifest.embedder_identity if collection.manifest else "",
        chunk_tokens=collection.chunking.tokens,
        chunk_overlap=collection.chunking.overlap,
        audience=collection.audience,
    )


def document_view(row: DocumentRow, collection: str, *, marked: bool = False) -> DocumentView:
    """A document for JSON; ``collection`` is the name of its knowledge base.

    ``marked``: words at its beginning keep it from customers, whatever was set.
    """
    return DocumentView(
        id=row.id,
        collection=collection,
        name=row.name,
        title=row.title,
        version=row.version,
        pages=row.pages,
        chunks=row.chunks,
        chunk_tokens=row.cut.tokens if row.cut else None,
        chunk_overlap=row.cut.overlap if row.cut else None,
        suspicious=row.suspicious,
        sha256=row.sha256,
        audience="internal" if marked else row.audience,
        audience_of="marking" if marked else "document" if row.audience_own else "collection",
    )


def trashed_view(row: Deleted, collection: str) -> TrashedView:
    """A document in the trash for JSON."""
    return TrashedView(
        id=row.id,
        collection=collection,
        name=row.name,
        title=row.title,
        version=row.version,
        pages=row.pages,
        chunks=row.chunks,
        size_bytes=row.size_bytes,
        deleted_at=row.deleted_at,
        kept_until=row.kept_until,
    )


def version_views(versions: Sequence[VersionRow]) -> tuple[VersionView, ...]:
    """Versions for JSON, each beside the one that is shown, or the newest where none is."""
    shown = [each for each in versions if each.kept_until is None]
    return tuple(_version_view(each, (shown or versions)[0]) for each in versions)


def _version_view(row: VersionRow, reference: VersionRow) -> VersionView:
    kept = changed = added = removed = 0
    for kind, i, j, k, m in SequenceMatcher(None, row.texts, reference.texts, autojunk=False).get_opcodes():
        if kind == "equal":
            kept += j - i
        else:
            changed += min(j - i, m - k)
            removed += max(0, (j - i) - (m - k))
            added += max(0, (m - k) - (j - i))
    return VersionView(
        version=row.version,
        shown=row.kept_until is None,
        title=row.title,
        pages=row.pages,
        chunks=len(row.texts),
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        retired_at=row.retired_at,
        kept_until=row.kept_until,
        kept=kept,
        changed=changed,
        added=added,
        removed=removed,
    )


def instruction_view(version: InstructionVersion) -> InstructionView:
    """A wording for JSON."""
    return InstructionView(
        version=version.version,
        instruction=version.instruction,
        note=version.note,
        created_at=version.created_at,
    )
