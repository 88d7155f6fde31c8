"""Rows of knowledge bases."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.errors import BadRequest, NotFound
from app.storage.database import Database
from retrieval.manifest import IndexManifest
from retrieval.types import Audience

MAX_NAME = 100
MAX_INSTRUCTION = 2_000  # characters, wherever an instruction is taken


@dataclass(frozen=True, slots=True)
class Chunking:
    """The size of chunks an admin chose for a collection; None leaves it to the settings."""

    tokens: int | None = None
    overlap: int | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A knowledge base: its name, the rerank instruction its admin wrote, and what it holds.

    ``audience``: whom its documents are fit for, where they do not say so themselves.
    """

    id: str
    name: str
    instruction: str
    manifest: IndexManifest | None
    documents: int
    chunks: int
    chunking: Chunking = Chunking()
    audience: Audience = "internal"


@dataclass(frozen=True, slots=True)
class InstructionVersion:
    """One wording of a collection's rerank instruction; versions count from 1, the newest is in force."""

    version: int
    instruction: str
    note: str
    created_at: datetime


class Collections:
    """Create, find, change and delete knowledge bases."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Collection]:
        """Every collection, by name."""
        return self._select("", ())

    def named(self, name: str) -> Collection:
        """The collection of that name. Raises ``NotFound`` naming those that exist."""
        found = self._select("WHERE c.name = ?", (name,))
        if not found:
            known = ", ".join(repr(c.name) for c in self.all()) or "none yet"
            raise NotFound(
                f"collection {name!r} does not exist (there is: {known}); `touchstone ingest` creates it"
            )
        return found[0]

    def by_id(self, collection_id: str) -> Collection:
        """The collection of that id. Raises ``NotFound`` where it was deleted."""
        found = self._select("WHERE c.id = ?", (collection_id,))
        if not found:
            raise NotFound("the collection was deleted meanwhile")
        return found[0]

    def names(self) -> dict[str, str]:
        """The name of every collection, by id."""
        rows = self._database.connection().execute("SELECT id, name FROM collection")
        return {row["id"]: row["name"] for row in rows}

    def create(self, name: str) -> Collection:
        """The collection of that name, made where it did not exist. Raises ``BadRequest``."""
        check_name(name)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO collection (id, name, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING",
                (uuid.uuid4().hex, name, self._now().isoformat()),
            )
        return self.named(name)

    def set_manifest(self, collection_id: str, manifest: IndexManifest) -> None:
        """Record which embedder the collection's vectors come from."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE collection SET embedder = ?, dim = ? WHERE id = ?",
                (manifest.embedder_identity, manifest.dim, collection_id),
            )

    def chunking(self, collection_id: str) -> Chunking:
        """The size of chunks chosen for it; that of the settings where the collection is gone."""
        row = (
            self._database.connection()
            .execute("SELECT chunk_tokens, chunk_overlap FROM collection WHERE id = ?", (collection_id,))
            .fetchone()
        )
        return Chunking() if row is None else Chunking(row["chunk_tokens"], row["chunk_overlap"])

    def set_chunking(self, collection_id: str, tokens: int | None, overlap: int | None) -> None:
        """Choose the size of chunks that are cut from now on (None: the settings').

        The values are taken as they are: ``app.chunking.chunk_settings`` says whether they can be used.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE collection SET chunk_tokens = ?, chunk_overlap = ? WHERE id = ?",
                (tokens, overlap, collection_id),
            )

    def set_audience(self, collection_id: str, audience: Audience) -> None:
        """Say whom its documents are fit for, those apart that say so themselves."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE collection SET audience = ? WHERE id = ?", (audience, collection_id)
            )

    def set_instruction(self, collection_id: str, instruction: str, *, note: str = "") -> int:
        """The rerank instruction for questions to this collection; empty means the default.

        Written as a new version, whose number is returned (the present one where nothing changes, 0 where
        there never was one). Raises ``BadRequest`` for one that is too long.
        """
        for what, text in (("instruction", instruction), ("note", note)):
            if len(text) > MAX_INSTRUCTION:
                raise BadRequest(f"the {what} has {len(text)} characters; at most {MAX_INSTRUCTION} are kept")
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT instruction, (SELECT coalesce(max(version), 0) FROM instruction_version v"
                " WHERE v.collection_id = c.id) AS latest FROM collection c WHERE c.id = ?",
                (collection_id,),
            ).fetchone()
            if row is None:
                raise NotFound(f"collection {collection_id!r} does not exist")
            if row["instruction"] == instruction:
                return int(row["latest"])
            version = int(row["latest"]) + 1
            connection.execute(
                "INSERT INTO instruction_version (collection_id, version, instruction, note, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (collection_id, version, instruction, note, self._now().isoformat()),
            )
            connection.execute(
                "UPDATE collection SET instruction = ? WHERE id = ?", (instruction, collection_id)
            )
        return version

    def instructions(self, collection_id: str) -> list[InstructionVersion]:
        """Every version of the collection's rerank instruction, oldest first."""
        rows = self._database.connection().execute(
            "SELECT version, instruction, note, created_at FROM instruction_version"
            " WHERE collection_id = ? ORDER BY version",
            (collection_id,),
        )
        return [
            InstructionVersion(
                row["version"], row["instruction"], row["note"], datetime.fromisoformat(row["created_at"])
            )
            for row in rows
        ]

    def restore_instruction(self, collection_id: str, version: int) -> int:
        """Put an earlier wording into force, as a new version. Raises ``NotFound`` naming what there is."""
        known = self.instructions(collection_id)
        wanted = next((each for each in known if each.version == version), None)
        if wanted is None:
            there = f"1 to {known[-1].version}" if known else "none yet"
            raise NotFound(f"instruction version {version} does not exist (there is: {there})")
        return self.set_instruction(collection_id, wanted.instruction, note=f"version {version} restored")

    def delete(self, collection_id: str) -> None:
        """Delete the collection with its documents, versions and chunks (rows only)."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM collection WHERE id = ?", (collection_id,))

    def _select(self, where: str, parameters: tuple[str, ...]) -> list[Collection]:
        rows = self._database.connection().execute(
            "SELECT c.id, c.name, c.instruction, c.embedder, c.dim, c.audience, c.chunk_tokens,"  # noqa: S608 - where is a literal of this file
            " c.chunk_overlap,"
            " (SELECT count(*) FROM document d"
            "  WHERE d.collection_id = c.id AND d.current_version > 0) AS documents,"
            " (SELECT coalesce(sum(v.chunks), 0) FROM document d"
            "  JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
            "  WHERE d.collection_id = c.id) AS chunks"
            f" FROM collection c {where} ORDER BY c.name",
            parameters,
        )
        return [
            Collection(
                id=row["id"],
                name=row["name"],
                instruction=row["instruction"],
                manifest=IndexManifest(row["embedder"], row["dim"]) if row["embedder"] is not None else None,
                documents=row["documents"],
                chunks=row["chunks"],
                chunking=Chunking(row["chunk_tokens"], row["chunk_overlap"]),
                audience=row["audience"],
            )
            for row in rows
        ]


def check_name(name: str) -> None:
    """Raise ``BadRequest`` for what a collection cannot be called."""
    usable = name.isprintable() and name == name.strip() and 0 < len(name) <= MAX_NAME
    if not usable or "~" in name or name in (".", ".."):  # those two end no address
        raise BadRequest(
            f"collection name {name!r} cannot be used; choose 1 to {MAX_NAME} printable characters "
            "without ~ and without space at either end, and not . or .."
        )
